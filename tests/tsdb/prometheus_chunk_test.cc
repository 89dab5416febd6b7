// Chunks of Prometheus: bytes by hand, random series there and back, damage.
#include "tsdb/prometheus/chunk.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/prometheus_files.h"
#include "tsdb/prometheus/bytes.h"
#include "tsdb/prometheus/crc32c.h"

namespace slowburn::tsdb::prom {
namespace {

using Hint = Histogram::ResetHint;
using testing::IsCode;

std::string Decoded(uint8_t encoding, const std::string& data) {
  Columns columns;
  const absl::Status status = DecodeChunk(encoding, data, columns);
  if (!status.ok()) return std::string(status.message());
  std::string out;
  for (size_t i = 0; i < columns.size(); ++i) {
    const bool histogram = !columns.histograms.empty() && columns.histograms[i] != nullptr;
    absl::StrAppend(&out, i == 0 ? "" : " ", columns.t[i], ":",
                    histogram                  ? columns.histograms[i]->ToString()
                    : IsStaleNaN(columns.v[i]) ? "stale"
                                               : absl::StrCat(columns.v[i]));
    if (!columns.starts.empty() && columns.starts[i] != 0)
      absl::StrAppend(&out, "/", columns.starts[i]);
  }
  return out;
}

TEST(PrometheusBytes, Crc32cOfTheStandard) {
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283U);
  EXPECT_EQ(Crc32c(""), 0U);
  EXPECT_EQ(Crc32c("6789", Crc32c("12345")), 0xE3069283U);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAU);  // RFC 3720
}

TEST(PrometheusBytes, NumbersAsTheDescriptionHasThem) {
  std::string out;
  PutUvarint(out, 300);
  PutVarintSigned(out, -1);
  PutBe32(out, 0xBAAAD700);
  PutString(out, "ab");
  EXPECT_EQ(out, Hex("ac02 01 baaad700 02 6162"));
  ByteReader in(out);
  EXPECT_EQ(in.Uvarint(), 300U);
  EXPECT_EQ(in.Varint(), -1);
  EXPECT_EQ(in.Be32(), 0xBAAAD700U);
  EXPECT_EQ(in.String(), "ab");
  EXPECT_TRUE(in.ok() && in.AtEnd());
  EXPECT_EQ(in.Be16(), 0);
  EXPECT_FALSE(in.ok());
  const std::string too_few = Hex("ff01 61");
  ByteReader many(too_few);
  EXPECT_EQ(many.Count(1), 0U);
  EXPECT_FALSE(many.ok());
}

TEST(PrometheusBytes, VarbitsAtTheirEdges) {
  const struct {
    int64_t value;
    std::string_view bits;
  } kRows[] = {{0, "0"},
               {1, "10 001"},
               {-3, "10 101"},
               {4, "10 100"},
               {5, "110 000101"},
               {-31, "110 100001"},
               {32, "110 100000"},
               {33, "1110 000100001"},
               {256, "1110 100000000"},
               {-256, "11110 111100000000"},
               {2048, "11110 100000000000"},
               {131072, "111110 100000000000000000"},
               {16777216, "1111110 1000000000000000000000000"}};
  for (const auto& row : kRows) {
    std::string out;
    BitWriter(out).VarbitInt(row.value);
    EXPECT_EQ(out, Bits(row.bits)) << row.value;
    EXPECT_EQ(BitReader(out).VarbitInt(), row.value);
  }
  std::string out;
  BitWriter bits(out);
  std::vector<int64_t> numbers;
  for (int shift = 0; shift < 64; ++shift) {
    for (const int64_t add : {-1, 0, 1})
      numbers.push_back(static_cast<int64_t>((uint64_t{1} << shift) + static_cast<uint64_t>(add)));
  }
  const auto negated = [](int64_t n) { return static_cast<int64_t>(-static_cast<uint64_t>(n)); };
  for (const int64_t n : numbers) {
    bits.VarbitInt(n);
    bits.VarbitInt(negated(n));
    bits.VarbitUint(static_cast<uint64_t>(n));
    bits.Varint(n);
  }
  BitReader in(out);
  for (const int64_t n : numbers) {
    EXPECT_EQ(in.VarbitInt(), n);
    EXPECT_EQ(in.VarbitInt(), negated(n));
    EXPECT_EQ(in.VarbitUint(), static_cast<uint64_t>(n));
    EXPECT_EQ(in.Varint(), n);
  }
  EXPECT_TRUE(in.ok());
}

