#include "tsdb/db.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "tsdb/block_store.h"
#include "tsdb/commit_log.h"
#include "tsdb/committer.h"
#include "tsdb/data_directory.h"
#include "tsdb/db_metrics.h"
#include "tsdb/db_querier.h"
#include "tsdb/db_stats.h"
#include "tsdb/head.h"
#include "tsdb/head_appender.h"
#include "tsdb/keeper.h"
#include "tsdb/replay.h"
#include "tsdb/rocks_state_store.h"
#include "tsdb/snapshot_files.h"
#include "tsdb/time_math.h"

namespace slowburn::tsdb {
namespace {

// Of the file system that holds `path`; all there could be when it cannot be told.
uint64_t FreeBytes(const std::string& path) {
  struct statvfs stats;
  if (statvfs(path.c_str(), &stats) != 0) return UINT64_MAX;
  return uint64_t{stats.f_bavail} * stats.f_frsize;
}

CommitterOptions ToCommitterOptions(const DbOptions& options) {
  CommitterOptions out;
  out.free_bytes = options.free_bytes_for_test;
  if (out.free_bytes == nullptr) out.free_bytes = [path = options.path] { return FreeBytes(path); };
  out.sync = options.wal_sync == WalSync::kAlways ? LogSync::kDisk : LogSync::kNone;
  out.retention_ms = options.retention_ms;
  out.max_future_ms = options.max_future_ms;
  out.out_of_order_window_ms = options.out_of_order_window_ms;
  return out;
}

double Seconds(int64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-9; }

// As Prometheus names them.
std::string SnapshotName(TimestampMs now) {
  std::random_device device;
  const uint64_t chance = uint64_t{device()} << 32 | device();
  return absl::StrFormat(
      "%s-%016x",
      absl::FormatTime("%Y%m%dT%H%M%SZ", absl::FromUnixMillis(now), absl::UTCTimeZone()), chance);
}

// Removes a directory that was not finished.
class UnfinishedDirectory {
 public:
  explicit UnfinishedDirectory(std::string path) : path_(std::move(path)) {}
  ~UnfinishedDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  UnfinishedDirectory(const UnfinishedDirectory&) = delete;
  UnfinishedDirectory& operator=(const UnfinishedDirectory&) = delete;
  const std::string& path() const { return path_; }

  absl::Status FinishAs(const std::string& path) {
    std::error_code error;
    std::filesystem::rename(path_, path, error);
    if (error) return absl::UnavailableError(absl::StrCat("rename ", path_, ": ", error.message()));
    path_.clear();
    return LogFiles::OfSystem().SyncFolder(std::filesystem::path(path).parent_path().string());
  }

 private:
  std::string path_;
};

class DbImpl final : public Db {
 public:
  DbImpl(DbOptions options, const base::Clock& clock, prometheus::Registry& registry,
         std::unique_ptr<DataDirectory> directory, std::unique_ptr<CommitLog> log,
         std::unique_ptr<BlockStore> blocks, std::unique_ptr<RocksStateStore> state)
      : options_(std::move(options)),
        clock_(clock),
        metrics_(registry),
        directory_(std::move(directory)),
        log_(std::move(log)),
        own_blocks_(std::move(blocks)),
        blocks_(options_.blocks_for_test != nullptr ? *options_.blocks_for_test : *own_blocks_),
        state_(std::move(state)),
        head_(options_.limits, options_.max_exemplars, &registry) {}

