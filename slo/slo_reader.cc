#include "slo/slo_reader.h"

#include <algorithm>
#include <utility>

namespace slowburn::slo {
namespace {

// The share of a window that was measured. Between the newest sample and the window's end lies at
// most one scrape interval: that is not a hole.
double CoverageOf(const WindowCount& window, TimestampMs covered_until) {
  DurationMs covered = window.covered_ms;
  const bool fresh = covered_until > window.from && covered_until >= window.to - kCoverageSpan;
  if (fresh && covered_until < window.to) covered += window.to - covered_until;
  const double share = static_cast<double>(covered) / static_cast<double>(window.to - window.from);
  return std::clamp(share, 0.0, 1.0);
}

const WindowCount& Find(const SloReading& reading, DurationMs window) {
  for (const auto& [length, count] : reading.windows) {
    if (length == window) return count;
  }
  return reading.period;  // not reached: windows holds every window of the tiers
}

}  // namespace

std::string_view SloStateName(SloState state) {
  switch (state) {
    case SloState::kOk:
      return "ok";
    case SloState::kBurning:
      return "burning";
    case SloState::kExhausted:
      return "exhausted";
    case SloState::kNoData:
      return "no_data";
  }
  return "";
}

SloReading ReadSlo(const SloSpec& spec, const SliLedger& ledger, TimestampMs at) {
  std::vector<DurationMs> lengths = spec.Windows();
  lengths.push_back(spec.period_ms);
  const std::vector<WindowCount> counts = ledger.Windows(at, lengths);
  SloReading out;
  out.period = counts.back();
  for (size_t i = 0; i + 1 < lengths.size(); ++i) out.windows.emplace_back(lengths[i], counts[i]);
  out.tiers.reserve(spec.tiers.size());
  for (const Tier& tier : spec.tiers) {
    out.tiers.push_back(
        ReadTier(spec, tier, Find(out, tier.long_ms), Find(out, tier.short_ms), out.period));
  }
  return out;
}

SloStatus StatusAt(std::shared_ptr<const SloSpec> spec, const SliLedger& ledger, TimestampMs at) {
  const SloReading reading = ReadSlo(*spec, ledger, at);
  SloStatus out;
  out.period = reading.period;
  out.coverage = CoverageOf(reading.period, ledger.CoveredUntil());
  out.budget = BudgetOf(reading.period, spec->budget);
  for (const auto& [length, count] : reading.windows)
    out.burn_rates.emplace_back(length, BurnRate(count, spec->budget));
  out.seconds_to_exhaustion =
      SecondsToExhaustion(ledger, spec->budget, at, spec->period_ms, spec->FastWindow());
  for (size_t i = 0; i < spec->tiers.size(); ++i) {
    AlertStatus& alert = out.alerts.emplace_back();
    alert.tier = &spec->tiers[i];
    alert.long_burn = reading.tiers[i].long_burn;
    alert.short_burn = reading.tiers[i].short_burn;
  }
  out.spec = std::move(spec);
  return out;
}

void AlertsInPast(const SliLedger& ledger, TimestampMs at, SloStatus& status) {
  at = FloorToSlice(at);
  const SloSpec& spec = *status.spec;
  for (AlertStatus& alert : status.alerts) {
    const Tier& tier = *alert.tier;
    const std::vector<DurationMs> lengths = {tier.long_ms, tier.short_ms, spec.period_ms};
    const auto fires = [&](TimestampMs t) {
      const std::vector<WindowCount> counts = ledger.Windows(t, lengths);
      return ReadTier(spec, tier, counts[0], counts[1], counts[2]).fires();
    };
    alert.firing = fires(at);
    alert.since.reset();
    if (!alert.firing) continue;
    TimestampMs since = at;
    const TimestampMs earliest = at - 2 * tier.long_ms;
    while (since > earliest && fires(since - kSliceMs)) since -= kSliceMs;
    if (since > earliest) alert.since = since;
  }
}

SloState StateOf(const SloStatus& status) {
  if (status.period.covered_ms == 0 && status.period.total <= EventCount())
    return SloState::kNoData;
  if (status.budget.exhausted) return SloState::kExhausted;
  const bool burning = std::any_of(status.alerts.begin(), status.alerts.end(),
                                   [](const AlertStatus& alert) { return alert.firing; });
  return burning ? SloState::kBurning : SloState::kOk;
}

SloHistory HistoryOf(std::shared_ptr<const SloSpec> spec, const SliLedger& ledger,
                     TimestampMs start, TimestampMs end, DurationMs step) {
  SloHistory out;
  out.burn_window = spec->FastWindow();
  const std::vector<DurationMs> lengths = {step, spec->period_ms, out.burn_window};
  for (TimestampMs t = start; t <= end; t += step) {
    const std::vector<WindowCount> counts = ledger.Windows(t, lengths);
    out.times.push_back(t);
    out.bad.push_back(counts[0].bad);
    out.good.push_back(counts[0].total - counts[0].bad);
    out.remaining_ratio.push_back(
        counts[1].total > EventCount()
            ? std::optional(BudgetOf(counts[1], spec->budget).remaining_ratio)
            : std::nullopt);
    out.burn_rate.push_back(BurnRate(counts[2], spec->budget));
  }
  out.spec = std::move(spec);
  return out;
}

}  // namespace slowburn::slo
