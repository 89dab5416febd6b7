#include "tests/tsdb/prometheus_files.h"

#include <gtest/gtest.h>
#include <snappy.h>
#include <unistd.h>
#include <zstd.h>

#include <bit>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "tsdb/prometheus/bytes.h"
#include "tsdb/prometheus/crc32c.h"
#include "tsdb/prometheus/log_reader.h"

namespace slowburn::tsdb::prom {
namespace {

constexpr size_t kFragmentHeader = 7;

std::string Compressed(const std::string& record, Compress compress) {
  std::string out;
  switch (compress) {
    case Compress::kNone:
      return record;
    case Compress::kSnappy:
      snappy::Compress(record.data(), record.size(), &out);
      return out;
    case Compress::kZstd:
      out.resize(ZSTD_compressBound(record.size()));
      out.resize(ZSTD_compress(out.data(), out.size(), record.data(), record.size(), 1));
      return out;
  }
  return out;
}

void PutLabels(std::string& out, const Labels& labels) {
  PutUvarint(out, labels.size());
  for (const LabelView label : labels) {
    PutString(out, label.name);
    PutString(out, label.value);
  }
}

void PutDouble(std::string& out, double v) { PutBe64(out, std::bit_cast<uint64_t>(v)); }

void PutSpans(std::string& out, const std::vector<HistogramSpan>& spans) {
  PutUvarint(out, spans.size());
  for (const HistogramSpan& span : spans) {
    PutVarintSigned(out, span.offset);
    PutUvarint(out, span.length);
  }
}

void PutBuckets(std::string& out, const std::vector<double>& buckets, bool is_float) {
  PutUvarint(out, buckets.size());
  double before = 0;
  for (const double bucket : buckets) {
    if (is_float) {
      PutDouble(out, bucket);
    } else {
      PutVarintSigned(out, static_cast<int64_t>(bucket - before));
    }
    before = bucket;
  }
}

double RandomFloat(testing::Random& random, double before) {
  static const double kOdd[] = {0.0,
                                -0.0,
                                HUGE_VAL,
                                -HUGE_VAL,
                                StaleNaN(),
                                std::bit_cast<double>(kNormalNaNBits),
                                std::bit_cast<double>(uint64_t{0xFFF8DEADBEEF0001}),
                                std::numeric_limits<double>::denorm_min(),
                                std::numeric_limits<double>::max(),
                                1e21};
  switch (random.Below(8)) {
    case 0:
      return kOdd[random.Below(std::size(kOdd))];
    case 1:
      return before;
    case 2:
      return std::bit_cast<double>(random.Next());
    case 3:
      return random.Unit();
    default:
      return std::isfinite(before) ? before + static_cast<double>(random.Below(100)) : 0;
  }
}

std::vector<HistogramSpan> RandomSpans(testing::Random& random, size_t& places) {
  std::vector<HistogramSpan> spans(random.Below(3));
  places = 0;
  for (HistogramSpan& span : spans) {
    span.offset = static_cast<int32_t>(random.Between(&span == spans.data() ? -40 : 0, 40));
    span.length = static_cast<uint32_t>(random.Between(1, 4));
    places += span.length;
  }
  return spans;
}

Histogram RandomLayout(testing::Random& random, SeriesKind kind) {
  Histogram h;
  h.is_float =
      kind == SeriesKind::kFloatHistograms || (kind == SeriesKind::kCustom && random.OneIn(2));
  size_t places = 0;
  if (kind == SeriesKind::kCustom) {
    static const double kBounds[] = {-1.5,     -0.0, 0.005,          0.1, 1, 2.5,
                                     33554.43, 1e9,  0.1 + 0.2 + 1e9};
    h.schema = kCustomBucketsSchema;
    h.custom_values.assign(kBounds, kBounds + random.Between(1, std::size(kBounds)));
    h.positive_spans = {{0, static_cast<uint32_t>(random.Between(
                                1, static_cast<int64_t>(h.custom_values.size()) + 1))}};
    h.positive_buckets.resize(h.positive_spans[0].length);
    return h;
  }
  static const double kThresholds[] = {0, 0x1p-128, 0.001, 0x1p10, 0x1p-243, 5e-324};
  h.schema = static_cast<int32_t>(random.Between(-4, 8));
  h.zero_threshold = kThresholds[random.Below(std::size(kThresholds))];
  h.positive_spans = RandomSpans(random, places);
  h.positive_buckets.resize(places);
  h.negative_spans = RandomSpans(random, places);
  h.negative_buckets.resize(places);
  return h;
}

void Grow(testing::Random& random, Histogram& h) {
  const double unit = h.is_float ? 0.25 : 1;
  const bool gauge = h.reset_hint == Histogram::ResetHint::kGauge;
  const auto step = [&](double& count) {
    const auto by =
        static_cast<double>(random.OneIn(50) ? random.Below(1ULL << 40) : random.Below(9));
    count = gauge ? by * unit : count + by * unit;
  };
  if (h.schema != kCustomBucketsSchema) step(h.zero_count);
  h.count = h.zero_count;
  for (std::vector<double>* const side : {&h.positive_buckets, &h.negative_buckets}) {
    for (double& bucket : *side) {
      if (!random.OneIn(3)) step(bucket);
      h.count += bucket;
    }
  }
  h.sum = random.OneIn(10) ? h.sum : h.sum + random.Unit();
}

}  // namespace

std::string Bits(std::string_view digits) {
  std::string out;
  BitWriter bits(out);
  for (const char digit : digits) {
    if (digit != ' ' && digit != '\n') bits.Bit(digit == '1');
  }
  return out;
}

std::string Hex(std::string_view digits) {
  std::string out;
  for (size_t i = 0; i < digits.size();) {
    if (digits[i] == ' ' || digits[i] == '\n') {
      ++i;
      continue;
    }
    out += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
    i += 2;
  }
  return out;
}

TempFolder::TempFolder(const std::string& name)
    : path_(
          (std::filesystem::temp_directory_path() / absl::StrCat("slowburn-", name, "-", getpid()))
              .string()) {
  std::filesystem::remove_all(path_);
  std::filesystem::create_directories(path_);
}
TempFolder::~TempFolder() { std::filesystem::remove_all(path_); }

void WriteWhole(const std::string& path, std::string_view bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

std::string SeriesRecord(const std::vector<std::pair<uint64_t, Labels>>& series) {
  std::string out = "\x01";
  for (const auto& [ref, labels] : series) {
    PutBe64(out, ref);
    PutLabels(out, labels);
  }
  return out;
}

std::string SamplesRecord(const std::vector<RefSample>& samples) {
  std::string out = "\x02";
  PutBe64(out, samples[0].ref);
  PutBe64(out, static_cast<uint64_t>(samples[0].t));
  for (const RefSample& sample : samples) {
    PutVarintSigned(out, static_cast<int64_t>(sample.ref - samples[0].ref));
    PutVarintSigned(out, sample.t - samples[0].t);
    PutDouble(out, sample.v);
  }
  return out;
}

std::string HistogramRecord(uint64_t ref, TimestampMs t, const Histogram& h) {
  std::string out;
  const bool custom = h.schema == kCustomBucketsSchema;
  out += static_cast<char>(h.is_float ? (custom ? 10 : 8) : (custom ? 9 : 7));
  PutBe64(out, ref);
  PutBe64(out, static_cast<uint64_t>(t));
  PutVarintSigned(out, 0);
  PutVarintSigned(out, 0);
  out += static_cast<char>(h.reset_hint);
  PutVarintSigned(out, h.schema);
  PutDouble(out, h.zero_threshold);
  for (const double count : {h.zero_count, h.count}) {
    if (h.is_float) {
      PutDouble(out, count);
    } else {
      PutUvarint(out, static_cast<uint64_t>(count));
    }
  }
  PutDouble(out, h.sum);
  PutSpans(out, h.positive_spans);
  PutSpans(out, h.negative_spans);
  PutBuckets(out, h.positive_buckets, h.is_float);
  PutBuckets(out, h.negative_buckets, h.is_float);
  if (custom) PutBuckets(out, h.custom_values, true);
  return out;
}

std::string DeletionRecord(uint64_t ref, TimestampMs min_t, TimestampMs max_t) {
  std::string out = "\x03";
  PutBe64(out, ref);
  PutVarintSigned(out, min_t);
  PutVarintSigned(out, max_t);
  return out;
}

std::string ExemplarRecord(uint64_t ref, const Exemplar& exemplar) {
  std::string out = "\x04";
  PutBe64(out, ref);
  PutBe64(out, static_cast<uint64_t>(exemplar.t));
  PutVarintSigned(out, 0);
  PutVarintSigned(out, 0);
  PutDouble(out, exemplar.value);
  PutLabels(out, exemplar.labels);
  return out;
}

std::string MetadataRecord(uint64_t ref, MetricType type, const std::string& help) {
  std::string out = "\x06";
  PutUvarint(out, ref);
  out += static_cast<char>(type);
  PutUvarint(out, 3);
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"UNIT", "s"}, {"HELP", help}, {"LATER", "?"}}) {
    PutString(out, name);
    PutString(out, value);
  }
  return out;
}

