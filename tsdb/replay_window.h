// ReplayWindow: samples of the log that wait for the head, so many that each series gets several at
// once, and sorted by stripes of 64 neighbouring series, which different threads may apply at the
// same time.
//
// The samples of a record mostly are of neighbours in order. Such runs stay in the bytes of the
// record, which are a fifth of the samples that they hold; what is not so plain is kept one by one.
//
//   window.AddRecord(section, runs);
//   window.AddSample(…); …
//   window.Group();
//   for (i < window.stripes()) window.Apply(i, target, scratch)
//
// Threads: filled and grouped by one; then any number may Apply different stripes.
#ifndef SLOWBURN_TSDB_REPLAY_WINDOW_H_
#define SLOWBURN_TSDB_REPLAY_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tsdb/head.h"
#include "tsdb/huge_memory.h"

namespace slowburn::tsdb {

// What a sample may have besides a time and a float; LoggedSample::detail is 1 + its number.
struct LoggedDetail {
  enum class Kind : uint8_t {
    kSample,
    kMaybeInBlocks,  // blocks may have it too
    kExemplar,       // no sample; the time is an exemplar's
  };
  Kind kind = Kind::kSample;
  HistogramPtr histogram;
  TimestampMs start = 0;
};

// Where samples with details go. Called for each series by one thread at a time.
class DetailTarget {
 public:
  virtual ~DetailTarget() = default;
  virtual void Keep(const LoggedSample& sample, const LoggedDetail& detail, ReplayTally& tally) = 0;
};

class ReplayWindow {
 public:
  static constexpr size_t kStripe = 64;

  // Consecutive slots, one sample each, in one stripe.
  struct Run {
    uint64_t at = 0;         // where in the record's section of samples; later, where in memory
    TimestampMs before = 0;  // the time of the sample before the first
    Slot first = kNoSlot;
    uint32_t count = 0;
  };
  // What one thread needs to apply stripes.
  struct Scratch {
    std::vector<LoggedSample> samples, sorted;
    ReplayTally tally;
  };

  void AddRuns(std::string_view section, std::span<const Run> runs);
  void AddSample(LoggedSample sample) { Add(sample, 0); }
  void AddSample(LoggedSample sample, LoggedDetail detail);
  // About what it takes.
  size_t bytes() const {
    return bytes_.used() + runs_.size() * sizeof(Run) + samples_.size() * sizeof(LoggedSample) +
           details_.size() * sizeof(LoggedDetail);
  }

  void Group();
  size_t stripes() const { return ends_.size(); }
  void Apply(size_t stripe, Head& head, DetailTarget& target, Scratch& scratch) const;
  void Clear();

 private:
  static constexpr uint32_t kSingle = 1U << 31;  // in Run::count: `at` counts samples_
  // Bytes that stay where they are; their memory is used again and again.
  class Bytes {
   public:
    // May be read some bytes beyond its end.
    const char* Keep(std::string_view bytes);
    void Clear();
    size_t used() const { return used_; }

   private:
    std::vector<HugeMemory> chunks_;
    size_t chunk_ = 0, filled_ = 0;  // the chunk being filled, and how much of it
    size_t used_ = 0;
  };
  void Add(LoggedSample sample, uint32_t detail);
  void Decode(const Run& run, std::vector<LoggedSample>& out) const;
  void Flush(Head& head, DetailTarget& target, Scratch& scratch) const;
  void KeepAll(std::span<const LoggedSample> of_one, Head& head, DetailTarget& target,
               ReplayTally& tally) const;

  Bytes bytes_;
  std::vector<Run> runs_;
  std::vector<LoggedSample> samples_;
  std::vector<LoggedDetail> details_;
  // Grouped: the runs of stripe i end at ends_[i], those of each in the order of the log.
  std::vector<uint32_t> ends_;
  std::vector<uint32_t> order_;  // of runs_
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_REPLAY_WINDOW_H_
