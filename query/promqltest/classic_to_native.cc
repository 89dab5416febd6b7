#include "query/promqltest/classic_to_native.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/number.h"
#include "base/status_macros.h"
#include "query/histogram/arithmetic.h"

namespace slowburn::query {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What one classic histogram says at one time.
struct ClassicHistogram {
  std::map<double, double> cumulative;  // by upper bound
  std::optional<double> count;
  double sum = 0;
};

enum class Part { kNone, kBucket, kCount, kSum };

Part PartOf(std::string_view metric, std::string_view& base) {
  const auto ends = [&](std::string_view suffix) {
    if (!metric.ends_with(suffix)) return false;
    base = metric.substr(0, metric.size() - suffix.size());
    return true;
  };
  if (ends("_bucket")) return Part::kBucket;
  if (ends("_count")) return Part::kCount;
  if (ends("_sum")) return Part::kSum;
  return Part::kNone;
}

absl::StatusOr<tsdb::HistogramPtr> Convert(ClassicHistogram classic) {
  const double count = classic.count.has_value()    ? *classic.count
                       : classic.cumulative.empty() ? 0
                                                    : classic.cumulative.rbegin()->second;
  classic.cumulative.try_emplace(kInfinity, count);
  auto h = std::make_shared<tsdb::Histogram>();
  h->schema = tsdb::kCustomBucketsSchema;
  h->count = count;
  h->sum = classic.sum;
  double below = 0;
  for (const auto& [bound, cumulative] : classic.cumulative) {
    if (cumulative < below) {
      return absl::InvalidArgumentError("the classic histogram is not cumulative at le=" +
                                        base::FormatFloat(bound));
    }
    h->positive_buckets.push_back(cumulative - below);
    if (bound != kInfinity) h->custom_values.push_back(bound);
    below = cumulative;
  }
  if (below != count && !(std::isnan(below) && std::isnan(count))) {
    return absl::InvalidArgumentError("the classic histogram has count " +
                                      base::FormatFloat(count) + " but its last bucket has " +
                                      base::FormatFloat(below));
  }
  h->positive_spans = {{0, uint32_t(h->positive_buckets.size())}};
  Compact(*h);
  return tsdb::HistogramPtr(std::move(h));
}

}  // namespace

absl::StatusOr<LoadedSeries> ClassicToNative(const LoadedSeries& series) {
  std::map<tsdb::Labels, std::map<tsdb::TimestampMs, ClassicHistogram>> found;
  for (const auto& [labels, samples] : series) {
    std::string_view name;
    const Part part = PartOf(labels.metric_name(), name);
    double bound = 0;
    if (part == Part::kNone) continue;
    if (part == Part::kBucket &&
        (!base::ParseFloat(labels.Get("le"), bound) || std::isnan(bound))) {
      continue;
    }
    const tsdb::Labels base_labels =
        tsdb::LabelsBuilder(labels).Set(tsdb::kMetricName, name).Del("le").Build();
    auto& by_time = found[base_labels];
    for (const LoadedSample& sample : samples) {
      if (sample.value.histogram != nullptr) continue;
      ClassicHistogram& classic = by_time[sample.t];
      const double v = sample.value.value;
      if (part == Part::kBucket) classic.cumulative.try_emplace(bound, v);
      if (part == Part::kCount) classic.count = v;
      if (part == Part::kSum) classic.sum = v;
    }
  }
  LoadedSeries out;
  for (auto& [labels, by_time] : found) {
    std::vector<LoadedSample>& samples = out[labels];
    for (auto& [t, classic] : by_time) {
      SequenceValue value;
      ASSIGN_OR_RETURN(value.histogram, Convert(std::move(classic)));
      samples.push_back({t, std::move(value), 0});
    }
  }
  return out;
}

}  // namespace slowburn::query
