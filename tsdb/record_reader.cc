// DecodeRecord: the reading half of commit_record.h. Every length is checked before anything is
// allocated for it.
#include <bit>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tsdb/commit_record.h"
#include "tsdb/record_sections.h"
#include "tsdb/varint.h"

namespace slowburn::tsdb {
namespace {

// Takes values off the front; after the first failure everything fails.
class Input {
 public:
  explicit Input(std::string_view bytes)
      : begin_(reinterpret_cast<const uint8_t*>(bytes.data())),
        p_(begin_),
        end_(begin_ + bytes.size()) {}

  bool ok() const { return ok_; }
  bool done() const { return !ok_ || p_ == end_; }
  size_t left() const { return static_cast<size_t>(end_ - p_); }
  bool Fail() { return ok_ = false; }

  bool Byte(uint8_t& value) {
    if (!ok_ || p_ == end_) return Fail();
    value = *p_++;
    return true;
  }
  bool Varint(uint64_t& value) { return ok_ && GetVarint(p_, end_, value) ? true : Fail(); }
  bool Signed(int64_t& value) {
    uint64_t raw = 0;
    if (!Varint(raw)) return false;
    value = Unzigzag(raw);
    return true;
  }
  bool Id(uint32_t& id) {
    uint64_t raw = 0;
    if (!Varint(raw) || raw > UINT32_MAX) return Fail();
    id = static_cast<uint32_t>(raw);
    return true;
  }
  bool Bits(uint64_t& value) {
    if (!ok_ || left() < sizeof(value)) return Fail();
    std::memcpy(&value, p_, sizeof(value));
    p_ += sizeof(value);
    return true;
  }
  bool Double(double& value) {
    uint64_t bits = 0;
    if (!Bits(bits)) return false;
    value = std::bit_cast<double>(bits);
    return true;
  }
  bool Text(std::string_view& text) {
    uint64_t size = 0;
    if (!Varint(size) || size > left()) return Fail();
    text = {reinterpret_cast<const char*>(p_), static_cast<size_t>(size)};
    p_ += size;
    return true;
  }
  // A number of things that take at least `each` bytes.
  bool Count(size_t each, uint64_t& count) {
    return Varint(count) && count <= left() / each ? true : Fail();
  }

