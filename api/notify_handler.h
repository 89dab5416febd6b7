// /api/notify/v1: what was sent to whom.
//
//   GET /api/notify/v1/deliveries?limit=100&receiver=NAME →
//   {"status":"success","data":{"deliveries":[{
//     "id","time","receiver","integration","group_key","group_labels":{},
//     "status":"firing|resolved","reason","alerts":2,"alert_names":["A"],"attempts",
//     "http_status","error","duration_ms","outcome":"pending|delivered|failed|superseded"
//   }]}}, newest first; time in Unix seconds, http_status 0 when no answer came.
//
// Threads: any. Lifetimes: the notifier outlives the router.
#ifndef SLOWBURN_API_NOTIFY_HANDLER_H_
#define SLOWBURN_API_NOTIFY_HANDLER_H_

#include <cstddef>

#include "api/http.h"

namespace slowburn::notify {
class Notifier;
}

namespace slowburn::api {

inline constexpr size_t kDefaultDeliveries = 100;  // without `limit`
inline constexpr size_t kMaxDeliveries = 10'000;   // `limit` at most

void RegisterNotifyApi(Router& router, const notify::Notifier& notifier);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_NOTIFY_HANDLER_H_
