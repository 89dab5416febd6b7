// What series there are: /api/v1/labels, /api/v1/label/:name/values, /api/v1/series, in Prometheus'
// JSON.
//
// Threads: any. Lifetimes: the storage outlives the router.
#ifndef SLOWBURN_API_LABEL_HANDLER_H_
#define SLOWBURN_API_LABEL_HANDLER_H_

#include "api/http.h"
#include "tsdb/storage.h"

namespace slowburn::api {

void RegisterLabelApi(Router& router, tsdb::Storage& storage);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_LABEL_HANDLER_H_
