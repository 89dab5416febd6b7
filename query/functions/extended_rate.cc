// rate, increase and delta over anchored and smoothed selectors.
#include <algorithm>
#include <optional>

#include "query/functions/rate.h"
#include "query/histogram/arithmetic.h"
#include "query/histogram/reset.h"

namespace slowburn::query {
namespace {

using ResetHint = Histogram::ResetHint;

double Seconds(DurationMs ms) { return double(ms) / 1000; }

// The samples that stand for the window's edges: the last one at or before its begin (else the
// first), and the last one (smoothed: the first one at or after its end, else the last).
struct Edges {
  size_t first = 0, last = 0;
  bool valid = false;
};

Edges FindEdges(std::span<const TimestampMs> t, const RangeWindow& w, bool smoothed) {
  Edges e;
  if (t.empty()) return e;
  const auto end = t.end() - 1;  // the last sample stands in where none is beyond
  const auto after_begin = std::upper_bound(t.begin(), end, w.begin);
  e.first = after_begin == t.begin() ? 0 : size_t(after_begin - t.begin()) - 1;
  e.last = t.size() - 1;
  if (smoothed) e.last = size_t(std::lower_bound(t.begin(), end, w.end) - t.begin());
  e.valid = t[e.last] > w.begin && !(smoothed && t[e.first] > w.end);
  return e;
}

double CounterInterpolate(const FloatSpan& f, size_t i, TimestampMs t, bool counter) {
  const double v1 = counter && f.v[i + 1] < f.v[i] ? 0 : f.v[i];
  return Interpolate(f.t[i], v1, f.t[i + 1], f.v[i + 1], t);
}

PointValue ExtendedFloatRate(const RangeWindow& w, RangeCall& call) {
  const bool smoothed = call.mode == RangeMode::kSmoothed;
  const bool counter = IsCounterFunction(call.function);
  const FloatSpan& f = w.floats;
  const Edges e = FindEdges(f.t, w, smoothed);
  if (!e.valid) return PointValue::None();
  const double left = smoothed && f.t[e.first] < w.begin
                          ? CounterInterpolate(f, e.first, w.begin, counter)
                          : f.v[e.first];
  const double right = smoothed && e.last > 0 && f.t[e.last] > w.end
                           ? CounterInterpolate(f, e.last - 1, w.end, counter)
                           : f.v[e.last];
  double growth = right - left;
  if (counter) {
    // Samples strictly inside the window; resets at the edges are in left and right already.
    const size_t from = f.t[e.first] <= w.begin ? e.first + 1 : e.first;
    const size_t to = f.t[e.last] >= w.end ? e.last : e.last + 1;
    double previous = left;
    double correction = 0;
    for (size_t i = from; i < to; ++i) {
      if (f.v[i] < previous) correction += previous;
      previous = f.v[i];
    }
    if (right < previous) correction += previous;
    growth += correction;
  }
  if (call.function == FunctionId::kRate) growth /= Seconds(call.range);
  return PointValue::Float(growth);
}

// Combines and notes what was odd about it. False: they do not combine.
bool AddNoted(Histogram& to, const Histogram& other, RangeCall& call) {
  const CombineResult r = Add(to, other);
  if (!r.compatible) call.Note(MixedExponentialCustom(call.metric));
  if (r.bounds_reconciled) call.Note(MismatchedCustomBuckets(HistogramOperation::kAddition));
  return r.compatible;
}
bool SubtractNoted(Histogram& from, const Histogram& other, RangeCall& call) {
  const CombineResult r = Subtract(from, other);
  if (!r.compatible) call.Note(MixedExponentialCustom(call.metric));
  if (r.bounds_reconciled) call.Note(MismatchedCustomBuckets(HistogramOperation::kSubtraction));
  return r.compatible;
}

bool EdgesAreConsistent(const HistogramsSpan& s, const Edges& e, bool counter, RangeCall& call) {
  const bool custom = UsesCustomBuckets(*s.h[e.first]);
  for (size_t i = e.first; i <= e.last; ++i) {
    if (UsesCustomBuckets(*s.h[i]) != custom) {
      call.Note(MixedExponentialCustom(call.metric));
      return false;
    }
    if (counter && s.h[i]->reset_hint == ResetHint::kGauge) call.Note(NotACounter(call.metric));
  }
  return true;
}

// Adds to `growth` what the counter had reached before each reset inside the window.
bool CorrectForResets(const HistogramsSpan& s, const Edges& e, const Histogram& left,
                      const Histogram& right, const RangeWindow& w, RangeCall& call,
                      Histogram& growth) {
  size_t from = e.first + 1;  // `left` stands for the first sample
  const Histogram* previous = &left;
  const bool left_spans_reset = call.mode == RangeMode::kSmoothed && s.t[e.first] < w.begin &&
                                e.first + 1 < s.size() &&
                                DetectReset(*s.h[e.first + 1], *s.h[e.first]);
  if (left_spans_reset) previous = s.h[from++].get();
  // `right` stands for the last sample and carries its reset hint; looking at both would count one
  // reset twice.
  if (from > e.last) return true;
  std::optional<Histogram> correction;
  const auto correct = [&](const Histogram& h) {
    if (correction) return AddNoted(*correction, h, call);
    correction = h;
    return true;
  };
  for (size_t i = from; i < e.last; ++i) {
    if (DetectReset(*s.h[i], *previous) && !correct(*previous)) return false;
    previous = s.h[i].get();
  }
  if (DetectReset(right, *previous) && !correct(*previous)) return false;
  return !correction || AddNoted(growth, *correction, call);
}

PointValue ExtendedHistogramRate(const RangeWindow& w, RangeCall& call) {
  const bool smoothed = call.mode == RangeMode::kSmoothed;
  const bool counter = IsCounterFunction(call.function);
  const HistogramsSpan& s = w.histograms;
  const Edges e = FindEdges(s.t, w, smoothed);
  if (!e.valid || !EdgesAreConsistent(s, e, counter, call)) return PointValue::None();
  const auto at = [&](size_t i) { return HistogramPointRef{s.t[i], s.h[i].get()}; };
  Histogram left = *s.h[e.first];
  if (smoothed && s.t[e.first] < w.begin &&
      !InterpolateHistogram(at(e.first), at(e.first + 1), w.begin, counter, call, left)) {
    return PointValue::None();
  }
  Histogram right = *s.h[e.last];
  if (smoothed && e.last > 0 && s.t[e.last] > w.end &&
      !InterpolateHistogram(at(e.last - 1), at(e.last), w.end, counter, call, right)) {
    return PointValue::None();
  }
  const bool gauges = left.reset_hint == ResetHint::kGauge && right.reset_hint == ResetHint::kGauge;
  if (!counter && !gauges) call.Note(NotAGauge(call.metric));
  Histogram growth = right;
  if (!SubtractNoted(growth, left, call)) return PointValue::None();
  if (counter && !CorrectForResets(s, e, left, right, w, call, growth)) return PointValue::None();
  if (call.function == FunctionId::kRate) Divide(growth, Seconds(call.range));
  growth.reset_hint = ResetHint::kGauge;
  Compact(growth);
  return PointValue::Of(std::move(growth));
}

}  // namespace

double Interpolate(TimestampMs t1, double v1, TimestampMs t2, double v2, TimestampMs t) {
  return v1 + (v2 - v1) * double(t - t1) / double(t2 - t1);
}

bool InterpolateHistogram(HistogramPointRef a, HistogramPointRef b, TimestampMs t, bool counter,
                          RangeCall& call, Histogram& out) {
  if (t == a.t || t == b.t) {
    out = t == a.t ? *a.h : *b.h;
    return true;
  }
  const double fraction = double(t - a.t) / double(b.t - a.t);
  out = *b.h;
  if (counter && DetectReset(*b.h, *a.h)) {
    Multiply(out, fraction);
    return true;
  }
  if (!SubtractNoted(out, *a.h, call)) return false;
  Multiply(out, fraction);
  return AddNoted(out, *a.h, call);
}

PointValue ExtendedRateKernel(const RangeWindow& w, RangeCall& call) {
  if (!w.histograms.empty()) return ExtendedHistogramRate(w, call);
  return w.floats.empty() ? PointValue::None() : ExtendedFloatRate(w, call);
}

}  // namespace slowburn::query
