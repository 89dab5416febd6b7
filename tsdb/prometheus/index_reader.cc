#include "tsdb/prometheus/index_reader.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tsdb/prometheus/bytes.h"
#include "tsdb/prometheus/crc32c.h"
#include "tsdb/time_math.h"

namespace slowburn::tsdb::prom {
namespace {

constexpr uint32_t kMagic = 0xBAAAD700;
constexpr size_t kHeader = 5, kContents = 6 * 8 + 4, kCrc = 4, kAlign = 16;
constexpr char kBadLabels[] = "series whose labels are empty, not UTF-8 or not unique";

bool Good(const std::vector<LabelView>& labels) {
  for (const LabelView label : labels) {
    if (label.name.empty() || !IsValidUtf8(label.name) || !IsValidUtf8(label.value)) return false;
  }
  return !labels.empty();
}

bool Ascending(const std::vector<LabelView>& labels) {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i].value.empty() || (i > 0 && labels[i - 1].name >= labels[i].name)) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<IndexReader>> IndexReader::Open(const std::string& path,
                                                               ReadReport& report) {
  ASSIGN_OR_RETURN(std::unique_ptr<MappedFile> file, MappedFile::Open(path));
  std::unique_ptr<IndexReader> reader(new IndexReader(std::move(file)));
  RETURN_IF_ERROR(reader->ReadHeader());
  RETURN_IF_ERROR(reader->ReadSymbols());
  reader->FindSeries(report);
  return reader;
}

absl::Status IndexReader::ReadHeader() {
  const std::string_view bytes = file_->bytes();
  ByteReader header(bytes);
  if (header.Be32() != kMagic) return absl::DataLossError("not an index of Prometheus");
  version_ = header.U8();
  if (!header.ok() || version_ < 1 || version_ > 2) {
    return absl::DataLossError(absl::StrCat("version ", version_, " of the index, wanted 1 or 2"));
  }
  if (bytes.size() < kHeader + kContents) return absl::DataLossError("no table of contents");
  const std::string_view body = bytes.substr(bytes.size() - kContents, kContents - kCrc);
  if (ByteReader(bytes.substr(bytes.size() - kCrc)).Be32() != Crc32c(body))
    return absl::DataLossError("the table of contents has a wrong checksum");
  ByteReader in(body);
  for (uint64_t* const offset : {&contents_.symbols, &contents_.series, &contents_.label_indices,
                                 &contents_.label_table, &contents_.postings, &contents_.table}) {
    *offset = in.Be64();
  }
  return absl::OkStatus();
}

bool IndexReader::Section(uint64_t offset, std::string_view& body) const {
  ByteReader in(file_->From(offset));
  const uint64_t size = in.Be32();
  body = in.Bytes(size);
  const uint32_t crc = in.Be32();
  return in.ok() && Crc32c(body) == crc;
}

absl::Status IndexReader::ReadSymbols() {
  std::string_view body;
  if (!Section(contents_.symbols, body))
    return absl::DataLossError("the strings have a wrong checksum");
  ByteReader in(body);
  const uint64_t count = in.Be32();
  if (version_ == 1) return absl::OkStatus();  // these are named by their place in the file
  symbol_bytes_ = body;
  symbols_.reserve(std::min<uint64_t>(count, body.size()));
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    symbols_.push_back(static_cast<uint32_t>(in.pos()));
    in.String();
  }
  return in.ok() ? absl::OkStatus() : absl::DataLossError("the strings end early");
}

bool IndexReader::Symbol(uint64_t number, std::string_view& text) const {
  if (version_ == 2 && number >= symbols_.size()) return false;
  ByteReader in(version_ == 2 ? symbol_bytes_.substr(symbols_[number]) : file_->From(number));
  text = in.String();
  return in.ok();
}

void IndexReader::FindSeries(ReadReport& report) {
  std::vector<uint32_t> refs;
  if (!ListedSeries(refs, report)) refs = SoughtSeries();
  KeepReadable(std::move(refs), report);
}

// From the postings of the label that all series have: the empty one.
bool IndexReader::ListedSeries(std::vector<uint32_t>& out, ReadReport& report) const {
  uint64_t offset = 0;
  std::string_view body;
  if (!AllPostings(offset)) {
    report.Damaged(file_->path(), contents_.table, "the table of postings cannot be read");
    return false;
  }
  if (!Section(offset, body) || body.size() < 4) {
    report.Damaged(file_->path(), offset, "the list of all series cannot be read");
    return false;
  }
  ByteReader in(body);
  for (uint64_t left = in.Be32(); left > 0 && !in.AtEnd(); --left) out.push_back(in.Be32());
  return in.ok();
}

