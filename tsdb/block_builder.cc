#include "tsdb/block_builder.h"

#include <algorithm>

#include "base/status_macros.h"
#include "tsdb/byte_writer.h"
#include "tsdb/histogram_column.h"

namespace slowburn::tsdb {

BlockBuilder::BlockBuilder(TimeRange partition, Temperature temperature, PartSink& sink)
    : sink_(sink), group_(temperature), times_(temperature) {
  info_.partition = partition;
  info_.temperature = temperature;
}

absl::Status BlockBuilder::AddSeries(const Labels& labels) {
  if (labels.empty()) return absl::InvalidArgumentError("a series of a block without labels");
  if (has_series_ && !(labels_ < labels)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "series of a block out of order: ", labels.ToString(), " after ", labels_.ToString()));
  }
  RETURN_IF_ERROR(FinishSeries());
  labels_ = labels;
  has_series_ = true;
  has_samples_ = false;
  return absl::OkStatus();
}

absl::Status BlockBuilder::CheckTimes(const SampleBatch& samples) const {
  TimestampMs last = last_t_;
  bool first = !has_samples_;
  for (const TimestampMs t : samples.t) {
    if (!info_.partition.Contains(t) || (!first && t <= last)) {
      return absl::InvalidArgumentError(
          absl::StrCat("samples of ", labels_.ToString(), ": time ", t, " after ", last,
                       " in a block of [", info_.partition.start, ", ", info_.partition.end, ")"));
    }
    last = t;
    first = false;
  }
  return absl::OkStatus();
}

absl::Status BlockBuilder::AddSamples(const SampleBatch& samples) {
  if (!has_series_) return absl::InvalidArgumentError("samples of a block before any series");
  if (samples.t.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(CheckTimes(samples));
  if (!has_samples_) index_.AddSeries(labels_);
  has_samples_ = true;
  last_t_ = samples.t.back();
  const bool histograms = !samples.histograms.empty();
  // Columns with histograms are shorter: what is buffered may be too long already.
  if (histograms && histograms_.empty() && t_.size() >= kMaxHistogramSamples)
    RETURN_IF_ERROR(FlushColumn(RowGroupWriter::More::kYes));
  const size_t limit =
      histograms || !histograms_.empty() ? kMaxHistogramSamples : kMaxColumnSamples;
  for (size_t at = 0; at < samples.t.size();) {
    if (t_.size() == limit) RETURN_IF_ERROR(FlushColumn(RowGroupWriter::More::kYes));
    const size_t end = std::min(samples.t.size(), at + limit - t_.size());
    Buffer(samples, at, end);
    at = end;
  }
  return absl::OkStatus();
}

void BlockBuilder::Buffer(const SampleBatch& samples, size_t begin, size_t end) {
  const auto append = [&](auto& to, const auto& from) {
    to.insert(to.end(), from.begin() + static_cast<ptrdiff_t>(begin),
              from.begin() + static_cast<ptrdiff_t>(end));
  };
  if (!samples.histograms.empty() || !histograms_.empty()) {
    histograms_.resize(t_.size());
    if (!samples.histograms.empty()) append(histograms_, samples.histograms);
  }
  if (!samples.starts.empty() || !starts_.empty()) {
    starts_.resize(t_.size());
    if (!samples.starts.empty()) append(starts_, samples.starts);
  }
  append(t_, samples.t);
  append(v_, samples.v);
  if (!histograms_.empty()) histograms_.resize(t_.size());
  if (!starts_.empty()) starts_.resize(t_.size());
}

absl::Status BlockBuilder::FlushColumn(RowGroupWriter::More more) {
  const uint32_t times = times_.Add(t_);
  group_.AddColumn({t_, v_, histograms_, starts_}, times, more);
  info_.min_t = std::min(info_.min_t, t_.front());
  info_.max_t = std::max(info_.max_t, t_.back());
  info_.samples += t_.size();
  t_.clear();
  v_.clear();
  histograms_.clear();
  starts_.clear();
  return times_.full() ? FlushTimes() : absl::OkStatus();
}

absl::Status BlockBuilder::FinishSeries() {
  if (!has_series_ || !has_samples_) return absl::OkStatus();
  RETURN_IF_ERROR(FlushColumn(RowGroupWriter::More::kNo));
  ++info_.series;
  return group_.full() ? FlushGroup() : absl::OkStatus();
}

absl::Status BlockBuilder::PutPiece(std::string_view piece) {
  info_.data_bytes += piece.size();
  return sink_.Put({PartKind::kPiece, next_piece_++}, piece);
}

absl::Status BlockBuilder::FlushTimes() {
  times_pieces_.push_back(next_piece_);
  return PutPiece(times_.TakePiece());
}

absl::Status BlockBuilder::FlushGroup() {
  RETURN_IF_ERROR(PutPiece(group_.rows()));
  groups_.push_back({group_begin_, next_piece_});
  group_begin_ += group_.series_count();
  RETURN_IF_ERROR(PutPiece(group_.directory()));
  group_.Clear();
  return absl::OkStatus();
}

absl::Status BlockBuilder::Finish() {
  RETURN_IF_ERROR(FinishSeries());
  if (group_.series_count() > 0) RETURN_IF_ERROR(FlushGroup());
  if (times_.has_piece()) RETURN_IF_ERROR(FlushTimes());
  std::array<std::string, kIndexSections> sections;
  std::string& pieces = sections[static_cast<size_t>(IndexSection::kPieces)];
  AddFixed32(pieces, static_cast<uint32_t>(groups_.size()));
  AddFixed32(pieces, times_.count());
  for (const GroupPlace& group : groups_) {
    AddFixed32(pieces, group.first_series);
    AddFixed32(pieces, group.piece);
  }
  for (const uint32_t piece : times_pieces_) AddFixed32(pieces, piece);
  RETURN_IF_ERROR(index_.Finish(sections));
  for (uint32_t i = 0; i < kIndexSections; ++i) {
    info_.index_bytes += sections[i].size();
    RETURN_IF_ERROR(sink_.Put({PartKind::kIndex, i}, sections[i]));
  }
  return absl::OkStatus();
}

}  // namespace slowburn::tsdb
