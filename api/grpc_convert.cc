#include "api/grpc_convert.h"

#include <algorithm>

namespace slowburn::api {
namespace {

void SetLabels(const tsdb::Labels& labels, v1::SeriesBatch& batch) {
  for (const tsdb::LabelView label : labels) {
    prompb::Label* out = batch.add_labels();
    out->set_name(label.name.data(), label.name.size());
    out->set_value(label.value.data(), label.value.size());
  }
}

// Results of queries are float histograms, whatever the sender stored.
void SetHistogram(const query::HistogramPoint& point, prompb::Histogram& out) {
  const tsdb::Histogram& h = *point.h;
  out.set_timestamp(point.t);
  out.set_count_float(h.count);
  out.set_zero_count_float(h.zero_count);
  out.set_sum(h.sum);
  out.set_schema(h.schema);
  out.set_zero_threshold(h.zero_threshold);
  out.set_reset_hint(prompb::Histogram::ResetHint(h.reset_hint));
  const auto add_spans = [](const std::vector<tsdb::HistogramSpan>& spans, auto* list) {
    for (const tsdb::HistogramSpan& span : spans) {
      prompb::BucketSpan* added = list->Add();
      added->set_offset(span.offset);
      added->set_length(span.length);
    }
  };
  add_spans(h.positive_spans, out.mutable_positive_spans());
  add_spans(h.negative_spans, out.mutable_negative_spans());
  out.mutable_positive_counts()->Add(h.positive_buckets.begin(), h.positive_buckets.end());
  out.mutable_negative_counts()->Add(h.negative_buckets.begin(), h.negative_buckets.end());
  out.mutable_custom_values()->Add(h.custom_values.begin(), h.custom_values.end());
}

bool StreamSeries(const query::Series& series,
                  const std::function<bool(const v1::SeriesBatch&)>& send) {
  for (size_t i = 0; i < series.floats.size();) {
    v1::SeriesBatch batch;
    SetLabels(series.labels, batch);
    const size_t end = std::min(series.floats.size(), i + kMaxPointsPerBatch);
    for (; i < end; ++i) {
      batch.add_timestamps_ms(series.floats[i].t);
      batch.add_values(series.floats[i].v);
    }
    if (!send(batch)) return false;
  }
  for (size_t i = 0; i < series.histograms.size();) {
    v1::SeriesBatch batch;
    SetLabels(series.labels, batch);
    const size_t end = std::min(series.histograms.size(), i + kMaxPointsPerBatch / 10);
    for (; i < end; ++i) SetHistogram(series.histograms[i], *batch.add_histograms());
    if (!send(batch)) return false;
  }
  return true;
}

const char* TypeName(query::ValueType type) {
  switch (type) {
    case query::ValueType::kScalar:
      return "scalar";
    case query::ValueType::kVector:
      return "vector";
    case query::ValueType::kMatrix:
      return "matrix";
    case query::ValueType::kString:
      return "string";
    case query::ValueType::kNone:
      return "none";
  }
  return "none";
}

}  // namespace

void StreamResult(const query::QueryResult& result,
                  const std::function<bool(const v1::SeriesBatch&)>& send) {
  if (result.type == query::ValueType::kScalar) {
    v1::SeriesBatch batch;
    batch.add_timestamps_ms(result.scalar.t);
    batch.add_values(result.scalar.v);
    if (!send(batch)) return;
  }
  for (const query::Series& series : result.series) {
    if (!StreamSeries(series, send)) return;
  }
  v1::SeriesBatch last;
  v1::QueryEnd& end = *last.mutable_end();
  end.set_result_type(TypeName(result.type));
  end.set_string_value(result.string);
  for (const std::string& text : result.annotations.warnings) end.add_warnings(text);
  for (const std::string& text : result.annotations.infos) end.add_infos(text);
  end.set_samples_total(result.stats.samples_total);
  end.set_samples_peak(result.stats.samples_peak);
  end.set_seconds(result.stats.total_seconds);
  send(last);
}

}  // namespace slowburn::api
