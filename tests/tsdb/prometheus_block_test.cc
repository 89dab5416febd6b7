// Blocks of Prometheus: written and read back, an index of version 1 by hand, damage.
#include "tsdb/prometheus/block.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/prometheus_files.h"
#include "tsdb/prometheus/block_writer.h"
#include "tsdb/prometheus/bytes.h"
#include "tsdb/prometheus/crc32c.h"
#include "tsdb/prometheus/merged_series.h"

namespace slowburn::tsdb::prom {
namespace {

using testing::IsCode;
constexpr TimestampMs kStart = 1'699'999'200'000;
constexpr char kUlid[] = "01HF0000000000000000000000";

using Content = std::map<Labels, std::vector<OneSample>>;

std::string TextOf(const Content& content) {
  std::string out;
  for (const auto& [labels, samples] : content) {
    if (samples.empty()) continue;
    out += labels.ToString();
    for (const OneSample& sample : samples) absl::StrAppend(&out, " ", TextOf(sample));
    out += '\n';
  }
  return out;
}

Content Read(SeriesSet& set) {
  Content out;
  while (set.Next()) {
    const std::unique_ptr<SampleIterator> samples = set.samples();
    SampleBatch batch;
    std::vector<OneSample>& series = out[set.labels()];
    while (samples->Next(batch)) {
      for (size_t i = 0; i < batch.t.size(); ++i) {
        EXPECT_TRUE(series.empty() || series.back().t < batch.t[i]);
        series.push_back(
            {batch.t[i], batch.v[i], batch.histograms.empty() ? nullptr : batch.histograms[i]});
      }
    }
    EXPECT_OK(samples->status());
  }
  EXPECT_OK(set.status());
  return out;
}

Content RandomContent(testing::Random& random, size_t series, size_t samples) {
  Content out;
  for (size_t i = 0; i < series; ++i) {
    LabelsBuilder labels;
    labels.Set("__name__", absl::StrCat("m", random.Below(4)));
    labels.Set("i", absl::StrCat(i));
    if (random.OneIn(3)) labels.Set("n\xc3\xa4me", std::string(random.Below(200), 'v'));
    std::vector<OneSample> all = RandomSeries(random, SeriesKind::kFloats, samples, kStart);
    std::erase_if(all, [](const OneSample& s) { return s.t >= kStart + 7'200'000; });
    out[labels.Build()] = std::move(all);
  }
  return out;
}

BlockMeta Write(const std::string& folder, const Content& content,
                const std::string& ulid = kUlid) {
  std::set<std::string> strings;
  for (const auto& [labels, samples] : content) {
    for (const LabelView label : labels) {
      strings.emplace(label.name);
      strings.emplace(label.value);
    }
  }
  auto writer = *PrometheusBlockWriter::Begin(folder, ulid, {strings.begin(), strings.end()});
  for (const auto& [labels, samples] : content) {
    EXPECT_OK(writer->AddSeries(labels));
    Columns columns;
    for (const OneSample& sample : samples) columns.Add(sample.t, sample.v, sample.histogram, 0);
    EXPECT_OK(writer->AddSamples(columns.batch()));
  }
  return *writer->Finish({kStart, kStart + 7'200'000});
}

TEST(PrometheusBlock, WhatIsWrittenIsRead) {
  testing::Random random;
  const TempFolder folder("block");
  const Content content = RandomContent(random, 60, 300);
  const BlockMeta meta = Write(folder.path(), content);
  size_t samples = 0, series = 0;
  for (const auto& [labels, all] : content) {
    samples += all.size();
    series += all.empty() ? 0 : 1;
  }
  EXPECT_EQ(meta.samples, samples);
  EXPECT_EQ(meta.series, series);
  ReadReport report;
  const auto block = *Block::Open(folder / kUlid, report);
  EXPECT_EQ(TextOf(Read(*block->Series({}))), TextOf(content));
  EXPECT_EQ(block->meta().samples, samples);
  EXPECT_EQ(block->meta().range(), (TimeRange{kStart, kStart + 7'200'000}));
  const TimeRange part{kStart + 100'000, kStart + 200'000};
  Content cut = content;
  for (auto& [labels, all] : cut)
    std::erase_if(all, [&](const OneSample& s) { return !part.Contains(s.t); });
  EXPECT_EQ(TextOf(Read(*block->Series(part))), TextOf(cut));
  EXPECT_EQ(report.faults(), 0U);
  EXPECT_TRUE(report.skipped().empty());
}

TEST(PrometheusBlock, NothingIsLeftOfAnUnfinishedOne) {
  const TempFolder folder("block-unfinished");
  {
    auto writer = *PrometheusBlockWriter::Begin(folder.path(), kUlid, {"a", "b"});
    EXPECT_OK(writer->AddSeries(Labels{{"a", "b"}}));
    EXPECT_TRUE(std::filesystem::exists(folder / (std::string(kUlid) + ".tmp-for-creation")));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  auto writer = *PrometheusBlockWriter::Begin(folder.path(), kUlid, {"a", "b"});
  const double v = 1;
  EXPECT_OK(writer->AddSeries(Labels{{"a", "c"}}));
  EXPECT_OK(writer->AddSamples({.t = {&kStart, 1}, .v = {&v, 1}}));
  EXPECT_THAT(writer->AddSeries(Labels{{"a", "d"}}),
              IsCode(absl::StatusCode::kInvalidArgument, "strings"));
}

TEST(PrometheusBlock, MetaAndUlid) {
  const BlockMeta meta = *ParseBlockMeta(
      R"({"ulid":"01HF0000000000000000000000","minTime":-5,"maxTime":7200000,
          "stats":{"numSamples":3,"numSeries":2,"numChunks":1},
          "compaction":{"level":2,"sources":["01HF0000000000000000000001"],"deletable":true,
            "parents":[{"ulid":"01HF0000000000000000000002","minTime":0,"maxTime":1}],
            "hints":["from-out-of-order"]},"version":1,"thanos":{"labels":{}}})");
  EXPECT_EQ(meta.min_t, -5);
  EXPECT_EQ(meta.samples, 3U);
  EXPECT_EQ(meta.parents, std::vector<std::string>{"01HF0000000000000000000002"});
  EXPECT_TRUE(meta.deletable);
  EXPECT_FALSE(meta.EndsBeforeHead());
  EXPECT_EQ(FormatBlockMeta(*ParseBlockMeta(FormatBlockMeta(meta))), FormatBlockMeta(meta));
  for (const char* bad : {"", "[]", "{}", R"({"ulid":"x","version":1})",
                          R"({"ulid":"01HF0000000000000000000000","version":2})"}) {
    EXPECT_THAT(ParseBlockMeta(bad), IsCode(absl::StatusCode::kDataLoss, "meta.json")) << bad;
  }
  EXPECT_EQ(MakeUlid(0, 0, 0), std::string(26, '0'));
  EXPECT_EQ(MakeUlid((TimestampMs{1} << 48) - 1, 0xFFFF, ~uint64_t{0}), "7" + std::string(25, 'Z'));
  EXPECT_EQ(MakeUlid(1'469'918'176'385, 0, 0).substr(0, 10),
            "01ARYZ6S41");  // of ULID's description
  EXPECT_TRUE(IsUlid("01ARYZ6S41TSV4RRFFQ69G5FAV"));
  for (const char* bad : {"", "01ARYZ6S41TSV4RRFFQ69G5FA", "81ARYZ6S41TSV4RRFFQ69G5FAV",
                          "01ARYZ6S41TSV4RRFFQ69G5FAU", "01aryz6s41tsv4rrffq69g5fav"}) {
    EXPECT_FALSE(IsUlid(bad)) << bad;
  }
}

std::string Section(const std::string& body) {
  std::string out;
  PutBe32(out, static_cast<uint32_t>(body.size()));
  out += body;
  PutBe32(out, Crc32c(body));
  return out;
}

// Version 1: strings are named by where they stand in the file, series are not aligned.
std::string IndexOfVersion1() {
  std::string index = Hex("baaad700 01");
  const uint64_t strings = index.size();
  index += Section(Hex("00000004") +
                   "\x01"
                   "a"
                   "\x01"
                   "b"
                   "\x01"
                   "x"
                   "\x01"
                   "y");
  const auto place = [&](int i) { return strings + 8 + static_cast<uint64_t>(i) * 2; };
  std::vector<uint64_t> series;
  for (const auto& [name, value] : std::vector<std::pair<int, int>>{{0, 2}, {1, 3}}) {
    std::string body;
    PutUvarint(body, 1);
    PutUvarint(body, place(name));
    PutUvarint(body, place(value));
    PutUvarint(body, 1);
    PutVarintSigned(body, 1000);
    PutUvarint(body, 0);
    PutUvarint(body, 8);
    series.push_back(index.size());
    PutUvarint(index, body.size());
    index += body;
    PutBe32(index, Crc32c(body));
  }
  const uint64_t all = index.size();
  std::string body;
  PutBe32(body, 2);
  for (const uint64_t ref : series) PutBe32(body, static_cast<uint32_t>(ref));
  index += Section(body);
  const uint64_t table = index.size();
  body.clear();
  PutBe32(body, 1);
  PutUvarint(body, 2);
  PutString(body, "");
  PutString(body, "");
  PutUvarint(body, all);
  index += Section(body);
  std::string contents;
  for (const uint64_t offset : {strings, series[0], all, table, all, table})
    PutBe64(contents, offset);
  PutBe32(contents, Crc32c(contents));
  return index + contents;
}

TEST(PrometheusBlock, IndexOfVersion1) {
  const TempFolder folder("index-v1");
  const std::string chunk = "\x01" + Hex("0001 d00f 3ff0000000000000");
  std::string chunks = Hex("85bd40dd 01 000000");
  PutUvarint(chunks, chunk.size() - 1);
  chunks += chunk;
  PutBe32(chunks, Crc32c(chunk));
  WriteWhole(folder / "b/index", IndexOfVersion1());
  WriteWhole(folder / "b/chunks/000001", chunks);
  WriteWhole(folder / "b/meta.json", FormatBlockMeta({.ulid = kUlid, .min_t = 0, .max_t = 2000}));
  ReadReport report;
  const auto block = *Block::Open(folder / "b", report);
  const Content content = Read(*block->Series({}));
  EXPECT_EQ(report.texts(), std::vector<std::string>());
  EXPECT_EQ(TextOf(content), "{a=\"x\"} 1000:3ff0000000000000\n{b=\"y\"} 1000:3ff0000000000000\n");
}

TEST(PrometheusBlock, Tombstones) {
  const TempFolder folder("tombstones");
  Content content;
  for (TimestampMs t = 0; t < 10; ++t) {
    content[Labels{{"a", "b"}}].push_back({kStart + t, 1, nullptr});
    content[Labels{{"a", "c"}}].push_back({kStart + t, 1, nullptr});
  }
  Write(folder.path(), content);
  ReadReport report;
  uint64_t first = 0;
  {
    const auto index = *IndexReader::Open(folder / kUlid + "/index", report);
    first = index->At(0).ref;
  }
  std::string stones;
  for (const auto& [from, to] :
       std::vector<std::pair<TimestampMs, TimestampMs>>{{2, 3}, {7, 20}, {3, 4}}) {
    PutUvarint(stones, first);
    PutVarintSigned(stones, kStart + from);
    PutVarintSigned(stones, kStart + to);
  }
  std::string file = Hex("0130ba30 01") + stones;
  PutBe32(file, Crc32c(stones));
  WriteWhole(folder / kUlid + "/tombstones", file);
  auto& left = content[Labels{{"a", "b"}}];
  std::erase_if(left, [](const OneSample& s) {
    const TimestampMs t = s.t - kStart;
    return (t >= 2 && t <= 4) || t >= 7;
  });
  EXPECT_EQ(TextOf(Read(*(*Block::Open(folder / kUlid, report))->Series({}))), TextOf(content));
  EXPECT_EQ(report.faults(), 0U);
  file[8] ^= 1;
  WriteWhole(folder / kUlid + "/tombstones", file);
  EXPECT_OK(Block::Open(folder / kUlid, report));
  EXPECT_EQ(report.faults(), 1U);
}

using Texts = std::map<Labels, std::set<std::string>>;

Texts TextsOf(const Content& content) {
  Texts out;
  for (const auto& [labels, samples] : content) {
    for (const OneSample& sample : samples) out[labels].insert(TextOf(sample));
  }
  return out;
}

size_t Count(const Texts& texts) {
  size_t count = 0;
  for (const auto& [labels, all] : texts) count += all.size();
  return count;
}

// What a damaged file still gives is part of what was written; what is missing was reported.
size_t CheckDamaged(const std::string& path, const Texts& whole, const std::string& where) {
  ReadReport report;
  const auto block = Block::Open(path, report);
  if (!block.ok()) return 0;
  const Texts part = TextsOf(Read(*(*block)->Series({})));
  for (const auto& [labels, samples] : part) {
    const auto found = whole.find(labels);
    EXPECT_TRUE(found != whole.end() && std::includes(found->second.begin(), found->second.end(),
                                                      samples.begin(), samples.end()))
        << where << labels.ToString();
  }
  EXPECT_TRUE(report.faults() > 0 || Count(part) == Count(whole)) << where;
  return Count(part);
}

TEST(PrometheusBlock, EveryFileCutAtEveryByte) {
  testing::Random random;
  const TempFolder folder("block-cut");
  const Content content = RandomContent(random, 3, 30);
  const Texts texts = TextsOf(content);
  Write(folder.path(), content);
  const std::string path = folder / kUlid;
  for (const char* name : {"/index", "/chunks/000001", "/meta.json", "/tombstones"}) {
    const std::string whole = ReadWhole(path + name);
    for (size_t size = 0; size < whole.size(); ++size) {
      WriteWhole(path + name, whole.substr(0, size));
      CheckDamaged(path, texts, absl::StrCat(name, " ", size, " "));
    }
    WriteWhole(path + name, whole);
  }
  EXPECT_EQ(CheckDamaged(path, texts, ""), Count(texts));
}

TEST(PrometheusBlock, FlippedBitsAreFoundAndTheRestIsRead) {
  testing::Random random;
  const TempFolder folder("block-flip");
  const Content content = RandomContent(random, 8, 150);
  const Texts texts = TextsOf(content);
  Write(folder.path(), content);
  const std::string path = folder / kUlid;
  for (const char* name : {"/index", "/chunks/000001"}) {
    const std::string whole = ReadWhole(path + name);
    size_t usable = 0;
    for (int round = 0; round < 60; ++round) {
      std::string flipped = whole;
      flipped[random.Below(whole.size())] ^= static_cast<char>(1 << random.Below(8));
      WriteWhole(path + name, flipped);
      if (CheckDamaged(path, texts, name) > 0) ++usable;
    }
    EXPECT_GT(usable, 20U) << name;
    WriteWhole(path + name, whole);
  }
}

// Without the list of all series they are looked for.
TEST(PrometheusBlock, SeriesAreFoundWithoutPostings) {
  testing::Random random;
  const TempFolder folder("block-postings");
  const Content content = RandomContent(random, 20, 10);
  Write(folder.path(), content);
  const std::string path = folder / kUlid + "/index";
  std::string index = ReadWhole(path);
  const std::string_view contents = std::string_view(index).substr(index.size() - 52);
  ByteReader in(contents);
  for (int i = 0; i < 4; ++i) in.Be64();
  const uint64_t all = in.Be64();
  index[all + 9] ^= 1;
  WriteWhole(path, index);
  ReadReport report;
  EXPECT_EQ(TextOf(Read(*(*Block::Open(folder / kUlid, report))->Series({}))), TextOf(content));
  EXPECT_EQ(report.faults(), 1U);
}

// Samples of several sources in place of one: random parts, some in more than one of them.
TEST(PrometheusBlock, OverlappingBlocksGiveEachSampleOnce) {
  testing::Random random;
  const TempFolder folder("block-merge");
  for (int round = 0; round < 10; ++round) {
    const Content content = RandomContent(random, 5, 200);
    ReadReport report;
    std::vector<std::unique_ptr<Block>> blocks;
    for (int part = 0; part < 3; ++part) {
      Content some;
      for (const auto& [labels, samples] : content) {
        for (size_t i = 0; i < samples.size(); ++i) {
          if (i % 3 == static_cast<size_t>(part) || random.OneIn(2))
            some[labels].push_back(samples[i]);
        }
      }
      const std::string ulid = MakeUlid(round, static_cast<uint64_t>(part), random.Next());
      Write(folder.path(), some, ulid);
      blocks.push_back(*Block::Open(folder / ulid, report));
    }
    std::vector<std::unique_ptr<SeriesSet>> sets;
    for (const auto& block : blocks) sets.push_back(block->Series({}));
    EXPECT_EQ(TextOf(Read(*MergeSeries(std::move(sets)))), TextOf(content));
  }
}

TEST(PrometheusBlock, OfTwoSamplesAtATimeTheFirstSourceCounts) {
  const TempFolder folder("block-first");
  const Labels labels{{"a", "b"}};
  ReadReport report;
  Write(folder.path(), {{labels, {{kStart, 1, nullptr}, {kStart + 2, 1, nullptr}}}});
  const std::string second = "01HF0000000000000000000001";
  Write(folder.path(),
        {{labels, {{kStart, 2, nullptr}, {kStart + 1, 2, nullptr}, {kStart + 2, 2, nullptr}}}},
        second);
  const auto a = *Block::Open(folder / kUlid, report), b = *Block::Open(folder / second, report);
  std::vector<std::unique_ptr<SeriesSet>> sets;
  sets.push_back(a->Series({}));
  sets.push_back(b->Series({}));
  const Content wanted{
      {labels, {{kStart, 1, nullptr}, {kStart + 1, 2, nullptr}, {kStart + 2, 1, nullptr}}}};
  EXPECT_EQ(TextOf(Read(*MergeSeries(std::move(sets)))), TextOf(wanted));
}

}  // namespace
}  // namespace slowburn::tsdb::prom
