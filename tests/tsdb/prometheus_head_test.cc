// The head of Prometheus: logs and head chunks written by hand, and what a restart would make of
// them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/prometheus_files.h"
#include "tests/tsdb/storage_reading.h"
#include "tsdb/prometheus/directory.h"

namespace slowburn::tsdb::prom {
namespace {

using testing::IsCode;

const Labels kA{{"__name__", "a"}};
const Labels kB{{"__name__", "b"}};

class PrometheusHead : public ::testing::Test {
 protected:
  void Wal(const std::vector<std::string>& records, const std::string& name = "wal/00000000") {
    WriteWhole(folder_ / name, Segment(records, Compress::kSnappy));
  }
  std::string Dump(TimeRange range = {}, size_t memory_bytes = 1 << 20) {
    report_ = ReadReport();
    DirectoryOptions options;
    options.memory_bytes = memory_bytes;
    directory_ = nullptr;
    auto directory = Directory::Open(folder_.path(), std::move(options), report_);
    if (!directory.ok()) return std::string(directory.status().message());
    directory_ = *std::move(directory);
    return ReadSet(*directory_->Series(range), Show::kAll);
  }

  const TempFolder folder_{"head"};
  ReadReport report_;
  std::unique_ptr<Directory> directory_;
};

TEST_F(PrometheusHead, SamplesInOrderCountOnce) {
  Wal({SeriesRecord({{1, kB}, {2, kA}}), SamplesRecord({{1, 1000, 1}, {2, 1000, 2}, {1, 2000, 3}}),
       // The same again, one before it, and one with another value: all refused when they came.
       SamplesRecord({{1, 2000, 3}, {1, 1500, 9}, {1, 2000, 8}, {1, 3000, 4}})});
  EXPECT_EQ(Dump(), "a 2@1000\nb 1@1000 3@2000 4@3000\n");
  EXPECT_EQ(Dump({1500, 2500}), "b 3@2000\n");
  EXPECT_EQ(report_.faults(), 0U);
  EXPECT_TRUE(report_.skipped().empty());
  EXPECT_EQ(directory_->times(), (TimeRange{1000, 3001}));
}

TEST_F(PrometheusHead, LogsChunksAndLateSamplesMerge) {
  Wal({SeriesRecord({{1, kA}}), SamplesRecord({{1, 3000, 3}, {1, 4000, 4}, {1, 5000, 5}})});
  WriteWhole(folder_ / "wbl/00000000",
             Segment({SamplesRecord({{1, 2500, 2.5}, {1, 500, 0.5}, {1, 2500, 9}, {1, 3000, 9}}),
                      "\x05" + std::string(16, '\1')}));
  WriteWhole(folder_ / "chunks_head/000001", HeadChunkFile({{1, {{1000, 1}, {2000, 2}}, false},
                                                            {1, {{600, 0.6}, {2500, 2.5}}, true},
                                                            {1, {{3000, 3}, {3500, 3.5}}, false}}) +
                                                 std::string(1000, '\0'));
  EXPECT_EQ(Dump(), "a 0.5@500 0.6@600 1@1000 2@2000 2.5@2500 3@3000 3.5@3500 4@4000 5@5000\n");
  EXPECT_EQ(report_.faults(), 0U);
}

TEST_F(PrometheusHead, CheckpointStandsBeforeTheSegments) {
  Wal({SamplesRecord({{1, 500, 5}})}, "wal/00000002");  // replaced by the checkpoint
  Wal({SeriesRecord({{1, kA}}), SamplesRecord({{1, 1000, 1}})}, "wal/checkpoint.00000002/00000000");
  Wal({SamplesRecord({{1, 2000, 2}, {9, 2000, 2}})}, "wal/00000003");
  EXPECT_EQ(Dump(), "a 1@1000 2@2000\n");
  ASSERT_EQ(report_.skipped().size(), 1U);
  EXPECT_EQ(report_.skipped().begin()->second, 1U);  // of series 9
}

TEST_F(PrometheusHead, DeletionsHide) {
  Wal({SeriesRecord({{1, kA}, {2, kB}}),
       SamplesRecord({{1, 1000, 1}, {1, 2000, 2}, {1, 3000, 3}, {2, 1000, 1}}),
       DeletionRecord(1, 1500, 2500),
       // All of series 2: it went into a block, and comes back under another number.
       DeletionRecord(2, kMinTime, kMaxTime), SeriesRecord({{3, kB}}),
       SamplesRecord({{3, 5000, 5}})});
  WriteWhole(folder_ / "chunks_head/000001",
             HeadChunkFile({{1, {{1600, 1}, {2600, 2}}, false}, {2, {{100, 1}}, false}}));
  EXPECT_EQ(Dump(), "a 1@1000 2@2600 3@3000\nb 5@5000\n");
}

TEST_F(PrometheusHead, HistogramsAndTheirMarkersOfStaleness) {
  Histogram h;
  h.is_float = false;
  h.count = 3;
  h.sum = 1.5;
  h.positive_spans = {{0, 2}};
  h.positive_buckets = {1, 2};
  Histogram custom = h;
  custom.schema = kCustomBucketsSchema;
  custom.custom_values = {0.5, 1};
  Histogram floats = h;
  floats.is_float = true;
  Wal({SeriesRecord({{1, kA}, {2, kB}}), HistogramRecord(1, 1000, h),
       SamplesRecord({{1, 2000, StaleNaN()}, {1, 3000, StaleNaN()}}),
       HistogramRecord(1, 4000, custom), HistogramRecord(2, 1000, floats),
       SamplesRecord({{2, 2000, 7}, {2, 3000, StaleNaN()}})});
  EXPECT_EQ(
      Dump(),
      "a {{schema:0 count:3 sum:1.5 buckets:[1 2]}}@1000 {{schema:0 sum:NaN}}@2000 "
      "{{schema:0 sum:NaN}}@3000 {{schema:-53 count:3 sum:1.5 custom_values:[0.5 1] buckets:[1 2]}}"
      "@4000\n"
      "b {{schema:0 count:3 sum:1.5 buckets:[1 2]}}@1000 7@2000 NaN:7ff0000000000002@3000\n");
}

TEST_F(PrometheusHead, ExemplarsAndMetadata) {
  const Labels bucket{{"__name__", "x_bucket"}, {"le", "1"}};
  Wal({SeriesRecord({{1, kA}, {2, bucket}}), SamplesRecord({{1, 1000, 1}, {2, 1000, 1}}),
       ExemplarRecord(1, {Labels{{"trace_id", "t"}}, 0.5, 900}), ExemplarRecord(7, {}),
       MetadataRecord(1, MetricType::kCounter, "old"), MetadataRecord(1, MetricType::kGauge, "A."),
       MetadataRecord(2, MetricType::kHistogram, "X.")});
  Dump();
  ASSERT_EQ(directory_->head().exemplars().size(), 1U);
  EXPECT_EQ(directory_->head().exemplars()[0].labels, kA);
  EXPECT_EQ(directory_->head().exemplars()[0].exemplar,
            (Exemplar{Labels{{"trace_id", "t"}}, 0.5, 900}));
  const auto& metadata = directory_->head().metadata();
  ASSERT_EQ(metadata.size(), 2U);
  EXPECT_EQ(metadata.at("a"), (Metadata{MetricType::kGauge, "A.", "s"}));
  EXPECT_EQ(metadata.at("x"), (Metadata{MetricType::kHistogram, "X.", "s"}));
}

TEST_F(PrometheusHead, DamageOfHeadChunksIsMadeUpFromTheLog) {
  Wal({SeriesRecord({{1, kA}}), SamplesRecord({{1, 1000, 1}, {1, 2000, 2}, {1, 3000, 3}})});
  std::string file =
      HeadChunkFile({{1, {{1000, 1}}, false}, {1, {{2000, 2}}, false}, {1, {{2500, 2.5}}, false}});
  const size_t size = (file.size() - 8) / 3;
  file[8 + size + 30] ^= 1;
  WriteWhole(folder_ / "chunks_head/000001", file);
  EXPECT_EQ(Dump(), "a 1@1000 2@2000 3@3000\n");
  ASSERT_EQ(report_.faults(), 1U);
  EXPECT_EQ(report_.texts()[0],
            absl::StrCat(folder_ / "chunks_head/000001", ": at byte ", 8 + size,
                         ": a head chunk cannot be read, nor what is behind it"));
}

TEST_F(PrometheusHead, BadLabelsAreLeftOut) {
  std::string record = SeriesRecord({{1, kA}, {2, Labels()}});
  record.replace(record.find("__name__"), 1, "\xff");
  Wal({record, SamplesRecord({{1, 1, 1}, {2, 1, 1}})});
  EXPECT_EQ(Dump(), "");
  EXPECT_EQ(report_.skipped().size(), 2U);
}

TEST_F(PrometheusHead, OnlyDirectoriesOfPrometheus) {
  ReadReport report;
  EXPECT_THAT(Directory::Open(folder_ / "none", {}, report),
              IsCode(absl::StatusCode::kNotFound, "does not exist"));
  EXPECT_THAT(Directory::Open(folder_.path(), {}, report),
              IsCode(absl::StatusCode::kNotFound, "neither blocks nor a wal"));
  WriteWhole(folder_ / "FORMAT", "slowburn-tsdb 1\n");
  EXPECT_THAT(Directory::Open(folder_.path(), {}, report),
              IsCode(absl::StatusCode::kInvalidArgument, "of Slowburn"));
}

TEST_F(PrometheusHead, RunningServersAreNoticed) {
  Wal({});
  WriteWhole(folder_ / "lock", "");
  Dump();
  EXPECT_FALSE(directory_->in_use());
  const int fd = open((folder_ / "lock").c_str(), O_RDWR);
  ASSERT_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
  Dump();
  EXPECT_TRUE(directory_->in_use());
  close(fd);
}

// Series in memory a few at a time give the same as all at once; the log cut or damaged anywhere
// gives a part.
TEST_F(PrometheusHead, LittleMemoryAndDamage) {
  testing::Random random;
  std::vector<std::string> records;
  std::vector<std::pair<uint64_t, Labels>> series;
  for (uint64_t ref = 1; ref <= 40; ++ref)
    series.emplace_back(
        ref, Labels{{"__name__", absl::StrCat("m", random.Below(3))}, {"i", absl::StrCat(ref)}});
  records.push_back(SeriesRecord(series));
  for (TimestampMs t = 0; t < 40; ++t) {
    std::vector<RefSample> samples;
    for (const auto& [ref, labels] : series) {
      if (!random.OneIn(4)) samples.push_back({ref, t * 1000, random.Unit()});
    }
    records.push_back(SamplesRecord(samples));
  }
  Wal(records);
  const std::string all = Dump();
  EXPECT_EQ(Dump({}, 1), all);
  EXPECT_EQ(Dump({}, 3000), all);
  const std::string part = Dump({5000, 9000});
  EXPECT_EQ(Dump({5000, 9000}, 1000), part);
  const std::string whole = ReadWhole(folder_ / "wal/00000000");
  for (int round = 0; round < 60; ++round) {
    std::string damaged = whole;
    if (round % 2 == 0) {
      damaged.resize(random.Below(whole.size()));
    } else {
      damaged[random.Below(whole.size())] ^= static_cast<char>(1 << random.Below(8));
    }
    WriteWhole(folder_ / "wal/00000000", damaged);
    const std::string found = Dump();
    // A few bits mean nothing, such as the upper ones of a fragment's type.
    if (round % 2 == 1 && found != all) {
      EXPECT_GE(report_.faults() + report_.skipped().size(), 1U);
    }
  }
}

}  // namespace
}  // namespace slowburn::tsdb::prom
