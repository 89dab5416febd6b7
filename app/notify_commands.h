// `slowburn check routes FILE…` and `slowburn test routes --config.file=F LABEL=VALUE…`.
//
// Threads: they block. Faults go to `err` as file:line:column: text, keys without effect as
// warnings; the exit code is 0, or 1 when there is a fault.
#ifndef SLOWBURN_APP_NOTIFY_COMMANDS_H_
#define SLOWBURN_APP_NOTIFY_COMMANDS_H_

#include <cstdio>
#include <string>
#include <vector>

namespace slowburn::app {

int RunCheckRoutes(const std::vector<std::string>& files, std::FILE* out, std::FILE* err);
// Prints the receivers in tree order, comma-separated, as `amtool config routes test` does.
// Receivers that we cannot serve are no fault here.
int RunTestRoutes(const std::string& config_file, const std::vector<std::string>& labels,
                  std::FILE* out, std::FILE* err);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_NOTIFY_COMMANDS_H_
