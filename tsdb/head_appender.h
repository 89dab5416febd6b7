// HeadAppender: Appender over a Head and its Committer.
#ifndef SLOWBURN_TSDB_HEAD_APPENDER_H_
#define SLOWBURN_TSDB_HEAD_APPENDER_H_

#include <utility>
#include <vector>

#include "tsdb/committer.h"
#include "tsdb/head.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

class HeadAppender final : public Appender {
 public:
  HeadAppender(Head& head, Committer& committer) : head_(head), committer_(committer) {}
  ~HeadAppender() override;

  void Lookup(std::span<const RawKey> keys, std::span<SeriesRef> out) override;
  absl::StatusOr<SeriesRef> Resolve(const Labels& labels, const RawKey* key) override;
  void Append(SeriesRef ref, TimestampMs t, double v, TimestampMs start) override;
  void AppendHistogram(SeriesRef ref, TimestampMs t, HistogramPtr histogram,
                       TimestampMs start) override;
  void AppendExemplar(SeriesRef ref, Exemplar exemplar) override;
  void SetMetadata(std::string_view metric, Metadata metadata) override;
  absl::StatusOr<CommitResult> Commit() override;

 private:
  void Release();
  uint32_t AddDetail(HistogramPtr histogram, TimestampMs start, SeriesRef ref);

  Head& head_;
  Committer& committer_;
  CommitWork work_;
  std::vector<Slot> slots_;     // scratch of Lookup
  std::vector<Slot> reserved_;  // once for each Resolve that reserved
  std::vector<std::pair<RawKey, Slot>> bindings_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_HEAD_APPENDER_H_
