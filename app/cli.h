// The command line: parses it and runs one command. The result is the exit code: 0, 1 (the command
// failed) or CLI11's code for a line that cannot be read.
#ifndef SLOWBURN_APP_CLI_H_
#define SLOWBURN_APP_CLI_H_

namespace slowburn::app {

int RunCommandLine(int argc, char** argv);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_CLI_H_
