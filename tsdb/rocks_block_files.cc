#include "tsdb/rocks_block_files.h"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "tsdb/rocks_status.h"

namespace slowburn::tsdb {
namespace {

constexpr char kWritingPrefix[] = "writing-";
constexpr size_t kKeyBytes = 13;
constexpr size_t kFileBlockBytes = 4 << 10;  // a part of this size or more has a block for itself
constexpr int kOpenTables = 16;              // files are read past the database

rocksdb::Options FileOptions(void* env) {
  rocksdb::Options options = BaseRocksOptions(env);
  options.allow_mmap_reads = true;
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true;  // values are used where they lie
  table.block_size = kFileBlockBytes;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

rocksdb::Options DatabaseOptions(void* env) {
  rocksdb::Options options = FileOptions(env);
  options.allow_mmap_reads = false;
  options.disable_auto_compactions = true;
  options.max_open_files = kOpenTables;
  options.max_background_jobs = 1;
  options.write_buffer_size = size_t{64} << 10;  // nothing is ever put
  // A damaged or missing file is ours to find: the others are to be used.
  options.paranoid_checks = false;
  options.skip_checking_sst_file_sizes_on_db_open = true;
  return options;
}

void AddBigEndian(std::string& out, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift);
}

std::string EncodeKey(uint64_t id, PartKey key) {
  std::string out;
  out.reserve(kKeyBytes);
  AddBigEndian(out, id, 8);
  out += static_cast<char>(key.kind);
  AddBigEndian(out, key.number, 4);
  return out;
}

bool DecodeId(std::string_view key, uint64_t& id) {
  if (key.size() != kKeyBytes) return false;
  id = 0;
  for (const char c : key.substr(0, 8)) id = id << 8 | static_cast<unsigned char>(c);
  return true;
}

rocksdb::Env* EnvOf(void* env) {
  return env != nullptr ? static_cast<rocksdb::Env*>(env) : rocksdb::Env::Default();
}

}  // namespace

struct BlockFileWriter::Impl {
  Impl(uint64_t file_id, void* file_env, const rocksdb::Options& options)
      : id(file_id), env(file_env), writer(rocksdb::EnvOptions(options), options) {}
  uint64_t id;
  void* env;
  std::string path;
  rocksdb::SstFileWriter writer;
  uint64_t bytes = 0;
};

BlockFileWriter::BlockFileWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BlockFileWriter::~BlockFileWriter() {
  // Most often it is gone: the file got its name in the database.
  EnvOf(impl_->env)->DeleteFile(impl_->path).PermitUncheckedError();
}

uint64_t BlockFileWriter::id() const { return impl_->id; }
const std::string& BlockFileWriter::path() const { return impl_->path; }
uint64_t BlockFileWriter::bytes() const { return impl_->bytes; }

absl::Status BlockFileWriter::Put(PartKey key, std::string_view value) {
  const std::string bytes = EncodeKey(impl_->id, key);
  return FromRocks(impl_->writer.Put(bytes, ToSlice(value)),
                   absl::StrCat("writing block ", impl_->id));
}

absl::Status BlockFileWriter::Finish() {
  rocksdb::ExternalSstFileInfo info;
  RETURN_IF_ERROR(
      FromRocks(impl_->writer.Finish(&info), absl::StrCat("writing block ", impl_->id)));
  impl_->bytes = info.file_size;
  return absl::OkStatus();
}

struct BlockFile::Impl {
  Impl(const rocksdb::Options& options, const RocksBlockFiles::File& of)
      : file(of), reader(options) {}
  const RocksBlockFiles::File file;
  mutable rocksdb::SstFileReader reader;
  mutable base::Mutex mu;
  // Keeps what was read where it is; values of mapped files are not copied.
  mutable std::unique_ptr<rocksdb::Iterator> iterator ABSL_GUARDED_BY(mu);
  mutable absl::flat_hash_map<uint64_t, std::string_view> found ABSL_GUARDED_BY(mu);
};

BlockFile::BlockFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BlockFile::~BlockFile() = default;
uint64_t BlockFile::id() const { return impl_->file.id; }
uint64_t BlockFile::bytes() const { return impl_->file.bytes; }

absl::StatusOr<std::string_view> BlockFile::Get(PartKey key) const {
  const uint64_t short_key = uint64_t{static_cast<uint8_t>(key.kind)} << 32 | key.number;
  base::MutexLock lock(impl_->mu);
  if (const auto it = impl_->found.find(short_key); it != impl_->found.end()) return it->second;
  if (impl_->iterator == nullptr) {
    rocksdb::ReadOptions options;
    options.pin_data = true;
    impl_->iterator.reset(impl_->reader.NewIterator(options));
  }
  const std::string bytes = EncodeKey(id(), key);
  impl_->iterator->Seek(bytes);
  if (!impl_->iterator->status().ok()) return Damaged(impl_->iterator->status().ToString());
  if (!impl_->iterator->Valid() || ToView(impl_->iterator->key()) != bytes)
    return Damaged("a part is missing");
  const std::string_view value = ToView(impl_->iterator->value());
  impl_->found.emplace(short_key, value);
  return value;
}

absl::Status BlockFile::VerifyChecksums() const {
  return FromRocks(impl_->reader.VerifyChecksum(), "checksum");
}

struct RocksBlockFiles::Impl {
  std::string path;
  void* env = nullptr;
  mutable base::Mutex mu;
  std::unique_ptr<rocksdb::DB> db ABSL_GUARDED_BY(mu);  // null: opening anew failed
  bool broken ABSL_GUARDED_BY(mu) = false;              // a change failed: to be opened anew
  std::vector<uint64_t> unwanted ABSL_GUARDED_BY(mu);   // may count although publishing failed