std::string Segment(const std::vector<std::string>& records, Compress compress) {
  std::string out;
  const auto left_in_page = [&] { return kLogPageBytes - out.size() % kLogPageBytes; };
  const uint8_t flag = compress == Compress::kSnappy ? 8 : compress == Compress::kZstd ? 16 : 0;
  for (const std::string& record : records) {
    std::string_view rest;
    const std::string bytes = Compressed(record, compress);
    rest = bytes;
    for (bool first = true, last = false; !last; first = false) {
      if (left_in_page() <= kFragmentHeader) out.append(left_in_page(), '\0');
      const std::string_view piece = rest.substr(0, left_in_page() - kFragmentHeader);
      rest.remove_prefix(piece.size());
      last = rest.empty();
      out += static_cast<char>(flag | (first ? (last ? 1 : 2) : (last ? 4 : 3)));
      PutBigEndian(out, piece.size(), 2);
      PutBe32(out, Crc32c(piece));
      out += piece;
    }
  }
  return out;
}

std::string HeadChunkFile(const std::vector<ChunkOf>& chunks) {
  std::string out = Hex("0130bc91 01 000000");
  for (const ChunkOf& chunk : chunks) {
    ChunkEncoder encoder;
    for (const Sample& sample : chunk.samples) encoder.Add(sample.t, sample.v, nullptr);
    const EncodedChunk encoded = encoder.Take();
    const size_t begin = out.size();
    PutBe64(out, chunk.ref);
    PutBe64(out, static_cast<uint64_t>(encoded.min_t));
    PutBe64(out, static_cast<uint64_t>(encoded.max_t));
    out += static_cast<char>(1 | (chunk.late ? 0x80 : 0));
    PutUvarint(out, encoded.data.size());
    out += encoded.data;
    PutBe32(out, Crc32c(std::string_view(out).substr(begin)));
  }
  return out;
}

