// SloStatus: one SLO as it stands at one moment; what the API and the page show. Threads: values.
#ifndef SLOWBURN_SLO_SLO_STATUS_H_
#define SLOWBURN_SLO_SLO_STATUS_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "slo/burn.h"
#include "slo/slo_spec.h"

namespace slowburn::slo {

enum class SloState { kOk, kBurning, kExhausted, kNoData };
std::string_view SloStateName(SloState state);  // ok, burning, exhausted, no_data

struct AlertStatus {
  const Tier* tier = nullptr;  // of the spec
  bool firing = false;
  std::optional<TimestampMs> since;  // of the present state; nullopt: as far back as is known
  std::optional<double> long_burn, short_burn;
};

struct SloStatus {
  std::shared_ptr<const SloSpec> spec;
  SloState state = SloState::kNoData;
  WindowCount period;
  double coverage = 0;  // share of the period in which something was measured, 0 to 1
  Budget budget;
  std::vector<std::pair<DurationMs, std::optional<double>>> burn_rates;  // ascending
  std::optional<double> seconds_to_exhaustion;
  std::vector<AlertStatus> alerts;
  bool filling = false;  // the ledger is still being counted from the store: numbers grow
};

// For plots: one entry a step. Of step i, good and bad are the events of
// (times[i] - step, times[i]]; the others are judged at times[i].
struct SloHistory {
  std::shared_ptr<const SloSpec> spec;
  DurationMs burn_window = 0;  // of burn_rate
  std::vector<TimestampMs> times;
  std::vector<EventCount> good, bad;
  std::vector<std::optional<double>> remaining_ratio;  // nullopt: no events in the period
  std::vector<std::optional<double>> burn_rate;
};

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_SLO_STATUS_H_
