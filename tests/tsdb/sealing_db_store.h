// A DbStore that seals after every few commits, so that everything a test reads and writes is
// partly in the head and partly in blocks.
#ifndef SLOWBURN_TESTS_TSDB_SEALING_DB_STORE_H_
#define SLOWBURN_TESTS_TSDB_SEALING_DB_STORE_H_

#include <functional>
#include <memory>
#include <utility>

#include "tests/tsdb/store_fixture.h"

namespace slowburn::tsdb {

// An appender that tells when it has committed.
class TellingAppender final : public Appender {
 public:
  TellingAppender(std::unique_ptr<Appender> appender, std::function<void()> committed)
      : appender_(std::move(appender)), committed_(std::move(committed)) {}

  void Lookup(std::span<const RawKey> keys, std::span<SeriesRef> out) override {
    appender_->Lookup(keys, out);
  }
  absl::StatusOr<SeriesRef> Resolve(const Labels& labels, const RawKey* key) override {
    return appender_->Resolve(labels, key);
  }
  void Append(SeriesRef ref, TimestampMs t, double v, TimestampMs start) override {
    appender_->Append(ref, t, v, start);
  }
  void AppendHistogram(SeriesRef ref, TimestampMs t, HistogramPtr histogram,
                       TimestampMs start) override {
    appender_->AppendHistogram(ref, t, std::move(histogram), start);
  }
  void AppendExemplar(SeriesRef ref, Exemplar exemplar) override {
    appender_->AppendExemplar(ref, std::move(exemplar));
  }
  void SetMetadata(std::string_view metric, Metadata metadata) override {
    appender_->SetMetadata(metric, std::move(metadata));
  }
  absl::StatusOr<CommitResult> Commit() override {
    absl::StatusOr<CommitResult> result = appender_->Commit();
    committed_();
    return result;
  }

 private:
  const std::unique_ptr<Appender> appender_;
  const std::function<void()> committed_;
};

class SealingDbStore : public DbStore, public Storage {
 public:
  explicit SealingDbStore(const ContractOptions& o, Blocks where = Blocks::kDisk)
      : DbStore(o, where) {}

  Storage& storage() override { return *this; }
  void ApplyRetention() override {
    Seal();
    DbStore::ApplyRetention();
  }
  void Reopen() override {
    if (db != nullptr) Seal();
    DbStore::Reopen();
  }

  bool ExactLabelRanges() const override { return options.blocks_for_test != nullptr; }

  std::unique_ptr<Appender> NewAppender() override {
    return std::make_unique<TellingAppender>(db->NewAppender(), [this] {
      if (++commits_ % 3 == 0) Seal();
    });
  }
  std::unique_ptr<Querier> NewQuerier(TimeRange range) override { return db->NewQuerier(range); }
  std::vector<MetricMetadata> AllMetadata() const override { return db->AllMetadata(); }

 private:
  void Seal() {
    EXPECT_OK(db->Seal(Db::SealWhat::kAll, Db::OldReaders::kLeave));
    if (commits_ % 2 != 0) return;
    EXPECT_OK(db->RewriteBlocks());
  }

  int commits_ = 0;
};

class FakeSealingDbStore final : public SealingDbStore {
 public:
  explicit FakeSealingDbStore(const ContractOptions& o) : SealingDbStore(o, Blocks::kFake) {}
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_SEALING_DB_STORE_H_
