// Rule files: every fault has a place, and nothing crashes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "rules/spec_loader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const slowburn::rules::RuleFile file = slowburn::rules::ParseRuleFile(text, "f", {});
  for (const absl::Status& fault : file.faults) CHECK(fault.message().substr(0, 2) == "f:");
  if (!file.faults.empty()) return 0;
  for (const auto& group : file.groups) {
    for (const auto& rule : group->rules) CHECK(!rule->name.empty() && !rule->expr.empty());
  }
  return 0;
}
