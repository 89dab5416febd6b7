#include "tsdb/rocks_status.h"

#include "absl/strings/str_cat.h"

namespace slowburn::tsdb {
namespace {

std::string Words(const rocksdb::Status& status, std::string_view what) {
  return absl::StrCat(std::string(what), ": ", status.ToString());
}

}  // namespace

absl::Status FromRocks(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return absl::OkStatus();
  const std::string words = Words(status, what);
  return status.IsCorruption() ? absl::DataLossError(words) : absl::UnavailableError(words);
}

absl::Status FromRocksOpen(const rocksdb::Status& status, const std::string& path) {
  if (status.ok()) return absl::OkStatus();
  const std::string words = Words(status, absl::StrCat("opening ", path));
  const bool is_gone =
      status.IsIOError() && status.ToString().find("No such file") != std::string::npos;
  if (status.IsCorruption() || status.IsPathNotFound() || is_gone) {
    return absl::DataLossError(absl::StrCat(words, ". Restore a snapshot, or move ", path,
                                            " away to start without what it holds."));
  }
  // RocksDB's own lock; ours was free, so somebody else has the database open.
  if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) {
    return absl::FailedPreconditionError(words);
  }
  return absl::UnavailableError(words);
}

rocksdb::Options BaseRocksOptions(void* env) {
  rocksdb::Options options;
  if (env != nullptr) options.env = static_cast<rocksdb::Env*>(env);
  options.create_if_missing = true;
  // A torn tail is what a crash leaves: everything up to it counts.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.skip_stats_update_on_db_open = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.info_log_level = rocksdb::InfoLogLevel::ERROR_LEVEL;
  options.keep_log_file_num = 2;
  options.max_log_file_size = size_t{1} << 20;
  options.compression = rocksdb::kNoCompression;
  options.max_bgerror_resume_count = 0;  // we open it anew instead
  return options;
}

}  // namespace slowburn::tsdb