std::vector<OneSample> RandomSeries(testing::Random& random, SeriesKind kind, size_t count,
                                    TimestampMs from) {
  std::vector<OneSample> out;
  TimestampMs t = from, step = 15'000;
  double v = 0;
  SeriesKind now = kind;
  Histogram h = RandomLayout(random, kind);
  for (size_t i = 0; i < count; ++i) {
    if (kind == SeriesKind::kMixed && random.OneIn(20)) {
      now = static_cast<SeriesKind>(random.Below(5));
      h = RandomLayout(random, now);
    }
    if (random.OneIn(30)) step = random.Between(1, random.OneIn(5) ? 1LL << 40 : 60'000);
    t += step + (random.OneIn(10) ? random.Between(0, 5) : 0);
    v = RandomFloat(random, v);
    if (now == SeriesKind::kFloats || now == SeriesKind::kMixed) {
      out.push_back({t, v, nullptr});
      continue;
    }
    h.reset_hint = now == SeriesKind::kGauges
                       ? Histogram::ResetHint::kGauge
                       : static_cast<Histogram::ResetHint>(random.OneIn(15) ? random.Below(3) : 0);
    if (random.OneIn(40)) h = RandomLayout(random, now);
    if (now == SeriesKind::kGauges) h.reset_hint = Histogram::ResetHint::kGauge;
    Grow(random, h);
    auto sample = std::make_shared<Histogram>(h);
    if (random.OneIn(25)) {
      *sample = Histogram();
      sample->is_float = h.is_float;
      sample->sum = StaleNaN();
    }
    out.push_back({t, 0, std::move(sample)});
  }
  return out;
}

std::string TextOf(const OneSample& sample) {
  if (sample.histogram == nullptr)
    return absl::StrCat(sample.t, ":", absl::Hex(std::bit_cast<uint64_t>(sample.v)));
  Histogram h = *sample.histogram;
  std::string out = absl::StrCat(sample.t, ":", h.is_float ? "float " : "", h.ToString());
  for (const double v : {h.sum, h.count, h.zero_count, h.zero_threshold})
    absl::StrAppend(&out, "/", absl::Hex(std::bit_cast<uint64_t>(v)));
  for (const double v : h.custom_values)
    absl::StrAppend(&out, "|", absl::Hex(std::bit_cast<uint64_t>(v)));
  return out;
}

}  // namespace slowburn::tsdb::prom
