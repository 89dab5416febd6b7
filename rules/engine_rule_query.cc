#include "query/engine.h"
#include "rules/rule_group.h"

namespace slowburn::rules {

RuleQuery EngineRuleQuery(query::Engine& engine) {
  return [&engine](std::string_view expr, TimestampMs t, const std::atomic<bool>* cancelled) {
    query::QueryOptions options;
    options.cancelled = cancelled;
    return engine.Instant(expr, t, options);
  };
}

}  // namespace slowburn::rules
