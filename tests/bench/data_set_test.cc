// What bench/load makes: the requests say what the summary says, in an order that receivers take.
#include "bench/data_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "bench/request_file.h"
#include "ingest/compression.h"
#include "ingest/write_decoder.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::bench {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kEnd = 1'700'000'000'000;
constexpr uint64_t kStaleBits = 0x7ff0000000000002;

struct Decoded {
  std::map<std::string, std::vector<tsdb::Sample>> series;  // by label bytes, in order of sending
  std::map<std::string, std::string> names, targets;
  std::map<std::string, std::set<uint32_t>> shards;
  uint64_t samples = 0, stale = 0;
  int64_t worst_lag_ms = 0;  // behind the newest sample sent before
};

class DataSetTest : public ::testing::Test {
 protected:
  DataSetTest() : path_(::testing::TempDir() + "data_set_test." + std::to_string(getpid())) {}
  ~DataSetTest() override { std::filesystem::remove(path_); }

  DataSetSpec Spec(Source source) {
    DataSetSpec spec;
    spec.source = source;
    spec.targets = 7;
    spec.series_per_target = 20;
    spec.rows = 60;
    spec.end_ms = kEnd;
    spec.samples_per_request = 100;
    return spec;
  }

  DataSetSummary Write(const DataSetSpec& spec) {
    std::FILE* file = std::fopen(path_.c_str(), "wb");
    auto summary = WriteDataSet(spec, file);
    std::fclose(file);
    EXPECT_OK(summary.status());
    return *summary;
  }

  Decoded Decode() {
    Decoded out;
    auto file = RequestFile::Open(path_);
    EXPECT_OK(file.status());
    int64_t newest = 0;
    for (const Request& request : file->requests()) {
      auto message = ingest::Decompress(ingest::WriteEncoding::kSnappy, request.body, 1 << 24);
      EXPECT_OK(message.status());
      ingest::WriteDecoder decoder(message->view(), 1 << 20);
      ingest::WriteBatch batch;
      uint32_t samples = 0;
      for (auto more = decoder.Next(batch); more.ok() && *more; more = decoder.Next(batch)) {
        for (const ingest::WriteSeries& series : batch.series) {
          const std::string key(series.label_bytes);
          out.shards[key].insert(request.shard);
          for (uint32_t i = series.samples.begin; i < series.samples.end; ++i, ++samples) {
            const tsdb::Sample& sample = batch.samples[i];
            newest = std::max(newest, sample.t);
            out.worst_lag_ms = std::max(out.worst_lag_ms, newest - sample.t);
            out.stale += std::bit_cast<uint64_t>(sample.v) == kStaleBits;
            out.series[key].push_back(sample);
          }
          if (!out.names.contains(key)) Name(key, out);
        }
      }
      EXPECT_EQ(samples, request.samples);
      out.samples += samples;
    }
    return out;
  }

  std::string path_;

 private:
  void Name(const std::string& key, Decoded& out) {
    std::vector<tsdb::LabelView> labels;
    EXPECT_OK(ingest::DecodeLabels(key, labels));
    for (size_t i = 1; i < labels.size(); ++i) EXPECT_LT(labels[i - 1].name, labels[i].name);
    for (const auto& label : labels) {
      if (label.name == "__name__") out.names[key] = label.value;
      if (label.name == "instance" || label.name == "hostname" || label.name == "pod") {
        out.targets[key] += label.value;
      }
    }
  }
};

TEST_F(DataSetTest, TheSameSpecGivesTheSameBytes) {
  DataSetSpec spec = Spec(Source::kPods);
  spec.churn_per_hour = 2;
  spec.late_fraction = 0.1;
  Write(spec);
  const std::string first = *base::ReadFile(path_);
  Write(spec);
  EXPECT_EQ(*base::ReadFile(path_), first);
  spec.seed = 2;
  Write(spec);
  EXPECT_NE(*base::ReadFile(path_), first);
}

TEST_F(DataSetTest, TheRequestsHoldWhatTheSummarySays) {
  for (const Source source : {Source::kService, Source::kExporter, Source::kHosts, Source::kPods}) {
    SCOPED_TRACE(static_cast<int>(source));
    DataSetSpec spec = Spec(source);
    spec.rows = 300;  // more than the last hour
    spec.churn_per_hour = source == Source::kPods ? 2 : 0;
    const DataSetSummary summary = Write(spec);
    const Decoded decoded = Decode();
    EXPECT_EQ(summary.series, decoded.series.size());
    EXPECT_EQ(summary.stale_markers, decoded.stale);
    EXPECT_EQ(summary.samples, decoded.samples - decoded.stale);
    EXPECT_EQ(summary.stale_markers > 0, source == Source::kPods);
    std::map<std::string, DataSetSummary::Name> names;
    for (const auto& [key, samples] : decoded.series) {
      bool recent = false;
      DataSetSummary::Name& name = names[decoded.names.at(key)];
      for (const tsdb::Sample& sample : samples) {
        if (std::bit_cast<uint64_t>(sample.v) == kStaleBits) continue;
        ++name.samples;
        recent |= sample.t > kEnd - 3'600'000 && sample.t <= kEnd;
      }
      name.recent_series += recent;
    }
    ASSERT_EQ(summary.names.size(), names.size());
    for (const auto& [name, counts] : summary.names) {
      EXPECT_EQ(counts.samples, names[name].samples) << name;
      EXPECT_EQ(counts.recent_series, names[name].recent_series) << name;
    }
  }
}

