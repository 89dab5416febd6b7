#include "ingest/write_decoder.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ingest/wire_reader.h"

namespace slowburn::ingest {
namespace {

constexpr size_t kBatchSeries = 512;  // enough for Lookup to hide its cache misses
constexpr size_t kBatchCost = 16384;

absl::Status DecodeSample(WireReader r, tsdb::Sample& out) {
  WireField field;
  while (r.Next(field)) {
    switch (field.number) {
      case 1:
        r.Double(field, out.v);
        break;
      case 2:
        r.Int64(field, out.t);
        break;
      default:
        r.Skip(field);
    }
  }
  return r.status();
}

// Senders write nearly every series in one form: labels, then samples, lengths of one byte, times
// of 2004 to 2527 (six bytes). These two read as much of it as there is and return where they
// stopped, at a field's begin; what is left, whatever it is, goes through WireReader.

const char* SkipUsualLabels(const char* p, const char* end) {
  while (end - p >= 2 && p[0] == 0x0a) {
    const auto length = static_cast<unsigned char>(p[1]);
    if (length >= 0x80 || end - p - 2 < length) break;
    p += 2 + length;
  }
  return p;
}

// 12 length 09 value 10 time; a value of 0 is left out. At most `room` samples.
const char* DecodeUsualSamples(const char* p, const char* end, size_t room,
                               std::vector<tsdb::Sample>& out) {
  static_assert(std::endian::native == std::endian::little);
  constexpr ptrdiff_t kTimeBytes = 6;
  constexpr uint64_t kContinued = 0x8080808080;  // all but the last byte go on
  for (; room > 0 && end - p >= 2 && p[0] == 0x12; --room) {
    const bool has_value = p[1] == 9 + 1 + kTimeBytes;
    if (!has_value && p[1] != 1 + kTimeBytes) break;
    if (end - p - 2 < p[1] || (has_value && p[2] != 0x09)) break;
    const char* const time = p + 2 + (has_value ? 9 : 0);
    uint64_t bytes = 0;
    std::memcpy(&bytes, time + 1, kTimeBytes);
    if (time[0] != 0x10 || (bytes & 0x808080808080) != kContinued) break;
    tsdb::Sample& sample = out.emplace_back();
    if (has_value) std::memcpy(&sample.v, p + 3, sizeof(sample.v));
    sample.t = static_cast<tsdb::TimestampMs>(
        (bytes & 0x7f) | (bytes & 0x7f00) >> 1 | (bytes & 0x7f0000) >> 2 |
        (bytes & 0x7f000000) >> 3 | (bytes & 0x7f00000000) >> 4 | (bytes & 0x7f0000000000) >> 5);
    p = time + 1 + kTimeBytes;
  }
  return p;
}

absl::Status DecodeSpan(WireReader r, tsdb::HistogramSpan& out) {
  WireField field;
  uint64_t bits = 0;
  int64_t offset = 0;
  while (r.Next(field)) {
    switch (field.number) {
      case 1:
        if (r.ZigZag(field, offset)) out.offset = static_cast<int32_t>(offset);
        break;
      case 2:
        if (r.Varint(field, bits)) out.length = static_cast<uint32_t>(bits);
        break;
      default:
        r.Skip(field);
    }
  }
  return r.status();
}

// Repeated numbers come packed or one by one.
bool AppendDoubles(WireReader& r, const WireField& field, std::string_view whole,
                   std::vector<double>& out) {
  if (field.type != WireType::kBytes) {
    double value = 0;
    if (!r.Double(field, value)) return false;
    out.push_back(value);
    return true;
  }
  std::string_view bytes;
  if (!r.Bytes(field, bytes)) return false;
  if (bytes.size() % 8 != 0) return r.Fail("packed doubles are cut off");
  WireReader packed(bytes, whole);
  uint64_t bits = 0;
  while (!packed.at_end() && packed.Fixed64({field.number, WireType::kFixed64}, bits)) {
    out.push_back(std::bit_cast<double>(bits));
  }
  return true;
}

// Integer histograms send each bucket as the difference to the one before; the running sum is kept
// in `last`. The sum is unsigned so that an absurd one wraps instead of being undefined; Validate
// refuses what comes of it.
bool AppendDeltas(WireReader& r, const WireField& field, std::string_view whole, uint64_t& last,
                  std::vector<double>& out) {
  const auto add = [&](uint64_t bits) {
    last += static_cast<uint64_t>(WireReader::UnZigZag(bits));
    out.push_back(static_cast<double>(static_cast<int64_t>(last)));
  };
  uint64_t bits = 0;
  if (field.type != WireType::kBytes) {
    if (!r.Varint(field, bits)) return false;
    add(bits);
    return true;
  }
  std::string_view bytes;
  if (!r.Bytes(field, bytes)) return false;
  WireReader packed(bytes, whole);
  while (!packed.at_end()) {
    if (!packed.RawVarint(bits)) return r.Fail("packed varints are cut off");
    add(bits);
  }
  return true;
}

class HistogramDecoder {
 public:
  explicit HistogramDecoder(std::string_view whole) : whole_(whole) {}

