// What a store answers, as text: one line a series, `labels value@time/start …`. For tests of any
// implementation.
#ifndef SLOWBURN_TESTS_TSDB_STORAGE_READING_H_
#define SLOWBURN_TESTS_TSDB_STORAGE_READING_H_

#include <string>
#include <vector>

#include "tsdb/storage.h"

namespace slowburn::tsdb {

enum class Show { kAll, kValues, kLabels };

std::string SampleText(TimestampMs t, double v);  // special values as their bits
std::string ReadSet(SeriesSet& set, Show show);
// Also checks that times ascend, that batches are not empty, that their columns fit, and that
// summaries of runs are right; and that series which may be empty read the same.
std::string ReadAll(Querier& querier, const Matchers& matchers, const SelectHints& hints,
                    Show show = Show::kAll);
// The float samples of every series that matches, one after the other.
std::vector<Sample> ReadSamples(Querier& querier, const Matchers& matchers);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_STORAGE_READING_H_
