#include "api/read_request.h"

#include <array>
#include <utility>

#include "api/xor_chunk.h"
#include "base/status_macros.h"
#include "ingest/wire_reader.h"

namespace slowburn::api {
namespace {

using ingest::WireField;
using ingest::WireReader;

constexpr uint64_t kXorEncoding = 1;

// Castagnoli's polynomial, reflected.
constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int k = 0; k < 8; ++k) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78u : 0u);
    table[i] = crc;
  }
  return table;
}

uint32_t Crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = MakeCrcTable();
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = kTable[(crc ^ uint8_t(c)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

absl::StatusOr<tsdb::Matcher> ParseMatcher(std::string_view bytes, std::string_view whole) {
  using Op = tsdb::Matcher::Op;
  constexpr std::array<Op, 4> kOps = {Op::kEqual, Op::kNotEqual, Op::kRegex, Op::kNotRegex};
  uint64_t type = 0;
  std::string_view name, value;
  WireReader reader(bytes, whole);
  for (WireField f; reader.Next(f);) {
    switch (f.number) {
      case 1:
        reader.Varint(f, type);
        break;
      case 2:
        reader.Bytes(f, name);
        break;
      case 3:
        reader.Bytes(f, value);
        break;
      default:
        reader.Skip(f);
    }
  }
  RETURN_IF_ERROR(reader.status());
  if (type >= kOps.size()) return absl::InvalidArgumentError("invalid matcher type");
  return tsdb::Matcher::Create(kOps[type], name, value);
}

absl::StatusOr<ReadQuery> ParseQuery(std::string_view bytes, std::string_view whole) {
  ReadQuery query;
  WireReader reader(bytes, whole);
  for (WireField f; reader.Next(f);) {
    switch (f.number) {
      case 1:
        reader.Int64(f, query.start);
        break;
      case 2:
        reader.Int64(f, query.end);
        break;
      case 3: {
        std::string_view matcher;
        if (!reader.Bytes(f, matcher)) break;
        ASSIGN_OR_RETURN(tsdb::Matcher parsed, ParseMatcher(matcher, whole));
        query.matchers.push_back(std::move(parsed));
        break;
      }
      default:
        reader.Skip(f);  // hints: we read what the range says
    }
  }
  RETURN_IF_ERROR(reader.status());
  return query;
}

void AddType(uint64_t type, ReadRequest& request) {
  request.names_types = true;
  if (type == 0) request.accepted.push_back(ReadResponseType::kSamples);
  if (type == 1) request.accepted.push_back(ReadResponseType::kChunks);
}

// An enum list, packed or one by one.
bool ReadTypes(WireReader& reader, const WireField& f, ReadRequest& request) {
  uint64_t type = 0;
  if (f.type == ingest::WireType::kVarint) {
    if (!reader.Varint(f, type)) return false;
    AddType(type, request);
    return true;
  }
  std::string_view packed;
  if (!reader.Bytes(f, packed)) return false;
  for (size_t i = 0; i < packed.size(); ++i) AddType(uint8_t(packed[i]), request);
  return true;
}

void WriteSpans(ProtoWriter& w, uint32_t field, const std::vector<tsdb::HistogramSpan>& spans) {
  for (const tsdb::HistogramSpan& span : spans) {
    w.Message(field, [&](ProtoWriter& s) {
      s.Sint(1, span.offset);
      s.Uint(2, span.length);
    });
  }
}

std::vector<int64_t> Deltas(const std::vector<double>& counts) {
  std::vector<int64_t> out;
  int64_t before = 0;
  for (const double c : counts) {
    out.push_back(int64_t(c) - before);
    before = int64_t(c);
  }
  return out;
}

}  // namespace

absl::StatusOr<ReadRequest> ParseReadRequest(std::string_view bytes) {
  ReadRequest request;
  WireReader reader(bytes, bytes);
  for (WireField f; reader.Next(f);) {
    switch (f.number) {
      case 1: {
        std::string_view query;
        if (!reader.Bytes(f, query)) break;
        ASSIGN_OR_RETURN(ReadQuery parsed, ParseQuery(query, bytes));
        request.queries.push_back(std::move(parsed));
        break;
      }
      case 2:
        ReadTypes(reader, f, request);
        break;
      default:
        reader.Skip(f);
    }
  }
  RETURN_IF_ERROR(reader.status());
  return request;
}

void WriteLabels(ProtoWriter& series, const tsdb::Labels& labels) {
  for (const tsdb::LabelView label : labels) {
    series.Message(1, [&](ProtoWriter& pair) {
      pair.Bytes(1, label.name);
      pair.Bytes(2, label.value);
    });
  }
}

void WriteSample(ProtoWriter& series, tsdb::TimestampMs t, double v) {
  series.Message(2, [&](ProtoWriter& sample) {
    sample.Double(1, v);
    sample.Int(2, t);
  });
}

void WriteHistogram(ProtoWriter& series, tsdb::TimestampMs t, const tsdb::Histogram& h) {
  series.Message(4, [&](ProtoWriter& w) {
    if (h.is_float) {
      w.Double(2, h.count);
    } else {
      w.Uint(1, uint64_t(h.count));
    }
    w.Double(3, h.sum);
    w.Sint(4, h.schema);
    w.Double(5, h.zero_threshold);
    if (h.is_float) {
      w.Double(7, h.zero_count);
    } else {
      w.Uint(6, uint64_t(h.zero_count));
    }
    WriteSpans(w, 8, h.negative_spans);
    WriteSpans(w, 11, h.positive_spans);
    if (h.is_float) {
      w.Doubles(10, h.negative_buckets);
      w.Doubles(13, h.positive_buckets);
    } else {
      w.Sints(9, Deltas(h.negative_buckets));
      w.Sints(12, Deltas(h.positive_buckets));
    }
    w.Uint(14, uint64_t(h.reset_hint));
    w.Int(15, t);
    w.Doubles(16, h.custom_values);
  });
}

void WriteChunk(ProtoWriter& series, std::span<const tsdb::Sample> samples) {
  series.Message(2, [&](ProtoWriter& chunk) {
    chunk.Int(1, samples.front().t);
    chunk.Int(2, samples.back().t);
    chunk.Uint(3, kXorEncoding);
    chunk.Bytes(4, EncodeXorChunk(samples));
  });
}

void AppendFrame(std::string& out, std::string_view message) {
  AppendVarint(out, message.size());
  const uint32_t crc = Crc32c(message);
  for (const int shift : {24, 16, 8, 0}) out += char((crc >> shift) & 0xff);
  out += message;
}

}  // namespace slowburn::api
