// Native histograms: one sample that is a whole distribution.
//
// Schemas -4…8: exponential buckets, upper bound of bucket i is 2^(i * 2^-schema); schema -53:
// custom upper bounds. Counts are doubles; `is_float` remembers whether the sender counted in
// integers (then all counts are whole numbers up to 2^53 and are stored and shown as such). Buckets
// are absolute (not delta-coded), sparse by spans. Source: Prometheus' model/histogram, documented
// at prometheus.io/docs/specs/native_histograms.
#ifndef SLOWBURN_TSDB_HISTOGRAM_H_
#define SLOWBURN_TSDB_HISTOGRAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tsdb/sample.h"

namespace slowburn::tsdb {

inline constexpr int kCustomBucketsSchema = -53;

struct HistogramSpan {
  int32_t offset = 0;  // gap to the previous span; of the first span, the index of its first bucket
  uint32_t length = 0;
  friend bool operator==(const HistogramSpan&, const HistogramSpan&) = default;
};

struct Histogram {
  enum class ResetHint : uint8_t { kUnknown, kReset, kNotReset, kGauge };

  ResetHint reset_hint = ResetHint::kUnknown;
  int32_t schema = 0;
  bool is_float = true;
  double zero_threshold = 0;
  double zero_count = 0;
  double count = 0;
  double sum = 0;
  std::vector<HistogramSpan> positive_spans, negative_spans;
  std::vector<double> positive_buckets, negative_buckets;  // one count for each place of the spans
  std::vector<double> custom_values;  // schema -53: ascending upper bounds, +Inf left out

  bool is_stale() const { return IsStaleNaN(sum); }
  // What a sender must keep to: spans fit buckets, counts not negative (unless gauge) and adding
  // up, bounds ascending.
  absl::Status Validate() const;
  // Bit-exact, field by field.
  friend bool operator==(const Histogram& a, const Histogram& b);
  // Prometheus' test notation: {{schema:0 count:3 sum:4.5 buckets:[1 2]}}.
  std::string ToString() const;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_HISTOGRAM_H_
