// A Db in a directory of its own, which goes when the test does.
#ifndef SLOWBURN_TESTS_TSDB_STORE_FIXTURE_H_
#define SLOWBURN_TESTS_TSDB_STORE_FIXTURE_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "prometheus/registry.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/fake_block_store.h"
#include "tests/tsdb/storage_contract.h"
#include "tests/tsdb/temp_directory.h"
#include "tsdb/db.h"

namespace slowburn::tsdb {

class DbStore : public StoreUnderTest {
 public:
  // Where its blocks are: in the directory, or in `blocks`.
  enum class Blocks { kDisk, kFake };
  explicit DbStore(const ContractOptions& o, Blocks where = Blocks::kDisk) {
    base::SetLogLevel(base::LogLevel::kWarn);
    options.path = directory.path();
    options.background = false;  // tests say when
    if (where == Blocks::kFake) options.blocks_for_test = &blocks;
    options.wal_sync = WalSync::kOs;
    options.retention_ms = o.retention_ms;
    options.max_future_ms = o.max_future_ms;
    options.out_of_order_window_ms = o.out_of_order_window_ms;
    options.max_exemplars = o.max_exemplars;
    options.limits = o.limits;
    Reopen();
  }
  DbStore() : DbStore(ContractOptions()) {}

  Storage& storage() override { return *db; }
  void AddTap(CommitTap* tap) override { db->AddTap(tap); }
  void RemoveTap(CommitTap* tap) override { db->RemoveTap(tap); }
  void ApplyRetention() override { EXPECT_OK(db->ApplyRetention()); }
  void SetOutOfOrderWindow(DurationMs window) override {
    options.out_of_order_window_ms = window;
    db->SetOutOfOrderWindow(window);
  }
  void Reopen() override {
    db = nullptr;
    registry = std::make_unique<prometheus::Registry>();
    absl::StatusOr<std::unique_ptr<Db>> opened = Db::Open(options, clock, *registry);
    EXPECT_OK(opened);
    if (opened.ok()) db = *std::move(opened);
  }

  // As ReadAll, of everything.
  std::string Read() {
    const auto querier = storage().NewQuerier({});
    return ReadAll(*querier, {}, {});
  }

  TempDirectory directory;
  FakeBlockStore blocks;  // unused with kDisk
  DbOptions options;
  std::unique_ptr<prometheus::Registry> registry;
  std::unique_ptr<Db> db;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_STORE_FIXTURE_H_
