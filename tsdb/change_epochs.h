// ChangeEpochs: tells those who keep what they made of samples whether the samples have changed
// since.
//
//   epochs.Watch(until);                             // before the Querier is made
//   const std::optional<uint64_t> then = epochs.Of(metric, range);
//   … make a Querier, read the range, keep what comes of it with `then` …
//   if (then && epochs.Of(metric, range) == then)    // after a later Querier was made
//     … what was kept is what that Querier would give …
//
// Counted are samples that come late (before what is watched, in order or not) by metric and
// partition of two hours, and deletions for all. Numbers are hashed into a table: two metrics may
// share one, so that equal numbers prove that nothing changed and unequal ones prove nothing.
//
// Threads: thread-safe, without locks; one Commit at a time. Reading two hours of one metric is one
// load.
#ifndef SLOWBURN_TSDB_CHANGE_EPOCHS_H_
#define SLOWBURN_TSDB_CHANGE_EPOCHS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "tsdb/sample.h"

namespace slowburn::tsdb {

class ChangeEpochs {
 public:
  // --- Readers.

  // Samples before `until` count as late from now on; never less than was said before.
  void Watch(TimestampMs until);
  // Nothing while a change is under way, and where retention has taken something.
  std::optional<uint64_t> Of(std::string_view metric, TimeRange range) const;
  // What is later may still get samples in their usual order.
  TimestampMs settled() const { return settled_.load(std::memory_order_relaxed); }

  // --- The store.

  // Around what changes samples of any metric at any time.
  class Rewrite {
   public:
    explicit Rewrite(ChangeEpochs& epochs) : epochs_(epochs) {
      ++epochs_.under_way_;
      ++epochs_.all_;
    }
    ~Rewrite() { --epochs_.under_way_; }
    Rewrite(const Rewrite&) = delete;
    Rewrite& operator=(const Rewrite&) = delete;

   private:
    ChangeEpochs& epochs_;
  };

  // Around the publication of samples. `each(visit)` calls visit(t, name) for every one of them,
  // where name() gives its metric; it is called once at either end, and name() for late samples
  // only.
  template <typename Each>
  class Commit {
   public:
    Commit(ChangeEpochs& epochs, Each each) : epochs_(epochs), each_(std::move(each)) {
      watched_ = epochs_.watched_;
      Count(kMinTime, watched_);
    }
    // Somebody may have begun to watch more in between.
    ~Commit() {
      if (const TimestampMs now = epochs_.watched_; now > watched_) Count(watched_, now);
      if (late_) --epochs_.under_way_;
    }
    Commit(const Commit&) = delete;
    Commit& operator=(const Commit&) = delete;

   private:
    void Count(TimestampMs from, TimestampMs until) {
      if (from >= until) return;
      each_([&](TimestampMs t, const auto& name) {
        if (t < from || t >= until) return;
        if (!std::exchange(late_, true)) ++epochs_.under_way_;
        ++epochs_.table_[Place(name(), t)];
      });
    }

    ChangeEpochs& epochs_;
    const Each each_;
    TimestampMs watched_ = kMinTime;
    bool late_ = false;
  };

  void SetRetained(TimestampMs from) { retained_from_ = from; }
  void SetSettled(TimestampMs t) { settled_.store(t, std::memory_order_relaxed); }

 private:
  static constexpr size_t kEntries = 8192;
  static size_t Place(std::string_view metric, TimestampMs t);

  std::atomic<TimestampMs> watched_{kMinTime}, retained_from_{kMinTime}, settled_{kMinTime};
  std::atomic<uint64_t> all_{0};
  std::atomic<int> under_way_{0};
  std::array<std::atomic<uint64_t>, kEntries> table_{};
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_CHANGE_EPOCHS_H_
