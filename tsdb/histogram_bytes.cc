#include "tsdb/histogram_bytes.h"

#include "tsdb/byte_writer.h"
#include "tsdb/record_sections.h"

namespace slowburn::tsdb {
namespace {

void AddSpans(std::string& out, const std::vector<HistogramSpan>& spans) {
  AddVarint(out, spans.size());
  for (const HistogramSpan& span : spans) {
    AddSigned(out, span.offset);
    AddVarint(out, span.length);
  }
}

void AddCounts(std::string& out, const std::vector<double>& counts) {
  AddVarint(out, counts.size());
  for (const double count : counts) AddDouble(out, count);
}

bool ReadSpans(ByteReader& in, std::vector<HistogramSpan>& spans) {
  uint64_t count = 0;
  if (!in.Count(2, count)) return false;
  for (uint64_t i = 0; i < count; ++i) {
    int64_t offset = 0;
    HistogramSpan span;
    if (!in.Signed(offset) || !in.Varint32(span.length) || offset != static_cast<int32_t>(offset))
      return in.Fail();
    span.offset = static_cast<int32_t>(offset);
    spans.push_back(span);
  }
  return true;
}

bool ReadCounts(ByteReader& in, std::vector<double>& counts) {
  uint64_t count = 0;
  if (!in.Count(sizeof(double), count)) return false;
  counts.resize(count);
  for (double& value : counts) {
    if (!in.Double(value)) return false;
  }
  return true;
}

void AddHead(std::string& out, const Histogram& h) {
  const int flags = (h.is_float ? kHistogramIsFloat : 0) | static_cast<int>(h.reset_hint)
                                                               << kHistogramHintShift;
  out += static_cast<char>(flags);
  AddSigned(out, h.schema);
}

bool ReadHead(ByteReader& in, Histogram& out) {
  uint8_t flags = 0;
  int64_t schema = 0;
  if (!in.Byte(flags) || !in.Signed(schema) || schema != static_cast<int32_t>(schema)) return false;
  out.is_float = (flags & kHistogramIsFloat) != 0;
  out.reset_hint = static_cast<Histogram::ResetHint>(flags >> kHistogramHintShift & 3);
  out.schema = static_cast<int32_t>(schema);
  return true;
}

}  // namespace

void AddHistogramBytes(std::string& out, const Histogram& h) {
  AddHead(out, h);
  for (const double value : {h.zero_threshold, h.zero_count, h.count, h.sum}) AddDouble(out, value);
  AddSpans(out, h.positive_spans);
  AddCounts(out, h.positive_buckets);
  AddSpans(out, h.negative_spans);
  AddCounts(out, h.negative_buckets);
  AddCounts(out, h.custom_values);
}

bool ReadHistogramBytes(ByteReader& in, Histogram& out) {
  if (!ReadHead(in, out)) return false;
  for (double* value : {&out.zero_threshold, &out.zero_count, &out.count, &out.sum}) {
    if (!in.Double(*value)) return false;
  }
  if (!ReadSpans(in, out.positive_spans) || !ReadCounts(in, out.positive_buckets) ||
      !ReadSpans(in, out.negative_spans) || !ReadCounts(in, out.negative_buckets) ||
      !ReadCounts(in, out.custom_values)) {
    return false;
  }
  return out.is_stale() || out.Validate().ok();
}

void AddHistogramLayout(std::string& out, const Histogram& h) {
  AddHead(out, h);
  AddDouble(out, h.zero_threshold);
  AddSpans(out, h.positive_spans);
  AddVarint(out, h.positive_buckets.size());
  AddSpans(out, h.negative_spans);
  AddVarint(out, h.negative_buckets.size());
  AddCounts(out, h.custom_values);
}

bool ReadHistogramLayout(ByteReader& in, Histogram& out) {
  uint64_t positive = 0, negative = 0;
  if (!ReadHead(in, out) || !in.Double(out.zero_threshold) || !ReadSpans(in, out.positive_spans) ||
      !in.Count(1, positive) || !ReadSpans(in, out.negative_spans) || !in.Count(1, negative) ||
      !ReadCounts(in, out.custom_values)) {
    return false;
  }
  out.positive_buckets.resize(positive);
  out.negative_buckets.resize(negative);
  return true;
}

}  // namespace slowburn::tsdb
