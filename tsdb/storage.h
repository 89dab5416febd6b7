// The only view of storage that the rest of the project has.
//
//   write:  NewAppender() -> Resolve series -> Append()* -> Commit()
//           (destruction without Commit rolls back)
//   read:   NewQuerier(range) -> Select(matchers) -> Next() -> labels(), samples()
//
// A row is what one scrape, one request or one rule evaluation brings: it goes through one appender
// and becomes visible as a whole. The seam for scaling out is here as well: another implementation
// may stand behind these classes.
//
// Threads: Storage is thread-safe. An Appender, a Querier and what they return belong to one thread
//   at a time; several SeriesSets of one Querier may be used by different threads.
// Lifetimes: Storage outlives all of them. A Querier sees at least the commits that returned before
//   NewQuerier(). Spans and references returned are valid until the next call on the same object,
//   unless said otherwise.
// Errors: listed per method. Any other code means the disk or a bug, and the message names the file
//   or the series.
#ifndef SLOWBURN_TSDB_STORAGE_H_
#define SLOWBURN_TSDB_STORAGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "tsdb/histogram.h"
#include "tsdb/labels.h"
#include "tsdb/matcher.h"
#include "tsdb/sample.h"
#include "tsdb/sample_summary.h"

namespace slowburn::tsdb {

// Names a series within one process's run. A hint: after retention dropped the series it is refused
// (kUnknownSeries).
enum class SeriesRef : uint64_t { kUnknown = 0 };

// 128-bit hash of the bytes by which a sender names a series (the encoded labels of remote write,
// the line prefix of an exposition). Equal keys mean equal labels; unequal keys may mean equal
// labels too. Made by HashRawKey.
struct RawKey {
  uint64_t high = 0, low = 0;
  friend bool operator==(const RawKey&, const RawKey&) = default;
};
RawKey HashRawKey(std::string_view bytes);

struct Exemplar {
  Labels labels;
  double value = 0;
  TimestampMs t = 0;
  friend bool operator==(const Exemplar&, const Exemplar&) = default;
};

enum class MetricType : uint8_t {
  kUnknown,
  kCounter,
  kGauge,
  kHistogram,
  kGaugeHistogram,
  kSummary,
  kInfo,
  kStateset
};

struct Metadata {
  MetricType type = MetricType::kUnknown;
  std::string help, unit;
  friend bool operator==(const Metadata&, const Metadata&) = default;
};

// Why a sample was not stored. The texts are Prometheus' (see Describe).
enum class Rejection : uint8_t {
  kOutOfOrder,      // older than the series' newest sample, and the out-of-order window is 0
  kTooOld,          // older than the series' newest sample by more than the out-of-order window
  kOutOfBounds,     // before what retention keeps
  kTooFarInFuture,  // later than now + max_future
  kDuplicate,       // same time, different value (an equal value is accepted silently, however old:
                    // retries are safe)
  kSeriesLimit,     // the series is new and a limit on their number is reached
  kUnknownSeries,   // the SeriesRef is not of this run, or was dropped
};
std::string_view Describe(Rejection reason);

struct RejectedSample {
  // Of the Append, AppendHistogram or AppendExemplar call in this appender, from 0.
  size_t index = 0;
  SeriesRef ref = SeriesRef::kUnknown;
  TimestampMs t = 0;
  Rejection reason{};
};

struct CommitResult {
  size_t samples = 0, histograms = 0, exemplars = 0;  // stored, or equal to what was stored
  size_t new_series = 0;
  // In order of index; exemplars out of order are only counted.
  std::vector<RejectedSample> rejected;
  size_t rejected_exemplars = 0;
};

class Appender {
 public:
  virtual ~Appender() = default;

  // The fast path: out[i] = the series that keys[i] was bound to, or kUnknown. REQUIRES: equal
  // sizes.
  virtual void Lookup(std::span<const RawKey> keys, std::span<SeriesRef> out) = 0;
  // Finds the series of `labels`, or makes it when this appender commits, and binds `key` to it
  // (null: no key).
  //   kInvalidArgument    labels are empty, or a name or value is not valid UTF-8
  //   kResourceExhausted  a limit on series, labels a series or length would be exceeded; names the
  //                       limit and its value
  virtual absl::StatusOr<SeriesRef> Resolve(const Labels& labels, const RawKey* key) = 0;