  ~DbImpl() override {
    keeper_ = nullptr;
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
    head_.BeginSeal(blocks_.View()->mark().until);
    head_.snapshots().RefreshBlocks(blocks_);
    ReplayResult replayed = Replay(*log_, head_, from, blocks_.View(), options_.on_replay);
    const double seconds = Seconds(clock_.MonotonicNs() - begin);
    metrics_.replay_seconds.Set(seconds);
    metrics_.log_unreadable.Increment(static_cast<double>(replayed.unreadable));
    if (replayed.records > 0) {
      base::Info("log replayed", {{"records", replayed.records},
                                  {"samples", replayed.samples},
                                  {"series", head_.series_count()},
                                  {"unreadable", replayed.unreadable},
                                  {"seconds", seconds}});
    }
    committer_ = std::make_unique<Committer>(ToCommitterOptions(options_), clock_, head_, *log_,
                                             blocks_, metrics_, std::move(replayed.log));
    KeeperOptions keeping;
    keeping.retention_ms = options_.retention_ms;
    keeping.retention_bytes = options_.retention_bytes;
    keeping.log_bytes = [this] { return log_->bytes(); };
    keeper_ = std::make_unique<Keeper>(keeping, head_, *committer_, blocks_, clock_, metrics_);
    // What a kill between a seal and this left.
    if (const absl::Status status = committer_->DropLog(); !status.ok())
      base::Error("files of the log that are not needed any more cannot be dropped",
                  {{"error", status}});
    UpdateGauges();
    keeper_->UpdateGauges();
    if (options_.background) keeper_->StartThreads();
    if (options_.wal_sync == WalSync::kInterval) syncer_ = std::thread([this] { SyncLoop(); });
  }

  std::unique_ptr<Appender> NewAppender() override {
    return std::make_unique<HeadAppender>(head_, *committer_);
  }
  std::unique_ptr<Querier> NewQuerier(TimeRange range) override {
    return std::make_unique<DbQuerier>(head_, range);
  }
  std::vector<MetricMetadata> AllMetadata() const override { return head_.AllMetadata(); }

  void AddTap(CommitTap* tap) override { committer_->AddTap(tap); }
  void RemoveTap(CommitTap* tap) override { committer_->RemoveTap(tap); }
  base::StateStore& state() override { return *state_; }
  ChangeEpochs& changes() override { return head_.changes(); }

  DbStats Stats(size_t limit) const override {
    DbStats stats = HeadStats(head_, limit);
    stats.wal_bytes = log_->bytes();
    const BlockStats blocks = blocks_.Stats();
    stats.blocks = blocks.blocks;
    stats.block_series = blocks.series;
    stats.block_samples = blocks.samples;
    stats.block_bytes = blocks.file_bytes;
    const TimeRange times = Times();
    stats.min_time = times.start;
    stats.max_time = times.end;
    return stats;
  }

  absl::Status ApplyRetention() override {
    const absl::Status status = keeper_->ApplyRetention();
    UpdateGauges();
    return status;
  }

  absl::Status Seal(SealWhat what, OldReaders readers) override {
    const auto old =
        readers == OldReaders::kWait ? Sealer::OldReaders::kWait : Sealer::OldReaders::kLeave;
    const absl::Status status =
        what == SealWhat::kDue ? keeper_->SealIfDue(old) : keeper_->SealAll(old);
    UpdateGauges();
    return status;
  }

  absl::StatusOr<uint64_t> Delete(const std::vector<Matchers>& any_of, TimeRange range) override {
    return keeper_->Delete(any_of, range);
  }
  absl::Status CleanTombstones() override { return keeper_->CleanTombstones(); }
  absl::StatusOr<bool> RewriteBlocks() override { return keeper_->Rewrite(); }

