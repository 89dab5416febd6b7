#include "tsdb/db.h"

#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "tsdb/commit_log.h"
#include "tsdb/committer.h"
#include "tsdb/data_directory.h"
#include "tsdb/db_metrics.h"
#include "tsdb/db_stats.h"
#include "tsdb/head.h"
#include "tsdb/head_appender.h"
#include "tsdb/head_querier.h"
#include "tsdb/replay.h"
#include "tsdb/rocks_state_store.h"
#include "tsdb/time_math.h"

namespace slowburn::tsdb {
namespace {

CommitterOptions ToCommitterOptions(const DbOptions& options) {
  CommitterOptions out;
  out.sync = options.wal_sync == WalSync::kAlways ? LogSync::kDisk : LogSync::kNone;
  out.retention_ms = options.retention_ms;
  out.max_future_ms = options.max_future_ms;
  out.out_of_order_window_ms = options.out_of_order_window_ms;
  return out;
}

double Seconds(int64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-9; }

class DbImpl final : public Db {
 public:
  DbImpl(DbOptions options, const base::Clock& clock, prometheus::Registry& registry,
         std::unique_ptr<DataDirectory> directory, std::unique_ptr<CommitLog> log,
         std::unique_ptr<RocksStateStore> state)
      : options_(std::move(options)),
        clock_(clock),
        metrics_(registry),
        directory_(std::move(directory)),
        log_(std::move(log)),
        state_(std::move(state)),
        head_(options_.limits, options_.max_exemplars) {}

  ~DbImpl() override {
    if (syncer_.joinable()) {
      {
        base::MutexLock lock(stop_mu_);
        stopping_ = true;
      }
      stop_changed_.NotifyAll();
      syncer_.join();
    }
    if (committer_ == nullptr) return;  // Start was not called
    if (const absl::Status status = Flush(); !status.ok()) {
      base::Error("the log could not be synced at the end", {{"error", status}});
    }
  }

  // Reads the log; the store is usable afterwards.
  void Start() {
    const int64_t begin = clock_.MonotonicNs();
    const TimestampMs from =
        options_.retention_ms > 0 ? SaturatingSub(clock_.Now(), options_.retention_ms) : kMinTime;
    ReplayResult replayed = Replay(*log_, head_, from, options_.on_replay);
    const double seconds = Seconds(clock_.MonotonicNs() - begin);
    metrics_.replay_seconds.Set(seconds);
    metrics_.log_unreadable.Increment(static_cast<double>(replayed.unreadable));
    metrics_.retention_seconds.Set(static_cast<double>(options_.retention_ms) / 1000);
    if (replayed.records > 0) {
      base::Info("log replayed", {{"records", replayed.records},
                                  {"samples", replayed.samples},
                                  {"series", head_.series_count()},
                                  {"unreadable", replayed.unreadable},
                                  {"seconds", seconds}});
    }
    committer_ = std::make_unique<Committer>(ToCommitterOptions(options_), clock_, head_, *log_,
                                             metrics_, std::move(replayed.log));
    UpdateGauges();
    if (options_.wal_sync == WalSync::kInterval) syncer_ = std::thread([this] { SyncLoop(); });
  }

  std::unique_ptr<Appender> NewAppender() override {
    return std::make_unique<HeadAppender>(head_, *committer_);
  }
  std::unique_ptr<Querier> NewQuerier(TimeRange range) override {
    return std::make_unique<HeadQuerier>(head_, range);
  }
  std::vector<MetricMetadata> AllMetadata() const override { return head_.AllMetadata(); }

  void AddTap(CommitTap* tap) override { committer_->AddTap(tap); }
  void RemoveTap(CommitTap* tap) override { committer_->RemoveTap(tap); }
  base::StateStore& state() override { return *state_; }

  DbStats Stats(size_t limit) const override {
    DbStats stats = HeadStats(head_, limit);
    stats.wal_bytes = log_->bytes();
    return stats;
  }

  absl::Status ApplyRetention() override {
    const absl::Status status = committer_->ApplyRetention();
    UpdateGauges();
    return status;
  }

  void SetOutOfOrderWindow(DurationMs window) override { committer_->SetOutOfOrderWindow(window); }

  absl::Status Flush() override {
    committer_->TakeUnsynced();
    const int64_t begin = clock_.MonotonicNs();
    const absl::Status status = log_->Sync();
    metrics_.fsync_seconds.Observe(Seconds(clock_.MonotonicNs() - begin));
    return status;
  }

 private:
  void SyncLoop() {
    const auto interval =
        std::chrono::milliseconds(std::max<DurationMs>(options_.wal_sync_interval_ms, 1));
    bool failing = false;
    base::MutexLock lock(stop_mu_);
    while (!stopping_) {
      stop_changed_.WaitFor(stop_mu_, interval);
      stop_mu_.Unlock();
      UpdateGauges();
      if (committer_->TakeUnsynced()) {
        const absl::Status status = Flush();
        if (!status.ok() && !failing) base::Error("the log cannot be synced", {{"error", status}});
        failing = !status.ok();
      }
      stop_mu_.Lock();
    }
  }

  void UpdateGauges() {
    metrics_.series.Set(static_cast<double>(head_.series_count()));
    metrics_.chunks.Set(static_cast<double>(head_.chunk_count()));
    metrics_.samples.Set(static_cast<double>(head_.sample_count()));
    metrics_.stored_exemplars.Set(static_cast<double>(head_.exemplars().size()));
    metrics_.log_size.Set(static_cast<double>(log_->bytes()));
    if (head_.sample_count() == 0) return;
    metrics_.min_time.Set(static_cast<double>(std::max(head_.min_time(), head_.retained_from())));
    metrics_.max_time.Set(static_cast<double>(head_.max_time()));
  }

  const DbOptions options_;
  const base::Clock& clock_;
  DbMetrics metrics_;
  const std::unique_ptr<DataDirectory> directory_;
  const std::unique_ptr<CommitLog> log_;
  const std::unique_ptr<RocksStateStore> state_;
  mutable Head head_;
  std::unique_ptr<Committer> committer_;

  base::Mutex stop_mu_;
  base::CondVar stop_changed_;
  bool stopping_ ABSL_GUARDED_BY(stop_mu_) = false;
  std::thread syncer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Db>> Db::Open(DbOptions options, const base::Clock& clock,
                                             prometheus::Registry& registry) {
  ASSIGN_OR_RETURN(std::unique_ptr<DataDirectory> directory, DataDirectory::Open(options.path));
  RETURN_IF_ERROR(directory->Upgrade());
  LogFiles& files =
      options.log_files_for_test != nullptr ? *options.log_files_for_test : LogFiles::OfSystem();
  ASSIGN_OR_RETURN(std::unique_ptr<CommitLog> log,
                   CommitLog::Open(directory->log_path(), directory->old_log_path(), files));
  ASSIGN_OR_RETURN(std::unique_ptr<RocksStateStore> state,
                   RocksStateStore::Open(directory->state_path(), options.env_for_test));
  auto db = std::make_unique<DbImpl>(std::move(options), clock, registry, std::move(directory),
                                     std::move(log), std::move(state));
  db->Start();
  return std::unique_ptr<Db>(std::move(db));
}

}  // namespace slowburn::tsdb
