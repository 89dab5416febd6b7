// SplitRecord and DecodeRecord: the reading half of commit_record.h. Every length is checked before
// anything is allocated for it.
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tsdb/byte_reader.h"
#include "tsdb/commit_record.h"
#include "tsdb/histogram_bytes.h"
#include "tsdb/record_parts.h"
#include "tsdb/record_sections.h"

namespace slowburn::tsdb {
namespace {

// Labels that a store may hold: ascending names, no empty values.
bool AreLabels(std::span<const LabelView> pairs, std::span<const uint32_t> numbers) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    const LabelView& pair = pairs[numbers[i]];
    if (pair.value.empty() || (i > 0 && pairs[numbers[i - 1]].name >= pair.name)) return false;
  }
  return true;
}

// Of an exemplar.
bool MakeLabels(const std::vector<LabelView>& views, Labels& labels) {
  for (size_t i = 0; i < views.size(); ++i) {
    if (views[i].value.empty() || (i > 0 && views[i - 1].name >= views[i].name)) return false;
  }
  labels = Labels::FromSorted(views);
  return true;
}

bool ReadPairs(ByteReader in, RecordParts& out) {
  while (!in.done()) {
    LabelView& pair = out.pairs.emplace_back();
    if (!in.Text(pair.name) || !in.Text(pair.value)) return false;
  }
  return in.ok();
}

bool ReadSeries(ByteReader in, RecordParts& out) {
  while (!in.done()) {
    RecordParts::Definition& series = out.series.emplace_back();
    uint64_t count = 0, number = 0;
    if (!in.Varint32(series.id) || !in.Count(1, count) || count == 0) return false;
    series.first = static_cast<uint32_t>(out.pair_numbers.size());
    series.count = static_cast<uint32_t>(count);
    for (uint64_t i = 0; i < count; ++i) {
      if (!in.Varint(number) || number >= out.pairs.size()) return false;
      out.pair_numbers.push_back(static_cast<uint32_t>(number));
    }
    if (!AreLabels(out.pairs, out.NumbersOf(series))) return false;
  }
  return in.ok();
}

bool TakeSection(std::string_view body, std::string_view& section) {
  const bool once = section.empty();
  section = body;
  return once;
}

bool ReadHistogram(ByteReader in, RecordParts& out) {
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

bool ReadExemplar(ByteReader in, RecordParts& out) {
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

bool ReadMetadata(ByteReader in, RecordParts& out) {
  uint8_t type = 0;
  std::string_view metric, help, unit;
  if (!in.Byte(type) || !in.Text(metric) || !in.Text(help) || !in.Text(unit)) return false;
  if (type > static_cast<uint8_t>(MetricType::kStateset)) type = 0;
  out.metadata.push_back(
      {std::string(metric), {MetricType{type}, std::string(help), std::string(unit)}});
  return in.done();
}

bool ReadSection(uint8_t kind, std::string_view body, RecordParts& out) {
  const ByteReader in(body);
  switch (RecordSection{kind}) {
    case RecordSection::kPairs:
      return ReadPairs(in, out);
    case RecordSection::kSeries:
      return ReadSeries(in, out);
    case RecordSection::kSamples:
      return TakeSection(body, out.samples);
    case RecordSection::kStarts:
      return TakeSection(body, out.starts);
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

void Clear(RecordParts& parts) {
  parts.pairs.clear();
  parts.pair_numbers.clear();
  parts.series.clear();
  parts.samples = parts.starts = {};
  parts.histograms.clear();
  parts.exemplars.clear();
  parts.forgets_exemplars = false;
  parts.metadata.clear();
}

bool DecodeSamples(const RecordParts& parts, CommitRecord& out) {
  SampleSection in(parts.samples);
  StartSection starts(parts.starts);
  SampleSection::Sample sample;
  while (in.Next(sample))
    out.samples.push_back({sample.id, sample.t, sample.bits, starts.Next(sample.t)});
  return in.ok() && starts.ok();
}

}  // namespace

absl::Status SplitRecord(std::string_view bytes, RecordParts& out) {
  Clear(out);
  ByteReader in(bytes);
  uint8_t version = 0;
  if (!in.Byte(version) || version != kRecordVersion) {
    return absl::DataLossError(
        absl::StrCat("log record of version ", version, ", wanted ", kRecordVersion));
  }
  if (!in.Varint(out.run)) return absl::DataLossError("log record ends in its header");
  while (!in.done()) {
    const size_t at = bytes.size() - in.left();
    uint8_t kind = 0;
    std::string_view body;
    if (!in.Byte(kind) || !in.Text(body) || !ReadSection(kind, body, out)) {
      return absl::DataLossError(absl::StrCat("log record of ", bytes.size(), " bytes: section ",
                                              kind, " at byte ", at, " is malformed"));
    }
  }
  return absl::OkStatus();
}

absl::Status MalformedSamples() { return absl::DataLossError("log record with malformed samples"); }

absl::Status DecodeRecord(std::string_view bytes, CommitRecord& out) {
  RecordParts parts;
  RETURN_IF_ERROR(SplitRecord(bytes, parts));
  out.run = parts.run;
  out.series.clear();
  out.samples.clear();
  std::vector<LabelView> views;
  for (const RecordParts::Definition& one : parts.series) {
    views.clear();
    for (const uint32_t number : parts.NumbersOf(one)) views.push_back(parts.pairs[number]);
    out.series.push_back({one.id, Labels::FromSorted(views)});
  }
  if (!DecodeSamples(parts, out)) return MalformedSamples();
  out.histograms = std::move(parts.histograms);
  out.exemplars = std::move(parts.exemplars);
  out.forgets_exemplars = parts.forgets_exemplars;
  out.metadata = std::move(parts.metadata);
  return absl::OkStatus();
}

}  // namespace slowburn::tsdb
