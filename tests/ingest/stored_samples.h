// What a store holds, as text: one line a series, "up{job="a"} 1@1000 stale@2000".
#ifndef SLOWBURN_TESTS_INGEST_STORED_SAMPLES_H_
#define SLOWBURN_TESTS_INGEST_STORED_SAMPLES_H_

#include <map>
#include <string>
#include <vector>

#include "tsdb/storage.h"

namespace slowburn::testing {

struct StoredSample {
  tsdb::TimestampMs t = 0;
  double v = 0;
  tsdb::HistogramPtr histogram;
};

// By Labels::ToString().
std::map<std::string, std::vector<StoredSample>> AllSamples(tsdb::Storage& storage);
// The samples of the series whose text is `series`: "1@1000 stale@2000"; "" when there is none.
std::string SamplesOf(tsdb::Storage& storage, const std::string& series);
// Every series text, sorted, joined by newlines.
std::string SeriesOf(tsdb::Storage& storage);

}  // namespace slowburn::testing

#endif  // SLOWBURN_TESTS_INGEST_STORED_SAMPLES_H_
