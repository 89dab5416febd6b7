// The log of Prometheus: pages and fragments, records by hand, damage at every byte.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/prometheus_files.h"
#include "tsdb/prometheus/log_reader.h"
#include "tsdb/prometheus/log_record.h"

namespace slowburn::tsdb::prom {
namespace {

using testing::IsCode;

std::vector<std::string> ReadSegment(const std::string& path, ReadReport& report) {
  LogReader reader(path, report);
  std::vector<std::string> records;
  std::string_view record;
  while (reader.Next(record)) records.emplace_back(record);
  return records;
}

std::vector<std::string> RandomRecords(testing::Random& random, size_t count, size_t largest) {
  std::vector<std::string> records(count);
  for (std::string& record : records) {
    record.resize(1 + random.Below(random.OneIn(5) ? largest : 100));
    for (char& c : record) c = static_cast<char>(random.Below(random.OneIn(2) ? 4 : 256));
  }
  return records;
}

TEST(PrometheusLog, FragmentsByHand) {
  const TempFolder folder("log-by-hand");
  // "abc" whole; then "def" in three fragments; zeros to the end.
  WriteWhole(folder / "00000000", Hex("01 0003 364b3fb7 616263"
                                      "02 0001 f421572c 64"
                                      "03 0001 064ad42f 65"
                                      "04 0001 151a27db 66"
                                      "0000000000"));
  ReadReport report;
  const std::vector<std::string> records = ReadSegment(folder / "00000000", report);
  EXPECT_EQ(report.texts(), std::vector<std::string>());
  EXPECT_EQ(records, (std::vector<std::string>{"abc", "def"}));
}

TEST(PrometheusLog, RecordsOfAllSizesAndCompressions) {
  testing::Random random;
  const TempFolder folder("log-random");
  for (const Compress compress : {Compress::kNone, Compress::kSnappy, Compress::kZstd}) {
    for (int round = 0; round < 3; ++round) {
      const std::vector<std::string> records = RandomRecords(random, 30, 80'000);
      WriteWhole(folder / "segment", Segment(records, compress));
      ReadReport report;
      EXPECT_EQ(ReadSegment(folder / "segment", report), records);
      EXPECT_EQ(report.faults(), 0U);
    }
  }
}

// Cut anywhere: what is wholly before the cut is read, and a crash's cut is no damage.
TEST(PrometheusLog, CutAnywhere) {
  testing::Random random;
  const TempFolder folder("log-cut");
  const std::vector<std::string> records = RandomRecords(random, 30, 3000);
  const std::string whole = Segment(records);
  std::vector<size_t> ends;
  for (size_t i = 1; i <= records.size(); ++i)
    ends.push_back(Segment({records.begin(), records.begin() + static_cast<ptrdiff_t>(i)}).size());
  for (size_t size = 0; size <= whole.size(); size += 1 + random.Below(60)) {
    WriteWhole(folder / "segment", whole.substr(0, size));
    ReadReport report;
    const std::vector<std::string> read = ReadSegment(folder / "segment", report);
    const auto wanted =
        static_cast<size_t>(std::upper_bound(ends.begin(), ends.end(), size) - ends.begin());
    ASSERT_EQ(read.size(), wanted) << size;
    EXPECT_TRUE(std::equal(read.begin(), read.end(), records.begin()));
    EXPECT_EQ(report.faults(), 0U) << size;
  }
}

// One byte of a page costs at most the records that touch the page, and is reported with its place.
TEST(PrometheusLog, DamageCostsAPage) {
  testing::Random random;
  const TempFolder folder("log-damage");
  std::vector<std::string> records;
  for (int i = 0; i < 400; ++i)
    records.push_back(absl::StrCat("record ", i, std::string(300, 'x')));
  const std::set<std::string> known(records.begin(), records.end());
  const std::string whole = Segment(records);
  ASSERT_GT(whole.size(), 3 * kLogPageBytes);
  for (int round = 0; round < 100; ++round) {
    const size_t at = random.Below(whole.size());
    std::string damaged = whole;
    damaged[at] ^= static_cast<char>(1 << random.Below(8));
    WriteWhole(folder / "segment", damaged);
    ReadReport report;
    const std::vector<std::string> read = ReadSegment(folder / "segment", report);
    for (const std::string& record : read) EXPECT_TRUE(known.contains(record));
    EXPECT_GE(read.size() + 2 * kLogPageBytes / 300, records.size());
    if (read.size() < records.size()) {
      EXPECT_GE(report.faults() + report.skipped().size(), 1U) << at;
      for (const std::string& text : report.texts())
        EXPECT_EQ(text.find(folder / "segment: at byte "), 0U) << text;
    }
  }
}

TEST(PrometheusLog, SegmentsBehindTheNewestCheckpoint) {
  const TempFolder folder("log-segments");
  for (const char* name :
       {"00000003", "00000004", "00000005", "00000007", "checkpoint.00000002/00000000",
        "checkpoint.00000004/00000000", "checkpoint.00000004/00000001",
        "checkpoint.00000009.tmp/00000000", "notes"}) {
    WriteWhole(folder / name, "");
  }
  ReadReport report;
  std::vector<std::string> names;
  for (const std::string& path : LogSegments(folder.path(), report))
    names.push_back(path.substr(folder.path().size() + 1));
  EXPECT_EQ(names,
            (std::vector<std::string>{"checkpoint.00000004/00000000",
                                      "checkpoint.00000004/00000001", "00000005", "00000007"}));
  EXPECT_EQ(report.faults(), 1U);  // 6 is missing
}

std::string Text(const std::string& bytes) {
  LogRecord record;
  const absl::Status status = DecodeLogRecord(bytes, {}, record);
  if (!status.ok()) return std::string(status.message());
  std::string out;
  const auto labels = [&](size_t first, size_t count) {
    for (size_t i = first; i < first + count; ++i) {
      absl::StrAppend(&out, " ", std::string(record.labels[i].name), "=",
                      std::string(record.labels[i].value));
    }
  };
  for (const auto& one : record.series) {
    absl::StrAppend(&out, one.ref, ":");
    labels(one.first_label, one.labels);
    out += ";";
  }
  for (const auto& one : record.samples) {
    absl::StrAppend(&out, one.ref, "@", one.t, "=",
                    one.histogram == nullptr ? absl::StrCat(one.v) : one.histogram->ToString());
    if (one.start != 0) absl::StrAppend(&out, "/", one.start);
    out += ";";
  }
  for (const auto& one : record.deletions)
    absl::StrAppend(&out, one.ref, " ", one.min_t, "..", one.max_t, ";");
  for (const auto& one : record.exemplars) {
    absl::StrAppend(&out, one.ref, "@", one.t, "=", one.v);
    labels(one.first_label, one.labels);
    out += ";";
  }
  for (const auto& one : record.metadata) {
    absl::StrAppend(&out, one.ref, " ", static_cast<int>(one.metadata.type), " ", one.metadata.help,
                    "|", one.metadata.unit, ";");
  }
  return out;
}

const struct {
  const char* bytes;
  const char* text;
} kRecords[] = {
    {"01 0000000000000007 01 01 61 01 62  0000000000000008 00", "7: a=b;8:;"},
    {"02 0000000000000007 00000000000003e8  00 00 3ff0000000000000  02 d00f 4000000000000000",
     "7@1000=1;8@2000=2;"},
    {"02", ""},
    {"03 0000000000000007 01 04", "7 -1..2;"},
    {"04 0000000000000007 00000000000003e8  00 02 3fe0000000000000 01 01 74 01 78",
     "7@1001=0.5 t=x;"},
    {"05 0000000000000007 0000000100000008", ""},
    {"06 07 02 02 04 554e4954 01 73 04 48454c50 02 6869", "7 2 hi|s;"},
    {"07 0000000000000007 00000000000003e8  00 00  00 02 3f50624dd2f1a9fc 02 05 4032800000000000"
     " 01 00 02  00  02 02 02  00",
     "7@1000={{schema:1 count:5 sum:18.5 z_bucket:2 z_bucket_w:0.001 buckets:[1 2]}};"},
    {"08 0000000000000007 00000000000003e8  00 00  03 01 0000000000000000 0000000000000000 "
     "3ff8000000000000 4032800000000000 01 02 01  00  01 3ff8000000000000  00",
     "7@1000={{schema:-1 count:1.5 sum:18.5 counter_reset_hint:gauge offset:1 buckets:[1.5]}};"},
    {"09 0000000000000007 00000000000003e8  00 00  00 69 0000000000000000 00 01 3ff0000000000000"
     " 01 00 01  00  01 02  00  01 4000000000000000",
     "7@1000={{schema:-53 count:1 sum:1 custom_values:[2] buckets:[1]}};"},
    // Start timestamps: the first one, the same, none, another.
    {"0b 0e d00f d007 3ff0000000000000  02 02 01 3ff0000000000000  02 04 00 3ff0000000000000  "
     "01 06 02 02 3ff0000000000000",
     "7@1000=1/488;8@1001=1/488;9@1002=1;8@1003=1/489;"},
    {"ff 0102", ""},
};

TEST(PrometheusLog, RecordsByHand) {
  for (const auto& row : kRecords) EXPECT_EQ(Text(Hex(row.bytes)), row.text);
  LogRecord record;
  EXPECT_THAT(DecodeLogRecord("", {}, record), IsCode(absl::StatusCode::kDataLoss, "empty"));
}

TEST(PrometheusLog, RecordsCutAnywhereAreRefusedOrShorter) {
  testing::Random random;
  for (const auto& row : kRecords) {
    const std::string whole = Hex(row.bytes);
    LogRecord record;
    for (size_t size = 1; size < whole.size(); ++size) {
      const absl::Status status = DecodeLogRecord(whole.substr(0, size), {}, record);
      EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kDataLoss);
    }
    for (int flips = 0; flips < 300; ++flips) {
      std::string flipped = whole;
      flipped[random.Below(flipped.size())] ^= static_cast<char>(1 << random.Below(8));
      const absl::Status status = DecodeLogRecord(flipped, {}, record);
      EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kDataLoss);
    }
  }
}

}  // namespace
}  // namespace slowburn::tsdb::prom
