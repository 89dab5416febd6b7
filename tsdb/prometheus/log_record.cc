#include "tsdb/prometheus/log_record.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tsdb/histogram.h"
#include "tsdb/prometheus/bytes.h"

namespace slowburn::tsdb::prom {
namespace {

enum class Type : uint8_t {  // on disk
  kSeries = 1,
  kSamples = 2,
  kTombstones = 3,
  kExemplars = 4,
  kMarkers = 5,
  kMetadata = 6,
  kHistograms = 7,
  kFloatHistograms = 8,
  kCustomHistograms = 9,
  kCustomFloatHistograms = 10,
  kSamplesWithStart = 11,
  kHistogramsWithStart = 12,
  kFloatHistogramsWithStart = 13,
};

int64_t Plus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

void ReadLabels(ByteReader& in, LogRecord& out, size_t& first, size_t& count) {
  first = out.labels.size();
  count = in.Count(2);
  for (size_t i = 0; i < count && in.ok(); ++i) {
    const std::string_view name = in.String();
    out.labels.push_back({name, in.String()});
  }
}

void ReadSeries(ByteReader& in, LogRecord& out) {
  while (!in.AtEnd()) {
    LogRecord::Series series;
    series.ref = in.Be64();
    ReadLabels(in, out, series.first_label, series.labels);
    out.series.push_back(series);
  }
}

void ReadDeletions(ByteReader& in, LogRecord& out) {
  while (!in.AtEnd()) {
    LogRecord::Deletion deletion;
    deletion.ref = in.Be64();
    deletion.min_t = in.Varint();
    deletion.max_t = in.Varint();
    out.deletions.push_back(deletion);
  }
}

void ReadExemplars(ByteReader& in, LogRecord& out) {
  if (in.AtEnd()) return;
  const auto ref = static_cast<int64_t>(in.Be64());
  const auto t = static_cast<int64_t>(in.Be64());
  while (!in.AtEnd()) {
    LogRecord::ExemplarOf one;
    one.ref = static_cast<uint64_t>(Plus(ref, in.Varint()));
    one.t = Plus(t, in.Varint());
    one.v = in.Double();
    ReadLabels(in, out, one.first_label, one.labels);
    out.exemplars.push_back(one);
  }
}

void ReadMetadata(ByteReader& in, LogRecord& out) {
  while (!in.AtEnd()) {
    LogRecord::MetadataOf one;
    one.ref = in.Uvarint();
    const uint8_t type = in.U8();
    if (type <= static_cast<uint8_t>(MetricType::kStateset))
      one.metadata.type = static_cast<MetricType>(type);
    for (uint64_t fields = in.Count(2); fields > 0 && in.ok(); --fields) {
      const std::string_view name = in.String(), value = in.String();
      if (name == "HELP") one.metadata.help = value;
      if (name == "UNIT") one.metadata.unit = value;
    }
    out.metadata.push_back(std::move(one));
  }
}

void ReadSpans(ByteReader& in, std::vector<HistogramSpan>& spans) {
  spans.resize(in.Count(2));
  for (HistogramSpan& span : spans) {
    span.offset = static_cast<int32_t>(in.Varint());
    span.length = static_cast<uint32_t>(in.Uvarint());
  }
}

void ReadDoubles(ByteReader& in, std::vector<double>& values) {
  values.resize(in.Count(8));
  for (double& value : values) value = in.Double();
}

// Each as the difference to the one before it.
void ReadIntegers(ByteReader& in, std::vector<double>& values) {
  values.resize(in.Count(1));
  int64_t absolute = 0;
  for (double& value : values) {
    absolute = Plus(absolute, in.Varint());
    value = static_cast<double>(absolute);
  }
}

HistogramPtr ReadHistogram(ByteReader& in, bool is_float) {
  auto h = std::make_shared<Histogram>();
  h->is_float = is_float;
  const uint8_t hint = in.U8();
  if (hint <= static_cast<uint8_t>(Histogram::ResetHint::kGauge))
    h->reset_hint = static_cast<Histogram::ResetHint>(hint);
  h->schema = static_cast<int32_t>(in.Varint());
  h->zero_threshold = in.Double();
  h->zero_count = is_float ? in.Double() : static_cast<double>(in.Uvarint());
  h->count = is_float ? in.Double() : static_cast<double>(in.Uvarint());
  h->sum = in.Double();
  ReadSpans(in, h->positive_spans);
  ReadSpans(in, h->negative_spans);
  const auto read_buckets = is_float ? ReadDoubles : ReadIntegers;
  read_buckets(in, h->positive_buckets);
  read_buckets(in, h->negative_buckets);
  if (h->schema == kCustomBucketsSchema) ReadDoubles(in, h->custom_values);
  if (!h->is_stale()) return h;
  auto stale = std::make_shared<Histogram>();
  stale->is_float = is_float;
  stale->sum = h->sum;
  return stale;
}

enum class Value : uint8_t { kFloat, kHistogram, kFloatHistogram };

void ReadValue(ByteReader& in, Value kind, LogRecord::Sample& sample) {
  if (kind == Value::kFloat) {
    sample.v = in.Double();
  } else {
    sample.histogram = ReadHistogram(in, kind == Value::kFloatHistogram);
  }
}

void ReadSamples(ByteReader& in, Value kind, LogRecord& out) {
  if (in.AtEnd()) return;
  const auto ref = static_cast<int64_t>(in.Be64());
  const auto t = static_cast<int64_t>(in.Be64());
  while (!in.AtEnd()) {
    LogRecord::Sample sample;
    sample.ref = static_cast<uint64_t>(Plus(ref, in.Varint()));
    sample.t = Plus(t, in.Varint());
    ReadValue(in, kind, sample);
    out.samples.push_back(std::move(sample));
  }
}

// References are relative to the sample before, times and starts to the first one. A start may be
// absent (0) or the one before (1).
void ReadSamplesWithStart(ByteReader& in, Value kind, LogRecord& out) {
  LogRecord::Sample first, before;
  while (!in.AtEnd()) {
    LogRecord::Sample sample;
    const int64_t ref = in.Varint(), t = in.Varint();
    if (out.samples.empty()) {
      sample.ref = static_cast<uint64_t>(ref);
      sample.t = t;
      sample.start = in.Varint();
      first = sample;
    } else {
      sample.ref = static_cast<uint64_t>(Plus(static_cast<int64_t>(before.ref), ref));
      sample.t = Plus(first.t, t);
      const uint8_t marker = in.U8();
      if (marker == 1) sample.start = before.start;
      if (marker > 1) sample.start = Plus(first.start, in.Varint());
    }
    before = sample;
    ReadValue(in, kind, sample);
    out.samples.push_back(std::move(sample));
  }
}

}  // namespace

absl::Status DecodeLogRecord(std::string_view bytes, LogRecordParts parts, LogRecord& out) {
  out.series.clear();
  out.samples.clear();
  out.deletions.clear();
  out.exemplars.clear();
  out.metadata.clear();
  out.labels.clear();
  out.kind = LogRecord::Kind::kOther;
  if (bytes.empty()) return absl::DataLossError("a record is empty");
  ByteReader in(bytes.substr(1));
  const auto other = [&](LogRecord::Kind kind, void (*read)(ByteReader&, LogRecord&)) {
    out.kind = kind;
    if (parts.others) read(in, out);
  };
  const auto samples = [&](Value value, void (*read)(ByteReader&, Value, LogRecord&)) {
    out.kind = LogRecord::Kind::kSamples;
    if (parts.samples) read(in, value, out);
  };
  switch (static_cast<Type>(bytes[0])) {
    case Type::kSeries:
      other(LogRecord::Kind::kSeries, ReadSeries);
      break;
    case Type::kTombstones:
      other(LogRecord::Kind::kDeletions, ReadDeletions);
      break;
    case Type::kExemplars:
      other(LogRecord::Kind::kExemplars, ReadExemplars);
      break;
    case Type::kMarkers:
      out.kind = LogRecord::Kind::kMarkers;
      break;
    case Type::kMetadata:
      other(LogRecord::Kind::kMetadata, ReadMetadata);
      break;
    case Type::kSamples:
      samples(Value::kFloat, ReadSamples);
      break;
    case Type::kHistograms:
    case Type::kCustomHistograms:
      samples(Value::kHistogram, ReadSamples);
      break;
    case Type::kFloatHistograms:
    case Type::kCustomFloatHistograms:
      samples(Value::kFloatHistogram, ReadSamples);
      break;
    case Type::kSamplesWithStart:
      samples(Value::kFloat, ReadSamplesWithStart);
      break;
    case Type::kHistogramsWithStart:
      samples(Value::kHistogram, ReadSamplesWithStart);
      break;
    case Type::kFloatHistogramsWithStart:
      samples(Value::kFloatHistogram, ReadSamplesWithStart);
      break;
  }
  if (!in.ok()) {
    return absl::DataLossError(absl::StrCat(
        "a record of type ", static_cast<int>(static_cast<uint8_t>(bytes[0])), " ends early"));
  }
  return absl::OkStatus();
}

}  // namespace slowburn::tsdb::prom