TEST(PrometheusChunk, FloatsByHand) {
  const std::string data = Hex("0004 d00f 3ff0000000000000 e807") +
                           Bits(
                               "11 00001 001011 11111111111"  // 1 ^ 2: leading 1, 11 bits
                               "0 0"                          // same step, same value
                               "10 11111111111111"            // the step becomes 999
                               "10 10000000000");             // the same window
  EXPECT_EQ(Decoded(1, data), "1000:1 2000:2 3000:2 3999:0");
  ChunkEncoder encoder;
  encoder.Add(1000, 1, nullptr);
  encoder.Add(2000, 2, nullptr);
  encoder.Add(3000, 2, nullptr);
  encoder.Add(3999, 0, nullptr);
  const EncodedChunk chunk = encoder.Take();
  EXPECT_EQ(chunk.samples, 4U);
  EXPECT_EQ(chunk.min_t, 1000);
  EXPECT_EQ(chunk.max_t, 3999);
  EXPECT_EQ(chunk.data, data);
}

// A reset header, threshold 0.001, schema 1, two spans; then growth.
TEST(PrometheusChunk, IntegerHistogramsByHand) {
  const std::string data =
      Hex("0002 80 ff 3f50624dd2f1a9fc") +
      Bits(
          "10 001"                           // schema 1
          "10 010  10 001 0  10 001 10 011"  // two spans: 1 at 0, 1 three later
          "0"                                // no negative ones
          "11110 001111101000"               // t 1000
          "10 101  10 010"                   // count 5, zero count 2
          "0100000000110010100000000000000000000000000000000000000000000000"  // sum 18.5
          "10 001  10 001"                                                    // buckets 1 and 1 + 1
          "11110 001111101000  10 011  10 001  0"  // 1 s later, count +3, zero +1, same sum
          "10 001  0");                            // buckets +1, and their difference the same
  std::string two = data;
  EXPECT_EQ(Decoded(2, two),
            "1000:{{schema:1 count:5 sum:18.5 z_bucket:2 z_bucket_w:0.001 counter_reset_hint:reset "
            "buckets:[1 0 0 0 2]}} "
            "2000:{{schema:1 count:8 sum:18.5 z_bucket:3 z_bucket_w:0.001 "
            "counter_reset_hint:not_reset buckets:[2 0 0 0 3]}}");
  two[2] = '\x40';
  EXPECT_NE(Decoded(2, two).find("hint:not_reset buckets:[1"), std::string::npos);
  two[2] = '\xc0';
  EXPECT_NE(Decoded(2, two).find("hint:gauge buckets:[2"), std::string::npos);
  two[2] = 0;
  EXPECT_EQ(Decoded(2, two).find("hint:"), Decoded(2, two).rfind("hint:not_reset"));
}

TEST(PrometheusChunk, CustomBoundsByHand) {
  const std::string data =
      Hex("0001 00 00") +
      Bits(
          "1110 111001011   10 001  10 010  0   0"  // schema -53, one span of 2 at 0, none
          "10 011  110 000110  1110 111110101"      // three bounds: 5 + 1 and 500 + 1 thousandths,
          "0 0100000101110001000000000000000000000000000000000000000000000000"  // and 17825792
          "10 001  10 011  0"                                                   // t 1, count 3
          "0011111111110000000000000000000000000000000000000000000000000000"    // sum 1
          "10 001  10 001");
  EXPECT_EQ(Decoded(2, data),
            "1:{{schema:-53 count:3 sum:1 custom_values:[0.005 0.5 1.7825792e+07] buckets:[1 2]}}");
}

