// The histograms of one column: those of one layout after the other are taken apart into columns of
// numbers, which the codecs of values make small.
//
// Threads: none. Bytes of outside are refused, never trusted.
#ifndef SLOWBURN_TSDB_HISTOGRAM_COLUMN_H_
#define SLOWBURN_TSDB_HISTOGRAM_COLUMN_H_

#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "tsdb/histogram.h"
#include "tsdb/value_codec.h"

namespace slowburn::tsdb {

// A column that has histograms has at most so many samples.
inline constexpr size_t kMaxHistogramSamples = 1024;

// Null where the sample is a float.
void EncodeHistograms(std::span<const HistogramPtr> histograms, Temperature temperature,
                      std::string& out);
// The samples [begin, begin + out.size()) of a column of `count`. kDataLoss.
absl::Status DecodeHistograms(std::string_view bytes, size_t count, size_t begin,
                              std::span<HistogramPtr> out);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_HISTOGRAM_COLUMN_H_
