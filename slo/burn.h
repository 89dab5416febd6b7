// Burn: from counts to burn rates, budgets and the judgement of one tier. Pure functions.
//
//   burn rate   E / b: error ratio over budget ratio; 1 spends the budget exactly within the period
//   budget      b · total(period) events; remaining ratio 1 - bad / (b · total), below 0 when
//               overspent
//
// Thresholds are compared in whole numbers, so an error ratio of exactly factor · b does not exceed
// it.
#ifndef SLOWBURN_SLO_BURN_H_
#define SLOWBURN_SLO_BURN_H_

#include <optional>
#include <span>
#include <vector>

#include "slo/sli_ledger.h"
#include "slo/slo_spec.h"

namespace slowburn::slo {

// nullopt: no events.
std::optional<double> ErrorRatio(const WindowCount& window);
std::optional<double> BurnRate(const WindowCount& window, const Ratio& budget);

struct Budget {
  double allowed_bad = 0;      // b · total
  double remaining_ratio = 1;  // 1 without events
  bool exhausted = false;      // nothing left, judged exactly
};
Budget BudgetOf(const WindowCount& period, const Ratio& budget);

struct TierReading {
  WindowCount long_count, short_count;
  std::optional<double> long_burn, short_burn;
  bool long_exceeds = false, short_exceeds = false;
  bool short_measured = false;  // somebody measured in the short window at all

  bool fires() const { return long_exceeds && short_exceeds; }
  // A tier that fires goes on while nobody measures in the short window: the end of measuring is
  // not the end of trouble. The long window, which empties as time passes, bounds this.
  bool holds() const { return long_exceeds && (short_exceeds || !short_measured); }
};
TierReading ReadTier(const SloSpec& spec, const Tier& tier, const WindowCount& long_count,
                     const WindowCount& short_count, const WindowCount& period);

// Seconds from `to` until nothing is left, if bad events and all events go on at the pace of
// (to - pace_window, to], while the events of the period's slices leave it one after the other. 0:
// nothing is left now. nullopt: never, or there is no traffic to say. Exact but for the pace, which
// nobody knows.
std::optional<double> SecondsToExhaustion(const SliLedger& ledger, const Ratio& budget,
                                          TimestampMs to, DurationMs period,
                                          DurationMs pace_window);

// The same over plain numbers: cumulative counts at edges (SliLedger::CumulativeAt), for any source
// of them.
struct Pace {
  double bad_per_ms = 0, total_per_ms = 0;
};
class CumulativeSource {
 public:
  virtual ~CumulativeSource() = default;
  virtual std::vector<SliLedger::Cumulative> At(std::span<const TimestampMs> edges) const = 0;
};
std::optional<double> ForecastExhaustion(const CumulativeSource& counts, const Ratio& budget,
                                         TimestampMs to, DurationMs period, const Pace& pace);

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_BURN_H_
