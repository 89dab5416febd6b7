// Series as tests write them:
//
//   up{job="a"} 1+2x3 _ stale {{schema:0 count:2 sum:3 buckets:[1 1]}}x2
//
//   item  := _ | _xN | V | VxN | V+DxN | V-DxN | H | HxN | H+HxN | H-HxN
//   V     := a number, Inf, NaN or stale
//   H     := {{key:value …}}; keys schema sum count z_bucket z_bucket_w buckets offset n_buckets
//            n_offset custom_values counter_reset_hint
//
// _xN stands for N gaps, every other repetition for N+1 values. Used by promqltest and by rule
// tests. Threads: stateless. Errors: kInvalidArgument "column N: …".
#ifndef SLOWBURN_QUERY_PROMQLTEST_SERIES_LITERAL_H_
#define SLOWBURN_QUERY_PROMQLTEST_SERIES_LITERAL_H_

#include <cstddef>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tsdb/histogram.h"
#include "tsdb/labels.h"

namespace slowburn::query {

// One place of a sequence: nothing, a float, or a histogram.
struct SequenceValue {
  bool omitted = false;
  double value = 0;
  tsdb::HistogramPtr histogram{};   // null: the float
  bool reset_hint_written = false;  // counter_reset_hint stood in the text
};

struct SeriesLiteral {
  tsdb::Labels labels;
  std::vector<SequenceValue> values;
};

// What one literal may expand to.
inline constexpr size_t kMaxSequenceValues = 10'000'000;

absl::StatusOr<SeriesLiteral> ParseSeriesLiteral(std::string_view text);
// `up{job="a"}`, `{"utf8.name", "a.b"="c"}`, `{}`: the labels alone.
absl::StatusOr<tsdb::Labels> ParseLabelsLiteral(std::string_view text);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PROMQLTEST_SERIES_LITERAL_H_