 private:
  const uint8_t* begin_;
  const uint8_t* p_;
  const uint8_t* end_;
  bool ok_ = true;
};

TimestampMs Later(TimestampMs t, int64_t by) {
  return static_cast<TimestampMs>(static_cast<uint64_t>(t) + static_cast<uint64_t>(by));
}

// Labels that a store may hold: ascending names, no empty values.
bool MakeLabels(const std::vector<LabelView>& views, Labels& labels) {
  for (size_t i = 0; i < views.size(); ++i) {
    if (views[i].value.empty() || (i > 0 && views[i - 1].name >= views[i].name)) return false;
  }
  labels = Labels::FromSorted(views);
  return true;
}

bool ReadPairs(Input in, std::vector<LabelView>& pairs) {
  while (!in.done()) {
    LabelView& pair = pairs.emplace_back();
    if (!in.Text(pair.name) || !in.Text(pair.value)) return false;
  }
  return in.ok();
}

bool ReadSeries(Input in, const std::vector<LabelView>& pairs, CommitRecord& out) {
  std::vector<LabelView> views;
  while (!in.done()) {
    CommitRecord::SeriesDefinition& series = out.series.emplace_back();
    uint64_t count = 0;
    if (!in.Id(series.id) || !in.Count(1, count)) return false;
    views.clear();
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t number = 0;
      if (!in.Varint(number) || number >= pairs.size()) return false;
      views.push_back(pairs[number]);
    }
    if (!MakeLabels(views, series.labels) || series.labels.empty()) return false;
  }
  return in.ok();
}

bool ReadSamples(Input in, CommitRecord& out) {
  uint32_t next_id = 0;
  TimestampMs t = 0;
  while (!in.done()) {
    CommitRecord::FloatSample sample;
    uint64_t head = 0;
    if (!in.Varint(head)) return false;
    sample.id = next_id + static_cast<uint32_t>(Unzigzag(head >> kSampleFlagBits));
    next_id = sample.id + 1;
    int64_t distance = 0, whole = 0;
    if ((head & kSampleOwnTime) != 0 && !in.Signed(distance)) return false;
    t = sample.t = Later(t, distance);
    if ((head & kSampleWholeValue) == 0) {
      if (!in.Bits(sample.bits)) return false;
    } else {
      if (!in.Signed(whole)) return false;
      sample.bits = std::bit_cast<uint64_t>(static_cast<double>(whole));
    }
    out.samples.push_back(sample);
  }
  return in.ok();
}

bool ReadStarts(Input in, CommitRecord& out) {
  uint64_t index = 0;
  while (!in.done()) {
    uint64_t step = 0;
    int64_t age = 0;
    if (!in.Varint(step) || !in.Signed(age)) return false;
    index += step;
    if (index >= out.samples.size()) return false;
    CommitRecord::FloatSample& sample = out.samples[index];
    sample.start = Later(sample.t, static_cast<int64_t>(-static_cast<uint64_t>(age)));
  }
  return in.ok();
}

bool ReadSpans(Input& in, std::vector<HistogramSpan>& spans) {
  uint64_t count = 0;
  if (!in.Count(2, count)) return false;
  for (uint64_t i = 0; i < count; ++i) {
    int64_t offset = 0;
    HistogramSpan span;
    if (!in.Signed(offset) || !in.Id(span.length) || offset != static_cast<int32_t>(offset))
      return in.Fail();
    span.offset = static_cast<int32_t>(offset);
    spans.push_back(span);
  }
  return true;
}

bool ReadCounts(Input& in, std::vector<double>& counts) {
  uint64_t count = 0;
  if (!in.Count(sizeof(double), count)) return false;
  counts.resize(count);
  for (double& value : counts) {
    if (!in.Double(value)) return false;
  }
  return true;
}

bool ReadHistogram(Input in, CommitRecord& out) {
  CommitRecord::HistogramSample sample;
  auto h = std::make_shared<Histogram>();
  uint8_t flags = 0;
  int64_t schema = 0;
  if (!in.Id(sample.id) || !in.Signed(sample.t) || !in.Signed(sample.start) || !in.Byte(flags))
    return false;
  if (!in.Signed(schema) || schema != static_cast<int32_t>(schema)) return false;
  h->is_float = (flags & kHistogramIsFloat) != 0;
  h->reset_hint = static_cast<Histogram::ResetHint>(flags >> kHistogramHintShift & 3);
  h->schema = static_cast<int32_t>(schema);
  for (double* value : {&h->zero_threshold, &h->zero_count, &h->count, &h->sum}) {
    if (!in.Double(*value)) return false;
  }
  if (!ReadSpans(in, h->positive_spans) || !ReadCounts(in, h->positive_buckets) ||
      !ReadSpans(in, h->negative_spans) || !ReadCounts(in, h->negative_buckets) ||
      !ReadCounts(in, h->custom_values)) {
    return false;
  }
  if (!h->is_stale() && !h->Validate().ok()) return false;
  sample.histogram = std::move(h);
  out.histograms.push_back(std::move(sample));
  return in.done();
}

bool ReadExemplar(Input in, CommitRecord& out) {
  CommitRecord::SeriesExemplar one;
  uint64_t count = 0;
  if (!in.Id(one.id) || !in.Signed(one.exemplar.t) || !in.Double(one.exemplar.value) ||
      !in.Count(2, count)) {
    return false;
  }
  std::vector<LabelView> views(count);
  for (LabelView& view : views) {
    if (!in.Text(view.name) || !in.Text(view.value)) return false;
  }
  if (!MakeLabels(views, one.exemplar.labels)) return false;
  out.exemplars.push_back(std::move(one));
  return in.done();
}

bool ReadMetadata(Input in, CommitRecord& out) {
  uint8_t type = 0;
  std::string_view metric, help, unit;
  if (!in.Byte(type) || !in.Text(metric) || !in.Text(help) || !in.Text(unit)) return false;
  if (type > static_cast<uint8_t>(MetricType::kStateset)) type = 0;
  out.metadata.push_back(
      {std::string(metric), {MetricType{type}, std::string(help), std::string(unit)}});
  return in.done();
}

bool ReadSection(uint8_t kind, std::string_view body, std::vector<LabelView>& pairs,
                 CommitRecord& out) {
  const Input in(body);
  switch (RecordSection{kind}) {
    case RecordSection::kPairs:
      return ReadPairs(in, pairs);
    case RecordSection::kSeries:
      return ReadSeries(in, pairs, out);
    case RecordSection::kSamples:
      return ReadSamples(in, out);
    case RecordSection::kStarts:
      return ReadStarts(in, out);
    case RecordSection::kHistogram:
      return ReadHistogram(in, out);
    case RecordSection::kExemplar:
      return ReadExemplar(in, out);
    case RecordSection::kMetadata:
      return ReadMetadata(in, out);
    case RecordSection::kForgetExemplars:
      out.forgets_exemplars = true;
      return in.done();
  }
  return true;  // of a later version: skipped
}

}  // namespace

absl::Status DecodeRecord(std::string_view bytes, CommitRecord& out) {
  out.series.clear();
  out.samples.clear();
  out.histograms.clear();
  out.exemplars.clear();
  out.forgets_exemplars = false;
  out.metadata.clear();
  Input in(bytes);
  uint8_t version = 0;
  if (!in.Byte(version) || version != kRecordVersion) {
    return absl::DataLossError(
        absl::StrCat("log record of version ", version, ", wanted ", kRecordVersion));
  }
  if (!in.Varint(out.run)) return absl::DataLossError("log record ends in its header");
  std::vector<LabelView> pairs;
  while (!in.done()) {
    const size_t at = bytes.size() - in.left();
    uint8_t kind = 0;
    std::string_view body;
    if (!in.Byte(kind) || !in.Text(body) || !ReadSection(kind, body, pairs, out)) {
      return absl::DataLossError(absl::StrCat("log record of ", bytes.size(), " bytes: section ",
                                              kind, " at byte ", at, " is malformed"));
    }
  }
  return absl::OkStatus();
}

}  // namespace slowburn::tsdb
