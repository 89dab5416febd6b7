#include "query/exec/column_morsels.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "query/exec/operator.h"

namespace slowburn::query {
namespace {

// In points, of some 15 ns each: what a series costs by itself, and from what on threads are woken.
constexpr size_t kPointsOfSeries = 32;
constexpr size_t kSamplesPerPoint = 2;
constexpr size_t kMinPointsToShare = 49152;
constexpr DurationMs kSampleInterval = 30'000;        // a guess
constexpr size_t kSeriesPerMorsel = 32;               // or fewer, where they are long
constexpr size_t kMostMorselBytes = size_t{4} << 20;  // all that are under way

Morsels::Limits LimitsOf(const QueryContext& ctx) { return {ctx.threads(), 2 * ctx.threads()}; }

}  // namespace

bool ColumnMorsels::AreWorthIt(const QueryContext& ctx, size_t series, size_t steps,
                               size_t samples) {
  const size_t points = series * (kPointsOfSeries + steps + samples / kSamplesPerPoint);
  return points >= kMinPointsToShare && ctx.helpers() != nullptr && ctx.profile == nullptr &&
         !ctx.samples->counts_steps();
}

size_t ColumnMorsels::SamplesIn(DurationMs extent) {
  return size_t(std::max<DurationMs>(extent, 0) / kSampleInterval);
}

ColumnMorsels::ColumnMorsels(QueryContext& ctx, size_t series, size_t steps)
    : ctx_(ctx),
      series_(series),
      steps_(steps),
      limits_(LimitsOf(ctx)),
      per_morsel_(std::clamp(kMostMorselBytes / (limits_.ahead * BytesOfColumn(steps)), size_t{1},
                             kSeriesPerMorsel)),
      held_(ctx.memory) {}

absl::Status ColumnMorsels::Start(Fill fill) {
  RETURN_IF_ERROR(held_.Add(places() * BytesOfColumn(steps_)));
  results_.resize(limits_.ahead);
  const size_t count = (series_ + per_morsel_ - 1) / per_morsel_;
  morsels_.emplace(
      *ctx_.helpers(), count, limits_,
      [this, fill = std::move(fill)](size_t number, size_t worker) { Work(number, worker, fill); });
  return absl::OkStatus();
}

void ColumnMorsels::Work(size_t number, size_t worker, const Fill& fill) {
  Result& result = results_[number % results_.size()];
  const size_t begin = number * per_morsel_;
  const size_t n = std::min(per_morsel_, series_ - begin);
  result.columns.resize(n);
  result.status = absl::OkStatus();
  for (size_t k = 0; k < n && result.status.ok(); ++k) {
    result.columns[k].Reset(steps_);
    result.status = fill(begin + k, worker, result.columns[k]);
  }
}

absl::Status ColumnMorsels::Take(size_t i, Column& out) {
  const size_t number = i / per_morsel_, k = i % per_morsel_;
  Result& result = results_[number % results_.size()];
  if (k == 0) morsels_->Finish(number);
  RETURN_IF_ERROR(result.status);
  std::swap(out, result.columns[k]);
  return absl::OkStatus();
}

}  // namespace slowburn::query
