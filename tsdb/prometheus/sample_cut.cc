#include "tsdb/prometheus/sample_cut.h"

#include <algorithm>

namespace slowburn::tsdb::prom {

bool SampleCut::Take(Columns& columns, SampleBatch& out) {
  if (deleted_ != nullptr) {
    deleted_->Filter(columns, gap_);
  } else if (gap_) {
    ForgetResets(columns, 0, 1);
    gap_ = false;
  }
  const auto begin = columns.t.begin();
  auto from = std::lower_bound(begin, columns.t.end(), range_.start);
  if (any_ && from != columns.t.end() && *from <= last_) {
    const auto behind = std::upper_bound(from, columns.t.end(), last_);
    overlapping_ += static_cast<uint64_t>(behind - from);
    from = behind;
  }
  const auto to = std::lower_bound(from, columns.t.end(), range_.end);
  if (from == to) return false;
  const auto first = static_cast<size_t>(from - begin), count = static_cast<size_t>(to - from);
  any_ = true;
  last_ = to[-1];
  out = columns.batch();
  out.t = out.t.subspan(first, count);
  out.v = out.v.subspan(first, count);
  if (!out.histograms.empty()) out.histograms = out.histograms.subspan(first, count);
  if (!out.starts.empty()) out.starts = out.starts.subspan(first, count);
  return true;
}

}  // namespace slowburn::tsdb::prom
