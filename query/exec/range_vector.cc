#include "query/exec/range_vector.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "query/exec/merge.h"
#include "query/exec/metadata_labels.h"
#include "query/exec/sample_source.h"
#include "query/functions/rate.h"
#include "query/histogram/arithmetic.h"

namespace slowburn::query {
namespace {

double ValueAtEdge(const SampleBuffer& s, size_t before, size_t after, TimestampMs t) {
  return Interpolate(s.float_times[before], s.floats[before], s.float_times[after], s.floats[after],
                     t);
}

// Replaces the samples outside (begin, end] by one at each edge: the nearest sample's value, or,
// smoothed, the interpolated one.
void ExtendToEdges(SampleBuffer& s, TimestampMs begin, TimestampMs end, bool smoothed) {
  auto& t = s.float_times;
  if (t.empty()) return;
  size_t first = size_t(std::upper_bound(t.begin(), t.end() - 1, begin) - t.begin());
  first = first == 0 ? 0 : first - 1;
  size_t last = t.size() - 1;
  if (smoothed) last = size_t(std::lower_bound(t.begin(), t.end() - 1, end) - t.begin());
  if (t[last] <= begin) {
    s.Clear();
    return;
  }
  const double left =
      smoothed && t[first] < begin ? ValueAtEdge(s, first, first + 1, begin) : s.floats[first];
  const double right =
      smoothed && last > 0 && t[last] > end ? ValueAtEdge(s, last - 1, last, end) : s.floats[last];
  SampleBuffer out;
  out.AddFloat(begin, left);
  for (size_t i = t[first] <= begin ? first + 1 : first; i <= last && t[i] < end; ++i) {
    out.AddFloat(t[i], s.floats[i]);
  }
  out.AddFloat(end, right);
  s = std::move(out);
}

size_t BytesOfSeries(int64_t weight) {
  return sizeof(Series) + BytesOfLabels(1) + size_t(weight) * sizeof(tsdb::Sample);
}

Series ToSeries(const tsdb::Labels& labels, const Column& column, const Timeline& timeline) {
  Series series;
  series.labels = labels;
  if (!column.has_histograms()) series.floats.reserve(column.present.Count());
  column.present.ForEach([&](size_t step) {
    const TimestampMs t = timeline.At(step);
    if (column.HistogramAt(step) != nullptr) {
      series.histograms.push_back({t, column.histograms[step]});
    } else {
      series.floats.push_back({t, column.values[step]});
    }
  });
  return series;
}

}  // namespace

absl::StatusOr<std::vector<Series>> ReadRangeVector(QueryContext& ctx, const SelectorNode& selector,
                                                    MemoryHold& answer) {
  const std::unique_ptr<SampleSource> source = NewStorageSource(ctx, selector, false);
  RETURN_IF_ERROR(source->Open());
  const TimestampMs end = selector.reference.Of(selector.timeline.start);
  std::vector<Series> out;
  SampleBuffer buffer;
  MemoryHold held(ctx.memory);
  for (size_t i = 0; i < source->series().size(); ++i) {
    RETURN_IF_ERROR(ctx.CheckAlive());
    RETURN_IF_ERROR(source->Load(i, ctx.meter, held, buffer));
    if (selector.mode != RangeMode::kPlain) {
      const bool smoothed = selector.mode == RangeMode::kSmoothed;
      if (!buffer.histograms.empty()) {
        return absl::FailedPreconditionError(
            smoothed ? "smoothed modifier is not supported with histograms"
                     : "anchored modifier is not supported with histograms");
      }
      ExtendToEdges(buffer, end - selector.range, end, smoothed);
    }
    Series series;
    series.labels = source->series()[i];
    auto weight = int64_t(buffer.floats.size());
    for (size_t k = 0; k < buffer.floats.size(); ++k) {
      series.floats.push_back({buffer.float_times[k], buffer.floats[k]});
    }
    for (size_t k = 0; k < buffer.histograms.size(); ++k) {
      weight += SampleWeight(*buffer.histograms[k]);
      series.histograms.push_back({buffer.histogram_times[k], buffer.histograms[k]});
    }
    ctx.Count(0, weight, weight);
    RETURN_IF_ERROR(ctx.Charge(weight));
    RETURN_IF_ERROR(answer.Add(BytesOfSeries(weight)));
    if (weight > 0) out.push_back(std::move(series));
  }
  return out;
}

absl::StatusOr<std::vector<Series>> CollectSeries(QueryContext& ctx, Operator& op,
                                                  MemoryHold& answer) {
  RETURN_IF_ERROR(op.Open());
  MemoryHold columns(ctx.memory);  // of the merger
  std::vector<Series> out;
  std::optional<SeriesMerger> merger;
  if (ctx.options.delayed_name_removal) merger.emplace();
  Column column;
  for (size_t i = 0; i < op.series().size(); ++i) {
    RETURN_IF_ERROR(op.Read(i, column));
    if (!column.present.Any()) continue;
    const int64_t weight = WeightOf(column);
    RETURN_IF_ERROR(answer.Add(BytesOfSeries(weight)));
    if (!merger) {
      out.push_back(ToSeries(op.series()[i], column, op.timeline()));
      continue;
    }
    RETURN_IF_ERROR(columns.Add(BytesOfColumn(column, weight)));
    tsdb::Labels labels = column.drop_name ? DropMetadata(op.series()[i]) : op.series()[i];
    RETURN_IF_ERROR(merger->Add(std::move(labels), std::move(column)));
    column = Column();
  }
  if (!merger) return out;
  Block block = merger->Take();
  for (size_t i = 0; i < block.size(); ++i) {
    out.push_back(ToSeries(block.series[i], block.columns[i], op.timeline()));
    block.columns[i] = Column();
  }
  return out;
}

}  // namespace slowburn::query