  absl::Status Decode(std::string_view body, WriteHistogram& out) {
    out.histogram = std::make_shared<tsdb::Histogram>();
    h_ = out.histogram.get();
    h_->is_float = false;
    WireReader r(body, whole_);
    WireField field;
    while (r.Next(field)) {
      if (field.number <= 7 || field.number >= 14) {
        DecodeScalar(r, field, out);
      } else {
        DecodeBuckets(r, field);
      }
      RETURN_IF_ERROR(nested_);
    }
    RETURN_IF_ERROR(r.status());
    Finish();
    return absl::OkStatus();
  }

 private:
  void DecodeScalar(WireReader& r, const WireField& field, WriteHistogram& out) {
    uint64_t bits = 0;
    int64_t number = 0;
    switch (field.number) {
      case 1:
        if (r.Varint(field, bits)) h_->count = static_cast<double>(bits);
        break;
      case 2:
        if (r.Double(field, h_->count)) h_->is_float = true;
        break;
      case 3:
        r.Double(field, h_->sum);
        break;
      case 4:
        if (r.ZigZag(field, number)) h_->schema = static_cast<int32_t>(number);
        break;
      case 5:
        r.Double(field, h_->zero_threshold);
        break;
      case 6:
        if (r.Varint(field, bits)) h_->zero_count = static_cast<double>(bits);
        break;
      case 7:
        r.Double(field, h_->zero_count);
        break;
      case 14:
        if (r.Varint(field, bits)) {
          h_->reset_hint = bits <= 3 ? static_cast<tsdb::Histogram::ResetHint>(bits)
                                     : tsdb::Histogram::ResetHint::kUnknown;
        }
        break;
      case 15:
        r.Int64(field, out.t);
        break;
      case 16:
        AppendDoubles(r, field, whole_, h_->custom_values);
        break;
      default:
        r.Skip(field);
    }
  }

  void DecodeBuckets(WireReader& r, const WireField& field) {
    std::string_view bytes;
    switch (field.number) {
      case 8:
        if (r.Bytes(field, bytes)) AppendSpan(bytes, h_->negative_spans);
        break;
      case 9:
        AppendDeltas(r, field, whole_, negative_last_, negative_deltas_);
        break;
      case 10:
        AppendDoubles(r, field, whole_, h_->negative_buckets);
        break;
      case 11:
        if (r.Bytes(field, bytes)) AppendSpan(bytes, h_->positive_spans);
        break;
      case 12:
        AppendDeltas(r, field, whole_, positive_last_, positive_deltas_);
        break;
      case 13:
        AppendDoubles(r, field, whole_, h_->positive_buckets);
        break;
      default:
        r.Skip(field);
    }
  }

  void AppendSpan(std::string_view bytes, std::vector<tsdb::HistogramSpan>& out) {
    nested_ = DecodeSpan(WireReader(bytes, whole_), out.emplace_back());
  }

  // The oneof of the count says which of the two bucket fields holds.
  void Finish() {
    if (h_->is_float) return;
    h_->negative_buckets = std::move(negative_deltas_);
    h_->positive_buckets = std::move(positive_deltas_);
  }

  const std::string_view whole_;
  tsdb::Histogram* h_ = nullptr;
  absl::Status nested_;
  uint64_t negative_last_ = 0, positive_last_ = 0;
  std::vector<double> negative_deltas_, positive_deltas_;
};

// Collects the Label fields of one message: a view while they are contiguous, a copy from then on.
class LabelSpan {
 public:
  explicit LabelSpan(std::deque<std::string>& copies) : copies_(copies) {}
  void Add(const char* begin, const char* end) {
    if (copy_ != nullptr) {
      copy_->append(begin, end);
    } else if (begin_ == nullptr) {
      begin_ = begin, end_ = end;
    } else if (begin == end_) {
      end_ = end;
    } else {
      copy_ = &copies_.emplace_back(begin_, end_);
      copy_->append(begin, end);
    }
  }
  std::string_view view() const {
    if (copy_ != nullptr) return *copy_;
    return begin_ == nullptr ? std::string_view()
                             : std::string_view(begin_, static_cast<size_t>(end_ - begin_));
  }

