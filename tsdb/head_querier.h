// HeadQuerier: Querier over a Head. It sees the commits that were published when it was made, and
// no later one.
#ifndef SLOWBURN_TSDB_HEAD_QUERIER_H_
#define SLOWBURN_TSDB_HEAD_QUERIER_H_

#include "tsdb/head.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

class HeadQuerier final : public Querier {
 public:
  HeadQuerier(Head& head, TimeRange range)
      : head_(head), range_(range), reader_(head.snapshots()) {}

  absl::StatusOr<std::unique_ptr<SeriesSet>> Select(const Matchers& matchers,
                                                    const SelectHints& hints) override;
  absl::StatusOr<std::vector<std::string>> LabelNames(const Matchers& matchers,
                                                      size_t limit) override;
  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                       const Matchers& matchers,
                                                       size_t limit) override;
  absl::StatusOr<std::vector<SeriesExemplars>> Exemplars(const std::vector<Matchers>& any_of,
                                                         TimeRange range) override;

 private:
  Head& head_;
  const TimeRange range_;
  const Snapshots::Reader reader_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_HEAD_QUERIER_H_
