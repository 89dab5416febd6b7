#include "tsdb/keeper.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "tsdb/partition.h"
#include "tsdb/time_math.h"

namespace slowburn::tsdb {
namespace {

// How long the head waits for samples of a partition that has ended.
constexpr DurationMs kSealDelayMs = 15 * base::kMinute;
// What came late into sealed partitions is sealed so often, if nothing else is.
constexpr int64_t kSealAgainNs = int64_t{2} * 3600 * 1'000'000'000;
constexpr int64_t kRetryNs = int64_t{30} * 1'000'000'000;
constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kRewriteIdleNs = 60 * kSecondNs;
// Samples are hidden at once and freed in steps of this part of the retention.
constexpr DurationMs kSweepsPerRetention = 48;
constexpr int kSealNice = 5, kRewriteNice = 19;
// Rewriting works for so long, and then rests for 7/3 of it.
constexpr int64_t kWorkNs = 30'000'000;
constexpr int64_t kRestNumerator = 7, kRestDenominator = 3;

void SetNice(int nice) {
  // Of the calling thread only, on Linux. Without the right to it the work is done all the same.
  setpriority(PRIO_PROCESS, 0, nice);
}

}  // namespace

Keeper::Keeper(const KeeperOptions& options, Head& head, Committer& committer, BlockStore& blocks,
               const base::Clock& clock, DbMetrics& metrics)
    : options_(options),
      head_(head),
      committer_(committer),
      blocks_(blocks),
      clock_(clock),
      metrics_(metrics),
      sealer_(head, committer, blocks, clock, metrics) {
  metrics_.retention_seconds.Set(static_cast<double>(options_.retention_ms) / 1000);
  metrics_.retention_bytes.Set(static_cast<double>(options_.retention_bytes));
}

Keeper::~Keeper() { Stop(); }

void Keeper::StartThreads() {
  threads_.emplace_back([this] { SealLoop(); });
  threads_.emplace_back([this] { RewriteLoop(); });
}

void Keeper::Stop() {
  stop_ = true;
  sealer_.Stop();
  // The lock, so that nobody is between looking at stop_ and resting.
  { base::MutexLock lock(rest_mu_); }
  rest_over_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool Keeper::Rest(int64_t nanoseconds) {
  const int64_t until = clock_.MonotonicNs() + nanoseconds;
  base::MutexLock lock(rest_mu_);
  while (!stop_) {
    const int64_t left = until - clock_.MonotonicNs();
    if (left <= 0) return true;
    // Looks at the clock again now and then: it may be a test's.
    const int64_t wait = std::min(left, kSecondNs) / 1'000'000 + 1;
    rest_over_.WaitFor(rest_mu_, std::chrono::milliseconds(wait));
  }
  return false;
}

void Keeper::SealLoop() {
  SetNice(kSealNice);
  bool failing = false;
  while (Rest(kSecondNs)) {
    const absl::Status status = SealIfDue(Sealer::OldReaders::kLeave);
    if (!status.ok() && !failing)
      base::Error("samples cannot be sealed; they stay in memory and in the log",
                  {{"error", status}});
    if (status.ok() && failing) base::Info("samples can be sealed again");
    failing = !status.ok();
    UpdateGauges();
  }
}

void Keeper::RewriteLoop() {
  SetNice(kRewriteNice);
  int64_t working_since = 0;
  const auto go_on = [&] {
    if (stop_) return false;
    const int64_t worked = clock_.MonotonicNs() - working_since;
    if (worked < kWorkNs) return true;
    if (!Rest(worked * kRestNumerator / kRestDenominator)) return false;
    working_since = clock_.MonotonicNs();
    return true;
  };
  int64_t rest = kRewriteIdleNs;
  while (Rest(rest)) {
    working_since = clock_.MonotonicNs();
    absl::StatusOr<bool> done = false;
    {
      base::MutexLock lock(rewrite_mu_);
      done = RewriteWith(go_on);
    }
    if (!done.ok()) base::Error("blocks cannot be rewritten", {{"error", done.status()}});
    rest = done.ok() && *done ? kSecondNs : kRewriteIdleNs;
  }
}

bool Keeper::IsDue(TimestampMs& until) {
  const TimestampMs oldest = head_.min_time();
  if (oldest == kMaxTime) return false;
  const int64_t now = clock_.MonotonicNs();
  if (not_before_ns_ != INT64_MIN && now < not_before_ns_) return false;
  const uint64_t limit = head_.admission().limits().head_bytes;
  if (head_.sample_bytes() > limit / 8 && head_.bytes() > limit / 4 * 3) {
    until = Committer::kAllSamples;
    return true;
  }
  until = FloorToPartition(SaturatingSub(head_.max_time(), kSealDelayMs));
  if (oldest >= until) return false;
  return until > blocks_.View()->mark().until ||
         (sealed_at_ns_ != INT64_MIN && now - sealed_at_ns_ >= kSealAgainNs);
}

absl::Status Keeper::SealLocked(TimestampMs until, Sealer::OldReaders readers, bool& sealed) {
  const absl::StatusOr<bool> done = sealer_.Seal(until, readers);
  sealed = done.ok() && *done;
  const int64_t now = clock_.MonotonicNs();
  not_before_ns_ = done.ok() ? INT64_MIN : now + kRetryNs;
  if (sealed) sealed_at_ns_ = now;
  return done.status();
}

absl::Status Keeper::SealIfDue(Sealer::OldReaders readers) {
  base::MutexLock lock(mu_);
  if (sealed_at_ns_ == INT64_MIN) sealed_at_ns_ = clock_.MonotonicNs();
  RETURN_IF_ERROR(sealer_.Free(readers).status());
  TimestampMs until = kMinTime;
  if (!IsDue(until)) return absl::OkStatus();
  bool sealed = false;
  return SealLocked(until, readers, sealed);
}

absl::Status Keeper::SealAll(Sealer::OldReaders readers) {
  base::MutexLock lock(mu_);
  bool sealed = false;
  RETURN_IF_ERROR(SealLocked(Committer::kAllSamples, readers, sealed));
  if (sealed || readers == Sealer::OldReaders::kLeave) return absl::OkStatus();
  return absl::UnavailableError("queries from before the last seal are still running");
}

absl::Status Keeper::ApplyRetention() {
  TimestampMs from = kMinTime;
  if (options_.retention_ms > 0) {
    from = SaturatingSub(clock_.Now(), options_.retention_ms);
    committer_.Retain(from);
  }
  if (!mu_.TryLock()) return absl::OkStatus();  // a seal is under way; the next call does it
  const absl::Status status = RetainLocked(from);
  mu_.Unlock();
  UpdateGauges();
  return status;
}

absl::Status Keeper::RetainLocked(TimestampMs from) {
  RETURN_IF_ERROR(DropBlocks(from));
  if (options_.retention_ms <= 0) return absl::OkStatus();
  const DurationMs step = std::max<DurationMs>(options_.retention_ms / kSweepsPerRetention, 1);
  if (swept_from_ != kMinTime && from < SaturatingAdd(swept_from_, step)) return absl::OkStatus();
  swept_from_ = from;
  return committer_.Sweep(Head::Marked::kKeep);
}

absl::Status Keeper::DropBlocks(TimestampMs from) {
  const std::shared_ptr<const BlockView> view = blocks_.View();
  const bool any_old = std::any_of(view->blocks().begin(), view->blocks().end(),
                                   [&](const BlockInfo& block) { return block.max_t < from; });
  if (any_old) {
    RETURN_IF_ERROR(blocks_.DropBefore(from));
    metrics_.time_retentions.Increment();
  }
  if (options_.retention_bytes > 0) {
    const uint64_t log = options_.log_bytes == nullptr ? 0 : options_.log_bytes();
    const uint64_t left = options_.retention_bytes - std::min(log, options_.retention_bytes);
    if (blocks_.Stats().file_bytes > left) {
      const ChangeEpochs::Rewrite change(head_.changes());
      RETURN_IF_ERROR(blocks_.DropToSize(left));
      metrics_.size_retentions.Increment();
      PublishBlocks();
    }
  }
  PublishBlocks();
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Keeper::Delete(const std::vector<Matchers>& any_of, TimeRange range) {
  base::MutexLock lock(mu_);
  // Deleted is only what is in blocks, so everything must be there, and no longer in the head.
  bool sealed = false;
  RETURN_IF_ERROR(SealLocked(Committer::kAllSamples, Sealer::OldReaders::kWait, sealed));
  if (!sealed || sealer_.has_unfreed()) {
    return absl::UnavailableError(
        "queries from before are still running; nothing was deleted, try again");
  }
  const ChangeEpochs::Rewrite change(head_.changes());
  uint64_t touched = 0;
  std::vector<Slot> slots;
  for (const Matchers& matchers : any_of) {
    ASSIGN_OR_RETURN(const uint64_t of_this, blocks_.Delete(matchers, range));
    touched += of_this;
    const std::vector<Slot> matching = head_.Matching(matchers);
    slots.insert(slots.end(), matching.begin(), matching.end());
  }
  PublishBlocks();
  committer_.ForgetDeleted(slots, range);
  return touched;
}

absl::Status Keeper::CleanTombstones() {
  base::MutexLock lock(rewrite_mu_);
  const int64_t begin = clock_.MonotonicNs();
  const absl::Status status = blocks_.CleanTombstones();
  metrics_.tombstone_seconds.Observe(static_cast<double>(clock_.MonotonicNs() - begin) * 1e-9);
  PublishBlocks();
  return status;
}

absl::Status Keeper::BetweenSeals(const std::function<absl::Status()>& look) {
  base::MutexLock lock(mu_);
  return look();
}

TimestampMs Keeper::NewestTime() const {
  TimestampMs newest = head_.max_time();
  const std::shared_ptr<const BlockView> view = blocks_.View();
  for (const BlockInfo& block : view->blocks()) newest = std::max(newest, block.max_t);
  return newest;
}

absl::StatusOr<bool> Keeper::Rewrite() {
  base::MutexLock lock(rewrite_mu_);
  return RewriteWith([this] { return !stop_.load(); });
}

absl::StatusOr<bool> Keeper::RewriteWith(const std::function<bool()>& go_on) {
  const int64_t begin = clock_.MonotonicNs();
  const absl::StatusOr<bool> done = blocks_.Rewrite(NewestTime(), options_.cold_after_ms, go_on);
  if (!done.ok()) {
    metrics_.compaction_failures.Increment();
  } else if (*done) {
    metrics_.compactions.Increment();
    metrics_.compaction_seconds.Observe(static_cast<double>(clock_.MonotonicNs() - begin) * 1e-9);
    PublishBlocks();
  }
  return done;
}

void Keeper::UpdateGauges() {
  const BlockStats stats = blocks_.Stats();
  metrics_.blocks.Set(static_cast<double>(stats.blocks));
  metrics_.blocks_quarantined.Set(static_cast<double>(stats.quarantined));
  metrics_.block_bytes.Set(static_cast<double>(stats.file_bytes));
  metrics_.head_bytes.Set(static_cast<double>(head_.bytes()));
}

}  // namespace slowburn::tsdb
