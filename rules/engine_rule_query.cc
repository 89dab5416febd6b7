#include "query/engine.h"
#include "rules/rule_group.h"

namespace slowburn::rules {

RuleQuery EngineRuleQuery(query::Engine& engine) {
  return [&engine](const GroupSpec& group, std::string_view expr, TimestampMs t,
                   const std::atomic<bool>* cancelled) {
    query::QueryOptions options;
    options.origin.rule_file = group.file;
    options.origin.rule_group = group.name;
    options.cancelled = cancelled;
    return engine.Instant(expr, t, options);
  };
}

}  // namespace slowburn::rules
