#include "tsdb/commit_record.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "tsdb/byte_writer.h"
#include "tsdb/histogram_bytes.h"
#include "tsdb/record_sections.h"

namespace slowburn::tsdb {
namespace {

void AddSection(std::string& out, RecordSection kind, std::string_view body) {
  if (body.empty()) return;
  out += static_cast<char>(kind);
  AddText(out, body);
}

// Whole numbers that a varint holds in less than the eight bytes of a double.
bool IsShortWhole(uint64_t bits, int64_t& whole) {
  const double v = std::bit_cast<double>(bits);
  if (!(std::abs(v) < 0x1p48)) return false;
  whole = static_cast<int64_t>(v);
  return std::bit_cast<uint64_t>(static_cast<double>(whole)) == bits;
}

}  // namespace

void RecordWriter::AddSeries(uint32_t id, const Labels& labels, const uint32_t* pair_ids) {
  AddVarint(series_, id);
  AddVarint(series_, labels.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto [it, is_new] =
        pair_numbers_.try_emplace(pair_ids[i], static_cast<uint32_t>(pair_numbers_.size()));
    if (is_new) {
      const LabelView label = labels[i];
      AddText(pairs_, label.name);
      AddText(pairs_, label.value);
    }
    AddVarint(series_, it->second);
  }
}

void RecordWriter::AddSample(uint32_t id, TimestampMs t, uint64_t bits, TimestampMs start) {
  uint8_t bytes[3 * kMaxVarintBytes];
  int64_t whole = 0;
  const bool is_whole = IsShortWhole(bits, whole);
  const uint64_t step = Zigzag(static_cast<int32_t>(id - next_id_));
  const uint64_t flags = (is_whole ? kSampleWholeValue : 0) | (t != last_t_ ? kSampleOwnTime : 0);
  uint8_t* p = PutVarint(bytes, step << kSampleFlagBits | flags);
  if (t != last_t_) p = PutVarint(p, Zigzag(Distance(t, last_t_)));
  if (is_whole) {
    p = PutVarint(p, Zigzag(whole));
  } else {
    std::memcpy(p, &bits, sizeof(bits));
    p += sizeof(bits);
  }
  samples_.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(p - bytes));
  next_id_ = id + 1;
  last_t_ = t;
  if (start != 0) {
    AddVarint(starts_, sample_count_ - last_start_);
    AddSigned(starts_, Distance(t, start));
    last_start_ = sample_count_;
  }
  ++sample_count_;
}

void RecordWriter::AddHistogram(uint32_t id, TimestampMs t, const Histogram& histogram,
                                TimestampMs start) {
  std::string body;
  AddVarint(body, id);
  AddSigned(body, t);
  AddSigned(body, start);
  AddHistogramBytes(body, histogram);
  AddSection(others_, RecordSection::kHistogram, body);
}

void RecordWriter::AddExemplar(uint32_t id, const Exemplar& exemplar) {
  std::string body;
  AddVarint(body, id);
  AddSigned(body, exemplar.t);
  AddDouble(body, exemplar.value);
  AddVarint(body, exemplar.labels.size());
  for (const LabelView label : exemplar.labels) {
    AddText(body, label.name);
    AddText(body, label.value);
  }
  AddSection(others_, RecordSection::kExemplar, body);
}

void RecordWriter::ForgetExemplars() {
  others_ += static_cast<char>(RecordSection::kForgetExemplars);
  AddVarint(others_, 0);
}

void RecordWriter::AddMetadata(std::string_view metric, const Metadata& metadata) {
  std::string body;
  body += static_cast<char>(metadata.type);
  AddText(body, metric);
  AddText(body, metadata.help);
  AddText(body, metadata.unit);
  AddSection(others_, RecordSection::kMetadata, body);
}

void RecordWriter::Finish(uint64_t run, std::string& out) {
  out.reserve(out.size() + bytes() + 64);
  out += static_cast<char>(kRecordVersion);
  AddVarint(out, run);
  AddSection(out, RecordSection::kPairs, pairs_);
  AddSection(out, RecordSection::kSeries, series_);
  AddSection(out, RecordSection::kSamples, samples_);
  AddSection(out, RecordSection::kStarts, starts_);
  out += others_;
  pair_numbers_.clear();
  for (std::string* part : {&pairs_, &series_, &samples_, &starts_, &others_}) part->clear();
  next_id_ = 0;
  last_t_ = 0;
  sample_count_ = last_start_ = 0;
}

}  // namespace slowburn::tsdb
