#include "tsdb/rocks_state_store.h"

#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "tsdb/rocks_status.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kMemtableBytes = size_t{4} << 20;
constexpr size_t kLogBytes = size_t{16} << 20;  // flushes what would keep older logs alive
// By base::Space. A name on disk is never changed.
constexpr std::array<const char*, 4> kFamilies = {"meta", "rules", "slo", "notify"};

}  // namespace

// An open database. Readers hold it, so that opening anew cannot pull it away from under them.
struct RocksStateStore::Database {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;  // by Space, then the default one; owned

  rocksdb::ColumnFamilyHandle* Family(base::Space space) const {
    return families[static_cast<size_t>(space)];
  }
  ~Database() {
    if (db == nullptr) return;
    for (rocksdb::ColumnFamilyHandle* family : families) db->DestroyColumnFamilyHandle(family);
    db->Close();
  }
};

struct RocksStateStore::Impl {
  std::string path;
  void* env = nullptr;
  std::atomic<bool> broken{false};  // a write failed: none may follow before Recover
  // Shared by writes; exclusively while one that failed is recovered from.
  base::SharedMutex write_mu;
  mutable base::Mutex mu;                                  // innermost
  std::shared_ptr<Database> database ABSL_GUARDED_BY(mu);  // null: opening anew failed

  std::string What(const char* action) const {
    return absl::StrCat(action, " the state in ", path);
  }

  std::shared_ptr<Database> Get() const {
    base::MutexLock lock(mu);
    return database;
  }

  enum class Mode { kReadWrite, kReadOnly };
  absl::Status Open(Mode mode) {
    rocksdb::Options options = BaseRocksOptions(env);
    options.create_missing_column_families = true;
    options.write_buffer_size = kMemtableBytes;
    options.max_total_wal_size = kLogBytes;
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const char* name : kFamilies) descriptors.emplace_back(name, options);
    descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, options);
    auto opened = std::make_shared<Database>();
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status =
        mode == Mode::kReadWrite
            ? rocksdb::DB::Open(options, path, descriptors, &opened->families, &db)
            : rocksdb::DB::OpenForReadOnly(options, path, descriptors, &opened->families, &db);
    if (!status.ok()) return FromRocksOpen(status, path);
    opened->db.reset(db);
    base::MutexLock lock(mu);
    database = std::move(opened);
    return absl::OkStatus();
  }

  // After a failed write: opens the database anew. RocksDB 7.8's own Resume is not used, see
  // rocks_log.cc. While the disk refuses writes the database stays open for reading.
  absl::Status Recover() {
    base::WriterLock lock(write_mu);
    if (!broken) return absl::OkStatus();  // somebody else did it
    {
      base::MutexLock database_lock(mu);
      if (database.use_count() > 1)
        return absl::UnavailableError(What("reads are under way; reopening"));
      database = nullptr;
    }
    const absl::Status status = Open(Mode::kReadWrite);
    if (status.ok()) {
      broken = false;
    } else if (const absl::Status read_only = Open(Mode::kReadOnly); !read_only.ok()) {
      return read_only;
    }
    return status;
  }

  absl::Status NotOpen() const {
    return absl::UnavailableError(What("after a failed write, opening"));
  }
};

RocksStateStore::RocksStateStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksStateStore::~RocksStateStore() = default;

absl::StatusOr<std::unique_ptr<RocksStateStore>> RocksStateStore::Open(const std::string& path,
                                                                       void* env) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->env = env;
  RETURN_IF_ERROR(impl->Open(Impl::Mode::kReadWrite));
  return std::unique_ptr<RocksStateStore>(new RocksStateStore(std::move(impl)));
}

absl::Status RocksStateStore::Verify(const std::string& path) {
  Impl impl;
  impl.path = path;
  RETURN_IF_ERROR(impl.Open(Impl::Mode::kReadOnly));
  return FromRocks(impl.Get()->db->VerifyChecksum(), impl.What("reading"));
}

absl::Status RocksStateStore::Apply(base::Space space,
                                    const std::vector<base::StateChange>& changes,
                                    base::Durability durability) {
  if (impl_->broken) RETURN_IF_ERROR(impl_->Recover());
  base::ReaderLock lock(impl_->write_mu);
  if (impl_->broken) return absl::UnavailableError(impl_->What("a write failed before; writing"));
  const std::shared_ptr<Database> database = impl_->Get();
  if (database == nullptr) return impl_->NotOpen();
  rocksdb::WriteBatch batch;
  rocksdb::ColumnFamilyHandle* const family = database->Family(space);
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
  const rocksdb::Status status = database->db->Write(options, &batch);
  if (!status.ok()) impl_->broken = true;
  return FromRocks(status, impl_->What("writing"));
}

absl::StatusOr<std::string> RocksStateStore::Get(base::Space space, std::string_view key) const {
  const std::shared_ptr<Database> database = impl_->Get();
  if (database == nullptr) return impl_->NotOpen();
  std::string value;
  const rocksdb::Status status =
      database->db->Get(rocksdb::ReadOptions(), database->Family(space), ToSlice(key), &value);
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
  const std::shared_ptr<Database> database = impl_->Get();
  if (database == nullptr) return impl_->NotOpen();
  rocksdb::ReadOptions options;
  const rocksdb::Slice bound = ToSlice(end);
  if (!end.empty()) options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> it(
      database->db->NewIterator(options, database->Family(space)));
  for (it->Seek(ToSlice(begin)); it->Valid(); it->Next()) {
    if (!visit(ToView(it->key()), ToView(it->value()))) break;
  }
  return FromRocks(it->status(), impl_->What("reading"));
}

absl::Status RocksStateStore::Checkpoint(const std::string& path) const {
  const std::shared_ptr<Database> database = impl_->Get();
  if (database == nullptr) return impl_->NotOpen();
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(database->db.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  // The log is copied as it is, which is quicker than to flush all families.
  if (status.ok())
    status = checkpoint->CreateCheckpoint(path, /*log_size_for_flush=*/2 * kLogBytes);
  return FromRocks(status, impl_->What("copying"));
}

}  // namespace slowburn::tsdb
