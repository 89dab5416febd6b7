// Functions of a window that look at floats and histograms alike.
#include "query/functions/over_time.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "query/functions/rate.h"
#include "query/histogram/arithmetic.h"
#include "query/histogram/reset.h"

namespace slowburn::query {
namespace {

using ResetHint = Histogram::ResetHint;

// Sums up histograms and remembers what deserves an annotation.
class HistogramSum {
 public:
  explicit HistogramSum(const Histogram& first) : sum_(first) { See(first); }

  // False: exponential and custom buckets do not add up.
  bool Add(const Histogram& h) {
    See(h);
    count_ += 1;
    if (!average_) return Track(sum_.Add(h));
    if (!averaging_incrementally_) {
      CompensatedHistogram next = sum_;
      if (!Track(next.Add(h))) return false;
      if (!next.HasInfinity()) {
        sum_ = std::move(next);
        return true;
      }
      averaging_incrementally_ = true;
      sum_.Divide(count_ - 1);
    }
    sum_.Multiply((count_ - 1) / count_);
    Histogram share = h;
    Divide(share, count_);
    return Track(sum_.Add(share));
  }

  void ForAverage() { average_ = true; }
  Histogram Total() const { return sum_.Total(); }
  Histogram Average() {
    if (!averaging_incrementally_) sum_.Divide(count_);
    return sum_.Total();
  }
  void Annotate(RangeCall& call) const {
    if (reset_seen_ && not_reset_seen_) {
      call.Note(CounterResetCollision(HistogramOperation::kAggregation));
    }
    if (reconciled_) call.Note(MismatchedCustomBuckets(HistogramOperation::kAggregation));
  }

 private:
  void See(const Histogram& h) {
    reset_seen_ |= h.reset_hint == ResetHint::kReset;
    not_reset_seen_ |= h.reset_hint == ResetHint::kNotReset;
  }
  bool Track(const CombineResult& r) {
    reconciled_ |= r.bounds_reconciled;
    return r.compatible;
  }

