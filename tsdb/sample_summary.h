// SampleSummary: what windows need to know of a run of float samples without looking at them.
//
// Threads: values and pure functions.
#ifndef SLOWBURN_TSDB_SAMPLE_SUMMARY_H_
#define SLOWBURN_TSDB_SAMPLE_SUMMARY_H_

#include <cstdint>
#include <span>

#include "tsdb/sample.h"

namespace slowburn::tsdb {

// Of at least one sample; all values are finite.
struct SampleSummary {
  uint64_t count = 0;
  TimestampMs first_t = 0, last_t = 0;
  double first = 0, last = 0;
  double min = 0, max = 0;
  // The sum is sum + sum_low, in twice the precision of a double.
  double sum = 0, sum_low = 0;
  uint64_t changes = 0;  // samples that differ from the one before
  uint64_t resets = 0;   // samples that are less than the one before
  // What `increase` adds to last - first: the values before each reset, added up in order.
  double reset_correction = 0;
  // All values are whole numbers, and the sum of their magnitudes is below 2^53: adding them up
  // rounds nothing, in whatever order. False says nothing.
  bool whole = false;
  friend bool operator==(const SampleSummary&, const SampleSummary&) = default;
};

// False where there is no summary: a value is NaN (the staleness marker too) or infinite, or the
// sum is. REQUIRES: as many times as values, at least one.
bool Summarise(std::span<const TimestampMs> t, std::span<const double> v, SampleSummary& out);
// Of `count` samples of one value. False where it is not finite, or the sum is not.
bool SummariseConstant(uint64_t count, TimestampMs first_t, TimestampMs last_t, double v,
                       SampleSummary& out);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SAMPLE_SUMMARY_H_
