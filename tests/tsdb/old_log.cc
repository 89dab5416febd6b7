#include "tests/tsdb/old_log.h"

#include <gtest/gtest.h>
#include <rocksdb/table.h>

#include "tsdb/rocks_log.h"

namespace slowburn::tsdb {

OldLog::OldLog(const std::string& path) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;
  rocksdb::BlockBasedTableOptions table;
  table.block_size = size_t{64} << 10;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::DB* db = nullptr;
  EXPECT_TRUE(rocksdb::DB::Open(options, path, &db).ok());
  db_.reset(db);
}

void OldLog::Put(const LogKey& key, std::string_view record) {
  const rocksdb::Slice value(record.data(), record.size());
  EXPECT_TRUE(db_->Put(rocksdb::WriteOptions(), EncodeLogKey(key), value).ok());
}

void OldLog::Flush() { EXPECT_TRUE(db_->Flush(rocksdb::FlushOptions()).ok()); }

}  // namespace slowburn::tsdb