  std::string What(const char* action) const {
    return absl::StrCat(action, " the blocks in ", path);
  }

  absl::Status Open(Mode mode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status =
        mode == Mode::kReadWrite
            ? rocksdb::DB::Open(DatabaseOptions(env), path, &opened)
            : rocksdb::DB::OpenForReadOnly(DatabaseOptions(env), path, &opened);
    db.reset(opened);
    return FromRocksOpen(status, path);
  }
  void Close() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    if (db != nullptr) db->Close().PermitUncheckedError();
    db = nullptr;
  }

  // After a change that failed: RocksDB 7.8's own Resume is not used, see rocks_log.cc. Readers
  // have files of their own and notice nothing.
  absl::Status Recover() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    if (!broken && db != nullptr) return absl::OkStatus();
    Close();
    RETURN_IF_ERROR(Open(Mode::kReadWrite));
    broken = false;
    const std::vector<uint64_t> ids = unwanted;
    RETURN_IF_ERROR(Delete(ids));
    unwanted.clear();
    return absl::OkStatus();
  }

  absl::Status Delete(std::span<const uint64_t> ids) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    if (ids.empty()) return absl::OkStatus();
    std::vector<std::string> keys;
    for (const uint64_t id : ids) {
      keys.push_back(EncodeKey(id, {}));
      keys.push_back(EncodeKey(id, {PartKind{0xFF}, ~uint32_t{0}}));
    }
    std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
    std::vector<rocksdb::RangePtr> ranges;
    for (size_t i = 0; i < slices.size(); i += 2) ranges.emplace_back(&slices[i], &slices[i + 1]);
    const rocksdb::Status status = rocksdb::DeleteFilesInRanges(db.get(), db->DefaultColumnFamily(),
                                                                ranges.data(), ranges.size());
    if (!status.ok()) broken = true;
    return FromRocks(status, What("removing files of"));
  }

  // What a crash left of files that were being written.
  void RemoveUnfinished() {
    std::vector<std::string> names;
    EnvOf(env)->GetChildren(path, &names).PermitUncheckedError();
    for (const std::string& name : names) {
      if (name.starts_with(kWritingPrefix))
        EnvOf(env)->DeleteFile(absl::StrCat(path, "/", name)).PermitUncheckedError();
    }
  }
};

