// What samples that are no floats take in memory, about.
#ifndef SLOWBURN_TSDB_SAMPLE_BYTES_H_
#define SLOWBURN_TSDB_SAMPLE_BYTES_H_

#include <cstddef>

#include "tsdb/chunk.h"
#include "tsdb/histogram.h"
#include "tsdb/series.h"

namespace slowburn::tsdb {

inline size_t BytesOf(const Histogram& h) {
  return sizeof(h) + sizeof(TimestampMs) * 2 + sizeof(HistogramPtr) +
         (h.positive_spans.size() + h.negative_spans.size()) * sizeof(HistogramSpan) +
         (h.positive_buckets.size() + h.negative_buckets.size() + h.custom_values.size()) *
             sizeof(double);
}

inline size_t BytesOf(const HistogramColumn& column) {
  size_t bytes = 0;
  for (const HistogramPtr& histogram : column.histograms) bytes += BytesOf(*histogram);
  return bytes;
}

inline size_t BytesOf(const LateSample& late) {
  return sizeof(late) + (late.histogram == nullptr ? 0 : BytesOf(*late.histogram));
}

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SAMPLE_BYTES_H_
