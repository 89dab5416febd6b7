// The command line: parses it and runs one command. The result is the exit code: 0, 1 (the command
// failed) or CLI11's code for a line that cannot be read.
#ifndef SLOWBURN_APP_CLI_H_
#define SLOWBURN_APP_CLI_H_

#include <span>
#include <string>
#include <vector>

namespace slowburn::app {

int RunCommandLine(int argc, char** argv);

// Without the program's name: last first, as CLI11 wants them, and "--flag=" as a flag with an
// empty value. CLI11 would take the argument after it as its value; unit files write
// --web.external-url=${URL}.
std::vector<std::string> ArgumentsForCli11(std::span<const char* const> arguments);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_CLI_H_
