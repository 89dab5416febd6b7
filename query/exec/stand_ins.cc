#include "query/exec/stand_ins.h"

#include <algorithm>
#include <cmath>

namespace slowburn::query {
namespace {

// Half of 2^53: a run that is whole is below 2^53 by itself, and so is what it is added to.
constexpr double kExactBelow = 4503599627370496.0;

}  // namespace

StandInRule::StandInRule(StandIns needs, const Timeline& timeline, const Reference& reference,
                         DurationMs range, SampleBuffer& out)
    : needs_(needs),
      steps_(reference.at ? std::min<int64_t>(1, int64_t(timeline.steps()))
                          : int64_t(timeline.steps())),
      step_(timeline.step),
      range_(range),
      first_end_(reference.Of(timeline.start)),
      out_(out) {}

// Whether one of from, from + step, … divides the samples from `first` to `last`. A sample at an
// edge is before it.
bool StandInRule::HasEdge(TimestampMs from, TimestampMs first, TimestampMs last) const {
  const int64_t i = first <= from ? 0 : (first - from + step_ - 1) / step_;
  return i < steps_ && from + i * step_ < last;
}

// Only where it matters: most windows are too short for whole runs.
bool StandInRule::AllWhole() {
  for (; whole_ && seen_ < out_.floats.size(); ++seen_) {
    const double v = out_.floats[seen_];
    magnitude_ += std::fabs(v);
    whole_ = magnitude_ < kExactBelow && v == double(int64_t(v));
  }
  return whole_;
}

bool StandInRule::operator()(const tsdb::SampleSummary& run) {
  if (HasEdge(first_end_, run.first_t, run.last_t)) return false;
  if (HasEdge(first_end_ - range_, run.first_t, run.last_t)) return false;
  switch (needs_) {
    case StandIns::kNone:
      return false;
    case StandIns::kEnds:
    case StandIns::kMin:
    case StandIns::kMax:
      return true;
    case StandIns::kGrowth:
      return run.resets <= 1;  // of several, the order of adding up would be another
    case StandIns::kSum:
      return run.whole && AllWhole() && magnitude_ + std::fabs(run.sum) < kExactBelow;
  }
  return false;
}

void StandInRule::Replace(const tsdb::SampleSummary& run) {
  SampleBuffer& out = out_;
  const size_t before = out.floats.size();
  if (out.hidden.empty()) out.hidden.assign(before + 1, 0);
  switch (needs_) {
    case StandIns::kNone:
      return;
    case StandIns::kMin:
      out.AddFloat(run.first_t, run.min);
      break;
    case StandIns::kMax:
      out.AddFloat(run.first_t, run.max);
      break;
    case StandIns::kSum:
      out.AddFloat(run.first_t, run.sum);
      break;
    case StandIns::kEnds:
    case StandIns::kGrowth:
      out.AddFloat(run.first_t, run.first);
      if (run.count == 1) break;
      if (needs_ == StandIns::kGrowth && run.resets == 1) {
        // Up to the value before the reset, down below it, and up to the last value.
        out.AddFloat(run.first_t, run.reset_correction);
        out.AddFloat(run.last_t, run.min);
      }
      out.AddFloat(run.last_t, run.last);
      break;
  }
  // Less than none are hidden where the run is shorter than what stands for it.
  const size_t added = out.floats.size() - before;
  out.hidden.insert(out.hidden.end(), added,
                    out.hidden.back() + int64_t(run.count) - int64_t(added));
}

}  // namespace slowburn::query
