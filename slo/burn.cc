#include "slo/burn.h"

#include <algorithm>
#include <compare>
#include <vector>

namespace slowburn::slo {
namespace {

constexpr EventCount kNone;

long double Exactly(EventCount count) { return static_cast<long double>(count.raw()); }

bool Judge(std::strong_ordering order, Comparator comparator) {
  return comparator == Comparator::kGreater ? order > 0 : order >= 0;
}

// bad / total against `threshold`.
bool Exceeds(EventCount bad, EventCount total, const Ratio& threshold, Comparator comparator) {
  if (total <= kNone) return false;
  return Judge(CompareProducts(bad, threshold.den, total, threshold.num), comparator);
}

// bad(W) against factor · b · W/P · total(P): the share of the budget that W really spent. A period
// that is covered only in part stands for less traffic than it will have, so W is set against the
// covered time.
bool ExceedsByTraffic(const WindowCount& window, const WindowCount& period, DurationMs length,
                      const Tier& tier, Comparator comparator) {
  if (window.total <= kNone || period.total <= kNone || period.covered_ms <= 0) return false;
  const DurationMs covered = std::max(period.covered_ms, length);
  const Ratio share = MakeRatio(static_cast<uint64_t>(length), static_cast<uint64_t>(covered));
  const absl::StatusOr<Ratio> threshold = Multiply(tier.threshold, share);
  if (threshold.ok()) return Exceeds(window.bad, period.total, *threshold, comparator);
  const long double limit = static_cast<long double>(tier.threshold.num) /
                            static_cast<long double>(tier.threshold.den) *
                            static_cast<long double>(length) / static_cast<long double>(covered);
  const long double wanted = limit * Exactly(period.total);
  return comparator == Comparator::kGreater ? Exactly(window.bad) > wanted
                                            : Exactly(window.bad) >= wanted;
}

bool WindowExceeds(const SloSpec& spec, const Tier& tier, const WindowCount& window,
                   DurationMs length, const WindowCount& period) {
  return tier.weight == Weight::kTime
             ? Exceeds(window.bad, window.total, tier.threshold, spec.comparator)
             : ExceedsByTraffic(window, period, length, tier, spec.comparator);
}

class LedgerSource final : public CumulativeSource {
 public:
  explicit LedgerSource(const SliLedger& ledger) : ledger_(ledger) {}
  std::vector<SliLedger::Cumulative> At(std::span<const TimestampMs> edges) const override {
    return ledger_.CumulativeAt(edges);
  }

 private:
  const SliLedger& ledger_;
};

// g(Δ) = bad - b·total of the period as it will be at to + Δ: nothing is left where g >= 0.
class Overspend {
 public:
  Overspend(const CumulativeSource& counts, const Ratio& budget, TimestampMs to, DurationMs period,
            const Pace& pace)
      : counts_(counts), b_(budget.ToDouble()), to_(to), period_(period), pace_(pace) {
    const std::vector<SliLedger::Cumulative> ends = At(0, period, period);
    origin_ = ends.front();
    bad_now_ = (ends.back().bad - origin_.bad).ToDouble();
    total_now_ = (ends.back().total - origin_.total).ToDouble();
  }

  double now() const { return bad_now_ - b_ * total_now_; }
  double total_now() const { return total_now_; }
  double drift() const { return pace_.bad_per_ms - b_ * pace_.total_per_ms; }

  // The first Δ in [from, until] with g >= 0, looked for in steps; nullopt when there is none.
  std::optional<double> FirstCrossing(DurationMs from, DurationMs until, DurationMs step) const {
    const std::vector<SliLedger::Cumulative> left = At(from, until, step);
    double before = Value(left.front(), from);
    for (size_t i = 1; i < left.size(); ++i) {
      const DurationMs begin = from + static_cast<DurationMs>(i - 1) * step;
      const DurationMs end = std::min(begin + step, until);
      if (step > kSliceMs) {
        if (CanCross(left[i - 1], left[i], begin, end)) {
          const std::optional<double> found = FirstCrossing(begin, end, kSliceMs);
          if (found.has_value()) return found;
        }
        continue;
      }
      const double after = Value(left[i], end);
      if (after >= 0) {
        const double part = before >= 0 ? 0 : -before / (after - before);
        return static_cast<double>(begin) + part * static_cast<double>(end - begin);
      }
      before = after;
    }
    return std::nullopt;
  }

