// Serves the embedded web page at / and /assets/, and leads there from the addresses that alerts
// have as their source (/graph?g0.expr=…). Nothing else is answered with it: a path that does not
// exist stays a 404, which Grafana's probe of /alertmanager/ relies on.
// Threads: stateless.
#ifndef SLOWBURN_APP_WEB_HANDLER_H_
#define SLOWBURN_APP_WEB_HANDLER_H_

#include "api/http.h"

namespace slowburn::app {

void RegisterWebPage(api::Router& router);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_WEB_HANDLER_H_
