#include "tsdb/commit_record.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::tsdb {
namespace {

HistogramPtr SomeHistogram() {
  auto h = std::make_shared<Histogram>();
  h->is_float = false;
  h->reset_hint = Histogram::ResetHint::kNotReset;
  h->schema = 3;
  h->zero_threshold = 0.001;
  h->count = 6;
  h->sum = 2.5;
  h->positive_spans = {{-3, 1}, {2, 2}};
  h->positive_buckets = {1, 2, 3};
  return h;
}

std::string FullRecord() {
  RecordWriter writer;
  const uint32_t first[] = {10, 20}, second[] = {10, 21};
  writer.AddSeries(7, Labels{{"__name__", "up"}, {"job", "a"}}, first);
  writer.AddSeries(8, Labels{{"__name__", "up"}, {"job", "b"}}, second);
  writer.AddSample(7, 1'700'000'000'000, std::bit_cast<uint64_t>(1.0), 0);
  writer.AddSample(8, 1'700'000'000'000, std::bit_cast<uint64_t>(0.25), 1'699'999'999'000);
  writer.AddSample(7, 1'700'000'000'001, kStaleNaNBits, 1'700'000'000'050);
  writer.AddHistogram(8, 5, *SomeHistogram(), 3);
  writer.AddExemplar(7, {Labels{{"trace_id", "abc"}}, 0.5, 1'700'000'000'000});
  writer.AddMetadata("up", {MetricType::kGauge, "Whether it is.", "bool"});
  std::string out;
  writer.Finish(3, out);
  EXPECT_TRUE(writer.empty());
  return out;
}

void ExpectFullRecord(const CommitRecord& r) {
  EXPECT_EQ(r.run, 3u);
  ASSERT_EQ(r.series.size(), 2u);
  EXPECT_EQ(r.series[1].id, 8u);
  EXPECT_EQ(r.series[1].labels, (Labels{{"__name__", "up"}, {"job", "b"}}));
  ASSERT_EQ(r.samples.size(), 3u);
  EXPECT_EQ(r.samples[0].id, 7u);
  EXPECT_EQ(r.samples[0].t, 1'700'000'000'000);
  EXPECT_EQ(std::bit_cast<double>(r.samples[0].bits), 1.0);
  EXPECT_EQ(r.samples[0].start, 0);
  EXPECT_EQ(r.samples[1].id, 8u);
  EXPECT_EQ(std::bit_cast<double>(r.samples[1].bits), 0.25);
  EXPECT_EQ(r.samples[1].start, 1'699'999'999'000);
  EXPECT_EQ(r.samples[2].id, 7u);
  EXPECT_EQ(r.samples[2].t, 1'700'000'000'001);
  EXPECT_EQ(r.samples[2].bits, kStaleNaNBits);
  EXPECT_EQ(r.samples[2].start, 1'700'000'000'050);
  ASSERT_EQ(r.histograms.size(), 1u);
  EXPECT_EQ(r.histograms[0].id, 8u);
  EXPECT_EQ(r.histograms[0].t, 5);
  EXPECT_EQ(r.histograms[0].start, 3);
  EXPECT_EQ(*r.histograms[0].histogram, *SomeHistogram());
  ASSERT_EQ(r.exemplars.size(), 1u);
  EXPECT_EQ(r.exemplars[0].exemplar,
            (Exemplar{Labels{{"trace_id", "abc"}}, 0.5, 1'700'000'000'000}));
  ASSERT_EQ(r.metadata.size(), 1u);
  EXPECT_EQ(r.metadata[0].metric, "up");
  EXPECT_EQ(r.metadata[0].metadata, (Metadata{MetricType::kGauge, "Whether it is.", "bool"}));
}

TEST(CommitRecord, RoundTrip) {
  CommitRecord record;
  ASSERT_OK(DecodeRecord(FullRecord(), record));
  ExpectFullRecord(record);
  ASSERT_OK(DecodeRecord(FullRecord(), record));  // into a used one
  ExpectFullRecord(record);
}

TEST(CommitRecord, SamplesOfASteadySenderAreSmall) {
  RecordWriter writer;
  for (uint32_t id = 1000; id < 3000; ++id) {
    writer.AddSample(id, 1'700'000'000'000, std::bit_cast<uint64_t>(static_cast<double>(id * 7)),
                     0);
  }
  EXPECT_LT(writer.bytes(), 2000u * 4 + 20);
}

TEST(CommitRecord, RandomSamples) {
  testing::Random random;
  for (int round = 0; round < 500; ++round) {
    RecordWriter writer;
    std::vector<CommitRecord::FloatSample> want;
    for (uint64_t n = random.Below(50); n > 0; --n) {
      const uint32_t id = random.OneIn(3) ? static_cast<uint32_t>(random.Next())
                                          : static_cast<uint32_t>(random.Below(9));
      const double v = random.OneIn(3)   ? std::bit_cast<double>(random.Next())
                       : random.OneIn(2) ? -0.0
                                         : static_cast<double>(static_cast<int64_t>(random.Next()));
      const auto t = random.OneIn(4) ? static_cast<TimestampMs>(random.Next()) : 1000;
      const auto start = random.OneIn(4) ? static_cast<TimestampMs>(random.Next()) : 0;
      want.push_back({id, t, std::bit_cast<uint64_t>(v), start});
      writer.AddSample(id, t, want.back().bits, start);
    }
    std::string bytes;
    writer.Finish(1, bytes);
    CommitRecord record;
    ASSERT_OK(DecodeRecord(bytes, record));
    ASSERT_EQ(record.samples.size(), want.size());
    for (size_t i = 0; i < want.size(); ++i) {
      EXPECT_EQ(record.samples[i].id, want[i].id);
      EXPECT_EQ(record.samples[i].t, want[i].t);
      EXPECT_EQ(record.samples[i].bits, want[i].bits);
      EXPECT_EQ(record.samples[i].start, want[i].start);
    }
  }
}

TEST(CommitRecord, UnknownSectionsAreSkipped) {
  std::string bytes = FullRecord();
  bytes += std::string("\x63\x03xyz", 5);
  CommitRecord record;
  ASSERT_OK(DecodeRecord(bytes, record));
  ExpectFullRecord(record);
}

TEST(CommitRecord, RefusesOtherVersions) {
  std::string bytes = FullRecord();
  bytes[0] = 2;
  CommitRecord record;
  EXPECT_THAT(DecodeRecord(bytes, record),
              testing::IsCode(absl::StatusCode::kDataLoss, "version 2, wanted 1"));
  EXPECT_THAT(DecodeRecord("", record), testing::IsCode(absl::StatusCode::kDataLoss, "version 0"));
}

TEST(CommitRecord, DamageIsAnErrorOrAnotherRecordButNeverMore) {
  testing::Random random;
  const std::string good = FullRecord();
  CommitRecord record;
  for (size_t size = 2; size < good.size(); ++size) {
    DecodeRecord(good.substr(0, size), record).IgnoreError();
  }
  for (int round = 0; round < 20'000; ++round) {
    std::string bad = good;
    for (uint64_t n = 1 + random.Below(4); n > 0; --n) {
      bad[random.Below(bad.size())] = static_cast<char>(random.Next());
    }
    DecodeRecord(bad, record).IgnoreError();
  }
}

// The example of tsdb/FORMAT.md is a real record, and the one that it says it is.
TEST(CommitRecord, TheExampleOfTheFormatPage) {
  ASSERT_OK_AND_ASSIGN(const std::string page, base::ReadFile("tsdb/FORMAT.md"));
  std::string hex;
  bool inside = false;
  for (const auto& line : absl::StrSplit(page, '\n')) {
    const std::string text(line);
    if (text == "```hex") {
      inside = true;
    } else if (text == "```") {
      inside = false;
    } else if (inside) {
      for (const char c : text.substr(0, text.find('#'))) {
        if (c != ' ') hex += c;
      }
    }
  }
  const std::string bytes = absl::HexStringToBytes(hex);
  EXPECT_EQ(absl::BytesToHexString(bytes), absl::BytesToHexString(FullRecord()));
  CommitRecord record;
  ASSERT_OK(DecodeRecord(bytes, record));
  ExpectFullRecord(record);
}

}  // namespace
}  // namespace slowburn::tsdb
