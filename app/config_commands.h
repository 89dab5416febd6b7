// `slowburn check config FILE…`: a prometheus.yml and every rule file that it names. Faults go to
// `err` as file:line:column: text, what has no effect here as a warning; the exit code is 0, or 1
// when there is a fault.
#ifndef SLOWBURN_APP_CONFIG_COMMANDS_H_
#define SLOWBURN_APP_CONFIG_COMMANDS_H_

#include <cstdio>
#include <string>
#include <vector>

namespace slowburn::app {

int RunCheckConfig(const std::vector<std::string>& files, std::FILE* out, std::FILE* err);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_CONFIG_COMMANDS_H_
