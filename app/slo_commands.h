// `slowburn slo plan FILE…` and `slowburn check slo FILE…`.
//
// Threads: they block. Faults go to `err` as file:line:column: text; the exit code is 0, or 1 when
// there is a fault.
#ifndef SLOWBURN_APP_SLO_COMMANDS_H_
#define SLOWBURN_APP_SLO_COMMANDS_H_

#include <cstdio>
#include <string>
#include <vector>

namespace slowburn::app {

struct SloPlanCommand {
  std::vector<std::string> files;  // paths or globs
  std::string traffic;             // "120/s"; empty: unknown
};

int RunSloPlan(const SloPlanCommand& command, std::FILE* out, std::FILE* err);
int RunCheckSlo(const std::vector<std::string>& files, std::FILE* out, std::FILE* err);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_SLO_COMMANDS_H_
