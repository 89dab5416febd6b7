#include "tsdb/rocks_log.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <atomic>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "tsdb/rocks_status.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kMemtableBytes = size_t{16} << 20;
constexpr size_t kBlockBytes = size_t{64} << 10;
constexpr size_t kScanReadahead = size_t{2} << 20;

rocksdb::Options LogOptions(void* env) {
  rocksdb::Options options = BaseRocksOptions(env);
  options.write_buffer_size = kMemtableBytes;
  options.max_write_buffer_number = 4;
  // Files do not overlap: moving one to the next level rewrites nothing, and only below level 0 can
  // files be dropped.
  options.level0_file_num_compaction_trigger = 2;
  options.max_bytes_for_level_base = uint64_t{1} << 50;
  options.target_file_size_base = uint64_t{1} << 30;
  options.wal_bytes_per_sync = size_t{1} << 20;  // spreads writeback
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;  // read once, at start
  table.block_size = kBlockBytes;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

rocksdb::ReadOptions ScanOptions() {
  rocksdb::ReadOptions options;
  options.readahead_size = kScanReadahead;
  options.fill_cache = false;
  return options;
}

void PutBigEndian(std::string& out, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift);
}

uint64_t GetBigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

std::string EncodeLogKey(const LogKey& key) {
  std::string out;
  PutBigEndian(out, key.partition, sizeof(key.partition));
  PutBigEndian(out, key.sequence, sizeof(key.sequence));
  return out;
}

bool DecodeLogKey(std::string_view bytes, LogKey& key) {
  if (bytes.size() != kLogKeyBytes) return false;
  key.partition = static_cast<uint32_t>(GetBigEndian(bytes.substr(0, sizeof(key.partition))));
  key.sequence = GetBigEndian(bytes.substr(sizeof(key.partition)));
  return true;
}

struct RocksLog::Impl {
  std::string path;
  void* env = nullptr;
  // Exclusively while it is opened anew.
  mutable base::SharedMutex mu;
  std::unique_ptr<rocksdb::DB> db;  // null: opening anew failed
  std::atomic<bool> broken{false};  // a write failed: nothing but Resume may be called

  std::string What(const char* action) const { return absl::StrCat(action, " the log ", path); }

  absl::Status Open() {
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open(LogOptions(env), path, &opened);
    db.reset(opened);
    return FromRocksOpen(status, path);
  }
  void Close() {
    if (db != nullptr) db->Close();
    db = nullptr;
  }
};

RocksLog::RocksLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RocksLog::~RocksLog() { impl_->Close(); }

absl::StatusOr<std::unique_ptr<RocksLog>> RocksLog::Open(const std::string& path, void* env) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->env = env;
  RETURN_IF_ERROR(impl->Open());
  return std::unique_ptr<RocksLog>(new RocksLog(std::move(impl)));
}

absl::StatusOr<std::unique_ptr<RocksLog>> RocksLog::OpenReadOnly(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(LogOptions(nullptr), path, &opened);
  if (!status.ok()) return FromRocksOpen(status, path);
  impl->db.reset(opened);
  return std::unique_ptr<RocksLog>(new RocksLog(std::move(impl)));
}

absl::Status RocksLog::VerifyChecksums() const {
  return FromRocks(impl_->db->VerifyChecksum(), impl_->What("verifying"));
}

absl::Status RocksLog::Append(std::span<const LogEntry> entries, LogSync sync) {
  if (impl_->broken)
    return absl::UnavailableError(impl_->What("a write failed before; appending to"));
  rocksdb::WriteBatch batch;
  for (const LogEntry& entry : entries) batch.Put(EncodeLogKey(entry.key), ToSlice(entry.record));
  rocksdb::WriteOptions options;
  options.sync = sync == LogSync::kDisk;
  const rocksdb::Status status = impl_->db->Write(options, &batch);
  if (!status.ok()) impl_->broken = true;
  return FromRocks(status, impl_->What("appending to"));
}

// RocksDB 7.8's own Resume is not used: it may wait for ever for a flush that nobody does, or go on
// with the log file whose write failed and abort the process at the next write to it.
absl::Status RocksLog::Resume() {
  base::WriterLock lock(impl_->mu);
  impl_->Close();
  RETURN_IF_ERROR(impl_->Open());
  impl_->broken = false;
  return absl::OkStatus();
}

absl::Status RocksLog::Sync() {
  base::ReaderLock lock(impl_->mu);
  if (impl_->broken) return absl::UnavailableError(impl_->What("a write failed before; syncing"));
  return FromRocks(impl_->db->SyncWAL(), impl_->What("syncing"));
}

RocksLog::ScanResult RocksLog::Scan(
    const std::function<void(const LogKey& key, std::string_view record)>& visit) const {
  ScanResult result;
  // RocksDB 7.8 can end a scan at a damaged first block of a file with an OK status, so the end is
  // known beforehand.
  LogKey first, last;
  const bool has_end = Bounds(first, last);
  LogKey next;
  uint64_t skip = 1;
  while (true) {
    const std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(ScanOptions()));
    for (it->Seek(EncodeLogKey(next)); it->Valid(); it->Next()) {
      LogKey key;
      if (!DecodeLogKey(ToView(it->key()), key)) {
        ++result.unreadable;
        continue;
      }
      visit(key, ToView(it->value()));
      ++result.records;
      next = {key.partition, key.sequence + 1};
      skip = 1;
    }
    const bool past_end = !has_end || std::tie(last.partition, last.sequence) <
                                          std::tie(next.partition, next.sequence);
    if (it->status().ok() && past_end) return result;
    // A block is damaged. Its keys are unknown, so step over it by growing strides, into later
    // partitions at last.
    ++result.unreadable;
    if (skip < uint64_t{1} << 40) {
      next.sequence += skip;
      skip *= 2;
    } else if (next.partition < UINT32_MAX) {
      next = {next.partition + 1, 0};
    } else {
      return result;
    }
  }
}

bool RocksLog::Bounds(LogKey& first, LogKey& last) const {
  const std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(rocksdb::ReadOptions()));
  it->SeekToFirst();
  if (!it->Valid() || !DecodeLogKey(ToView(it->key()), first)) return false;
  it->SeekToLast();
  return it->Valid() && DecodeLogKey(ToView(it->key()), last);
}

absl::Status RocksLog::DropBefore(uint32_t partition) {
  if (impl_->db == nullptr) return absl::UnavailableError(impl_->What("dropping old files of"));
  const std::string begin = EncodeLogKey({}), end = EncodeLogKey({partition, 0});
  const rocksdb::Slice from(begin), to(end);
  const rocksdb::Status status = rocksdb::DeleteFilesInRange(
      impl_->db.get(), impl_->db->DefaultColumnFamily(), &from, &to, false);
  return FromRocks(status, impl_->What("dropping old files of"));
}

uint64_t RocksLog::bytes() const {
  uint64_t files = 0, memory = 0;
  base::ReaderLock lock(impl_->mu);
  if (impl_->db == nullptr) return 0;
  impl_->db->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &files);
  impl_->db->GetIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &memory);
  return files + memory;
}

}  // namespace slowburn::tsdb