RocksBlockFiles::RocksBlockFiles(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksBlockFiles::~RocksBlockFiles() {
  base::MutexLock lock(impl_->mu);
  impl_->Close();
}

absl::StatusOr<std::unique_ptr<RocksBlockFiles>> RocksBlockFiles::Open(const std::string& path,
                                                                       void* env, Mode mode) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->env = env;
  {
    base::MutexLock lock(impl->mu);
    RETURN_IF_ERROR(impl->Open(mode));
  }
  if (mode == Mode::kReadWrite) impl->RemoveUnfinished();
  return std::unique_ptr<RocksBlockFiles>(new RocksBlockFiles(std::move(impl)));
}

std::vector<RocksBlockFiles::File> RocksBlockFiles::List() const {
  std::vector<File> files;
  base::MutexLock lock(impl_->mu);
  if (impl_->db == nullptr) return files;
  std::vector<rocksdb::LiveFileMetaData> live;
  impl_->db->GetLiveFilesMetaData(&live);
  for (const rocksdb::LiveFileMetaData& one : live) {
    File file{0, one.db_path + one.name, one.size};
    if (DecodeId(one.smallestkey, file.id)) files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.id < b.id; });
  return files;
}

absl::StatusOr<std::unique_ptr<BlockFileWriter>> RocksBlockFiles::NewFile(uint64_t id) const {
  auto impl = std::make_unique<BlockFileWriter::Impl>(id, impl_->env, FileOptions(impl_->env));
  impl->path = absl::StrCat(impl_->path, "/", kWritingPrefix, id);
  std::unique_ptr<BlockFileWriter> writer(new BlockFileWriter(std::move(impl)));
  RETURN_IF_ERROR(
      FromRocks(writer->impl_->writer.Open(writer->path()), absl::StrCat("writing block ", id)));
  return writer;
}

absl::StatusOr<std::unique_ptr<BlockFile>> RocksBlockFiles::OpenFile(const File& file) const {
  auto impl = std::make_unique<BlockFile::Impl>(FileOptions(impl_->env), file);
  const rocksdb::Status status = impl->reader.Open(file.path);
  if (!status.ok()) return Damaged(status.ToString());
  return std::unique_ptr<BlockFile>(new BlockFile(std::move(impl)));
}

absl::Status RocksBlockFiles::Publish(std::span<BlockFileWriter* const> files) {
  base::MutexLock lock(impl_->mu);
  RETURN_IF_ERROR(impl_->Recover());
  std::vector<std::string> paths;
  for (const BlockFileWriter* file : files) paths.push_back(file->path());
  rocksdb::IngestExternalFileOptions options;
  options.move_files = true;
  options.snapshot_consistency = false;
  options.write_global_seqno = false;
  options.fail_if_not_bottommost_level = true;  // only there files are dropped whole
  const rocksdb::Status status = impl_->db->IngestExternalFile(paths, options);
  if (status.ok()) return absl::OkStatus();
  impl_->broken = true;
  for (const BlockFileWriter* file : files) impl_->unwanted.push_back(file->id());
  return absl::UnavailableError(
      absl::StrCat(impl_->What("publishing in"), ": ", status.ToString()));
}

absl::Status RocksBlockFiles::Remove(std::span<const uint64_t> ids) {
  base::MutexLock lock(impl_->mu);
  RETURN_IF_ERROR(impl_->Recover());
  return impl_->Delete(ids);
}

absl::Status RocksBlockFiles::Checkpoint(const std::string& path) const {
  base::MutexLock lock(impl_->mu);
  if (impl_->db == nullptr) return absl::UnavailableError(impl_->What("copying"));
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(impl_->db.get(), &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  if (status.ok()) status = checkpoint->CreateCheckpoint(path);
  return FromRocks(status, impl_->What("copying"));
}

}  // namespace slowburn::tsdb