bool IndexReader::AllPostings(uint64_t& offset) const {
  std::string_view body;
  if (!Section(contents_.table, body)) return false;
  ByteReader in(body);
  for (uint64_t left = in.Be32(); left > 0 && in.ok(); --left) {
    bool all = true;
    for (uint64_t keys = in.Uvarint(); keys > 0 && in.ok(); --keys) all &= in.String().empty();
    offset = in.Uvarint();
    if (all) return in.ok();
  }
  return false;
}

bool IndexReader::Entry(uint64_t offset, std::string_view& body, uint64_t& end) const {
  ByteReader in(file_->From(offset));
  body = in.String();
  const uint32_t crc = in.Be32();
  end = offset + in.pos();
  return in.ok() && !body.empty() && Crc32c(body) == crc;
}

// Every place where a series with the right checksum stands. Version 1 does not align them.
std::vector<uint32_t> IndexReader::SoughtSeries() const {
  std::vector<uint32_t> refs;
  const uint64_t step = version_ == 1 ? 1 : kAlign;
  const uint64_t size = file_->bytes().size();
  uint64_t end = contents_.label_indices > contents_.series ? contents_.label_indices : size;
  end = std::min({end, size, UINT32_MAX * step});
  uint64_t at = (contents_.series + step - 1) / step * step;
  while (at < end) {
    std::string_view body;
    uint64_t behind = 0;
    if (!Entry(at, body, behind)) {
      at += step;
      continue;
    }
    refs.push_back(static_cast<uint32_t>(at / step));
    at = (behind + step - 1) / step * step;
  }
  return refs;
}

bool IndexReader::Parse(uint32_t ref, std::string_view body, IndexedSeries& out) const {
  ByteReader in(body);
  std::vector<LabelView> labels(in.Count(2));
  for (LabelView& label : labels) {
    if (!Symbol(in.Uvarint(), label.name) || !Symbol(in.Uvarint(), label.value)) return false;
  }
  out.ref = ref;
  out.chunks.resize(in.Count(3));
  uint64_t t = 0, chunk = 0;
  for (size_t i = 0; i < out.chunks.size(); ++i) {
    t += i == 0 ? static_cast<uint64_t>(in.Varint()) : in.Uvarint();
    out.chunks[i].min_t = static_cast<TimestampMs>(t);
    t += in.Uvarint();
    out.chunks[i].max_t = static_cast<TimestampMs>(t);
    chunk += i == 0 ? in.Uvarint() : static_cast<uint64_t>(in.Varint());
    out.chunks[i].ref = chunk;
  }
  if (!in.ok()) return false;
  if (!Good(labels)) {
    out.labels = Labels();
  } else if (Ascending(labels)) {
    out.labels = Labels::FromSorted(labels);
  } else {
    out.labels = Labels::FromViews(std::move(labels));
  }
  return true;
}

void IndexReader::Widen(const std::vector<ChunkMeta>& chunks) {
  for (const ChunkMeta& chunk : chunks) {
    times_.start = std::min(times_.start, chunk.min_t);
    times_.end = std::max(times_.end, SaturatingAdd(chunk.max_t, 1));
  }
}

void IndexReader::KeepReadable(std::vector<uint32_t> refs, ReadReport& report) {
  Labels before;
  bool sorted = true;
  for (const uint32_t ref : refs) {
    std::string_view body;
    uint64_t end = 0;
    IndexedSeries series;
    if (!Entry(OffsetOf(ref), body, end) || !Parse(ref, body, series)) {
      report.Damaged(file_->path(), OffsetOf(ref), "a series cannot be read");
      continue;
    }
    if (series.labels.empty()) {
      report.Skipped(kBadLabels);
      continue;
    }
    sorted = sorted && (series_.empty() || before < series.labels);
    before = series.labels;
    series_.push_back(ref);
    Widen(series.chunks);
  }
  if (sorted) return;
  std::vector<std::pair<Labels, uint32_t>> ordered;
  for (size_t i = 0; i < series_.size(); ++i) ordered.emplace_back(At(i).labels, series_[i]);
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  const auto unique = std::unique(ordered.begin(), ordered.end(), same);
  if (unique != ordered.end())
    report.Skipped(kBadLabels, static_cast<uint64_t>(ordered.end() - unique));
  ordered.erase(unique, ordered.end());
  series_.clear();
  for (const auto& [labels, ref] : ordered) series_.push_back(ref);
}

IndexedSeries IndexReader::At(size_t i) const {
  IndexedSeries out;
  std::string_view body;
  uint64_t end = 0;
  // Was read before; what changed meanwhile has no chunks.
  if (!Entry(OffsetOf(series_[i]), body, end) || !Parse(series_[i], body, out)) out.chunks.clear();
  return out;
}

}  // namespace slowburn::tsdb::prom
