// HeadQuerier: Querier over a Head. It sees the commits that its reader sees, as far as they are
// not in the reader's blocks. The reader lives as long.
//
// Lifetimes: borrows head.
#ifndef SLOWBURN_TSDB_HEAD_QUERIER_H_
#define SLOWBURN_TSDB_HEAD_QUERIER_H_

#include "tsdb/head.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

class HeadQuerier final : public Querier {
 public:
  HeadQuerier(const Head& head, TimeRange range, const ReadPoint& point)
      : head_(head), range_(range), point_(point) {}

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
  const Head& head_;
  const TimeRange range_;
  const ReadPoint point_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_HEAD_QUERIER_H_
