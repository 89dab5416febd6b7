// SloSpec: what a user wrote about one objective, with every number exact and every default filled
// in.
//
// An SLO says which events count (Sli), how many of them may be bad (budget = 1 - objective, over a
// rolling period), and when somebody is told (Tiers). A tier fires while the error ratio over its
// long and over its short window both exceed factor · budget; factor = fraction · period / long,
// i.e. the pace that spends `fraction` of the budget in one long window. Preset google-30d: 2 % in
// 1h, 5 % in 6h, 10 % in 1d, 10 % in 3d, the short window a twelfth of the long one. For other
// periods the fractions stay and the factors follow the period, but never fall below 1 ("A with
// floor").
//
// Threads: values, immutable once loaded.
#ifndef SLOWBURN_SLO_SLO_SPEC_H_
#define SLOWBURN_SLO_SLO_SPEC_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "slo/ratio.h"
#include "tsdb/labels.h"
#include "tsdb/matcher.h"

namespace slowburn::slo {

using base::DurationMs;
using base::TimestampMs;
using LabelPairs = std::vector<std::pair<std::string, std::string>>;

// Which counters an SLI adds up.
struct Sli {
  // What `part` selects: the bad events or the good ones. `total` selects all of them.
  enum class Part { kBad, kGood };
  Part part_kind = Part::kBad;
  tsdb::Matchers part, total;

  static constexpr uint8_t kPart = 1, kTotal = 2;
  // kPart | kTotal, as the series matches; 0: it is none of ours.
  uint8_t RolesOf(const tsdb::Labels& labels) const;
  // Equal for SLIs that select the same, however they were written. Ledgers are kept under it.
  std::string CanonicalText() const;
};

enum class Weight { kTime, kTraffic };
enum class Comparator { kGreater, kGreaterOrEqual };

struct Tier {
  std::string name;      // fast, medium, slow, longterm in the preset
  std::string severity;  // the label
  DurationMs long_ms = 0, short_ms = 0;
  Ratio fraction;   // of the budget, spent in one long window at exactly this pace
  Ratio factor;     // burn rate at which it fires
  Ratio threshold;  // factor · budget: the error ratio at which it fires
  Weight weight = Weight::kTime;
  int64_t min_bad = 0;  // bad events in the long window, at least
};

struct SloSpec {
  std::string id;  // service-name in [a-z0-9-]
  std::string name, service, description;
  LabelPairs labels;       // go into every alert
  LabelPairs annotations;  // likewise
  std::string objective;   // percent, as written: "99.9"
  Ratio budget;            // 1 - objective, exact: 1/1000
  DurationMs period_ms = 0;
  Sli sli;
  std::string part_text, total_text;  // the selectors as written
  Comparator comparator = Comparator::kGreater;
  std::vector<Tier> tiers;
  std::string where;  // file:line:column

  // Every window of the tiers, ascending, once each.
  std::vector<DurationMs> Windows() const;
  // The long window of the quickest tier; 1h (at most the period) without tiers.
  DurationMs FastWindow() const;
};

// One row of a preset.
struct TierPreset {
  std::string_view name, severity;
  DurationMs long_ms, short_ms;
  uint64_t fraction_percent;
};
// Null when there is no preset of that name. google-30d is the only one yet.
const std::vector<TierPreset>* FindPreset(std::string_view name);

// factor and threshold from fraction; `floor`: never below a factor of 1. kOutOfRange: more digits
// than can be exact.
enum class FactorFloor { kNone, kOne };
absl::Status SetFactorFromFraction(Tier& tier, DurationMs period, const Ratio& budget,
                                   FactorFloor floor);
absl::Status SetFractionFromFactor(Tier& tier, DurationMs period, const Ratio& budget);
// The preset's tiers for this period. Tiers whose long window exceeds the period are left out, with
// a warning each.
absl::StatusOr<std::vector<Tier>> TiersOf(const std::vector<TierPreset>& preset, DurationMs period,
                                          const Ratio& budget, std::vector<std::string>& warnings);

// False: no error ratio, not even 100 %, makes the tier fire.
bool IsFeasible(const Tier& tier, Comparator comparator);
// "service-name" in [a-z0-9-]: other characters become one dash.
std::string SloId(std::string_view service, std::string_view name);
// "1h", "30d": as Prometheus writes durations, but never in weeks or years, which nobody calls an
// SLO's period.
std::string FormatWindow(DurationMs window);
// 14.4 % as "14.4%", exact up to 6 digits.
std::string FormatPercent(double ratio);

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_SLO_SPEC_H_
