#include "tsdb/rocks_state_store.h"

#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tsdb/rocks_status.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kMemtableBytes = size_t{4} << 20;
constexpr size_t kLogBytes = size_t{16} << 20;  // flushes what would keep older logs alive
// By base::Space. A name on disk is never changed.
constexpr std::array<const char*, 4> kFamilies = {"meta", "rules", "slo", "notify"};

}  // namespace

struct RocksStateStore::Impl {
  std::string path;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;  // by Space, then the default one; owned
  std::atomic<bool> failed{false};                     // a write failed: RocksDB wants Resume

  rocksdb::ColumnFamilyHandle* Family(base::Space space) const {
    return families[static_cast<size_t>(space)];
  }
  std::string What(const char* action) const {
    return absl::StrCat(action, " the state in ", path);
  }

  ~Impl() {
    for (rocksdb::ColumnFamilyHandle* family : families) db->DestroyColumnFamilyHandle(family);
    if (db != nullptr) db->Close();
  }
};

RocksStateStore::RocksStateStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksStateStore::~RocksStateStore() = default;

absl::StatusOr<std::unique_ptr<RocksStateStore>> RocksStateStore::Open(const std::string& path,
                                                                       void* env) {
  rocksdb::Options options = BaseRocksOptions(env);
  options.create_missing_column_families = true;
  options.write_buffer_size = kMemtableBytes;
  options.max_total_wal_size = kLogBytes;
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const char* name : kFamilies) descriptors.emplace_back(name, options);
  descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, options);

  auto impl = std::make_unique<Impl>();
  impl->path = path;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(options, path, descriptors, &impl->families, &db);
  if (!status.ok()) return FromRocksOpen(status, path);
  impl->db.reset(db);
  return std::unique_ptr<RocksStateStore>(new RocksStateStore(std::move(impl)));
}

absl::Status RocksStateStore::Apply(base::Space space,
                                    const std::vector<base::StateChange>& changes,
                                    base::Durability durability) {
  if (impl_->failed) {
    const rocksdb::Status resumed = impl_->db->Resume();
    if (!resumed.ok()) return FromRocks(resumed, impl_->What("resuming"));
    impl_->failed = false;
  }
  rocksdb::WriteBatch batch;
  rocksdb::ColumnFamilyHandle* const family = impl_->Family(space);
  for (const base::StateChange& change : changes) {
    switch (change.kind) {
      case base::StateChange::kPut:
        batch.Put(family, change.key, change.value);
        break;
      case base::StateChange::kDelete:
        batch.Delete(family, change.key);
        break;
      case base::StateChange::kDeleteRange:
        if (change.key < change.value) batch.DeleteRange(family, change.key, change.value);
        break;
    }
  }
  rocksdb::WriteOptions options;
  options.sync = durability == base::Durability::kDisk;
  const rocksdb::Status status = impl_->db->Write(options, &batch);
  if (!status.ok()) impl_->failed = true;
  return FromRocks(status, impl_->What("writing"));
}

absl::StatusOr<std::string> RocksStateStore::Get(base::Space space, std::string_view key) const {
  std::string value;
  const rocksdb::Status status =
      impl_->db->Get(rocksdb::ReadOptions(), impl_->Family(space), ToSlice(key), &value);
  if (status.IsNotFound()) {
    return absl::NotFoundError(
        absl::StrCat("no key ", std::string(key), " in the state of ", impl_->path));
  }
  if (!status.ok()) return FromRocks(status, impl_->What("reading"));
  return value;
}

absl::Status RocksStateStore::Scan(
    base::Space space, std::string_view begin, std::string_view end,
    const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  rocksdb::ReadOptions options;
  const rocksdb::Slice bound = ToSlice(end);
  if (!end.empty()) options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> it(
      impl_->db->NewIterator(options, impl_->Family(space)));
  for (it->Seek(ToSlice(begin)); it->Valid(); it->Next()) {
    if (!visit(ToView(it->key()), ToView(it->value()))) break;
  }
  return FromRocks(it->status(), impl_->What("reading"));
}

}  // namespace slowburn::tsdb
