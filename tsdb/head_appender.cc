#include "tsdb/head_appender.h"

#include <bit>

#include "base/check.h"
#include "base/status_macros.h"

namespace slowburn::tsdb {

HeadAppender::~HeadAppender() { Release(); }

void HeadAppender::Release() {
  head_.Release(reserved_);
  reserved_.clear();
}

void HeadAppender::Lookup(std::span<const RawKey> keys, std::span<SeriesRef> out) {
  DCHECK(keys.size() == out.size());
  slots_.resize(keys.size());
  head_.Lookup(keys, slots_);
  for (size_t i = 0; i < keys.size(); ++i) {
    out[i] = slots_[i] == kNoSlot ? SeriesRef::kUnknown : ToRef(slots_[i]);
  }
}

absl::StatusOr<SeriesRef> HeadAppender::Resolve(const Labels& labels, const RawKey* key) {
  bool reserved = false;
  ASSIGN_OR_RETURN(const Slot slot, head_.Resolve(labels, reserved));
  if (reserved) {
    reserved_.push_back(slot);
    work_.reserved.insert(slot);
  }
  if (key != nullptr) bindings_.emplace_back(*key, slot);
  return ToRef(slot);
}

uint32_t HeadAppender::AddDetail(HistogramPtr histogram, TimestampMs start, SeriesRef ref) {
  work_.details.push_back({std::move(histogram), start, ref});
  return static_cast<uint32_t>(work_.details.size());
}

void HeadAppender::Append(SeriesRef ref, TimestampMs t, double v, TimestampMs start) {
  const Slot slot = ToSlot(ref);
  const bool plain = start == 0 && slot != kNoSlot;
  work_.calls.push_back(
      {t, std::bit_cast<uint64_t>(v), slot, plain ? 0 : AddDetail(nullptr, start, ref)});
}

void HeadAppender::AppendHistogram(SeriesRef ref, TimestampMs t, HistogramPtr histogram,
                                   TimestampMs start) {
  work_.calls.push_back({t, 0, ToSlot(ref), AddDetail(std::move(histogram), start, ref)});
}

void HeadAppender::AppendExemplar(SeriesRef ref, Exemplar exemplar) {
  work_.exemplar_places.push_back(static_cast<uint32_t>(work_.calls.size()));
  work_.exemplars.push_back({ToSlot(ref), std::move(exemplar)});
}

void HeadAppender::SetMetadata(std::string_view metric, Metadata metadata) {
  work_.metadata.emplace_back(metric, std::move(metadata));
}

absl::StatusOr<CommitResult> HeadAppender::Commit() {
  committer_.Commit(work_);
  if (work_.status.ok()) head_.BindKeys(bindings_);
  bindings_.clear();
  Release();
  if (!work_.status.ok()) return work_.status;
  return std::move(work_.result);
}

}  // namespace slowburn::tsdb
