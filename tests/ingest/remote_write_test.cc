#include "ingest/remote_write.h"

#include <snappy.h>

#include <limits>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/metrics.h"
#include "tests/ingest/stored_samples.h"
#include "tests/ingest/write_request_builder.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::ingest {
namespace {

using slowburn::testing::EncodeLabel;
using slowburn::testing::EncodeRequest;
using slowburn::testing::EncodeSample;
using slowburn::testing::EncodeSeries;
using slowburn::testing::FakeClock;
using slowburn::testing::IsCode;
using slowburn::testing::SamplesOf;
using slowburn::testing::SeriesOf;
using slowburn::testing::Wire;

// A store whose log fails.
class FailingStorage final : public tsdb::Storage {
 public:
  explicit FailingStorage(tsdb::Storage& inner) : inner_(inner) {}
  std::unique_ptr<tsdb::Appender> NewAppender() override {
    return std::make_unique<FailingAppender>(inner_.NewAppender());
  }
  std::unique_ptr<tsdb::Querier> NewQuerier(tsdb::TimeRange range) override {
    return inner_.NewQuerier(range);
  }
  std::vector<tsdb::MetricMetadata> AllMetadata() const override { return inner_.AllMetadata(); }

 private:
  class FailingAppender final : public tsdb::Appender {
   public:
    explicit FailingAppender(std::unique_ptr<tsdb::Appender> inner) : inner_(std::move(inner)) {}
    void Lookup(std::span<const tsdb::RawKey> keys, std::span<tsdb::SeriesRef> out) override {
      inner_->Lookup(keys, out);
    }
    absl::StatusOr<tsdb::SeriesRef> Resolve(const tsdb::Labels& labels,
                                            const tsdb::RawKey* key) override {
      return inner_->Resolve(labels, key);
    }
    void Append(tsdb::SeriesRef, tsdb::TimestampMs, double, tsdb::TimestampMs) override {}
    void AppendHistogram(tsdb::SeriesRef, tsdb::TimestampMs, tsdb::HistogramPtr,
                         tsdb::TimestampMs) override {}
    void AppendExemplar(tsdb::SeriesRef, tsdb::Exemplar) override {}
    void SetMetadata(std::string_view, tsdb::Metadata) override {}
    absl::StatusOr<tsdb::CommitResult> Commit() override {
      return absl::UnavailableError("log: no space left on device");
    }

   private:
    const std::unique_ptr<tsdb::Appender> inner_;
  };
  tsdb::Storage& inner_;
};

class RemoteWriteIngesterTest : public ::testing::Test {
 protected:
  WriteOutcome Write(const std::string& message) {
    absl::StatusOr<WriteOutcome> outcome = ingester_.IngestMessage(message);
    EXPECT_OK(outcome);
    return outcome.ok() ? *outcome : WriteOutcome();
  }

