// `slowburn serve` and `slowburn demo`: start, wait for signals, stop. SIGTERM and SIGINT end,
// SIGHUP reloads. Threads: they block the calling (main) thread. The result is the exit code.
#ifndef SLOWBURN_APP_SERVE_COMMANDS_H_
#define SLOWBURN_APP_SERVE_COMMANDS_H_

#include "app/flags.h"

namespace slowburn::app {

int RunServe(ServeFlags flags);
// A small simulated shop with a day of history, live traffic and an error burst every few minutes.
// Data and configuration go to flags.storage_path, or to a temporary folder that is removed at the
// end.
int RunDemo(ServeFlags flags);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_SERVE_COMMANDS_H_