  absl::StatusOr<TakenSnapshot> Snapshot(SnapshotHead head,
                                         const SnapshotProgress& progress) override {
    TakenSnapshot taken;
    taken.name = SnapshotName(clock_.Now());
    std::error_code error;
    const std::string folder = std::filesystem::absolute(directory_->snapshots_path(), error);
    taken.path = absl::StrCat(folder, "/", taken.name);
    UnfinishedDirectory making(taken.path + kUnfinishedSuffix);
    RETURN_IF_ERROR(base::MakeDirectories(making.path()));
    TimestampMs taken_at = 0;
    RETURN_IF_ERROR(keeper_->BetweenSeals([&] { return Cut(making.path(), head, taken_at); }));
    ASSIGN_OR_RETURN(taken.stats,
                     FinishSnapshot(making.path(), kFormatVersion, taken_at, progress));
    RETURN_IF_ERROR(making.FinishAs(taken.path));
    return taken;
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
  // Everything as it is at one moment; see Db::Snapshot. Between seals.
  absl::Status Cut(const std::string& to, SnapshotHead head, TimestampMs& taken_at) {
    RETURN_IF_ERROR(blocks_.Checkpoint(to + "/blocks"));
    std::vector<SegmentLog::Part> log;
    RETURN_IF_ERROR(committer_->BetweenCommits([&] {
      taken_at = clock_.Now();
      log = log_->Parts();
      return state_->Checkpoint(to + "/state");
    }));
    if (head == SnapshotHead::kWithout) return absl::OkStatus();
    for (const SegmentLog::Part& part : log) {
      const std::string copy =
          absl::StrCat(to, "/log/", std::filesystem::path(part.path).filename().string());
      RETURN_IF_ERROR(part.may_grow ? CopyFile(part.path, copy, part.bytes, {}).status()
                                    : LinkFile(part.path, copy));
    }
    return log_->has_old() ? LinkOldLog(to + "/wal") : absl::OkStatus();
  }

  absl::Status LinkOldLog(const std::string& to) {
    ASSIGN_OR_RETURN(const std::vector<std::string> paths, FilesBelow(directory_->old_log_path()));
    for (const std::string& path : paths) {
      if (path == "LOCK" || path.starts_with("LOG")) continue;
      RETURN_IF_ERROR(LinkFile(absl::StrCat(directory_->old_log_path(), "/", path),
                               absl::StrCat(to, "/", path)));
    }
    return absl::OkStatus();
  }

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

  // Of all samples; {kMaxTime, kMinTime} when there are none. The end is included.
  TimeRange Times() const {
    TimeRange times{kMaxTime, kMinTime};
    if (head_.sample_count() > 0) times = {head_.min_time(), head_.max_time()};
    const std::shared_ptr<const BlockView> view = blocks_.View();
    for (const BlockInfo& block : view->blocks()) {
      times.start = std::min(times.start, block.min_t);
      times.end = std::max(times.end, block.max_t);
    }
    if (times.start <= times.end) times.start = std::max(times.start, head_.retained_from());
    return times;
  }

  void UpdateGauges() {
    const TimeRange times = Times();
    if (times.start <= times.end) {
      metrics_.lowest_time.Set(static_cast<double>(times.start));
      metrics_.lowest_seconds.Set(static_cast<double>(times.start) / 1000);
    }
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
  const std::unique_ptr<BlockStore> own_blocks_;  // null in some tests
  BlockStore& blocks_;
  const std::unique_ptr<RocksStateStore> state_;
  mutable Head head_;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<Keeper> keeper_;

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
  RemoveUnfinishedSnapshots(directory->snapshots_path());
  LogFiles& files =
      options.log_files_for_test != nullptr ? *options.log_files_for_test : LogFiles::OfSystem();
  ASSIGN_OR_RETURN(std::unique_ptr<CommitLog> log,
                   CommitLog::Open(directory->log_path(), directory->old_log_path(), files));
  std::unique_ptr<BlockStore> blocks;
  if (options.blocks_for_test == nullptr) {
    ASSIGN_OR_RETURN(blocks, BlockStore::Open(directory->blocks_path(), options.env_for_test));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<RocksStateStore> state,
                   RocksStateStore::Open(directory->state_path(), options.env_for_test));
  auto db = std::make_unique<DbImpl>(std::move(options), clock, registry, std::move(directory),
                                     std::move(log), std::move(blocks), std::move(state));
  db->Start();
  return std::unique_ptr<Db>(std::move(db));
}

}  // namespace slowburn::tsdb
