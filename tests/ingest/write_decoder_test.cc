#include "ingest/write_decoder.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "tests/ingest/write_request_builder.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::ingest {
namespace {

using slowburn::testing::EncodeLabel;
using slowburn::testing::EncodeRequest;
using slowburn::testing::EncodeSample;
using slowburn::testing::EncodeSeries;
using slowburn::testing::IsCode;
using slowburn::testing::Wire;

std::string LabelText(std::string_view label_bytes) {
  std::vector<tsdb::LabelView> labels;
  const absl::Status status = DecodeLabels(label_bytes, labels);
  if (!status.ok()) return std::string(status.message());
  std::string out;
  for (const tsdb::LabelView& label : labels) {
    absl::StrAppend(&out, std::string(label.name), "=", std::string(label.value), ";");
  }
  return out;
}

// Everything in the request as text, a line an item.
absl::StatusOr<std::string> Describe(std::string_view message, size_t max_cost = 1 << 20) {
  WriteDecoder decoder(message, max_cost);
  WriteBatch batch;
  std::string out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, decoder.Next(batch));
    if (!more) return out;
    for (const WriteSeries& series : batch.series) {
      absl::StrAppend(&out, LabelText(series.label_bytes));
      for (size_t i = series.samples.begin; i < series.samples.end; ++i) {
        absl::StrAppend(&out, " ", base::FormatFloat(batch.samples[i].v), "@", batch.samples[i].t);
      }
      for (size_t i = series.histograms.begin; i < series.histograms.end; ++i) {
        absl::StrAppend(&out, " ", batch.histograms[i].histogram->ToString(), "@",
                        batch.histograms[i].t);
      }
      for (size_t i = series.exemplars.begin; i < series.exemplars.end; ++i) {
        const WriteExemplar& e = batch.exemplars[i];
        absl::StrAppend(&out, " #", LabelText(e.label_bytes), base::FormatFloat(e.value), "@", e.t);
      }
      out += "\n";
    }
    for (const WriteMetadata& m : batch.metadata) {
      absl::StrAppend(&out, "meta ", static_cast<int>(m.type), " ", std::string(m.family), " ",
                      std::string(m.help), " ", std::string(m.unit), "\n");
    }
  }
}

TEST(WriteDecoder, ReadsSeriesSamplesExemplarsAndMetadata) {
  const std::string exemplar =
      Wire().Bytes(1, EncodeLabel("trace_id", "x")).Double(2, 0.5).Int(3, 7).str();
  const std::string message =
      Wire()
          .Bytes(1,
                 EncodeSeries({{"__name__", "up"}, {"job", "a"}}, {{1000, 1}, {2000, -2.5}}).str())
          .Bytes(1, EncodeSeries({{"__name__", "b"}}, {{-5, 3}}).Bytes(3, exemplar).str())
          .Bytes(3, Wire().Int(1, 1).Bytes(2, "b").Bytes(4, "Help.").Bytes(5, "seconds").str())
          .str();
  ASSERT_OK_AND_ASSIGN(const std::string text, Describe(message));
  EXPECT_EQ(text,
            "__name__=up;job=a; 1@1000 -2.5@2000\n"
            "__name__=b; 3@-5 #trace_id=x;0.5@7\n"
            "meta 1 b Help. seconds\n");
}

TEST(WriteDecoder, DefaultsAreZero) {
  ASSERT_OK_AND_ASSIGN(const std::string text,
                       Describe(EncodeRequest({Wire().Bytes(1, "").Bytes(2, "").str()})));
  EXPECT_EQ(text, "=; 0@0\n");
}

TEST(WriteDecoder, FieldOrderAndUnknownFieldsDoNotMatter) {
  // Samples before labels, labels apart, unknown fields of every wire type in between.
  const std::string series = Wire()
                                 .Bytes(2, EncodeSample(1, 1))
                                 .Bytes(1, EncodeLabel("__name__", "x"))
                                 .Int(99, 300)
                                 .Bytes(2, EncodeSample(2, 2))
                                 .Double(98, 1)
                                 .Bytes(1, EncodeLabel("a", "b"))
                                 .Bytes(97, "zzz")
                                 .Tag(96, 3)
                                 .Int(1, 2)
                                 .Tag(95, 3)
                                 .Tag(95, 4)
                                 .Tag(96, 4)
                                 .Tag(94, 5)
                                 .Raw("1234")
                                 .str();
  ASSERT_OK_AND_ASSIGN(const std::string text, Describe(Wire().Int(2, 5).Bytes(1, series).str()));
  EXPECT_EQ(text, "__name__=x;a=b; 1@1 2@2\n");
}

