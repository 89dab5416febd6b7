#include "tsdb/rocks_log.h"

#include <rocksdb/db.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tsdb/rocks_status.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kScanReadahead = size_t{2} << 20;
constexpr uint64_t kSingleSteps = 4096;

rocksdb::Options LogOptions() {
  rocksdb::Options options = BaseRocksOptions(nullptr);
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;  // read once, at start
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

namespace {

struct Table {
  std::string path;
  LogKey first, last;
};

// Visits from where the iterator stands; `next` is then behind what was visited.
void Visit(rocksdb::Iterator& it, LogKey& next, const LogVisitor& visit, LogScan& scan) {
  for (; it.Valid(); it.Next()) {
    LogKey key;
    if (!DecodeLogKey(ToView(it.key()), key)) {
      scan.Fault(absl::StrCat("a key of ", it.key().size(), " bytes"));
      continue;
    }
    visit(key, ToView(it.value()));
    ++scan.records;
    next = {key.partition, key.sequence + 1};
  }
}

void ReadTable(const Table& table, rocksdb::SstFileReader& reader, LogKey next,
               const LogVisitor& visit, LogScan& scan) {
  uint64_t tries = 0;
  while (next <= table.last) {
    const std::unique_ptr<rocksdb::Iterator> it(reader.NewIterator(ScanOptions()));
    const LogKey from = next;
    it->Seek(EncodeLogKey(next));
    Visit(*it, next, visit, scan);
    if (table.last < next) return;
    if (from < next) tries = 0;
    if (tries == 0) {
      scan.Fault(absl::StrCat(table.path, ": a block from partition ", next.partition,
                              ", sequence ", next.sequence, " on is damaged"));
    }
    // The block's keys are unknown: step over them, by one and then by growing strides, and into
    // the next partition at last. (Sequences ascend over partitions.)
    const uint64_t stride = ++tries < kSingleSteps ? 1 : uint64_t{1} << (tries - kSingleSteps);
    if (next.sequence < table.last.sequence && stride <= table.last.sequence - next.sequence) {
      next.sequence += stride;
    } else {
      if (next.partition == table.last.partition) return;
      ++next.partition;
      tries = 1;
    }
  }
}

}  // namespace

struct RocksLog::Impl {
  std::string path;
  std::unique_ptr<rocksdb::DB> db;

  // In order of keys; they do not overlap.
  std::vector<Table> Tables() const {
    std::vector<rocksdb::LiveFileMetaData> files;
    db->GetLiveFilesMetaData(&files);
    std::vector<Table> tables;
    for (const rocksdb::LiveFileMetaData& file : files) {
      Table table{absl::StrCat(file.db_path, file.name), {}, {}};
      if (DecodeLogKey(file.smallestkey, table.first) && DecodeLogKey(file.largestkey, table.last))
        tables.push_back(std::move(table));
    }
    std::sort(tables.begin(), tables.end(),
              [](const Table& a, const Table& b) { return a.first < b.first; });
    return tables;
  }
};

RocksLog::RocksLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RocksLog::~RocksLog() = default;

absl::StatusOr<std::unique_ptr<RocksLog>> RocksLog::Open(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::OpenForReadOnly(LogOptions(), path, &opened);
  if (!status.ok()) return FromRocksOpen(status, path);
  impl->db.reset(opened);
  return std::unique_ptr<RocksLog>(new RocksLog(std::move(impl)));
}

bool RocksLog::Bounds(LogKey& first, LogKey& last) const {
  bool any = false;
  const auto widen = [&](const LogKey& key) {
    first = any ? std::min(first, key) : key;
    last = any ? std::max(last, key) : key;
    any = true;
  };
  for (const Table& table : impl_->Tables()) widen(table.first), widen(table.last);
  // The iterators fail where a block is damaged: then the manifest knows enough.
  const std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(rocksdb::ReadOptions()));
  LogKey key;
  it->SeekToFirst();
  if (it->Valid() && DecodeLogKey(ToView(it->key()), key)) widen(key);
  it->SeekToLast();
  if (it->Valid() && DecodeLogKey(ToView(it->key()), key)) widen(key);
  return any;
}

// Table by table, then what is only in RocksDB's own log: an iterator over everything ends for good
// where any table's first block is damaged.
LogScan RocksLog::Scan(const LogVisitor& visit) const {
  LogScan scan;
  LogKey next;
  for (const Table& table : impl_->Tables()) {
    next = std::max(next, table.first);
    rocksdb::SstFileReader reader(LogOptions());
    if (const rocksdb::Status status = reader.Open(table.path); !status.ok()) {
      scan.Fault(absl::StrCat(table.path, ": ", status.ToString()));
      continue;
    }
    ReadTable(table, reader, next, visit, scan);
    next = {table.last.partition, table.last.sequence + 1};
  }
  const std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(ScanOptions()));
  it->Seek(EncodeLogKey(next));
  Visit(*it, next, visit, scan);
  if (!it->status().ok()) {
    scan.Fault(absl::StrCat(impl_->path, ": ", it->status().ToString()));
  }
  return scan;
}

uint64_t RocksLog::bytes() const {
  uint64_t files = 0, memory = 0;
  impl_->db->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &files);
  impl_->db->GetIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &memory);
  return files + memory;
}

}  // namespace slowburn::tsdb
