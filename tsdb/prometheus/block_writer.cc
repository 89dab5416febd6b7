#include "tsdb/prometheus/block_writer.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "tsdb/prometheus/bytes.h"
#include "tsdb/prometheus/crc32c.h"
#include "tsdb/prometheus/tombstones.h"

namespace slowburn::tsdb::prom {
namespace {

constexpr uint32_t kChunksMagic = 0x85BD40DD;
constexpr uint8_t kChunksVersion = 1;
constexpr size_t kChunksHeader = 8;
constexpr uint64_t kSegmentBytes = uint64_t{512} << 20;

std::string SegmentName(size_t number) {
  char name[32];
  std::snprintf(name, sizeof(name), "/%06zu", number);
  return name;
}

absl::Status Rename(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("cannot rename ", from, " to ", to, ": ", error.message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<PrometheusBlockWriter>> PrometheusBlockWriter::Begin(
    const std::string& folder, const std::string& ulid, std::vector<std::string> strings) {
  std::unique_ptr<PrometheusBlockWriter> writer(new PrometheusBlockWriter(folder, ulid));
  RETURN_IF_ERROR(base::MakeDirectories(writer->path_ + "/chunks"));
  ASSIGN_OR_RETURN(writer->index_,
                   IndexWriter::Begin(writer->path_ + "/index", std::move(strings)));
  RETURN_IF_ERROR(writer->NextSegment());
  return writer;
}

PrometheusBlockWriter::~PrometheusBlockWriter() {
  std::error_code ignored;
  if (!published_) std::filesystem::remove_all(path_, ignored);
}

absl::Status PrometheusBlockWriter::NextSegment() {
  if (segment_ != nullptr) RETURN_IF_ERROR(segment_->Close());
  ASSIGN_OR_RETURN(segment_, OutputFile::Create(path_ + "/chunks" + SegmentName(++segments_)));
  std::string header;
  PutBe32(header, kChunksMagic);
  header += static_cast<char>(kChunksVersion);
  header.resize(kChunksHeader, '\0');
  return segment_->Append(header);
}

absl::Status PrometheusBlockWriter::AddSeries(const Labels& labels) {
  RETURN_IF_ERROR(FinishSeries());
  labels_ = labels;
  return absl::OkStatus();
}

absl::Status PrometheusBlockWriter::AddSamples(const SampleBatch& samples) {
  for (size_t i = 0; i < samples.t.size(); ++i) {
    const Histogram* const h = samples.histograms.empty() ? nullptr : samples.histograms[i].get();
    if (h != nullptr && !h->is_stale() && !h->Validate().ok()) {
      ++invalid_;
      continue;
    }
    if (!samples.starts.empty() && samples.starts[i] != 0) ++starts_;
    if (encoder_.Full(samples.t[i], h)) RETURN_IF_ERROR(WriteChunk());
    encoder_.Add(samples.t[i], samples.v[i], h);
    max_t_ = std::max(max_t_, samples.t[i]);
    ++(h == nullptr ? meta_.float_samples : meta_.histogram_samples);
  }
  return absl::OkStatus();
}

absl::Status PrometheusBlockWriter::WriteChunk() {
  const EncodedChunk chunk = encoder_.Take();
  std::string bytes;
  PutUvarint(bytes, chunk.data.size());
  const size_t checked = bytes.size();
  bytes += static_cast<char>(chunk.encoding);
  bytes += chunk.data;
  PutBe32(bytes, Crc32c(std::string_view(bytes).substr(checked)));
  if (segment_->size() + bytes.size() > kSegmentBytes) RETURN_IF_ERROR(NextSegment());
  chunks_.push_back({chunk.min_t, chunk.max_t, uint64_t{segments_ - 1} << 32 | segment_->size()});
  return segment_->Append(bytes);
}

absl::Status PrometheusBlockWriter::FinishSeries() {
  if (!encoder_.empty()) RETURN_IF_ERROR(WriteChunk());
  if (chunks_.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(index_->AddSeries(labels_, chunks_));
  ++meta_.series;
  meta_.chunks += chunks_.size();
  chunks_.clear();
  return absl::OkStatus();
}

absl::StatusOr<BlockMeta> PrometheusBlockWriter::Finish(TimeRange range) {
  RETURN_IF_ERROR(FinishSeries());
  meta_.ulid = ulid_;
  meta_.min_t = range.start;
  meta_.max_t = range.end;
  meta_.samples = meta_.float_samples + meta_.histogram_samples;
  if (meta_.series == 0) return meta_;
  RETURN_IF_ERROR(segment_->Close());
  RETURN_IF_ERROR(index_->Finish());
  RETURN_IF_ERROR(base::WriteFileAtomic(path_ + "/tombstones", FormatNoTombstones()));
  RETURN_IF_ERROR(base::WriteFileAtomic(path_ + "/meta.json", FormatBlockMeta(meta_)));
  RETURN_IF_ERROR(SyncFolder(path_ + "/chunks"));
  RETURN_IF_ERROR(SyncFolder(path_));
  RETURN_IF_ERROR(Rename(path_, folder_ + "/" + ulid_));
  published_ = true;
  RETURN_IF_ERROR(SyncFolder(folder_));
  return meta_;
}

}  // namespace slowburn::tsdb::prom