// What senders usually write is read in a shorter way: it must not read anything differently.
TEST(WriteDecoder, TheUsualFormReadsLikeAnyOther) {
  testing::Random random;
  constexpr int64_t kTimes[] = {0,
                                1,
                                (int64_t{1} << 35) - 1,
                                int64_t{1} << 35,
                                1'700'000'000'000,
                                (int64_t{1} << 42) - 1,
                                int64_t{1} << 42,
                                -1};
  for (int round = 0; round < 300; ++round) {
    std::string usual, other;
    for (uint64_t i = random.Below(4); i > 0; --i) {
      const std::string label = EncodeLabel(
          "n" + std::to_string(i), std::string(random.Below(2) * 110 + random.Below(20), 'v'));
      usual += Wire().Bytes(1, label).str();
      other += Wire().Bytes(1, label).str();
    }
    for (uint64_t i = random.Below(4); i > 0; --i) {
      const int64_t t = kTimes[random.Below(std::size(kTimes))];
      const double v = random.Below(2) == 0 ? 0 : -1.5 * static_cast<double>(1 + random.Below(100));
      Wire sample;
      if (v != 0) sample.Double(1, v);
      sample.Int(2, t);
      usual += Wire().Bytes(2, sample.str()).str();
      other += Wire().Bytes(2, Wire().Int(2, t).Double(1, v).str()).str();  // the time first
    }
    const auto expected = Describe(EncodeRequest({other}));
    ASSERT_OK(expected.status());
    const auto got = Describe(EncodeRequest({usual}));
    ASSERT_OK(got.status());
    ASSERT_EQ(*got, *expected) << "seed " << random.seed() << " round " << round;
    // A series cut anywhere is a fault, or ends with a whole field.
    for (size_t cut = 0; cut < usual.size(); ++cut) {
      const auto part = Describe(EncodeRequest({usual.substr(0, cut)}));
      ASSERT_TRUE(!part.ok() || part->size() <= got->size()) << cut;
    }
  }
}

TEST(WriteDecoder, EqualLabelsGiveEqualBytesHoweverTheyLie) {
  const std::string apart = Wire()
                                .Bytes(1, EncodeLabel("__name__", "x"))
                                .Bytes(2, EncodeSample(1, 1))
                                .Bytes(1, EncodeLabel("a", "b"))
                                .str();
  const std::string message =
      EncodeRequest({EncodeSeries({{"__name__", "x"}, {"a", "b"}}, {{1, 1}}).str(), apart});
  WriteDecoder decoder(message, 100);
  WriteBatch batch;
  ASSERT_OK_AND_ASSIGN(const bool more, decoder.Next(batch));
  ASSERT_TRUE(more);
  ASSERT_EQ(batch.series.size(), 2u);
  EXPECT_EQ(batch.series[0].label_bytes, batch.series[1].label_bytes);
}

TEST(WriteDecoder, ReadsIntegerHistogramsAsAbsoluteCounts) {
  const std::string span = Wire().ZigZag(1, -2).Int(2, 3).str();
  const std::string h = Wire()
                            .Int(1, 10)       // count_int
                            .Double(3, 12.5)  // sum
                            .ZigZag(4, 1)     // schema
                            .Double(5, 1e-6)  // zero_threshold
                            .Int(6, 2)        // zero_count_int
                            .Bytes(11, span)
                            .PackedZigZag(12, {3, -1, 1})  // 3 2 3
                            .Int(14, 3)                    // GAUGE
                            .Int(15, 77)
                            .str();
  const std::string message =
      EncodeRequest({EncodeSeries({{"__name__", "h"}}, {}).Bytes(4, h).str()});
  WriteDecoder decoder(message, 100);
  WriteBatch batch;
  ASSERT_OK(decoder.Next(batch));
  ASSERT_EQ(batch.histograms.size(), 1u);
  const tsdb::Histogram& got = *batch.histograms[0].histogram;
  EXPECT_EQ(batch.histograms[0].t, 77);
  EXPECT_FALSE(got.is_float);
  EXPECT_EQ(got.schema, 1);
  EXPECT_EQ(got.count, 10);
  EXPECT_EQ(got.zero_count, 2);
  EXPECT_EQ(got.reset_hint, tsdb::Histogram::ResetHint::kGauge);
  EXPECT_EQ(got.positive_spans, (std::vector<tsdb::HistogramSpan>{{-2, 3}}));
  EXPECT_EQ(got.positive_buckets, (std::vector<double>{3, 2, 3}));
  EXPECT_OK(got.Validate());
}

