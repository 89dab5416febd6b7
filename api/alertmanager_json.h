// The JSON of Alertmanager's API v2, both ways.
//
// Threads: plain functions.
#ifndef SLOWBURN_API_ALERTMANAGER_JSON_H_
#define SLOWBURN_API_ALERTMANAGER_JSON_H_

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "notify/notifier.h"

namespace slowburn::api {

void WriteAlertView(base::JsonWriter& json, const notify::AlertView& alert);
void WriteGroupView(base::JsonWriter& json, const notify::GroupView& group);
void WriteSilence(base::JsonWriter& json, const notify::Silence& silence, base::TimestampMs now);

// A body that is refused before anything looks at its meaning: HTTP 400 with code 400 (not JSON,
// wrong types) or HTTP 422 with a code of 600 and more (missing or malformed values).
struct BodyFault {
  int code = 0;
  std::string message;
};
std::variant<std::vector<rules::Alert>, BodyFault> ReadAlerts(std::string_view body);
std::variant<notify::Silence, BodyFault> ReadSilence(std::string_view body);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_ALERTMANAGER_JSON_H_
