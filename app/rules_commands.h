// `slowburn check rules FILE…` and `slowburn test rules FILE…`.
//
// Threads: they block. Faults go to `err` as file:line:column: text; the exit code is 0, or 1 when
// there is a fault or a test fails.
#ifndef SLOWBURN_APP_RULES_COMMANDS_H_
#define SLOWBURN_APP_RULES_COMMANDS_H_

#include <cstdio>
#include <string>
#include <vector>

namespace slowburn::app {

int RunCheckRules(const std::vector<std::string>& files, std::FILE* out, std::FILE* err);
// Files in the format of promtool's `test rules` (rule_test_file.h).
int RunTestRules(const std::vector<std::string>& files, std::FILE* out, std::FILE* err);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_RULES_COMMANDS_H_
