#include "api/slo_handler.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/envelope.h"
#include "base/json.h"
#include "base/number.h"

namespace slowburn::api {
namespace {

using base::JsonWriter;
using slo::EventCount;
using slo::SloHistory;
using slo::SloStatus;

// Years 1 to 9999: what RFC 3339 can say, and far from overflow.
constexpr double kMinSeconds = -62135596800.0, kMaxSeconds = 253402300799.0;
constexpr int64_t kDefaultPoints = 500;  // of a history without a step

absl::StatusOr<base::TimestampMs> ParseTime(std::string_view text) {
  double seconds = 0;
  if (base::ParseFloat(text, seconds)) {
    if (seconds >= kMinSeconds && seconds <= kMaxSeconds) return std::llround(seconds * 1000);
  } else if (absl::StatusOr<base::TimestampMs> time = base::ParseRfc3339(text); time.ok()) {
    return time;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("cannot parse \"", std::string(text), "\" to a valid timestamp"));
}

absl::StatusOr<base::DurationMs> ParseStep(std::string_view text) {
  double seconds = 0;
  if (base::ParseFloat(text, seconds)) {
    if (seconds > 0 && seconds <= kMaxSeconds) return std::llround(seconds * 1000);
  } else if (absl::StatusOr<base::DurationMs> step = base::ParseDuration(text); step.ok()) {
    return step;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("cannot parse \"", std::string(text), "\" to a valid duration"));
}

double Seconds(base::TimestampMs t) { return static_cast<double>(t) / 1000; }

void WriteCount(JsonWriter& w, EventCount count) { w.Raw(count.ToString()); }

void WriteOptional(JsonWriter& w, const std::optional<double>& value) {
  if (value.has_value()) {
    w.Float(*value);
  } else {
    w.Null();
  }
}

void WriteSli(JsonWriter& w, const SloStatus& status) {
  const EventCount good = status.period.total - status.period.bad;
  w.BeginObject();
  w.Key("good"), WriteCount(w, good);
  w.Key("bad"), WriteCount(w, status.period.bad);
  w.Key("total"), WriteCount(w, status.period.total);
  w.Key("ratio");
  if (status.period.total > EventCount()) {
    w.Float(good.ToDouble() / status.period.total.ToDouble());
  } else {
    w.Null();
  }
  w.Field("from", Seconds(status.period.from));
  w.Field("to", Seconds(status.period.to));
  w.Field("coverage", status.coverage);
  w.EndObject();
}

void WriteAlert(JsonWriter& w, const slo::AlertStatus& alert) {
  w.BeginObject();
  w.Field("tier", std::string_view(alert.tier->name));
  w.Field("severity", std::string_view(alert.tier->severity));
  w.Field("state", alert.firing ? "firing" : "inactive");
  w.Key("since");
  WriteOptional(w, alert.since.has_value() ? std::optional(Seconds(*alert.since)) : std::nullopt);
  w.Field("long", slo::FormatWindow(alert.tier->long_ms));
  w.Field("short", slo::FormatWindow(alert.tier->short_ms));
  w.Field("factor", alert.tier->factor.ToDouble());
  w.Key("long_burn"), WriteOptional(w, alert.long_burn);
  w.Key("short_burn"), WriteOptional(w, alert.short_burn);
  w.EndObject();
}

void WriteStatus(JsonWriter& w, const SloStatus& status) {
  const slo::SloSpec& spec = *status.spec;
  w.BeginObject();
  w.Field("id", std::string_view(spec.id));
  w.Field("name", std::string_view(spec.name));
  w.Field("service", std::string_view(spec.service));
  w.Field("description", std::string_view(spec.description));
  w.Key("labels"), w.StringMap(spec.labels);
  w.Field("objective", std::string_view(spec.objective));
  w.Field("period", slo::FormatWindow(spec.period_ms));
  w.Field("state", slo::SloStateName(status.state));
  w.Key("sli"), WriteSli(w, status);
  w.Key("budget");
  w.BeginObject();
  w.Field("allowed_bad", status.budget.allowed_bad);
  w.Field("remaining_ratio", status.budget.remaining_ratio);
  w.EndObject();
  w.Key("burn_rates");
  w.BeginObject();
  for (const auto& [window, burn] : status.burn_rates) {
    w.Key(slo::FormatWindow(window)), WriteOptional(w, burn);
  }
  w.EndObject();
  w.Key("seconds_to_exhaustion"), WriteOptional(w, status.seconds_to_exhaustion);
  w.Key("alerts");
  w.BeginArray();
  for (const slo::AlertStatus& alert : status.alerts) WriteAlert(w, alert);
  w.EndArray();
  // The ledger is still being counted from the store: the numbers grow.
  w.Field("filling", status.filling);
  w.EndObject();
}

void WriteHistory(JsonWriter& w, const SloHistory& history, base::DurationMs step) {
  w.BeginObject();
  w.Field("step", Seconds(step));
  w.Field("burn_window", slo::FormatWindow(history.burn_window));
  const auto write = [&](std::string_view key, const auto& values, const auto& write_one) {
    w.Key(key);
    w.BeginArray();
    for (const auto& value : values) write_one(value);
    w.EndArray();
  };
  write("times", history.times, [&](base::TimestampMs t) { w.Float(Seconds(t)); });
  write("good", history.good, [&](EventCount count) { WriteCount(w, count); });
  write("bad", history.bad, [&](EventCount count) { WriteCount(w, count); });
  write("remaining_ratio", history.remaining_ratio,
        [&](const auto& value) { WriteOptional(w, value); });
  write("burn_rate", history.burn_rate, [&](const auto& value) { WriteOptional(w, value); });
  w.EndObject();
}

// `time` of a request; nullopt when it has none.
absl::StatusOr<std::optional<base::TimestampMs>> TimeOf(const Request& request) {
  if (request.params.Get("time").empty()) return std::optional<base::TimestampMs>();
  const absl::StatusOr<base::TimestampMs> time = ParseTime(request.params.Get("time"));
  if (!time.ok()) return time.status();
  return std::optional<base::TimestampMs>(*time);
}

Response ListSlos(const slo::SloManager& manager, const Request& request) {
  const auto time = TimeOf(request);
  if (!time.ok()) return InvalidParameter("time", std::string(time.status().message()));
  std::string data;
  JsonWriter w(data);
  w.BeginObject();
  w.Key("slos");
  w.BeginArray();
  for (const SloStatus& status : manager.Statuses(*time)) WriteStatus(w, status);
  w.EndArray();
  w.EndObject();
  return Success(data);
}

Response OneSlo(const slo::SloManager& manager, const Request& request) {
  const auto time = TimeOf(request);
  if (!time.ok()) return InvalidParameter("time", std::string(time.status().message()));
  const absl::StatusOr<SloStatus> status = manager.Status(request.path_params.at("id"), *time);
  if (!status.ok()) return ErrorResponse(status.status());
  std::string data;
  JsonWriter w(data);
  WriteStatus(w, *status);
  return Success(data);
}

Response History(const slo::SloManager& manager, const base::Clock& clock, const Request& request) {
  const std::string& id = request.path_params.at("id");
  base::TimestampMs end = clock.Now();
  if (request.params.Has("end")) {
    const auto parsed = ParseTime(request.params.Get("end"));
    if (!parsed.ok()) return InvalidParameter("end", std::string(parsed.status().message()));
    end = *parsed;
  }
  base::TimestampMs start = end;
  if (request.params.Has("start")) {
    const auto parsed = ParseTime(request.params.Get("start"));
    if (!parsed.ok()) return InvalidParameter("start", std::string(parsed.status().message()));
    start = *parsed;
  } else {
    for (const auto& spec : manager.Specs()) {
      if (spec->id == id) start = end - spec->period_ms;
    }
  }
  base::DurationMs step =
      std::max<base::DurationMs>((end - start) / kDefaultPoints, 10 * base::kSecond);
  if (request.params.Has("step")) {
    const auto parsed = ParseStep(request.params.Get("step"));
    if (!parsed.ok()) return InvalidParameter("step", std::string(parsed.status().message()));
    step = *parsed;
  }
  const absl::StatusOr<SloHistory> history = manager.History(id, start, end, step);
  if (!history.ok()) return ErrorResponse(history.status());
  std::string data;
  JsonWriter w(data);
  WriteHistory(w, *history, step);
  return Success(data);
}

}  // namespace

void RegisterSloApi(Router& router, const slo::SloManager& manager, const base::Clock& clock) {
  router.Add({"GET"}, "/api/slo/v1/slos", [&](const Request& r) { return ListSlos(manager, r); });
  router.Add({"GET"}, "/api/slo/v1/slos/:id", [&](const Request& r) { return OneSlo(manager, r); });
  router.Add({"GET"}, "/api/slo/v1/slos/:id/history",
             [&](const Request& r) { return History(manager, clock, r); });
}

}  // namespace slowburn::api
