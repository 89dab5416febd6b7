// There and back: a storage exported as blocks of Prometheus, these imported into our blocks.
#include "tsdb/prometheus/import.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/prometheus_files.h"
#include "tests/tsdb/storage_reading.h"
#include "tsdb/memory_storage.h"
#include "tsdb/prometheus/export.h"

namespace slowburn::tsdb::prom {
namespace {

using testing::IsCode;
using Content = std::map<Labels, std::vector<OneSample>>;
constexpr TimestampMs kStart = 1'699'999'200'000;

// All bits; hints of histograms are told apart only where they are resets or gauges, because blocks
// of Prometheus say of the others that they were not reset.
std::string Text(SeriesSet& set) {
  std::string out;
  while (set.Next()) {
    const std::unique_ptr<SampleIterator> samples = set.samples();
    absl::StrAppend(&out, set.labels().ToString());
    SampleBatch batch;
    while (samples->Next(batch)) {
      for (size_t i = 0; i < batch.t.size(); ++i) {
        HistogramPtr h = batch.histograms.empty() ? nullptr : batch.histograms[i];
        if (h != nullptr && h->reset_hint == Histogram::ResetHint::kNotReset) {
          auto copy = std::make_shared<Histogram>(*h);
          copy->reset_hint = Histogram::ResetHint::kUnknown;
          h = copy;
        }
        absl::StrAppend(&out, " ", TextOf(OneSample{batch.t[i], batch.v[i], h}));
      }
    }
    EXPECT_OK(samples->status());
    out += '\n';
  }
  EXPECT_OK(set.status());
  return out;
}

class PrometheusImport : public ::testing::Test {
 protected:
  void SetUp() override {
    storage_ = std::make_unique<MemoryStorage>();
    store_ = *BlockStore::Open(folder_ / "blocks", nullptr);
  }

  void Append(const Labels& labels, const std::vector<OneSample>& samples) {
    const auto appender = storage_->NewAppender();
    const SeriesRef ref = *appender->Resolve(labels, nullptr);
    for (const OneSample& sample : samples) {
      if (sample.histogram == nullptr) {
        appender->Append(ref, sample.t, sample.v);
      } else {
        appender->AppendHistogram(ref, sample.t, sample.histogram);
      }
    }
    const auto result = appender->Commit();
    ASSERT_OK(result);
    ASSERT_TRUE(result->rejected.empty());
    for (const OneSample& sample : samples) {
      range_.start = std::min(range_.start, sample.t);
      range_.end = std::max(range_.end, sample.t + 1);
    }
  }

  ExportStats Export(const std::string& name, ExportOptions options = {}) {
    if (options.range == TimeRange{}) options.range = range_;
    const auto stats = ExportBlocks(*storage_, folder_ / name, clock_, options);
    EXPECT_OK(stats);
    return *stats;
  }
  ImportStats Import(const std::string& name, ImportOptions options = {}) {
    const auto source = Directory::Open(folder_ / name, {}, report_);
    EXPECT_OK(source);
    const auto stats = ImportSamples(**source, *store_, options);
    EXPECT_OK(stats);
    return *stats;
  }
  std::string Stored(TimeRange range = {}) {
    const auto view = store_->View();
    return Text(**view->Select({}, {.range = range}));
  }
  std::string Given(TimeRange range = {}) {
    const auto querier = storage_->NewQuerier(range);
    return Text(**querier->Select({}, {}));
  }

