// OldLog: writes the log of a directory of format 1, which no longer is written: RocksDB in wal/.
#ifndef SLOWBURN_TESTS_TSDB_OLD_LOG_H_
#define SLOWBURN_TESTS_TSDB_OLD_LOG_H_

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <string_view>

#include "tsdb/log_entry.h"

namespace slowburn::tsdb {

class OldLog {
 public:
  explicit OldLog(const std::string& path);
  void Put(const LogKey& key, std::string_view record);
  void Flush();  // into a table file; otherwise RocksDB's own log has it

 private:
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_OLD_LOG_H_
