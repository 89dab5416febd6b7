// Runs the tests of a rule test file: the rules are evaluated over a store in memory, at every
// evaluation_interval, and what they fire and what the queries give is compared.
//
// Threads: blocks; needs nothing but the rule files. An hour of rules takes as long as their
// queries do.
#ifndef SLOWBURN_APP_RULE_TEST_RUNNER_H_
#define SLOWBURN_APP_RULE_TEST_RUNNER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "app/rule_test_file.h"
#include "query/parser/parser.h"

namespace slowburn::app {

inline constexpr int64_t kMaxRuleTestSteps = 1'000'000;  // evaluations of one test

// What failed, in promtool's words and layout. Empty: all passed.
std::vector<std::string> RunRuleTests(const RuleTestFile& file,
                                      const query::ParserOptions& features);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_RULE_TEST_RUNNER_H_
