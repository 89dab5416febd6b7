// MergeSeries: several series sets as one: every series once, every time once. Where two sets have
// a sample at one time, the one of the earlier set counts.
//
// Native histograms say whether they were reset since the sample before them. Where the sets
// interleave, that sample is another one now, and they say that it is not known.
//
// Threads: none. Lifetimes: as the sets'. Errors: the first one of a set ends the whole.
#ifndef SLOWBURN_TSDB_PROMETHEUS_MERGED_SERIES_H_
#define SLOWBURN_TSDB_PROMETHEUS_MERGED_SERIES_H_

#include <memory>
#include <vector>

#include "tsdb/storage.h"

namespace slowburn::tsdb::prom {

std::unique_ptr<SeriesSet> MergeSeries(std::vector<std::unique_ptr<SeriesSet>> sets);
std::unique_ptr<SampleIterator> MergeSamples(std::vector<std::unique_ptr<SampleIterator>> parts);

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_MERGED_SERIES_H_
