// One histogram as bytes: in the log's records and in blocks.
#ifndef SLOWBURN_TSDB_HISTOGRAM_BYTES_H_
#define SLOWBURN_TSDB_HISTOGRAM_BYTES_H_

#include <string>

#include "tsdb/byte_reader.h"
#include "tsdb/histogram.h"

namespace slowburn::tsdb {

void AddHistogramBytes(std::string& out, const Histogram& histogram);
// False when the bytes are no histogram that a sender could have sent. `out` is to be empty.
bool ReadHistogramBytes(ByteReader& in, Histogram& out);

// What consecutive histograms of a series mostly share: all but the counts and the sum. Reading
// makes as many buckets as there were; `out` is to be empty.
void AddHistogramLayout(std::string& out, const Histogram& histogram);
bool ReadHistogramLayout(ByteReader& in, Histogram& out);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_HISTOGRAM_BYTES_H_