TEST(WriteDecoder, ReadsFloatHistogramsAndCustomBuckets) {
  const std::string span = Wire().Int(2, 2).str();
  const std::string h = Wire()
                            .Double(2, 3.5)
                            .Double(3, 9)
                            .ZigZag(4, -53)
                            .Bytes(11, span)
                            .PackedDoubles(13, {1.5, 2})
                            .Double(16, 0.1)  // not packed
                            .Double(16, 5)
                            .Int(15, 8)
                            .str();
  const std::string message =
      EncodeRequest({EncodeSeries({{"__name__", "h"}}, {}).Bytes(4, h).str()});
  WriteDecoder decoder(message, 100);
  WriteBatch batch;
  ASSERT_OK(decoder.Next(batch));
  const tsdb::Histogram& got = *batch.histograms.at(0).histogram;
  EXPECT_TRUE(got.is_float);
  EXPECT_EQ(got.schema, tsdb::kCustomBucketsSchema);
  EXPECT_EQ(got.positive_buckets, (std::vector<double>{1.5, 2}));
  EXPECT_EQ(got.custom_values, (std::vector<double>{0.1, 5}));
  EXPECT_OK(got.Validate());
}

TEST(WriteDecoder, FaultsNameTheByte) {
  const struct {
    const char* what;
    std::string message;
    const char* error;
  } kCases[] = {
      {"truncated tag", "\x8a", "truncated varint at byte 0"},
      {"length beyond the end", Wire().Tag(1, 2).Varint(100).Raw("abc").str(),
       "length goes beyond the end at byte 2"},
      {"varint of eleven bytes", std::string(11, '\xff'), "varint of more than 64 bits"},
      {"series as a number", Wire().Int(1, 5).str(), "wire type 0 does not fit field 1"},
      {"field number zero", std::string("\x02\x00", 2), "field number 0"},
      {"wire type 7", "\x0f", "wire type 7"},
      {"sample cut off", EncodeRequest({Wire().Bytes(2, "\x09\x01\x02").str()}),
       "8 bytes do not fit"},
      {"group never ends", Wire().Tag(9, 3).str(), "group without an end"},
      {"end of no group", Wire().Tag(9, 4).str(), "end of a group"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(Describe(c.message), IsCode(absl::StatusCode::kInvalidArgument, c.error)) << c.what;
  }
}

TEST(WriteDecoder, CostIsLimited) {
  for (const int64_t t : {int64_t{0}, int64_t{1'700'000'000'000}}) {  // any form, and the usual one
    const std::string message =
        EncodeRequest({EncodeSeries({{"__name__", "x"}}, {{t, 1}, {t + 1, 2}, {t + 2, 3}}).str()});
    EXPECT_OK(Describe(message, 3));
    EXPECT_THAT(Describe(message, 2),
                IsCode(absl::StatusCode::kResourceExhausted, "more than 2 samples"));
  }
  const std::string histogram = EncodeRequest({Wire().Bytes(4, "").str()});
  EXPECT_OK(Describe(histogram, kHistogramCost));
  EXPECT_FALSE(Describe(histogram, kHistogramCost - 1).ok());
}

TEST(WriteDecoder, ManySeriesComeInBatches) {
  std::vector<std::string> series;
  for (int i = 0; i < 2000; ++i) {
    series.push_back(EncodeSeries({{"__name__", absl::StrCat("m", i)}}, {{i, i * 0.5}}).str());
  }
  const std::string message = EncodeRequest(series);
  WriteDecoder decoder(message, 1 << 20);
  WriteBatch batch;
  size_t seen = 0, batches = 0;
  while (true) {
    ASSERT_OK_AND_ASSIGN(const bool more, decoder.Next(batch));
    if (!more) break;
    ++batches;
    for (const WriteSeries& s : batch.series) {
      ASSERT_EQ(LabelText(s.label_bytes), absl::StrCat("__name__=m", seen, ";"));
      ASSERT_EQ(batch.samples[s.samples.begin],
                (tsdb::Sample{static_cast<int64_t>(seen), seen * 0.5}));
      ++seen;
    }
  }
  EXPECT_EQ(seen, 2000u);
  EXPECT_GT(batches, 1u);
}

// The enemy: whatever is cut off or flipped, the answer is a status, never a crash, and views stay
// inside.
TEST(WriteDecoder, SurvivesTruncationAndFlips) {
  slowburn::testing::Random random;
  const std::string h = Wire()
                            .Int(1, 3)
                            .ZigZag(4, 0)
                            .Bytes(11, Wire().Int(2, 2).str())
                            .PackedZigZag(12, {1, 1})
                            .str();
  const std::string message = EncodeRequest(
      {EncodeSeries({{"__name__", "x"}, {"a", "b"}}, {{1, 1}, {2, 2}}).Bytes(4, h).str(),
       EncodeSeries({{"__name__", "y"}}, {{1, 1}}).str()});
  for (size_t cut = 0; cut < message.size(); ++cut) (void)Describe(message.substr(0, cut));
  for (int i = 0; i < 20000; ++i) {
    std::string broken = message;
    for (uint64_t flips = random.Below(3) + 1; flips > 0; --flips) {
      broken[random.Below(broken.size())] = static_cast<char>(random.Next());
    }
    (void)Describe(broken);
  }
}

}  // namespace
}  // namespace slowburn::ingest