 private:
  std::deque<std::string>& copies_;
  std::string* copy_ = nullptr;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
};

absl::Status DecodeExemplar(WireReader r, std::deque<std::string>& copies, WriteExemplar& out) {
  LabelSpan labels(copies);
  WireField field;
  std::string_view bytes;
  const char* begin = r.position();
  while (r.Next(field)) {
    switch (field.number) {
      case 1:
        if (r.Bytes(field, bytes)) labels.Add(begin, r.position());
        break;
      case 2:
        r.Double(field, out.value);
        break;
      case 3:
        r.Int64(field, out.t);
        break;
      default:
        r.Skip(field);
    }
    begin = r.position();
  }
  out.label_bytes = labels.view();
  return r.status();
}

absl::Status DecodeMetadata(WireReader r, WriteMetadata& out) {
  WireField field;
  uint64_t type = 0;
  while (r.Next(field)) {
    switch (field.number) {
      case 1:
        if (r.Varint(field, type)) {
          out.type = type <= static_cast<uint64_t>(tsdb::MetricType::kStateset)
                         ? static_cast<tsdb::MetricType>(type)
                         : tsdb::MetricType::kUnknown;
        }
        break;
      case 2:
        r.Bytes(field, out.family);
        break;
      case 4:
        r.Bytes(field, out.help);
        break;
      case 5:
        r.Bytes(field, out.unit);
        break;
      default:
        r.Skip(field);
    }
  }
  return r.status();
}

absl::Status DecodeLabel(WireReader r, tsdb::LabelView& out) {
  WireField field;
  while (r.Next(field)) {
    switch (field.number) {
      case 1:
        r.Bytes(field, out.name);
        break;
      case 2:
        r.Bytes(field, out.value);
        break;
      default:
        r.Skip(field);
    }
  }
  return r.status();
}

uint32_t Size32(size_t n) { return static_cast<uint32_t>(n); }  // the cost limit keeps it small

}  // namespace

void WriteBatch::Clear() {
  series.clear();
  samples.clear();
  histograms.clear();
  exemplars.clear();
  metadata.clear();
}

WriteDecoder::WriteDecoder(std::string_view message, size_t max_cost)
    : message_(message), max_cost_(std::min<size_t>(max_cost, UINT32_MAX)) {}

absl::StatusOr<bool> WriteDecoder::Next(WriteBatch& batch) {
  batch.Clear();
  const size_t cost_before = cost_;
  WireReader r(message_.substr(offset_), message_);
  WireField field;
  std::string_view body;
  while (batch.series.size() < kBatchSeries && cost_ - cost_before < kBatchCost && r.Next(field)) {
    if (field.number == 1) {
      if (r.Bytes(field, body)) RETURN_IF_ERROR(DecodeSeries(body, batch));
    } else if (field.number == 3) {
      if (r.Bytes(field, body)) {
        RETURN_IF_ERROR(DecodeMetadata(WireReader(body, message_), batch.metadata.emplace_back()));
        ++cost_;
      }
    } else {
      r.Skip(field);
    }
    RETURN_IF_ERROR(r.status());
  }
  RETURN_IF_ERROR(r.status());
  offset_ = static_cast<size_t>(r.position() - message_.data());
  return !batch.series.empty() || !batch.metadata.empty() || !r.at_end();
}

absl::Status WriteDecoder::TooManySamples() const {
  return absl::ResourceExhaustedError(absl::StrCat("the request holds more than ", max_cost_,
                                                   " samples (a histogram counts as ",
                                                   kHistogramCost, "): send smaller requests"));
}

absl::Status WriteDecoder::DecodeSeries(std::string_view body, WriteBatch& batch) {
  WriteSeries series;
  series.samples.begin = Size32(batch.samples.size());
  series.histograms.begin = Size32(batch.histograms.size());
  series.exemplars.begin = Size32(batch.exemplars.size());
  LabelSpan labels(copies_);
  const char* const end = body.data() + body.size();
  const char* begin = SkipUsualLabels(body.data(), end);
  if (begin != body.data()) labels.Add(body.data(), begin);
  begin = DecodeUsualSamples(begin, end, max_cost_ - std::min(cost_, max_cost_), batch.samples);
  cost_ += batch.samples.size() - series.samples.begin;
  WireReader r({begin, static_cast<size_t>(end - begin)}, message_);
  WireField field;
  std::string_view bytes;
  while (r.Next(field)) {
    switch (field.number) {
      case 1:
        if (r.Bytes(field, bytes)) labels.Add(begin, r.position());
        break;
      case 2:
        if (!r.Bytes(field, bytes)) break;
        ++cost_;
        RETURN_IF_ERROR(DecodeSample(WireReader(bytes, message_), batch.samples.emplace_back()));
        break;
      case 3:
        if (!r.Bytes(field, bytes)) break;
        ++cost_;
        RETURN_IF_ERROR(
            DecodeExemplar(WireReader(bytes, message_), copies_, batch.exemplars.emplace_back()));
        break;
      case 4:
        if (!r.Bytes(field, bytes)) break;
        cost_ += kHistogramCost;
        RETURN_IF_ERROR(HistogramDecoder(message_).Decode(bytes, batch.histograms.emplace_back()));
        break;
      default:
        r.Skip(field);
    }
    if (cost_ > max_cost_) return TooManySamples();
    begin = r.position();
  }
  RETURN_IF_ERROR(r.status());
  series.label_bytes = labels.view();
  series.samples.end = Size32(batch.samples.size());
  series.histograms.end = Size32(batch.histograms.size());
  series.exemplars.end = Size32(batch.exemplars.size());
  batch.series.push_back(series);
  return absl::OkStatus();
}

absl::Status DecodeLabels(std::string_view label_bytes, std::vector<tsdb::LabelView>& out) {
  out.clear();
  WireReader r(label_bytes, label_bytes);
  WireField field;
  std::string_view body;
  while (r.Next(field)) {
    if (r.Bytes(field, body)) {
      RETURN_IF_ERROR(DecodeLabel(WireReader(body, label_bytes), out.emplace_back()));
    }
  }
  return r.status();
}

}  // namespace slowburn::ingest
