// DbQuerier: Querier over a head and the blocks. It sees the commits that were published when it
// was made, and no later one: each sample is in the head or in the blocks that its reader got (see
// snapshots.h).
//
// Lifetimes: borrows head.
#ifndef SLOWBURN_TSDB_DB_QUERIER_H_
#define SLOWBURN_TSDB_DB_QUERIER_H_

#include "tsdb/block_store.h"
#include "tsdb/head.h"
#include "tsdb/head_querier.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

class DbQuerier final : public Querier {
 public:
  DbQuerier(Head& head, TimeRange range);

  absl::StatusOr<std::unique_ptr<SeriesSet>> Select(const Matchers& matchers,
                                                    const SelectHints& hints) override;
  absl::StatusOr<std::vector<std::string>> LabelNames(const Matchers& matchers,
                                                      size_t limit) override;
  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                       const Matchers& matchers,
                                                       size_t limit) override;
  absl::StatusOr<std::vector<SeriesExemplars>> Exemplars(const std::vector<Matchers>& any_of,
                                                         TimeRange range) override;
  std::vector<std::string> Warnings() const override;

 private:
  // The blocks, if any of them has samples in the range.
  const BlockView* BlocksIn(TimeRange range) const;
  TimeRange Retained(TimeRange range) const;

  const Head& head_;
  const TimeRange range_;
  const Snapshots::Reader reader_;
  HeadQuerier head_querier_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_DB_QUERIER_H_
