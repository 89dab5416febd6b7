// RocksBlockFiles: the files of blocks, and which of them count. One file a block; RocksDB's
// manifest is what makes several of them appear, or go, in one step.
//
//   file = files.NewFile(id);
//   file->Put(…)*;
//   file->Finish();
//   files.Publish({file});
//   files.OpenFile(file).Get(key)
//
// A file is read by itself, not through the database: its values lie in mapped memory for as long
// as the BlockFile lives, also when the database was opened anew or the file was removed.
//
// Threads: thread-safe, but for BlockFileWriter. Lifetimes: independent of each other.
// Errors: kUnavailable when the disk is full or failing; later calls open the database anew.
// kDataLoss for what is damaged.
#ifndef SLOWBURN_TSDB_ROCKS_BLOCK_FILES_H_
#define SLOWBURN_TSDB_ROCKS_BLOCK_FILES_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tsdb/block_builder.h"
#include "tsdb/block_format.h"

namespace slowburn::tsdb {

// A file being written, under a temporary name until it is published. Destruction removes that
// name.
class BlockFileWriter final : public PartSink {
 public:
  ~BlockFileWriter() override;
  absl::Status Put(PartKey key, std::string_view value) override;
  // Durable afterwards. REQUIRES: something was put.
  absl::Status Finish();
  uint64_t id() const;
  const std::string& path() const;
  uint64_t bytes() const;  // after Finish

 private:
  friend class RocksBlockFiles;
  struct Impl;
  explicit BlockFileWriter(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

// A file being read.
class BlockFile {
 public:
  ~BlockFile();
  // Valid while the BlockFile lives. The first time its checksum is checked. kDataLoss: damaged, or
  // not there.
  absl::StatusOr<std::string_view> Get(PartKey key) const;
  absl::Status VerifyChecksums() const;
  uint64_t id() const;
  uint64_t bytes() const;

 private:
  friend class RocksBlockFiles;
  struct Impl;
  explicit BlockFile(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

class RocksBlockFiles {
 public:
  struct File {
    uint64_t id = 0;
    std::string path;
    uint64_t bytes = 0;
  };
  enum class Mode { kReadWrite, kReadOnly };
  // `env`: a rocksdb::Env for tests of failing disks, or null.
  static absl::StatusOr<std::unique_ptr<RocksBlockFiles>> Open(const std::string& path, void* env,
                                                               Mode mode);
  ~RocksBlockFiles();

  std::vector<File> List() const;  // those that count, ascending
  absl::StatusOr<std::unique_ptr<BlockFileWriter>> NewFile(uint64_t id) const;
  absl::StatusOr<std::unique_ptr<BlockFile>> OpenFile(const File& file) const;

  // All or none, durably. After an error they do not count, unless the process dies before the next
  // call.
  absl::Status Publish(std::span<BlockFileWriter* const> files);
  // All or none. Unknown ids are ignored.
  absl::Status Remove(std::span<const uint64_t> ids);
  // A copy by hard links.
  absl::Status Checkpoint(const std::string& path) const;

 private:
  struct Impl;
  explicit RocksBlockFiles(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_ROCKS_BLOCK_FILES_H_
