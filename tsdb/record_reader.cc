// DecodeRecord: the reading half of commit_record.h. Every length is checked before anything is
// allocated for it.
#include <bit>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tsdb/byte_reader.h"
#include "tsdb/byte_writer.h"
#include "tsdb/commit_record.h"
#include "tsdb/histogram_bytes.h"
#include "tsdb/record_sections.h"

namespace slowburn::tsdb {
namespace {

// Labels that a store may hold: ascending names, no empty values.
bool MakeLabels(const std::vector<LabelView>& views, Labels& labels) {
  for (size_t i = 0; i < views.size(); ++i) {
    if (views[i].value.empty() || (i > 0 && views[i - 1].name >= views[i].name)) return false;
  }
  labels = Labels::FromSorted(views);
  return true;
}

bool ReadPairs(ByteReader in, std::vector<LabelView>& pairs) {
  while (!in.done()) {
    LabelView& pair = pairs.emplace_back();
    if (!in.Text(pair.name) || !in.Text(pair.value)) return false;
  }
  return in.ok();
}

bool ReadSeries(ByteReader in, const std::vector<LabelView>& pairs, CommitRecord& out) {
  std::vector<LabelView> views;
  while (!in.done()) {
    CommitRecord::SeriesDefinition& series = out.series.emplace_back();
    uint64_t count = 0;
    if (!in.Varint32(series.id) || !in.Count(1, count)) return false;
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

bool ReadSamples(ByteReader in, CommitRecord& out) {
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

bool ReadStarts(ByteReader in, CommitRecord& out) {
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

bool ReadHistogram(ByteReader in, CommitRecord& out) {
  CommitRecord::HistogramSample sample;
  auto h = std::make_shared<Histogram>();
  if (!in.Varint32(sample.id) || !in.Signed(sample.t) || !in.Signed(sample.start) ||
      !ReadHistogramBytes(in, *h)) {
    return false;
  }
  sample.histogram = std::move(h);
  out.histograms.push_back(std::move(sample));
  return in.done();
}

bool ReadExemplar(ByteReader in, CommitRecord& out) {
  CommitRecord::SeriesExemplar one;
  uint64_t count = 0;
  if (!in.Varint32(one.id) || !in.Signed(one.exemplar.t) || !in.Double(one.exemplar.value) ||
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

bool ReadMetadata(ByteReader in, CommitRecord& out) {
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
  const ByteReader in(body);
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
  ByteReader in(bytes);
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
