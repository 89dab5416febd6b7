#include "tsdb/memory_storage.h"

#include "tests/tsdb/storage_contract.h"

namespace slowburn::tsdb {
namespace {

class MemoryStore final : public StoreUnderTest {
 public:
  explicit MemoryStore(const ContractOptions& o)
      : storage_({&clock, o.retention_ms, o.max_future_ms, o.out_of_order_window_ms,
                  o.max_exemplars, o.limits}) {}
  Storage& storage() override { return storage_; }
  void AddTap(CommitTap* tap) override { storage_.AddTap(tap); }
  void RemoveTap(CommitTap* tap) override { storage_.RemoveTap(tap); }
  void ApplyRetention() override { storage_.ApplyRetention(); }
  void SetOutOfOrderWindow(DurationMs window) override { storage_.SetOutOfOrderWindow(window); }
  void Reopen() override {}

 private:
  MemoryStorage storage_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StorageContract, MemoryStore);

TEST(MemoryStorage, WithoutAClockEveryTimeIsGood) {
  MemoryStorage storage;
  auto appender = storage.NewAppender();
  const SeriesRef ref = *appender->Resolve(Labels{{"a", "1"}}, nullptr);
  appender->Append(ref, kMinTime, 1);
  appender->Append(ref, 0, 2);
  appender->Append(ref, kMaxTime - 1, 3);
  EXPECT_EQ(appender->Commit()->samples, 3u);
  EXPECT_EQ(ReadSamples(*storage.NewQuerier({}), {}).size(), 3u);
}

}  // namespace
}  // namespace slowburn::tsdb
