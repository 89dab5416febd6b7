// What the rules are doing, as /api/v1/rules and /api/v1/alerts show it: copies, taken at one
// moment.
#ifndef SLOWBURN_RULES_RULE_STATUS_H_
#define SLOWBURN_RULES_RULE_STATUS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rules/alert_table.h"
#include "rules/spec.h"

namespace slowburn::rules {

enum class RuleHealth : uint8_t { kUnknown, kOk, kError };

struct RuleStatus {
  std::shared_ptr<const RuleSpec> spec;
  RuleHealth health = RuleHealth::kUnknown;
  std::string last_error;  // empty: none
  double evaluation_seconds = 0;
  std::optional<TimestampMs> last_evaluation;
  std::vector<ActiveAlert> alerts;  // pending and firing ones, by labels
};

struct GroupStatus {
  std::string file, name;
  DurationMs interval = 0;
  int64_t limit = 0;
  double evaluation_seconds = 0;
  std::optional<TimestampMs> last_evaluation;
  std::vector<RuleStatus> rules;
};

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_RULE_STATUS_H_