TEST_F(DataSetTest, ASeriesKeepsItsShardAndItsOrder) {
  DataSetSpec spec = Spec(Source::kExporter);
  spec.jitter_ms = 200;
  Write(spec);
  const Decoded decoded = Decode();
  std::set<uint32_t> all;
  for (const auto& [key, samples] : decoded.series) {
    EXPECT_EQ(decoded.shards.at(key).size(), 1u);
    all.insert(decoded.shards.at(key).begin(), decoded.shards.at(key).end());
    for (size_t i = 1; i < samples.size(); ++i) EXPECT_LT(samples[i - 1].t, samples[i].t);
  }
  EXPECT_EQ(all.size(), 2u);
  EXPECT_LT(decoded.worst_lag_ms, 60'000);
}

TEST_F(DataSetTest, JitterMovesAWholeScrapeAndNotFar) {
  DataSetSpec spec = Spec(Source::kExporter);
  spec.jitter_ms = 5;
  Write(spec);
  const Decoded decoded = Decode();
  std::map<std::string, std::vector<int64_t>> times;  // of each target
  bool moved = false;
  for (const auto& [key, samples] : decoded.series) {
    std::vector<int64_t> own;
    for (const tsdb::Sample& sample : samples) own.push_back(sample.t);
    for (size_t i = 1; i < own.size(); ++i) {
      EXPECT_LE(std::abs(own[i] - own[i - 1] - spec.step_ms), 10);
      moved |= own[i] - own[i - 1] != spec.step_ms;
    }
    const auto [known, is_new] = times.try_emplace(decoded.targets.at(key), own);
    EXPECT_EQ(known->second, own);
  }
  EXPECT_TRUE(moved);
  EXPECT_EQ(times.size(), 7u);
}

TEST_F(DataSetTest, LateSamplesComeWithinHalfAnHour) {
  DataSetSpec spec = Spec(Source::kExporter);
  spec.rows = 300;
  spec.late_fraction = 0.01;
  const DataSetSummary summary = Write(spec);
  const Decoded decoded = Decode();
  EXPECT_GT(summary.late_samples, 0u);
  EXPECT_EQ(summary.samples, decoded.samples);
  EXPECT_GT(decoded.worst_lag_ms, 10 * 60'000);
  EXPECT_LT(decoded.worst_lag_ms, 30 * 60'000);
}

TEST_F(DataSetTest, ARecordingPlaysInItsOwnDecimalsAndSteps) {
  std::string text;
  for (int i = 0; i < 60; ++i) {
    const std::string answer =
        "# TYPE node_seconds_total counter\nnode_seconds_total " + std::to_string(100 + i * 3) +
        ".25\n# TYPE node_bytes gauge\nnode_bytes " + std::to_string(4096 * (1000 + i % 7 * i)) +
        "\n# TYPE node_up gauge\nnode_up{a=\"b\"} 1\nother 3\n" + (i == 30 ? "" : "node_gone 5\n");
    text += "#@ " + std::to_string(kEnd + 1000 * i) + " " + std::to_string(answer.size()) + "\n" +
            answer;
  }
  const std::string recorded = path_ + ".recording";
  ASSERT_OK(base::WriteFileAtomic(recorded, text));
  const auto recording = ExporterRecording::Load(recorded, "node_");
  EXPECT_THAT(std::string(ExporterRecording::Load(recorded, "no_such_").status().message()),
              HasSubstr("no series no_such_*"));
  std::filesystem::remove(recorded);
  ASSERT_OK(recording.status());
  EXPECT_EQ(recording->series.size(), 3u);  // not `other`, nor the one that was missing once
  DataSetSpec spec = Spec(Source::kExporter);
  spec.recording = &*recording;
  EXPECT_EQ(Write(spec).series, 21u);
  std::set<double> last_seconds;
  const Decoded decoded = Decode();
  for (const auto& [key, samples] : decoded.series) {
    const std::string& name = decoded.names.at(key);
    for (size_t i = 0; i < samples.size(); ++i) {
      const double v = samples[i].v;
      EXPECT_TRUE(name != "node_up" || v == 1) << v;
      EXPECT_TRUE(name != "node_bytes" || std::fmod(v, 4096) == 0) << v;
      if (name != "node_seconds_total") continue;
      EXPECT_EQ(std::nearbyint(v * 100) / 100, v);
      EXPECT_TRUE(i == 0 || v >= samples[i - 1].v) << v;
      if (i + 1 == samples.size()) last_seconds.insert(v);
    }
  }
  EXPECT_EQ(last_seconds.size(), 7u);  // each instance goes its own way
}

TEST_F(DataSetTest, AFileThatIsCutShortIsRefused) {
  DataSetSpec spec = Spec(Source::kService);
  spec.targets = 1;
  spec.rows = 3;
  spec.series_per_target = 10;
  spec.samples_per_request = 10;
  Write(spec);
  const size_t requests = RequestFile::Open(path_)->requests().size();
  size_t opened = 0;
  for (size_t size = std::filesystem::file_size(path_); size > 0; --size) {
    std::filesystem::resize_file(path_, size);
    const auto file = RequestFile::Open(path_);
    opened += file.ok();
    EXPECT_TRUE(file.ok() || file.status().code() == absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(opened, requests);  // only at the ends of requests
}

}  // namespace
}  // namespace slowburn::bench
