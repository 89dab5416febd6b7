// /api/v1/features: what this server can do, in the categories of Prometheus 3.9 and later. Clients
// look a name up and take a missing one for no.
//
// Threads: any; the answer is made once.
#ifndef SLOWBURN_API_FEATURES_HANDLER_H_
#define SLOWBURN_API_FEATURES_HANDLER_H_

#include <functional>
#include <string>

#include "api/http.h"

namespace slowburn::api {

struct FeaturesDeps {
  // --enable-feature has it; called by Register only.
  std::function<bool(const std::string&)> enabled;
  bool admin = false, lifecycle = false, auto_reload = false;
};

void RegisterFeaturesApi(Router& router, const FeaturesDeps& deps);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_FEATURES_HANDLER_H_
