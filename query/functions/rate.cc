#include "query/functions/rate.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "query/histogram/arithmetic.h"
#include "query/histogram/reset.h"

namespace slowburn::query {
namespace {

using ResetHint = Histogram::ResetHint;

double Seconds(DurationMs ms) { return double(ms) / 1000; }

// Where the samples of a window lie between its edges.
struct Coverage {
  TimestampMs begin, end;       // of the window
  TimestampMs first_t, last_t;  // of the samples
  size_t gaps;                  // samples - 1
};

// The way from the first to the last sample, and on to the window's edges, in seconds.
//
// Samples that lie nearer to an edge than 1.1 mean intervals are taken to go on to the edge;
// otherwise the series is taken to begin, or end, half an interval beyond them.
struct Extrapolation {
  double sampled, to_start, to_end;

  // A counter cannot have been below zero: its first value as a share of its growth tells when it
  // was zero.
  void StartAtZero(double first_share) { to_start = std::min(to_start, sampled * first_share); }
  // By which growth between the samples becomes growth over the window.
  double Factor() const { return sampled != 0 ? (sampled + to_start + to_end) / sampled : 1; }
};

Extrapolation Extrapolate(const Coverage& c) {
  const double sampled = Seconds(c.last_t - c.first_t);
  const double mean_interval = sampled / double(c.gaps);
  const double threshold = mean_interval * 1.1;
  Extrapolation out{sampled, Seconds(c.first_t - c.begin), Seconds(c.end - c.last_t)};
  if (out.to_start >= threshold) out.to_start = mean_interval / 2;
  if (out.to_end >= threshold) out.to_end = mean_interval / 2;
  return out;
}

double ExtrapolationFactor(const Coverage& c, std::optional<double> first_share) {
  Extrapolation e = Extrapolate(c);
  if (first_share) e.StartAtZero(*first_share);
  return e.Factor();
}

// The same when the first sample's start timestamp lies within the window: the counter was zero
// then.
double FactorSinceStart(const Coverage& c, TimestampMs start) {
  const double sampled = Seconds(c.last_t - start);
  const double mean_interval = c.gaps > 0 ? Seconds(c.last_t - c.first_t) / double(c.gaps) : 0;
  double to_end = Seconds(c.end - c.last_t);
  if (to_end >= mean_interval * 1.1) to_end = mean_interval / 2;
  return sampled != 0 ? (sampled + to_end) / sampled : 1;
}

bool StartsInWindow(std::span<const TimestampMs> starts, TimestampMs begin, TimestampMs first_t) {
  return !starts.empty() && starts[0] != 0 && starts[0] > begin && starts[0] < first_t;
}

std::optional<double> ShareAtFirst(bool counter, double first, double growth) {
  if (!counter || !(growth > 0) || !(first >= 0)) return std::nullopt;
  return first / growth;
}

bool Overlaps(TimestampMs previous_start, TimestampMs previous_t, TimestampMs start) {
  return start != 0 && start < previous_t && start != previous_start;
}

PointValue FloatRate(const RangeWindow& w, RangeCall& call, bool counter) {
  const FloatSpan& f = w.floats;
  const size_t n = f.size();
  double growth = f.v[n - 1] - f.v[0];
  if (counter) {
    bool overlap_noted = false;
    for (size_t i = 1; i < n; ++i) {
      bool reset = f.v[i] < f.v[i - 1];
      if (!f.starts.empty()) {
        if (!overlap_noted && Overlaps(f.starts[i - 1], f.t[i - 1], f.starts[i])) {
          call.notes->AddStartTimeOverlap(call.metric, call.position);
          overlap_noted = true;
        }
        reset = reset || IsStartTimestampReset(f.starts[i - 1], f.t[i - 1], f.starts[i], f.t[i]);
      }
      if (reset) growth += f.v[i - 1];
    }
  }
  const Coverage coverage{w.begin, w.end, f.t[0], f.t[n - 1], f.count() - 1};
  double factor;
  if (counter && StartsInWindow(f.starts, w.begin, f.t[0])) {
    growth += f.v[0];
    factor = FactorSinceStart(coverage, f.starts[0]);
  } else if (n < 2) {
    return PointValue::None();
  } else {
    factor = ExtrapolationFactor(coverage, ShareAtFirst(counter, f.v[0], growth));
  }
  if (call.function == FunctionId::kRate) factor /= Seconds(call.range);
  return PointValue::Float(growth * factor);
}

bool HistogramReset(const HistogramsSpan& s, size_t i) {
  const bool by_start =
      !s.starts.empty() && IsStartTimestampReset(s.starts[i - 1], s.t[i - 1], s.starts[i], s.t[i]);
  if (by_start) return true;
  return s.resets.empty() ? DetectReset(*s.h[i], *s.h[i - 1]) : s.resets[i] != 0;
}

void NoteReconciled(const CombineResult& result, HistogramOperation operation, RangeCall& call) {
  if (result.bounds_reconciled) call.Note(MismatchedCustomBuckets(operation));
}

// The growth between the first and the last of at least two histograms. nullopt: they do not
// combine (noted).
std::optional<Histogram> HistogramGrowth(const HistogramsSpan& s, bool counter, RangeCall& call) {
  const size_t n = s.size();
  const Histogram& last = *s.h[n - 1];
  // If the series starts anew after the first sample, that sample's layout does not matter.
  const bool first_is_void = counter && HistogramReset(s, 1);
  Histogram void_first;
  if (first_is_void) {
    void_first.schema = s.h[1]->schema;
    void_first.custom_values = s.h[1]->custom_values;
  }
  const Histogram& first = first_is_void ? void_first : *s.h[0];
  const auto is_gauge = [&](size_t i) { return s.h[i]->reset_hint == ResetHint::kGauge; };
  if (counter && (is_gauge(0) || is_gauge(n - 1))) call.Note(NotACounter(call.metric));
  const bool custom = UsesCustomBuckets(first);
  if (UsesCustomBuckets(last) != custom) {
    call.Note(MixedExponentialCustom(call.metric));
    return std::nullopt;
  }
  int32_t schema = std::min(last.schema, first.schema);
  for (size_t i = 1; counter && i + 1 < n; ++i) {
    if (is_gauge(i)) call.Note(NotACounter(call.metric));
    schema = std::min(schema, s.h[i]->schema);
    if (UsesCustomBuckets(*s.h[i]) != custom) {
      call.Note(MixedExponentialCustom(call.metric));
      return std::nullopt;
    }
  }
  Histogram growth = last;
  if (!custom) ReduceResolution(growth, schema);
  NoteReconciled(Subtract(growth, first), HistogramOperation::kSubtraction, call);
  if (counter) {
    bool overlap_noted = false;
    for (size_t i = 1; i < n; ++i) {
      if (!overlap_noted && !s.starts.empty() &&
          Overlaps(s.starts[i - 1], s.t[i - 1], s.starts[i])) {
        call.notes->AddStartTimeOverlap(call.metric, call.position);
        overlap_noted = true;
      }
      if ((i == 1 && first_is_void) || !HistogramReset(s, i)) continue;
      NoteReconciled(Add(growth, *s.h[i - 1]), HistogramOperation::kAddition, call);
    }
  } else if (!is_gauge(0) || !is_gauge(n - 1)) {
    call.Note(NotAGauge(call.metric));
  }
  growth.reset_hint = ResetHint::kGauge;
  Compact(growth);
  return growth;
}

PointValue HistogramRate(const RangeWindow& w, RangeCall& call, bool counter) {
  const HistogramsSpan& s = w.histograms;
  const size_t n = s.size();
  std::optional<Histogram> growth;
  if (n > 1) {
    growth = HistogramGrowth(s, counter, call);
    if (!growth) return PointValue::None();
  }
  const Coverage coverage{w.begin, w.end, s.t[0], s.t[n - 1], n - 1};
  double factor;
  if (counter && StartsInWindow(s.starts, w.begin, s.t[0])) {
    if (!growth) {
      growth = *s.h[0];
    } else {
      const CombineResult added = Add(*growth, *s.h[0]);
      if (!added.compatible) {
        call.Note(MixedExponentialCustom(call.metric));
        return PointValue::None();
      }
      NoteReconciled(added, HistogramOperation::kAddition, call);
    }
    factor = FactorSinceStart(coverage, s.starts[0]);
  } else if (!growth) {
    return PointValue::None();
  } else {
    factor = ExtrapolationFactor(coverage, ShareAtFirst(counter, s.h[0]->count, growth->count));
  }
  if (call.function == FunctionId::kRate) factor /= Seconds(call.range);
  Multiply(*growth, factor);
  return PointValue::Of(std::move(*growth));
}

// --- all windows of a series ---

// Everything about the windows that does not depend on values: which samples are at their edges,
// and the factor as long as no counter began within them.
void FindEdges(const FloatSpan& s, const StepWindows& windows, const RangeCall& call,
               KernelScratch& out) {
  const size_t steps = windows.steps();
  const double divisor = call.function == FunctionId::kRate ? Seconds(call.range) : 1;
  out.windows = s.hidden.empty() ? windows.number : 0;
  out.first.assign(steps, 0);
  out.last.assign(steps, 0);
  for (auto* column : {&out.sampled, &out.to_start, &out.to_end, &out.factor}) {
    column->assign(steps, 0);
  }
  out.present.Reset(steps);
  for (size_t step = 0; step < steps; ++step) {
    const uint32_t lo = windows.lo[step], hi = windows.hi[step];
    if (hi < lo + 2) continue;
    const TimestampMs end = windows.End(step);
    const Extrapolation e =
        Extrapolate({end - windows.range, end, s.t[lo], s.t[hi - 1], s.CountOf(lo, hi) - 1});
    out.first[step] = lo;
    out.last[step] = hi - 1;
    out.sampled[step] = e.sampled;
    out.to_start[step] = e.to_start;
    out.to_end[step] = e.to_end;
    out.factor[step] = e.Factor() / divisor;
    out.present.Set(step);
  }
}

void GaugeGrowth(const FloatSpan& s, const KernelScratch& edges, Column& out) {
  for (size_t step = 0; step < edges.first.size(); ++step) {
    out.values[step] = (s.v[edges.last[step]] - s.v[edges.first[step]]) * edges.factor[step];
  }
}

// Where a counter fell. Eight at a time are compared without a branch.
void FindResets(std::span<const double> v, std::vector<uint32_t>& out) {
  size_t i = 1;
  for (; i + 8 <= v.size(); i += 8) {
    int fallen = 0;
    for (size_t k = i; k < i + 8; ++k) fallen |= int(v[k] < v[k - 1]);
    if (fallen == 0) continue;
    for (size_t k = i; k < i + 8; ++k) {
      if (v[k] < v[k - 1]) out.push_back(uint32_t(k));
    }
  }
  for (; i < v.size(); ++i) {
    if (v[i] < v[i - 1]) out.push_back(uint32_t(i));
  }
}

// A counter that was zero before the edge of the window: the factor that it has then. Most were
// not, which is seen without a division.
inline double CounterFactor(const KernelScratch& edges, size_t step, double first, double growth,
                            double divisor) {
  constexpr double kSurely = 1 + 1e-10;  // more than what rounding can be about
  const bool may_clamp = growth > 0 && first >= 0 &&
                         !(first * edges.sampled[step] > edges.to_start[step] * growth * kSurely);
  if (!may_clamp) [[likely]]
    return edges.factor[step];
  Extrapolation e{edges.sampled[step], edges.to_start[step], edges.to_end[step]};
  e.StartAtZero(first / growth);
  return e.Factor() / divisor;
}

void CounterGrowth(const FloatSpan& s, const KernelScratch& edges, RangeCall& call, Column& out) {
  const double divisor = call.function == FunctionId::kRate ? Seconds(call.range) : 1;
  const size_t steps = edges.first.size();
  std::vector<uint32_t> resets;
  FindResets(s.v, resets);
  if (resets.empty()) {
    for (size_t step = 0; step < steps; ++step) {
      const double first = s.v[edges.first[step]];
      const double growth = s.v[edges.last[step]] - first;
      out.values[step] = growth * CounterFactor(edges, step, first, growth, divisor);
    }
    return;
  }
  size_t next = 0;  // the first reset that is in the window
  for (size_t step = 0; step < steps; ++step) {
    const uint32_t first = edges.first[step], last = edges.last[step];
    if (first == last) continue;
    double growth = s.v[last] - s.v[first];
    while (next < resets.size() && resets[next] <= first) ++next;
    size_t r = next;
    for (; r < resets.size() && resets[r] <= last; ++r) growth += s.v[resets[r] - 1];
    if (!call.Spend(r - next)) return;
    out.values[step] = growth * CounterFactor(edges, step, s.v[first], growth, divisor);
  }
}

// --- irate, idelta ---

struct LastSample {
  TimestampMs t = 0, start = 0;
  double v = 0;
  const Histogram* h = nullptr;
};

// The last two samples of either kind, older first. At equal times the histogram is the older one.
bool LastTwo(const RangeWindow& w, LastSample& older, LastSample& newer) {
  const FloatSpan& f = w.floats;
  const HistogramsSpan& s = w.histograms;
  if (f.size() + s.size() < 2) return false;
  size_t i = f.size(), j = s.size();
  const auto take = [&] {
    LastSample out;
    if (i > 0 && (j == 0 || f.t[i - 1] >= s.t[j - 1])) {
      --i;
      out = {f.t[i], f.starts.empty() ? 0 : f.starts[i], f.v[i], nullptr};
    } else {
      --j;
      out = {s.t[j], s.starts.empty() ? 0 : s.starts[j], 0, s.h[j].get()};
    }
    return out;
  };
  newer = take();
  older = take();
  return newer.t != older.t;
}

PointValue InstantHistogramRate(const LastSample& a, const LastSample& b, bool rate,
                                RangeCall& call) {
  const bool gauge_a = a.h->reset_hint == ResetHint::kGauge;
  const bool gauge_b = b.h->reset_hint == ResetHint::kGauge;
  if (rate && (gauge_a || gauge_b)) call.Note(NotACounter(call.metric));
  if (!rate && (!gauge_a || !gauge_b)) call.Note(NotAGauge(call.metric));
  Histogram out = *b.h;
  const bool reset =
      rate && (IsStartTimestampReset(a.start, a.t, b.start, b.t) || DetectReset(*b.h, *a.h));
  if (!reset) {
    const CombineResult result = Subtract(out, *a.h);
    if (!result.compatible) {
      call.Note(MixedExponentialCustom(call.metric));
      return PointValue::None();
    }
    NoteReconciled(result, HistogramOperation::kSubtraction, call);
  }
  out.reset_hint = ResetHint::kGauge;
  Compact(out);
  if (rate) Divide(out, Seconds(b.t - a.t));
  return PointValue::Of(std::move(out));
}

}  // namespace

bool IsStartTimestampReset(TimestampMs previous_start, TimestampMs previous_t, TimestampMs start,
                           TimestampMs t) {
  // 0 is unknown, later than the sample is nonsense, and OpenTelemetry writes the sample's own time
  // for unknown.
  if (start == 0 || start >= t || start < previous_t) return false;
  if (start > previous_t) return true;
  // It starts at the previous sample. So do deltas; so does a cumulative series of unknown start,
  // but then the previous sample's start is unknown too.
  return previous_start != 0 && previous_start < previous_t;
}

PointValue RateKernel(const RangeWindow& w, RangeCall& call) {
  if (!w.floats.empty() && !w.histograms.empty()) {
    call.Note(MixedFloatsHistograms(call.metric));
    return PointValue::None();
  }
  if (call.mode != RangeMode::kPlain) return ExtendedRateKernel(w, call);
  const bool counter = IsCounterFunction(call.function);
  if (!w.histograms.empty()) return HistogramRate(w, call, counter);
  return w.floats.empty() ? PointValue::None() : FloatRate(w, call, counter);
}

void SlidingRate(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out) {
  if (s.empty() || !call.Spend(windows.steps())) return;
  KernelScratch own;
  KernelScratch& edges = call.scratch != nullptr ? *call.scratch : own;
  const bool known = windows.number != 0 && windows.number == edges.windows && s.hidden.empty();
  if (!known) FindEdges(s, windows, call, edges);
  if (!IsCounterFunction(call.function)) {
    GaugeGrowth(s, edges, out);
  } else {
    CounterGrowth(s, edges, call, out);
  }
  out.present = edges.present;
}

PointValue InstantRateKernel(const RangeWindow& w, RangeCall& call) {
  LastSample a, b;
  if (!LastTwo(w, a, b)) return PointValue::None();
  const bool rate = call.function == FunctionId::kIrate;
  if ((a.h == nullptr) != (b.h == nullptr)) {
    call.Note(MixedFloatsHistograms(call.metric));
    return PointValue::None();
  }
  if (b.h != nullptr) return InstantHistogramRate(a, b, rate, call);
  const bool reset = rate && (b.v < a.v || IsStartTimestampReset(a.start, a.t, b.start, b.t));
  const double growth = reset ? b.v : b.v - a.v;
  return PointValue::Float(rate ? growth / Seconds(b.t - a.t) : growth);
}

void SlidingInstantRate(FloatSpan s, const StepWindows& windows, RangeCall& call, Column& out) {
  const bool rate = call.function == FunctionId::kIrate;
  for (size_t step = 0; step < windows.steps(); ++step) {
    const uint32_t lo = windows.lo[step], hi = windows.hi[step];
    if (!call.Spend(0)) return;
    if (hi < lo + 2) continue;
    const double a = s.v[hi - 2], b = s.v[hi - 1];
    const DurationMs interval = s.t[hi - 1] - s.t[hi - 2];
    if (interval == 0) continue;
    const double growth = rate && b < a ? b : b - a;
    out.SetFloat(step, rate ? growth / Seconds(interval) : growth);
  }
}

}  // namespace slowburn::query
