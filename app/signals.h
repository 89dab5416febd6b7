// Signals: SIGTERM, SIGINT and SIGHUP as events of the main thread instead of interruptions of any.
//
//   Signals signals;                      // before any other thread is started
//   while (signals.Wait() == Signals::kReload) server->Reload();
#ifndef SLOWBURN_APP_SIGNALS_H_
#define SLOWBURN_APP_SIGNALS_H_

#include <csignal>

namespace slowburn::app {

class Signals {
 public:
  enum Event { kStop, kReload };
  Signals();  // blocks the signals in this thread and all that it starts; ignores SIGPIPE
  Event Wait();
  // As if SIGTERM had come; from any thread.
  static void RequestStop();

 private:
  sigset_t set_;
};

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_SIGNALS_H_
