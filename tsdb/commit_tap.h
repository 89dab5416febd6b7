// CommitTap: sees every accepted sample of the series that it asked for, in commit order. The SLO
// ledger is one.
//
// Threads: WantsSeries and OnCommit are called under the store's commit lock of the series' shard:
//   be quick, take no lock that is held while calling the store. OnCommit calls may run
//   concurrently for different series.
// Lifetimes: the tap outlives its registration.
#ifndef SLOWBURN_TSDB_COMMIT_TAP_H_
#define SLOWBURN_TSDB_COMMIT_TAP_H_

#include <span>

#include "tsdb/labels.h"
#include "tsdb/sample.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

struct TappedSample {
  SeriesRef ref{};
  TimestampMs t = 0;
  double v = 0;                          // of a histogram sample: ignore, look at histogram
  const Histogram* histogram = nullptr;  // valid during the call
  TimestampMs start = 0;  // the start timestamp that came with the sample, 0 if unknown
};

class CommitTap {
 public:
  virtual ~CommitTap() = default;
  // Whether the store may have samples of the series from before.
  enum class Past { kNone, kMaybe };
  // Asked once for each reference when the tap is added (of the series that are written to) and
  // when a reference is made: for a new series, or for one that comes back after a while.
  virtual bool WantsSeries(SeriesRef ref, const Labels& labels, Past past) = 0;
  virtual void OnCommit(std::span<const TappedSample> samples) = 0;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_COMMIT_TAP_H_