 private:
  std::vector<SliLedger::Cumulative> At(DurationMs from, DurationMs until, DurationMs step) const {
    std::vector<TimestampMs> edges;
    for (DurationMs at = from; at < until; at += step) edges.push_back(to_ - period_ + at);
    edges.push_back(to_ - period_ + until);
    return counts_.At(edges);
  }
  double Left(EventCount at, EventCount origin) const { return (at - origin).ToDouble(); }
  double Value(const SliLedger::Cumulative& at, DurationMs delta) const {
    return bad_now_ - Left(at.bad, origin_.bad) -
           b_ * (total_now_ - Left(at.total, origin_.total)) + drift() * static_cast<double>(delta);
  }
  // An upper bound of g over [begin, end]: no bad event has left yet, all events of the stretch
  // have.
  bool CanCross(const SliLedger::Cumulative& a, const SliLedger::Cumulative& b, DurationMs begin,
                DurationMs end) const {
    const double most =
        bad_now_ - Left(a.bad, origin_.bad) - b_ * (total_now_ - Left(b.total, origin_.total));
    return most + drift() * static_cast<double>(drift() > 0 ? end : begin) >= 0;
  }

  const CumulativeSource& counts_;
  const double b_;
  const TimestampMs to_;
  const DurationMs period_;
  const Pace pace_;
  SliLedger::Cumulative origin_;
  double bad_now_ = 0, total_now_ = 0;
};

}  // namespace

std::optional<double> ErrorRatio(const WindowCount& window) {
  if (window.total <= kNone) return std::nullopt;
  return static_cast<double>(Exactly(window.bad) / Exactly(window.total));
}

std::optional<double> BurnRate(const WindowCount& window, const Ratio& budget) {
  if (window.total <= kNone) return std::nullopt;
  return static_cast<double>(Exactly(window.bad) / Exactly(window.total) *
                             static_cast<long double>(budget.den) /
                             static_cast<long double>(budget.num));
}

Budget BudgetOf(const WindowCount& period, const Ratio& budget) {
  Budget out;
  if (period.total <= kNone) return out;
  const long double allowed = Exactly(period.total) * static_cast<long double>(budget.num) /
                              static_cast<long double>(budget.den);
  out.allowed_bad = static_cast<double>(
      allowed / static_cast<long double>(Int128{1} << EventCount::kFractionBits));
  out.remaining_ratio = static_cast<double>(1 - Exactly(period.bad) / allowed);
  out.exhausted = CompareProducts(period.bad, budget.den, period.total, budget.num) >= 0;
  return out;
}

TierReading ReadTier(const SloSpec& spec, const Tier& tier, const WindowCount& long_count,
                     const WindowCount& short_count, const WindowCount& period) {
  TierReading out{long_count, short_count, BurnRate(long_count, spec.budget),
                  BurnRate(short_count, spec.budget)};
  out.long_exceeds = WindowExceeds(spec, tier, long_count, tier.long_ms, period) &&
                     long_count.bad >= EventCount::FromInt(tier.min_bad);
  out.short_exceeds = WindowExceeds(spec, tier, short_count, tier.short_ms, period);
  out.short_measured = short_count.covered_ms > 0;
  return out;
}

std::optional<double> ForecastExhaustion(const CumulativeSource& counts, const Ratio& budget,
                                         TimestampMs to, DurationMs period, const Pace& pace) {
  const Overspend overspend(counts, budget, to, period, pace);
  if (overspend.total_now() > 0 && overspend.now() >= 0) return 0;
  if (pace.total_per_ms <= 0) return std::nullopt;
  // After a whole period only the pace is left, and nothing changes any more.
  const std::optional<double> ms = overspend.FirstCrossing(0, period, base::kHour);
  if (!ms.has_value()) return std::nullopt;
  return *ms / static_cast<double>(base::kSecond);
}

std::optional<double> SecondsToExhaustion(const SliLedger& ledger, const Ratio& budget,
                                          TimestampMs to, DurationMs period,
                                          DurationMs pace_window) {
  const std::vector<WindowCount> windows =
      ledger.Windows(to, std::vector<DurationMs>{period, pace_window});
  if (windows[0].total > kNone && BudgetOf(windows[0], budget).exhausted) return 0;
  const WindowCount& recent = windows[1];
  // A window that is not covered whole is young, or has a hole: its pace is that of the covered
  // time.
  if (recent.total <= kNone || recent.covered_ms <= 0) return std::nullopt;
  const double covered = static_cast<double>(std::min(recent.covered_ms, recent.to - recent.from));
  const Pace pace{recent.bad.ToDouble() / covered, recent.total.ToDouble() / covered};
  return ForecastExhaustion(LedgerSource(ledger), budget, windows[0].to,
                            windows[0].to - windows[0].from, pace);
}

}  // namespace slowburn::slo