  CompensatedHistogram sum_;  // or the mean, once averaging incrementally
  double count_ = 1;
  bool average_ = false;
  bool averaging_incrementally_ = false;
  bool reset_seen_ = false, not_reset_seen_ = false, reconciled_ = false;
};

PointValue SumHistograms(const RangeWindow& w, RangeCall& call, bool average) {
  HistogramSum sum(*w.histograms.h[0]);
  if (average) sum.ForAverage();
  for (size_t i = 1; i < w.histograms.size(); ++i) {
    if (!sum.Add(*w.histograms.h[i])) {
      call.Note(MixedExponentialCustom(call.metric));
      return PointValue::None();
    }
  }
  sum.Annotate(call);
  return PointValue::Of(average ? sum.Average() : sum.Total());
}

PointValue SumOrAverage(const RangeWindow& w, RangeCall& call, bool average) {
  if (!w.floats.empty() && !w.histograms.empty()) {
    call.Note(MixedFloatsHistograms(call.metric));
    return PointValue::None();
  }
  if (!w.histograms.empty()) return SumHistograms(w, call, average);
  if (w.floats.empty()) return PointValue::None();
  return PointValue::Float(average ? AverageOf(w.floats) : SumOf(w.floats.v));
}

bool HasAny(const RangeWindow& w) { return !w.floats.empty() || !w.histograms.empty(); }

// An anchored window begins with the newest sample at or before its begin, of whichever kind.
// False: nothing lies after the begin, so there is nothing to compare.
bool Anchor(const RangeWindow& w, RangeCall& call, size_t& first_float, size_t& first_histogram) {
  first_float = first_histogram = 0;
  if (call.mode != RangeMode::kAnchored) return true;
  const auto until_begin = [&](std::span<const TimestampMs> t) {
    return size_t(std::upper_bound(t.begin(), t.end(), w.begin) - t.begin());
  };
  const size_t floats = until_begin(w.floats.t), histograms = until_begin(w.histograms.t);
  if (floats == w.floats.size() && histograms == w.histograms.size()) return false;
  first_float = floats;
  first_histogram = histograms;
  if (floats == 0 && histograms == 0) return true;
  const bool anchor_is_float =
      histograms == 0 || (floats > 0 && w.floats.t[floats - 1] >= w.histograms.t[histograms - 1]);
  --(anchor_is_float ? first_float : first_histogram);
  return true;
}

struct AnySample {
  TimestampMs t = 0, start = 0;
  double v = 0;
  const Histogram* h = nullptr;
};

// Counts the pairs of neighbours, over floats and histograms in order of time, for which
// differs(previous, next).
template <typename Differs>
PointValue CountPairs(const RangeWindow& w, RangeCall& call, Differs differs) {
  size_t i, j;
  if (!HasAny(w) || !Anchor(w, call, i, j)) return PointValue::None();
  const FloatSpan& f = w.floats;
  const HistogramsSpan& s = w.histograms;
  std::optional<AnySample> previous;
  size_t count = 0;
  while (i < f.size() || j < s.size()) {
    AnySample next;
    if (j >= s.size() || (i < f.size() && f.t[i] <= s.t[j])) {
      next = {f.t[i], f.starts.empty() ? 0 : f.starts[i], f.v[i], nullptr};
      ++i;
    } else {
      next = {s.t[j], s.starts.empty() ? 0 : s.starts[j], 0, s.h[j].get()};
      ++j;
    }
    if (previous) {
      const bool kinds_differ = (previous->h == nullptr) != (next.h == nullptr);
      count += kinds_differ || differs(*previous, next);
    }
    previous = next;
  }
  return PointValue::Float(double(count));
}

bool FloatChanged(double a, double b) { return a != b && !(std::isnan(a) && std::isnan(b)); }

// Histograms come first at equal times; there are none in practice, a series has one sample a time.
bool FloatIsFirst(const RangeWindow& w) {
  return w.histograms.empty() || (!w.floats.empty() && w.floats.t[0] < w.histograms.t[0]);
}
bool FloatIsLast(const RangeWindow& w) {
  return w.histograms.empty() || (!w.floats.empty() && w.floats.t.back() > w.histograms.t.back());
}

}  // namespace

PointValue SumOverTime(const RangeWindow& w, RangeCall& call) {
  return SumOrAverage(w, call, /*average=*/false);
}
PointValue AverageOverTime(const RangeWindow& w, RangeCall& call) {
  return SumOrAverage(w, call, /*average=*/true);
}

PointValue CountOverTime(const RangeWindow& w, RangeCall&) {
  if (!HasAny(w)) return PointValue::None();
  return PointValue::Float(double(w.floats.count() + w.histograms.size()));
}

PointValue PresentOverTime(const RangeWindow& w, RangeCall&) {
  return HasAny(w) ? PointValue::Float(1) : PointValue::None();
}

PointValue FirstOverTime(const RangeWindow& w, RangeCall&) {
  if (!HasAny(w)) return PointValue::None();
  return FloatIsFirst(w) ? PointValue::Float(w.floats.v[0]) : PointValue::Of(w.histograms.h[0]);
}

PointValue LastOverTime(const RangeWindow& w, RangeCall&) {
  if (!HasAny(w)) return PointValue::None();
  return FloatIsLast(w) ? PointValue::Float(w.floats.v.back())
                        : PointValue::Of(w.histograms.h.back());
}

PointValue TimeOfFirst(const RangeWindow& w, RangeCall&) {
  if (!HasAny(w)) return PointValue::None();
  return PointValue::Float(double(FloatIsFirst(w) ? w.floats.t[0] : w.histograms.t[0]) / 1000);
}

PointValue TimeOfLast(const RangeWindow& w, RangeCall&) {
  if (!HasAny(w)) return PointValue::None();
  return PointValue::Float(double(FloatIsLast(w) ? w.floats.t.back() : w.histograms.t.back()) /
                           1000);
}

PointValue Changes(const RangeWindow& w, RangeCall& call) {
  return CountPairs(w, call, [](const AnySample& a, const AnySample& b) {
    return b.h ? !SameData(*b.h, *a.h) : FloatChanged(a.v, b.v);
  });
}

PointValue Resets(const RangeWindow& w, RangeCall& call) {
  return CountPairs(w, call, [](const AnySample& a, const AnySample& b) {
    if (IsStartTimestampReset(a.start, a.t, b.start, b.t)) return true;
    return b.h ? DetectReset(*b.h, *a.h) : b.v < a.v;
  });
}

}  // namespace slowburn::query
