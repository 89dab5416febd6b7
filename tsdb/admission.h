// Which series and commits may be: the limits that every implementation shares.
//
// Threads: thread-safe. Errors: kResourceExhausted names the limit and its value; a sender must not
// retry. kUnavailable: it may, later.
#ifndef SLOWBURN_TSDB_ADMISSION_H_
#define SLOWBURN_TSDB_ADMISSION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "base/metrics.h"
#include "tsdb/labels.h"
#include "tsdb/limits.h"

namespace slowburn::tsdb {

class Admission {
 public:
  // `registry` may be null: nothing is counted.
  Admission(const Limits& limits, prometheus::Registry* registry);

  const Limits& limits() const { return limits_; }

  // kInvalidArgument: empty or not UTF-8. kResourceExhausted: a limit on labels.
  absl::Status CheckLabels(const Labels& labels) const;
  // Whether a store of so many series may have one more of these labels. `of_job` tells how many
  // series have the label `job` with a value; it is asked only if that is limited.
  absl::Status CheckNewSeries(size_t existing, const Labels& labels,
                              const std::function<size_t(std::string_view job)>& of_job) const;
  // Whether a head of this size may have one more series.
  absl::Status CheckHeadSeries(uint64_t head_bytes) const;
  // kUnavailable: whether a head of this size, so much of it samples, may take more of them.
  absl::Status CheckHeadSamples(uint64_t head_bytes, uint64_t sample_bytes) const;
  // kUnavailable: whether so much free space is enough to write.
  absl::Status CheckFreeBytes(uint64_t free_bytes) const;

 private:
  enum Limit {
    kActiveSeries,
    kActiveSeriesPerJob,
    kLabelsPerSeries,
    kLabelNameBytes,
    kLabelValueBytes,
    kHeadBytes,
    kMinFreeBytes,
    kLimits,
  };
  absl::Status Exceeded(Limit limit, const std::string& what, uint64_t value) const;
  void Count(Limit limit) const;

  const Limits limits_;
  std::array<prometheus::Counter*, kLimits> refusals_{};
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_ADMISSION_H_
