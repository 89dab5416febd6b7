#include "tsdb/prometheus/index_writer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tsdb/prometheus/bytes.h"
#include "tsdb/prometheus/crc32c.h"

namespace slowburn::tsdb::prom {
namespace {

constexpr uint32_t kMagic = 0xBAAAD700;
constexpr uint8_t kVersion = 2;
constexpr uint64_t kAlign = 16, kPostingsAlign = 4;
constexpr uint64_t kPairKeys = 2;

absl::Status TooLarge(const char* what) {
  return absl::ResourceExhaustedError(absl::StrCat("a block of Prometheus has no room for so many ",
                                                   what, ": export in parts, by --match"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<IndexWriter>> IndexWriter::Begin(const std::string& path,
                                                                std::vector<std::string> strings) {
  ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> file, OutputFile::Create(path));
  std::unique_ptr<IndexWriter> writer(new IndexWriter(std::move(file), std::move(strings)));
  RETURN_IF_ERROR(writer->WriteStrings());
  return writer;
}

absl::Status IndexWriter::WriteSection(std::string_view body) {
  if (body.size() > UINT32_MAX) return TooLarge("labels");
  std::string size, crc;
  PutBe32(size, static_cast<uint32_t>(body.size()));
  PutBe32(crc, Crc32c(body));
  RETURN_IF_ERROR(file_->Append(size));
  RETURN_IF_ERROR(file_->Append(body));
  return file_->Append(crc);
}

absl::Status IndexWriter::WriteStrings() {
  std::string header;
  PutBe32(header, kMagic);
  header += static_cast<char>(kVersion);
  RETURN_IF_ERROR(file_->Append(header));
  strings_offset_ = file_->size();
  std::string body;
  PutBe32(body, static_cast<uint32_t>(strings_.size()));
  for (uint32_t i = 0; i < strings_.size(); ++i) {
    PutString(body, strings_[i]);
    numbers_.emplace(strings_[i], i);
  }
  RETURN_IF_ERROR(WriteSection(body));
  RETURN_IF_ERROR(file_->PadTo(kAlign));
  series_offset_ = file_->size();
  return absl::OkStatus();
}

bool IndexWriter::Number(std::string_view text, uint32_t& number) const {
  const auto found = numbers_.find(text);
  if (found == numbers_.end()) return false;
  number = found->second;
  return true;
}

absl::Status IndexWriter::AddSeries(const Labels& labels, const std::vector<ChunkMeta>& chunks) {
  if (!all_.empty() && !(last_ < labels))
    return absl::InvalidArgumentError(absl::StrCat(labels.ToString(), " is not in order"));
  RETURN_IF_ERROR(file_->PadTo(kAlign));
  if (file_->size() / kAlign > UINT32_MAX) return TooLarge("series");
  const auto ref = static_cast<uint32_t>(file_->size() / kAlign);
  std::string body;
  PutUvarint(body, labels.size());
  for (const LabelView label : labels) {
    Pair pair;
    if (!Number(label.name, pair.first) || !Number(label.value, pair.second)) {
      return absl::InvalidArgumentError(
          absl::StrCat(labels.ToString(), " came after the strings of the index were written"));
    }
    PutUvarint(body, pair.first);
    PutUvarint(body, pair.second);
    postings_[pair].push_back(ref);
  }
  PutUvarint(body, chunks.size());
  uint64_t t = 0, before = 0;
  for (size_t i = 0; i < chunks.size(); ++i) {
    const auto min_t = static_cast<uint64_t>(chunks[i].min_t);
    const auto max_t = static_cast<uint64_t>(chunks[i].max_t);
    if (i == 0) {
      PutVarintSigned(body, chunks[i].min_t);
    } else {
      PutUvarint(body, min_t - t);
    }
    PutUvarint(body, max_t - min_t);
    if (i == 0) {
      PutUvarint(body, chunks[i].ref);
    } else {
      PutVarintSigned(body, static_cast<int64_t>(chunks[i].ref - before));
    }
    t = max_t;
    before = chunks[i].ref;
  }
  std::string size, crc;
  PutUvarint(size, body.size());
  PutBe32(crc, Crc32c(body));
  RETURN_IF_ERROR(file_->Append(size));
  RETURN_IF_ERROR(file_->Append(body));
  RETURN_IF_ERROR(file_->Append(crc));
  all_.push_back(ref);
  last_ = labels;
  return absl::OkStatus();
}

absl::Status IndexWriter::WritePostings(const std::vector<uint32_t>& series) {
  RETURN_IF_ERROR(file_->PadTo(kPostingsAlign));
  std::string body;
  body.reserve(4 * series.size() + 4);
  PutBe32(body, static_cast<uint32_t>(series.size()));
  for (const uint32_t ref : series) PutBe32(body, ref);
  return WriteSection(body);
}

absl::Status IndexWriter::WriteTable(uint64_t all, const std::vector<Place>& places) {
  std::string body;
  PutBe32(body, static_cast<uint32_t>(places.size() + 1));
  const auto put = [&](std::string_view name, std::string_view value, uint64_t offset) {
    PutUvarint(body, kPairKeys);
    PutString(body, name);
    PutString(body, value);
    PutUvarint(body, offset);
  };
  put("", "", all);
  for (const Place& place : places)
    put(strings_[place.pair.first], strings_[place.pair.second], place.offset);
  return WriteSection(body);
}

absl::Status IndexWriter::Finish() {
  const uint64_t series_end = file_->size();
  RETURN_IF_ERROR(file_->PadTo(kPostingsAlign));
  const uint64_t all = file_->size();
  RETURN_IF_ERROR(WritePostings(all_));
  std::vector<Place> places;
  for (const auto& [pair, series] : postings_) places.push_back({pair, 0});
  std::sort(places.begin(), places.end(),
            [](const Place& a, const Place& b) { return a.pair < b.pair; });
  for (Place& place : places) {
    RETURN_IF_ERROR(file_->PadTo(kPostingsAlign));
    place.offset = file_->size();
    RETURN_IF_ERROR(WritePostings(postings_[place.pair]));
  }
  const uint64_t table = file_->size();
  RETURN_IF_ERROR(WriteTable(all, places));
  // Indices of labels are not used any more; as Prometheus 3 leaves them out.
  std::string contents;
  for (const uint64_t offset : {strings_offset_, series_offset_, series_end, table, all, table})
    PutBe64(contents, offset);
  PutBe32(contents, Crc32c(contents));
  RETURN_IF_ERROR(file_->Append(contents));
  return file_->Close();
}

}  // namespace slowburn::tsdb::prom
