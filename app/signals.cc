#include "app/signals.h"

#include <unistd.h>

#include <initializer_list>

namespace slowburn::app {

Signals::Signals() {
  sigemptyset(&set_);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set_, signal);
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

Signals::Event Signals::Wait() {
  int signal = 0;
  while (sigwait(&set_, &signal) != 0) {
  }
  return signal == SIGHUP ? kReload : kStop;
}

void Signals::RequestStop() { kill(getpid(), SIGTERM); }

}  // namespace slowburn::app
