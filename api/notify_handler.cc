#include "api/notify_handler.h"

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "api/envelope.h"
#include "base/json.h"
#include "notify/notifier.h"

namespace slowburn::api {
namespace {

void WriteDelivery(base::JsonWriter& json, const notify::DeliveryRow& row) {
  json.BeginObject();
  json.Field("id", row.id);
  json.Field("time", double(row.time) / 1000);
  json.Field("receiver", row.receiver);
  json.Field("integration", row.integration);
  json.Field("group_key", row.group_key);
  json.Key("group_labels");
  json.StringMap(row.group_labels);
  json.Field("status", row.firing ? "firing" : "resolved");
  json.Field("reason", row.reason);
  json.Field("alerts", row.alerts);
  json.Key("alert_names");
  json.BeginArray();
  for (const std::string& name : row.alert_names) json.String(name);
  json.EndArray();
  json.Field("attempts", row.attempts);
  json.Field("http_status", row.http_status);
  json.Field("error", row.error);
  json.Field("duration_ms", int64_t{row.duration_ms});
  json.Field("outcome", notify::DeliveryOutcomeName(row.outcome));
  json.EndObject();
}

Response Deliveries(const Request& request, const notify::Notifier& notifier) {
  uint64_t limit = kDefaultDeliveries;
  const std::string text(request.url_params.Get("limit"));
  if (!text.empty() && (!absl::SimpleAtoi(text, &limit) || limit == 0 || limit > kMaxDeliveries)) {
    return InvalidParameter(
        "limit", absl::StrCat("\"", text, "\" is not a number from 1 to ", kMaxDeliveries));
  }
  std::string out;
  base::JsonWriter json(out);
  json.BeginObject();
  json.Key("deliveries");
  json.BeginArray();
  for (const notify::DeliveryRow& row :
       notifier.Deliveries(limit, request.url_params.Get("receiver"))) {
    WriteDelivery(json, row);
  }
  json.EndArray();
  json.EndObject();
  return Success(out);
}

}  // namespace

void RegisterNotifyApi(Router& router, const notify::Notifier& notifier) {
  router.Add({"GET"}, "/api/notify/v1/deliveries",
             [&notifier](const Request& request) { return Deliveries(request, notifier); });
}

}  // namespace slowburn::api
