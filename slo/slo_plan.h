// SloPlan: what an SLO file means in plain numbers, before it is served: `slowburn slo plan`.
#ifndef SLOWBURN_SLO_SLO_PLAN_H_
#define SLOWBURN_SLO_SLO_PLAN_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "slo/slo_spec.h"

namespace slowburn::slo {

// Budget in events and in time of full outage, and each tier with windows, factor, threshold, how
// soon it tells of a full outage and of 10 % errors, how soon it falls silent again, and whether it
// can fire at all. `per_second`: events a second, when known.
std::string DescribePlan(const SloSpec& spec, std::optional<double> per_second);

// "120/s", "5/m", "10000/d": events per second.
absl::StatusOr<double> ParseTraffic(std::string_view text);

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_SLO_PLAN_H_
