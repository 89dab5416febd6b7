// RocksDB's errors in our words. Included by the rocks_* files only.
#ifndef SLOWBURN_TSDB_ROCKS_STATUS_H_
#define SLOWBURN_TSDB_ROCKS_STATUS_H_

#include <rocksdb/options.h>
#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace slowburn::tsdb {

inline rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Of an operation on an open database: "what: RocksDB's words". kDataLoss for corruption, else
// kUnavailable.
absl::Status FromRocks(const rocksdb::Status& status, std::string_view what);
// Of opening one: also says what to do.
absl::Status FromRocksOpen(const rocksdb::Status& status, const std::string& path);
// What our databases share. `env` is a rocksdb::Env or null.
rocksdb::Options BaseRocksOptions(void* env);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_ROCKS_STATUS_H_