TEST(PrometheusChunk, Xor2WithStartTimestamps) {
  const std::string data =
      Hex("0003 81 d00f 3ff0000000000000 b009 e807") +  // t 1000, 1, started 600 before; step 1000
      Bits(
          "0  11110 001001011000"        // same value; start 600 before the last time
          "11111  11110 001111101000");  // stale; start another 1000 back
  EXPECT_EQ(Decoded(4, data), "1000:1/400 2000:1/400 3000:stale/400");
  // Without starts: a 13-bit step of two's complement, a new window, then the window again.
  const std::string plain = Hex("0005 00 d00f 3ff0000000000000 e807") +
                            Bits(
                                "0"
                                "110 1111111111111  110 00001 001011 11111111111"
                                "0"
                                "10 0 00000000001");
  EXPECT_EQ(Decoded(4, plain), "1000:1 2000:1 2999:2 3998:2 4997:4");
}

TEST(PrometheusChunk, UnknownEncodingsAreNamed) {
  Columns columns;
  EXPECT_THAT(DecodeChunk(7, "0000", columns),
              IsCode(absl::StatusCode::kUnimplemented, "number 7"));
  EXPECT_THAT(DecodeChunk(0, "0000", columns), IsCode(absl::StatusCode::kUnimplemented, "none"));
  EXPECT_THAT(DecodeChunk(1, "0", columns), IsCode(absl::StatusCode::kDataLoss, "header"));
  EXPECT_THAT(DecodeChunk(2, Hex("0001 00 00 e5f5f5"), columns),
              IsCode(absl::StatusCode::kDataLoss, ""));
  // Times that do not ascend.
  EXPECT_THAT(DecodeChunk(1, Hex("0002 02 3ff0000000000000 00 00"), columns),
              IsCode(absl::StatusCode::kDataLoss, "time 1 after 1"));
}

bool Below(const Histogram& a, const Histogram& b) {
  if (b.count < a.count || b.zero_count < a.zero_count) return true;
  for (size_t i = 0; i < b.positive_buckets.size(); ++i)
    if (b.positive_buckets[i] < a.positive_buckets[i]) return true;
  for (size_t i = 0; i < b.negative_buckets.size(); ++i)
    if (b.negative_buckets[i] < a.negative_buckets[i]) return true;
  return false;
}

// What comes back; the only thing that may differ is that a histogram without a hint, in the layout
// of the one before and nowhere below it, now says that it was not reset.
void ExpectSame(const std::vector<OneSample>& wanted, const std::vector<OneSample>& got) {
  ASSERT_EQ(got.size(), wanted.size());
  for (size_t i = 0; i < got.size(); ++i) {
    OneSample read = got[i];
    if (read.histogram != nullptr && wanted[i].histogram != nullptr &&
        read.histogram->reset_hint == Hint::kNotReset &&
        wanted[i].histogram->reset_hint == Hint::kUnknown) {
      ASSERT_GT(i, 0U);
      const Histogram& before = *wanted[i - 1].histogram;
      EXPECT_EQ(before.schema, read.histogram->schema);
      EXPECT_EQ(before.positive_spans, read.histogram->positive_spans);
      EXPECT_FALSE(Below(before, *read.histogram)) << TextOf(read);
      auto forgot = std::make_shared<Histogram>(*read.histogram);
      forgot->reset_hint = Hint::kUnknown;
      read.histogram = std::move(forgot);
    }
    ASSERT_EQ(TextOf(read), TextOf(wanted[i])) << "sample " << i;
  }
}

std::vector<EncodedChunk> Encode(const std::vector<OneSample>& samples) {
  std::vector<EncodedChunk> chunks;
  ChunkEncoder encoder;
  for (const OneSample& sample : samples) {
    if (encoder.Full(sample.t, sample.histogram.get())) chunks.push_back(encoder.Take());
    encoder.Add(sample.t, sample.v, sample.histogram.get());
  }
  if (!encoder.empty()) chunks.push_back(encoder.Take());
  return chunks;
}

