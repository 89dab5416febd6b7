#include "query/annotation_set.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/number.h"
#include "query/parser/parser.h"
#include "query/parser/quote.h"

namespace slowburn::query {
namespace {

std::string General(double v) { return base::FormatFloat(v, base::FloatStyle::kGeneral); }

Annotation Warning(std::string text) { return {Severity::kWarning, std::move(text)}; }
Annotation Info(std::string text) { return {Severity::kInfo, std::move(text)}; }

std::string WithMetric(std::string text, std::string_view metric) {
  if (!metric.empty()) text += " for metric name " + GoQuote(metric);
  return text;
}

std::string_view Describe(HistogramOperation operation) {
  switch (operation) {
    case HistogramOperation::kAddition:
      return "addition";
    case HistogramOperation::kSubtraction:
      return "subtraction";
    case HistogramOperation::kAggregation:
      return "aggregation";
  }
  return "";
}

std::string TwoDigits(double v) {
  if (std::isinf(v) || std::isnan(v)) return General(v);
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.2g", v);
  return buffer;
}

}  // namespace

Annotation InvalidQuantile(double q) {
  return Warning("quantile value should be between 0 and 1, got " + General(q));
}
Annotation InvalidRatio(double ratio, double capped_to) {
  return Warning("ratio value should be between -1 and 1, got " + General(ratio) + ", capping to " +
                 General(capped_to));
}
Annotation BadBucketLabel(std::string_view metric, std::string_view le) {
  return Warning(WithMetric(
      "bucket label \"le\" is missing or has a malformed value of " + GoQuote(le), metric));
}
Annotation MixedFloatsHistograms(std::string_view metric) {
  return Warning("encountered a mix of histograms and floats for metric name " + GoQuote(metric));
}
Annotation MixedFloatsHistogramsInAggregation() {
  return Warning("encountered a mix of histograms and floats for aggregation");
}
Annotation MixedClassicNative(std::string_view metric) {
  return Warning(WithMetric("vector contains a mix of classic and native histograms", metric));
}
Annotation NotACounter(std::string_view metric) {
  return Warning("this native histogram metric is not a counter: " + GoQuote(metric));
}
Annotation NotAGauge(std::string_view metric) {
  return Warning("this native histogram metric is not a gauge: " + GoQuote(metric));
}
Annotation MixedExponentialCustom(std::string_view metric) {
  return Warning(
      "vector contains a mix of histograms with exponential and custom buckets schemas for metric "
      "name " +
      GoQuote(metric));
}
Annotation IncompatibleBucketLayout(std::string_view op) {
  return Warning("incompatible bucket layout encountered for binary operator " + std::string(op));
}
Annotation SortInRangeQuery() {
  return Warning(
      "sort is ineffective for range queries since results are always ordered by labels");
}
Annotation CounterResetCollision(HistogramOperation operation) {
  return Warning("conflicting counter resets during histogram " + std::string(Describe(operation)));
}
Annotation PossibleNonCounter(std::string_view metric) {
  return Info("metric might not be a counter, name does not end in _total/_sum/_count/_bucket: " +
              GoQuote(metric));
}
Annotation PossibleNonCounterByType(std::string_view metric, std::string_view type) {
  return Info(
      "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", "
      "got " +
      GoQuote(type) + ": " + GoQuote(metric));
}
Annotation IncompatibleTypes(std::string_view op, std::string_view left, std::string_view right) {
  return Info("incompatible sample types encountered for binary operator " + GoQuote(op) + ": " +
              std::string(left) + " " + std::string(op) + " " + std::string(right));
}
Annotation HistogramIgnoredInAggregation(std::string_view aggregation) {
  return Info("ignored histogram in " + std::string(aggregation) + " aggregation");
}
Annotation HistogramIgnoredInMixedRange(std::string_view metric) {
  return Info(
      "ignored histograms in a range containing both floats and histograms for metric name " +
      GoQuote(metric));
}
Annotation QuantileOfNanIsNan(std::string_view metric) {
  return Info(
      WithMetric("input to histogram_quantile has NaN observations, result is NaN", metric));
}
Annotation QuantileSkewedByNan(std::string_view metric) {
  return Info(WithMetric(
      "input to histogram_quantile has NaN observations, result is skewed higher", metric));
}
Annotation FractionExcludesNan(std::string_view metric) {
  return Info(WithMetric(
      "input to histogram_fraction has NaN observations, which are excluded from all fractions",
      metric));
}
Annotation MismatchedCustomBuckets(HistogramOperation operation) {
  return Info("mismatched custom buckets were reconciled during " +
              std::string(Describe(operation)));
}

namespace {

void Widen(ForcedMonotonicity& all, const ForcedMonotonicity& how) {
  all.min_time = std::min(all.min_time, how.min_time);
  all.max_time = std::max(all.max_time, how.max_time);
  all.min_bucket = std::min(all.min_bucket, how.min_bucket);
  all.max_bucket = std::max(all.max_bucket, how.max_bucket);
  all.max_diff = std::max(all.max_diff, how.max_diff);
  all.count += how.count;
}

}  // namespace

AnnotationSet::Entry& AnnotationSet::Find(Annotation annotation, Position position, bool& fresh) {
  const auto [it, inserted] = by_text_.try_emplace(annotation.text, entries_.size());
  fresh = inserted;
  if (inserted) {
    Entry entry;
    entry.annotation = std::move(annotation);
    entries_.push_back(std::move(entry));
  }
  Entry& entry = entries_[it->second];
  entry.position = position;
  return entry;
}

void AnnotationSet::Add(Annotation annotation, Position position) {
  bool fresh;
  Find(std::move(annotation), position, fresh);
}

void AnnotationSet::AddForcedMonotonicity(std::string_view metric, Position position,
                                          const ForcedMonotonicity& how) {
  bool fresh;
  Entry& entry =
      Find(Info(WithMetric("input to histogram_quantile needed to be fixed for monotonicity (see "
                           "https://prometheus.io/docs/prometheus/latest/querying/functions/"
                           "#histogram_quantile)",
                           metric)),
           position, fresh);
  entry.detail = Entry::Detail::kMonotonicity;
  if (fresh) {
    entry.monotonicity = how;
    return;
  }
  Widen(entry.monotonicity, how);
}

void AnnotationSet::AddStartTimeOverlap(std::string_view metric, Position position) {
  bool fresh;
  Entry& entry = Find(
      Warning("sample has start time that overlaps with previous sample timestamp for metric " +
              GoQuote(metric)),
      position, fresh);
  entry.detail = Entry::Detail::kOccurrences;
  if (!fresh) ++entry.occurrences;
}

void AnnotationSet::Merge(const AnnotationSet& later) {
  for (const Entry& from : later.entries_) {
    bool fresh;
    Entry& entry = Find(from.annotation, from.position, fresh);
    if (fresh) {
      entry = from;
      continue;
    }
    entry.occurrences += from.occurrences;
    if (from.detail == Entry::Detail::kMonotonicity) Widen(entry.monotonicity, from.monotonicity);
  }
}

Annotations AnnotationSet::Render(std::string_view query) const {
  Annotations out;
  for (const Entry& entry : entries_) {
    const bool warning = entry.annotation.severity == Severity::kWarning;
    std::string text = warning ? "PromQL warning: " : "PromQL info: ";
    text += entry.annotation.text;
    if (entry.detail == Entry::Detail::kMonotonicity) {
      const ForcedMonotonicity& m = entry.monotonicity;
      text += ", from buckets " + General(m.min_bucket) + " to " + General(m.max_bucket) +
              ", with a max diff of " + TwoDigits(m.max_diff) + ", over " +
              std::to_string(m.count) + " samples from " + base::FormatRfc3339(m.min_time, 0) +
              " to " + base::FormatRfc3339(m.max_time, 0);
    } else if (entry.detail == Entry::Detail::kOccurrences && entry.occurrences > 1) {
      text += " (" + std::to_string(entry.occurrences) + " occurrences)";
    }
    text += " (" + LineColumn(query, entry.position.begin) + ")";
    (warning ? out.warnings : out.infos).push_back(std::move(text));
  }
  return out;
}

}  // namespace slowburn::query