  FakeClock clock_{1'700'000'000'000};
  tsdb::MemoryStorage storage_{{.clock = &clock_}};
  prometheus::Registry registry_;
  RemoteWriteIngester ingester_{
      storage_, {.decoded_bytes = 100'000, .samples = 1000}, clock_, registry_};
};

TEST_F(RemoteWriteIngesterTest, StoresSamples) {
  const WriteOutcome outcome = Write(
      EncodeRequest({EncodeSeries({{"__name__", "up"}, {"job", "a"}}, {{1000, 1}, {2000, 0}}).str(),
                     EncodeSeries({{"__name__", "x"}}, {{1500, 2.5}}).str()}));
  EXPECT_EQ(outcome.samples, 3u);
  EXPECT_EQ(outcome.new_series, 2u);
  EXPECT_EQ(outcome.first_refusal, "");
  EXPECT_EQ(SamplesOf(storage_, "up{job=\"a\"}"), "1@1000 0@2000");
  EXPECT_EQ(SamplesOf(storage_, "x"), "2.5@1500");
}

TEST_F(RemoteWriteIngesterTest, SnappyAndZstdBodiesAreTheSame) {
  const std::string message =
      EncodeRequest({EncodeSeries({{"__name__", "up"}}, {{1000, 1}}).str()});
  std::string body;
  snappy::Compress(message.data(), message.size(), &body);
  ASSERT_OK_AND_ASSIGN(const WriteOutcome outcome, ingester_.Ingest(body, WriteEncoding::kSnappy));
  EXPECT_EQ(outcome.samples, 1u);
  EXPECT_THAT(ingester_.Ingest("garbage", WriteEncoding::kSnappy),
              IsCode(absl::StatusCode::kInvalidArgument, "snappy"));
}

TEST_F(RemoteWriteIngesterTest, SizeLimitHoldsBeforeDecoding) {
  const std::string message(100'001, '\xff');
  std::string body;
  snappy::Compress(message.data(), message.size(), &body);
  EXPECT_THAT(ingester_.Ingest(body, WriteEncoding::kSnappy),
              IsCode(absl::StatusCode::kResourceExhausted, "100001 bytes, the limit is 100000"));
  EXPECT_THAT(ingester_.IngestMessage(message),
              IsCode(absl::StatusCode::kResourceExhausted, "100000"));
  // At the limit it is the protobuf that is wrong.
  EXPECT_THAT(ingester_.IngestMessage(message.substr(1)),
              IsCode(absl::StatusCode::kInvalidArgument, "protobuf"));
}

TEST_F(RemoteWriteIngesterTest, TooManySamplesAreTheSendersFault) {
  slowburn::testing::SamplePairs samples;
  for (int i = 0; i < 1001; ++i) samples.emplace_back(i, i);
  EXPECT_THAT(
      ingester_.IngestMessage(EncodeRequest({EncodeSeries({{"__name__", "x"}}, samples).str()})),
      IsCode(absl::StatusCode::kInvalidArgument, "more than 1000 samples"));
  EXPECT_EQ(SeriesOf(storage_), "");
}

TEST_F(RemoteWriteIngesterTest, ABadSeriesCostsOnlyItself) {
  const struct {
    const char* what;
    slowburn::testing::LabelPairs labels;
    const char* error;
  } kCases[] = {
      {"no name", {{"job", "a"}}, "no metric name in series {job=\"a\"}"},
      {"empty name", {{"__name__", ""}, {"job", "a"}}, "no metric name"},
      {"twice", {{"__name__", "x"}, {"a", "1"}, {"a", "2"}}, "label name \"a\" is not unique"},
      {"bad value", {{"__name__", "x"}, {"a", "\xff"}}, "value of label \"a\" is not valid UTF-8"},
      {"bad label", {{"__name__", "x"}, {"\xff", "1"}}, "not valid UTF-8"},
      {"unnamed label", {{"__name__", "x"}, {"", "1"}}, "empty label name"},
      {"no labels", {}, "no metric name in series {}"},
  };
  int64_t t = 1000;
  for (const auto& c : kCases) {
    const WriteOutcome outcome =
        Write(EncodeRequest({EncodeSeries({{"__name__", "before"}}, {{t, 1}}).str(),
                             EncodeSeries(c.labels, {{t, 1}, {t + 1, 1}}).str(),
                             EncodeSeries({{"__name__", "after"}}, {{t, 1}}).str()}));
    EXPECT_EQ(outcome.samples, 2u) << c.what;
    EXPECT_EQ(outcome.refused_series, 1u) << c.what;
    EXPECT_EQ(outcome.refused_samples, 2u) << c.what;
    EXPECT_THAT(outcome.first_refusal, ::testing::HasSubstr(c.error)) << c.what;
    t += 10;
  }
  EXPECT_EQ(SeriesOf(storage_), "after\nbefore");
}

TEST_F(RemoteWriteIngesterTest, LabelsNeedNotBeSortedAndEmptyOnesAreAbsent) {
  const WriteOutcome outcome = Write(EncodeRequest(
      {EncodeSeries({{"z", "1"}, {"__name__", "x"}, {"gone", ""}, {"a", "2"}}, {{1, 1}}).str(),
       EncodeSeries({{"__name__", "x"}, {"a", "2"}, {"z", "1"}}, {{2, 2}}).str()}));
  EXPECT_EQ(outcome.first_refusal, "");
  EXPECT_EQ(SamplesOf(storage_, "x{a=\"2\", z=\"1\"}") + SamplesOf(storage_, "x{a=\"2\",z=\"1\"}"),
            "1@1 2@2");
}

TEST_F(RemoteWriteIngesterTest, ABadSampleCostsOnlyItself) {
  const auto clock_now = [this] { return clock_.Now(); };
  const auto series = [clock_now](slowburn::testing::SamplePairs samples) {
    return EncodeRequest({EncodeSeries({{"__name__", "x"}, {"a", "b"}}, std::move(samples)).str(),
                          EncodeSeries({{"__name__", "y"}}, {{clock_now() - 1000, 1}}).str()});
  };
  EXPECT_EQ(Write(series({{1000, 1}, {2000, 2}})).first_refusal, "");
  WriteOutcome outcome = Write(series({{1500, 1}, {3000, 3}}));
  EXPECT_THAT(outcome.first_refusal, ::testing::HasSubstr("x{a=\"b\"} at 1500"));
  EXPECT_EQ(outcome.refused_samples, 1u);
  EXPECT_EQ(outcome.samples, 2u);  // 3000, and y's equal sample again
  outcome = Write(series({{3000, 4}, {4000, 4}}));
  EXPECT_THAT(outcome.first_refusal, ::testing::HasSubstr("x{a=\"b\"} at 3000"));
  outcome = Write(series({{clock_now() + 11 * base::kMinute, 4}}));
  EXPECT_EQ(outcome.refused_samples, 1u);
  EXPECT_EQ(SamplesOf(storage_, "x{a=\"b\"}"), "1@1000 2@2000 3@3000 4@4000");
  EXPECT_THAT(base::ExposeText(registry_),
              ::testing::HasSubstr(
                  "slowburn_remote_write_refused_samples_total{reason=\"out_of_order\"} 1"));
}

TEST_F(RemoteWriteIngesterTest, TheRefusedSampleIsNamedBehindExemplarsAndHistograms) {
  const std::string exemplar =
      Wire().Bytes(1, EncodeLabel("trace_id", "x")).Double(2, 0.5).Int(3, 1000).str();
  Write(EncodeRequest({EncodeSeries({{"__name__", "late"}}, {{5000, 1}}).str()}));
  const WriteOutcome outcome =
      Write(EncodeRequest({EncodeSeries({{"__name__", "a"}}, {{1000, 1}}).Bytes(3, exemplar).str(),
                           EncodeSeries({{"__name__", "late"}}, {{4000, 1}}).str(),
                           EncodeSeries({{"__name__", "z"}}, {{1000, 1}}).str()}));
  EXPECT_EQ(outcome.exemplars, 1u);
  EXPECT_THAT(outcome.first_refusal, ::testing::HasSubstr(": late at 4000"));
}

TEST_F(RemoteWriteIngesterTest, RetriesAreSafe) {
  const std::string message =
      EncodeRequest({EncodeSeries({{"__name__", "x"}}, {{1000, 1}, {2000, 2}}).str()});
  Write(message);
  const WriteOutcome again = Write(message);
  EXPECT_EQ(again.samples, 2u);
  EXPECT_EQ(again.refused_samples, 0u);
  EXPECT_EQ(SamplesOf(storage_, "x"), "1@1000 2@2000");
}

TEST_F(RemoteWriteIngesterTest, StalenessMarkersAndNaNsKeepTheirBits) {
  const double stale = tsdb::StaleNaN();
  Write(EncodeRequest({EncodeSeries({{"__name__", "x"}}, {{1000, 1}, {2000, stale}}).str()}));
  EXPECT_EQ(SamplesOf(storage_, "x"), "1@1000 stale@2000");
}

TEST_F(RemoteWriteIngesterTest, HistogramsAreStoredAndBadOnesNamed) {
  const auto histogram = [](int64_t t, int64_t count) {
    return Wire()
        .Int(1, count)
        .Double(3, 1)
        .ZigZag(4, 0)
        .Bytes(11, Wire().Int(2, 2).str())
        .PackedZigZag(12, {1, 1})
        .Int(15, t)
        .str();
  };
  const WriteOutcome outcome = Write(EncodeRequest({EncodeSeries({{"__name__", "h"}}, {})
                                                        .Bytes(4, histogram(1000, 3))
                                                        .Bytes(4, histogram(2000, 99))
                                                        .str()}));
  EXPECT_EQ(outcome.histograms, 1u);
  EXPECT_EQ(outcome.refused_samples, 1u);
  EXPECT_THAT(outcome.first_refusal, ::testing::HasSubstr("invalid histogram"));
  EXPECT_THAT(outcome.first_refusal, ::testing::HasSubstr("h at 2000"));
}

TEST_F(RemoteWriteIngesterTest, BrokenProtobufStoresNothing) {
  std::string message = EncodeRequest({EncodeSeries({{"__name__", "x"}}, {{1000, 1}}).str()});
  message += "\x0a\x7f";
  EXPECT_THAT(ingester_.IngestMessage(message),
              IsCode(absl::StatusCode::kInvalidArgument, "at byte"));
  // A fault inside a label is found when the label is read, in the second series.
  const std::string bad_label = EncodeRequest(
      {EncodeSeries({{"__name__", "x"}}, {{1000, 1}}).str(), Wire().Bytes(1, "\x0a\x7f").str()});
  EXPECT_THAT(ingester_.IngestMessage(bad_label),
              IsCode(absl::StatusCode::kInvalidArgument, "protobuf"));
  EXPECT_EQ(SeriesOf(storage_), "");
}

TEST_F(RemoteWriteIngesterTest, AFailingLogIsRetryable) {
  FailingStorage failing(storage_);
  prometheus::Registry registry;
  RemoteWriteIngester ingester(failing, {}, clock_, registry);
  EXPECT_THAT(
      ingester.IngestMessage(EncodeRequest({EncodeSeries({{"__name__", "x"}}, {{1000, 1}}).str()})),
      IsCode(absl::StatusCode::kUnavailable, "no space left"));
  EXPECT_EQ(SeriesOf(storage_), "");
}

TEST_F(RemoteWriteIngesterTest, ASeriesLimitOfTheStoreIsNamed) {
  tsdb::MemoryStorage small({.clock = &clock_, .limits = {.active_series = 1}});
  prometheus::Registry registry;
  RemoteWriteIngester ingester(small, {}, clock_, registry);
  ASSERT_OK_AND_ASSIGN(
      const WriteOutcome outcome,
      ingester.IngestMessage(EncodeRequest({EncodeSeries({{"__name__", "x"}}, {{1, 1}}).str(),
                                            EncodeSeries({{"__name__", "y"}}, {{1, 1}}).str()})));
  EXPECT_EQ(outcome.samples, 1u);
  EXPECT_EQ(outcome.refused_series, 1u);
  EXPECT_THAT(outcome.first_refusal, ::testing::HasSubstr("__name__=\"y\""));
}

TEST_F(RemoteWriteIngesterTest, MetadataIsKept) {
  Write(Wire()
            .Bytes(3, Wire().Int(1, 1).Bytes(2, "x_total").Bytes(4, "Xs.").Bytes(5, "").str())
            .str());
  const auto metadata = storage_.AllMetadata();
  ASSERT_EQ(metadata.size(), 1u);
  EXPECT_EQ(metadata[0].metric, "x_total");
  EXPECT_EQ(metadata[0].metadata, (tsdb::Metadata{tsdb::MetricType::kCounter, "Xs.", ""}));
}

// Against a plain map: whatever the requests, a series holds the samples that were in order when
// they came.
TEST_F(RemoteWriteIngesterTest, AgreesWithANaiveModel) {
  slowburn::testing::Random random;
  std::map<std::string, std::map<int64_t, double>> model;
  RemoteWriteIngester ingester(storage_, {}, clock_, registry_);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> bodies;
    size_t refused = 0;
    for (uint64_t n = random.Below(6) + 1; n > 0; --n) {
      const std::string name = absl::StrCat("m", random.Below(8));
      slowburn::testing::SamplePairs samples;
      for (uint64_t k = random.Below(4); k > 0; --k) {
        const int64_t t = random.Between(0, 40) * 1000 + round * 500;
        const double v = static_cast<double>(random.Below(3));
        samples.emplace_back(t, v);
        auto& series = model[name];
        const auto same = series.find(t);
        if (same != series.end()) {
          refused += same->second != v;
        } else if (!series.empty() && t < series.rbegin()->first) {
          ++refused;
        } else {
          series[t] = v;
        }
      }
      bodies.push_back(EncodeSeries({{"__name__", name}}, samples).str());
    }
    ASSERT_OK_AND_ASSIGN(const WriteOutcome outcome, ingester.IngestMessage(EncodeRequest(bodies)));
    ASSERT_EQ(outcome.refused_samples, refused);
    ASSERT_EQ(outcome.first_refusal.empty(), refused == 0);
  }
  for (const auto& [name, samples] : model) {
    const auto stored = slowburn::testing::AllSamples(storage_)[name];
    ASSERT_EQ(stored.size(), samples.size()) << name;
    size_t i = 0;
    for (const auto& [t, v] : samples) {
      EXPECT_EQ(stored[i].t, t);
      EXPECT_EQ(stored[i++].v, v);
    }
  }
}

}  // namespace
}  // namespace slowburn::ingest