TEST(PrometheusChunk, RandomSeriesComeBackBitForBit) {
  testing::Random random;
  for (int round = 0; round < 120; ++round) {
    const auto kind = static_cast<SeriesKind>(round % 6);
    const std::vector<OneSample> wanted =
        RandomSeries(random, kind, 1 + random.Below(600), random.Between(-1'000'000, 1LL << 41));
    std::vector<OneSample> got;
    for (const EncodedChunk& chunk : Encode(wanted)) {
      ASSERT_LE(chunk.samples, kMaxChunkSamples);
      Columns columns;
      ASSERT_OK(DecodeChunk(static_cast<uint8_t>(chunk.encoding), chunk.data, columns));
      ASSERT_EQ(columns.size(), chunk.samples);
      EXPECT_EQ(columns.t.front(), chunk.min_t);
      EXPECT_EQ(columns.t.back(), chunk.max_t);
      for (size_t i = 0; i < columns.size(); ++i)
        got.push_back({columns.t[i], columns.v[i],
                       columns.histograms.empty() ? nullptr : columns.histograms[i]});
    }
    ASSERT_NO_FATAL_FAILURE(ExpectSame(wanted, got)) << "kind " << round % 6;
  }
}

TEST(PrometheusChunk, ChunksAreCutWherePrometheusCuts) {
  const auto histogram = [](double count, Hint hint = Hint::kUnknown) {
    Histogram h;
    h.is_float = false;
    h.count = count;
    h.positive_spans = {{0, 1}};
    h.positive_buckets = {count};
    h.reset_hint = hint;
    return std::make_shared<const Histogram>(h);
  };
  const auto sizes = [](const std::vector<OneSample>& samples) {
    std::vector<size_t> out;
    for (const EncodedChunk& chunk : Encode(samples)) out.push_back(chunk.samples);
    return out;
  };
  std::vector<OneSample> floats(121);
  for (size_t i = 0; i < floats.size(); ++i) floats[i].t = static_cast<TimestampMs>(i);
  EXPECT_EQ(sizes(floats), (std::vector<size_t>{120, 1}));
  EXPECT_EQ(sizes({{1, 0, histogram(5)}, {2, 0, histogram(6)}, {3, 0, histogram(5)}}),
            (std::vector<size_t>{2, 1}));
  EXPECT_EQ(sizes({{1, 0, histogram(5)}, {2, 0, histogram(5, Hint::kReset)}}),
            (std::vector<size_t>{1, 1}));
  EXPECT_EQ(sizes({{1, 0, histogram(5)}, {2, 0, histogram(4, Hint::kNotReset)}}),
            (std::vector<size_t>{2}));
  EXPECT_EQ(sizes({{1, 0, histogram(5, Hint::kGauge)}, {2, 0, histogram(4, Hint::kGauge)}}),
            (std::vector<size_t>{2}));
  EXPECT_EQ(sizes({{1, 0, histogram(5)}, {2, 7, nullptr}, {3, 0, histogram(5)}}),
            (std::vector<size_t>{1, 1, 1}));
}

TEST(PrometheusChunk, CutAndFlippedChunksAreRefusedOrReadable) {
  testing::Random random;
  for (int kind = 0; kind < 6; ++kind) {
    for (const EncodedChunk& chunk :
         Encode(RandomSeries(random, static_cast<SeriesKind>(kind), 40, 1000))) {
      const auto encoding = static_cast<uint8_t>(chunk.encoding);
      Columns columns;
      for (size_t size = 0; size < chunk.data.size(); ++size) {
        // A byte of padding alone may be missing; what is read then is all of it.
        EXPECT_THAT(DecodeChunk(encoding, chunk.data.substr(0, size), columns),
                    IsCode(absl::StatusCode::kDataLoss, ""))
            << size << " of " << chunk.data.size();
      }
      for (int flips = 0; flips < 200; ++flips) {
        std::string flipped = chunk.data;
        flipped[random.Below(flipped.size())] ^= static_cast<char>(1 << random.Below(8));
        const absl::Status status = DecodeChunk(encoding, flipped, columns);
        EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kDataLoss) << status;
      }
    }
  }
}

}  // namespace
}  // namespace slowburn::tsdb::prom