  const TempFolder folder_{"import"};
  testing::FakeClock clock_{kStart};
  std::unique_ptr<MemoryStorage> storage_;
  std::unique_ptr<BlockStore> store_;
  ReadReport report_;
  TimeRange range_{kMaxTime, kMinTime};
};

TEST_F(PrometheusImport, ThereAndBackIsTheSameBitForBit) {
  testing::Random random;
  uint64_t samples = 0, series = 0;
  for (int i = 0; i < 24; ++i) {
    std::vector<OneSample> all = RandomSeries(random, static_cast<SeriesKind>(i % 6), 300,
                                              kStart + random.Between(-50'000'000, 50'000'000));
    // Not too many empty years.
    std::erase_if(all, [](const OneSample& s) { return s.t > kStart + 100 * base::kDay; });
    samples += all.size();
    series += all.empty() ? 0 : 1;
    ASSERT_NO_FATAL_FAILURE(
        Append(Labels{{"__name__", absl::StrCat("m", i % 5)}, {"i", absl::StrCat(i)}}, all));
  }
  const ExportStats exported = Export("out");
  EXPECT_EQ(exported.samples, samples);
  EXPECT_EQ(exported.invalid_histograms, 0U);
  const ImportStats imported = Import("out");
  EXPECT_EQ(imported.samples, samples);
  EXPECT_EQ(imported.series, series);
  EXPECT_EQ(imported.histograms, exported.histograms);
  EXPECT_EQ(imported.present + imported.conflicts + imported.invalid_histograms, 0U);
  EXPECT_EQ(Stored(), Given());

  const uint64_t blocks = store_->Blocks().size();
  const ImportStats again = Import("out");
  EXPECT_EQ(again.samples, 0U);
  EXPECT_EQ(again.blocks, 0U);
  EXPECT_EQ(again.present, samples);
  EXPECT_EQ(store_->Blocks().size(), blocks);
  EXPECT_EQ(report_.faults(), 0U);
  EXPECT_TRUE(report_.skipped().empty());
}

TEST_F(PrometheusImport, DaysForOldSamplesAndTwoHoursForTheLastDay) {
  for (const DurationMs age : {5 * base::kDay, 4 * base::kDay, 4 * base::kDay - base::kHour,
                               6 * base::kHour, DurationMs{0}}) {
    Append(Labels{{"age", absl::StrCat(age)}}, {{kStart - age, 1, nullptr}});
  }
  Export("out");
  EXPECT_EQ(Import("out", {.retained_from = kStart - 3 * base::kDay}).old, 3U);
  for (const BlockInfo& block : store_->Blocks()) {
    const bool cold = block.max_t < kStart - 2 * base::kDay;
    EXPECT_EQ(block.partition.end - block.partition.start,
              cold ? kColdPartitionMs : kHotPartitionMs);
    EXPECT_EQ(block.temperature, cold ? Temperature::kCold : Temperature::kHot);
    EXPECT_EQ(block.partition.start % (block.partition.end - block.partition.start), 0);
  }
  EXPECT_EQ(store_->Blocks().size(), 4U);
  EXPECT_EQ(Stored(), Given());
}

// What is there stays, what is missing comes, in the middle as well.
TEST_F(PrometheusImport, MergesWithWhatIsThere) {
  testing::Random random;
  const Labels labels{{"a", "b"}};
  std::vector<OneSample> half;
  for (TimestampMs t = 0; t < 1000; ++t) {
    if (random.OneIn(2)) half.push_back({kStart + t * 1000, static_cast<double>(t), nullptr});
  }
  Append(labels, half);
  Export("half");
  EXPECT_EQ(Import("half").samples, half.size());

  storage_ = std::make_unique<MemoryStorage>();
  std::vector<OneSample> all;
  for (TimestampMs t = 0; t < 1000; ++t)
    all.push_back({kStart + t * 1000, static_cast<double>(t), nullptr});
  const auto other = static_cast<size_t>((half[7].t - kStart) / 1000);
  all[other].v = -1;  // the one that is there stays
  Append(labels, all);
  Append(Labels{{"new", "one"}}, {{kStart + 5, 5, nullptr}});
  Export("all");
  const ImportStats stats = Import("all");
  EXPECT_EQ(stats.conflicts, 1U);
  EXPECT_EQ(stats.present, half.size() - 1);
  EXPECT_EQ(stats.samples, all.size() - half.size() + 1);
  EXPECT_EQ(stats.series, 2U);
  storage_ = std::make_unique<MemoryStorage>();
  all[other].v = half[7].v;
  Append(labels, all);
  Append(Labels{{"new", "one"}}, {{kStart + 5, 5, nullptr}});
  EXPECT_EQ(Stored(), Given());
}

TEST_F(PrometheusImport, ExportOfAPart) {
  for (int i = 0; i < 4; ++i) {
    std::vector<OneSample> samples;
    for (TimestampMs t = 0; t < 1000; ++t)
      samples.push_back({kStart + t * 30'000, static_cast<double>(t * i), nullptr});
    Append(Labels{{"__name__", "m"}, {"i", absl::StrCat(i)}}, samples);
  }
  ExportOptions options;
  options.range = {kStart + 7'000'000, kStart + 15'000'000};
  options.any_of = {{Matcher::Equal("i", "1")},
                    {*Matcher::Create(Matcher::Op::kRegex, "i", "1|3")}};
  const ExportStats stats = Export("part", options);
  EXPECT_EQ(stats.blocks, 3U);
  EXPECT_EQ(Import("part").series, 2U);
  const auto querier = storage_->NewQuerier(options.range);
  EXPECT_EQ(Stored(), Text(**querier->Select(options.any_of[1], {})));
  EXPECT_THAT(ExportBlocks(*storage_, folder_ / "part", clock_, options),
              IsCode(absl::StatusCode::kAlreadyExists, "not empty"));
}

// A compaction's blocks may still be there with what was made of them.
TEST_F(PrometheusImport, ReplacedBlocksAreNotRead) {
  Append(Labels{{"a", "b"}}, {{kStart, 1, nullptr}});
  Export("out");
  const std::string old = std::filesystem::directory_iterator(folder_ / "out")->path().filename();
  storage_ = std::make_unique<MemoryStorage>();
  Append(Labels{{"a", "c"}}, {{kStart, 2, nullptr}});
  Export("made", {.seed = 7});
  const auto made = std::filesystem::directory_iterator(folder_ / "made")->path();
  std::string meta = ReadWhole(made / "meta.json");
  meta.replace(meta.find("\"level\""), 0, "\"parents\":[{\"ulid\":\"" + old + "\"}],");
  WriteWhole(made / "meta.json", meta);
  std::filesystem::rename(made, folder_ / "out/" + made.filename().string());
  EXPECT_EQ(Import("out").samples, 1U);
  EXPECT_EQ(Stored(), Given());
}

TEST_F(PrometheusImport, ExemplarsAndMetadata) {
  const Labels a{{"__name__", "a"}};
  WriteWhole(folder_ / "p/wal/00000000",
             Segment({SeriesRecord({{1, a}}), SamplesRecord({{1, kStart, 1}}),
                      ExemplarRecord(1, {Labels{{"t", "1"}}, 0.5, kStart - 5}),
                      ExemplarRecord(1, {Labels{{"t", "2"}}, 0.6, kStart}),
                      MetadataRecord(1, MetricType::kGauge, "A.")}));
  const auto source = *Directory::Open(folder_ / "p", {}, report_);
  const ImportStats stats = *ImportSamples(*source, *store_, {});
  const ImportedNotes notes = *ImportNotes(*source, stats.newest, *storage_);
  EXPECT_EQ(notes.exemplars, 2U);
  EXPECT_EQ(notes.metadata, 1U);
  const auto exemplars =
      *storage_->NewQuerier({})->Exemplars({{Matcher::Equal("__name__", "a")}}, {});
  ASSERT_EQ(exemplars.size(), 1U);
  EXPECT_EQ(exemplars[0].exemplars.size(), 2U);
  ASSERT_EQ(storage_->AllMetadata().size(), 1U);
  EXPECT_EQ(storage_->AllMetadata()[0].metadata.help, "A.");
  const auto appender = storage_->NewAppender();
  appender->SetMetadata("a", {MetricType::kGauge, "Newer.", ""});
  ASSERT_OK(appender->Commit());
  EXPECT_EQ(ImportNotes(*source, stats.newest, *storage_)->metadata, 0U);
  EXPECT_EQ(storage_->AllMetadata()[0].metadata.help, "Newer.");
}

}  // namespace
}  // namespace slowburn::tsdb::prom
