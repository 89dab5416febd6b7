// Alertmanager's API v2 at /api/v2: status, receivers, alerts, alerts/groups, silences,
// silence/:id. Paths, codes and JSON are those of Alertmanager 0.33, so that amtool, Grafana and
// Prometheus take us for one.
//
// Threads: any. Lifetimes: the notifier outlives the router.
#ifndef SLOWBURN_API_ALERTMANAGER_HANDLER_H_
#define SLOWBURN_API_ALERTMANAGER_HANDLER_H_

#include "api/http.h"

namespace slowburn::notify {
class Notifier;
}

namespace slowburn::api {

void RegisterAlertmanagerApi(Router& router, notify::Notifier& notifier);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_ALERTMANAGER_HANDLER_H_