  // Buffers; decisions are taken at Commit, in the order of the calls. `start` is the start
  // timestamp, 0 if unknown.
  virtual void Append(SeriesRef ref, TimestampMs t, double v, TimestampMs start = 0) = 0;
  // REQUIRES: histogram->Validate() is OK, unless it is a staleness marker.
  virtual void AppendHistogram(SeriesRef ref, TimestampMs t, HistogramPtr histogram,
                               TimestampMs start = 0) = 0;
  virtual void AppendExemplar(SeriesRef ref, Exemplar exemplar) = 0;
  // For the metric family, not the series. Last one wins.
  virtual void SetMetadata(std::string_view metric, Metadata metadata) = 0;

  // Judges each sample, logs what is accepted, then publishes it: a reader sees the accepted
  // samples of this appender all or not at all. A rejected sample costs only itself.
  //   kUnavailable  the log cannot be written (disk full or failing): nothing is visible, the
  //                 caller may retry
  // Afterwards only the destructor may be called.
  virtual absl::StatusOr<CommitResult> Commit() = 0;
};

// A run of samples of one series in ascending time. histograms is empty, or parallel to t: where it
// is not null the sample is that histogram and the value is to be ignored. starts is empty (all
// unknown) or parallel to t.
struct SampleBatch {
  std::span<const TimestampMs> t;
  std::span<const double> v;
  std::span<const HistogramPtr> histograms;
  std::span<const TimestampMs> starts;
};

class SampleIterator {
 public:
  virtual ~SampleIterator() = default;
  // The next batch; false at the end, or when status() is not OK. Batches are not empty.
  virtual bool Next(SampleBatch& out) = 0;
  virtual absl::Status status() const = 0;

  // Next for readers that can do without some of the samples. Where the storage has a summary of
  // the samples that come next, and `is_enough` says so, the summary comes in their place. They are
  // floats, finite, without start timestamps, and nothing of the series lies between them. A
  // storage need not have summaries, nor all that it could have.
  enum class Run { kEnd, kBatch, kSummary };
  using IsEnough = absl::FunctionRef<bool(const SampleSummary& summary)>;
  virtual Run NextRun(IsEnough, SampleBatch& batch, SampleSummary&) {
    return Next(batch) ? Run::kBatch : Run::kEnd;
  }
};

class SeriesSet {
 public:
  virtual ~SeriesSet() = default;
  // Moves to the next series, in ascending order of labels. False at the end, or when status() is
  // not OK.
  virtual bool Next() = 0;
  virtual const Labels& labels() const = 0;
  virtual SeriesRef ref() const = 0;
  // The samples of the current series within the Select's range. Outlives Next(), not the Querier.
  virtual std::unique_ptr<SampleIterator> samples() = 0;
  virtual absl::Status status() const = 0;
};

struct SelectHints {
  TimeRange range;             // cut to the Querier's
  bool samples_needed = true;  // false: only the labels will be looked at (/series)
  // true: a series may come that turns out to have no sample, where it costs something to tell.
  bool may_be_empty = false;
  size_t limit = 0;            // series at most; 0: all
};

class Querier {
 public:
  virtual ~Querier() = default;
  // Series that have a sample in the range (with may_be_empty, or without samples_needed: that may
  // have one).
  virtual absl::StatusOr<std::unique_ptr<SeriesSet>> Select(const Matchers& matchers,
                                                            const SelectHints& hints) = 0;
  // Sorted, unique, of the series that match (empty: all). Of sealed samples the time is looked at
  // by whole blocks only. limit 0: all.
  virtual absl::StatusOr<std::vector<std::string>> LabelNames(const Matchers& matchers,
                                                              size_t limit) = 0;
  virtual absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                               const Matchers& matchers,
                                                               size_t limit) = 0;
  struct SeriesExemplars {
    Labels labels;
    std::vector<Exemplar> exemplars;
  };
  virtual absl::StatusOr<std::vector<SeriesExemplars>> Exemplars(
      const std::vector<Matchers>& any_of, TimeRange range) = 0;

  // For the user: which samples of the range are missing because what held them is damaged, as far
  // as it is known after what was read.
  virtual std::vector<std::string> Warnings() const { return {}; }
};

struct MetricMetadata {
  std::string metric;
  Metadata metadata;
};

class Storage {
 public:
  virtual ~Storage() = default;
  virtual std::unique_ptr<Appender> NewAppender() = 0;
  virtual std::unique_ptr<Querier> NewQuerier(TimeRange range) = 0;
  virtual std::vector<MetricMetadata> AllMetadata() const = 0;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_STORAGE_H_
