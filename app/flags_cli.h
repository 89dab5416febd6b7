// Binds ServeFlags to a CLI11 command. Only cli.cc and flags_cli.cc see CLI11.
#ifndef SLOWBURN_APP_FLAGS_CLI_H_
#define SLOWBURN_APP_FLAGS_CLI_H_

#include <string>

#include "app/flags.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace slowburn::app {

// `flags` must outlive `command`'s parse.
void AddServeFlags(CLI::App& command, ServeFlags& flags);
// After the parse: fills flags.ignored and flags.all.
void FinishServeFlags(const CLI::App& command, ServeFlags& flags);

// An option whose value is a duration of Prometheus. `value` must outlive the parse.
CLI::Option* AddDuration(CLI::App& command, const std::string& name, base::DurationMs& value,
                         const std::string& help);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_FLAGS_CLI_H_
