#include "tsdb/db_querier.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/status_macros.h"
#include "tsdb/merged_samples.h"
#include "tsdb/time_math.h"

namespace slowburn::tsdb {
namespace {

// The series of the head and of the blocks, each once.
class DbSeriesSet final : public SeriesSet {
 public:
  DbSeriesSet(const Head& head, std::unique_ptr<SeriesSet> in_head,
              std::unique_ptr<SeriesSet> in_blocks, size_t limit)
      : head_(head),
        in_head_{std::move(in_head)},
        in_blocks_{std::move(in_blocks)},
        limit_(limit) {}

  bool Next() override {
    if (limit_ > 0 && found_ >= limit_) return false;
    if (!Advance(in_blocks_) || !Advance(in_head_)) return false;
    const bool more_head = in_head_.at == Source::At::kSeries;
    const bool more_blocks = in_blocks_.at == Source::At::kSeries;
    if (!more_head && !more_blocks) return false;
    int order = !more_head ? 1 : -1;  // which one's labels come first
    if (more_head && more_blocks) {
      const Labels &a = in_head_.set->labels(), &b = in_blocks_.set->labels();
      order = a == b ? 0 : a < b ? -1 : 1;
    }
    in_head_.used = order <= 0;
    in_blocks_.used = order >= 0;
    ++found_;
    return true;
  }

  const Labels& labels() const override {
    return (in_head_.used ? in_head_ : in_blocks_).set->labels();
  }

  // A series of the blocks may be in the head as well, without samples in the range.
  SeriesRef ref() const override {
    if (in_head_.used) return in_head_.set->ref();
    const Slot slot = head_.FindLive(labels());
    return slot == kNoSlot ? SeriesRef::kUnknown : ToRef(slot);
  }

  std::unique_ptr<SampleIterator> samples() override {
    if (!in_blocks_.used) return in_head_.set->samples();
    if (!in_head_.used) return in_blocks_.set->samples();
    return std::make_unique<MergedSamples>(in_blocks_.set->samples(), in_head_.set->samples());
  }

  absl::Status status() const override { return status_; }

 private:
  struct Source {
    std::unique_ptr<SeriesSet> set;
    enum class At { kSeries, kEnd } at = At::kSeries;
    bool used = true;  // the current series is this one's
  };

  // False when there is an error.
  bool Advance(Source& source) {
    if (!source.used || source.at == Source::At::kEnd) return true;
    source.used = false;
    if (source.set->Next()) return true;
    source.at = Source::At::kEnd;
    status_ = source.set->status();
    return status_.ok();
  }

  const Head& head_;
  Source in_head_, in_blocks_;
  const size_t limit_;
  size_t found_ = 0;
  absl::Status status_;
};

std::vector<std::string> Union(const std::vector<std::string>& a, const std::vector<std::string>& b,
                               size_t limit) {
  std::vector<std::string> out;
  out.reserve(a.size() + b.size());
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  if (limit > 0 && out.size() > limit) out.resize(limit);
  return out;
}

}  // namespace

DbQuerier::DbQuerier(Head& head, TimeRange range)
    : head_(head),
      range_(range),
      reader_(head.snapshots()),
      head_querier_(head, range, reader_.point()) {}

TimeRange DbQuerier::Retained(TimeRange range) const {
  return {std::max(range.start, head_.retained_from()), range.end};
}

const BlockView* DbQuerier::BlocksIn(TimeRange range) const {
  const BlockView* view = reader_.blocks().get();
  if (view == nullptr || range.empty()) return nullptr;
  const std::vector<BlockInfo>& blocks = view->blocks();
  const bool any = std::any_of(blocks.begin(), blocks.end(), [&](const BlockInfo& block) {
    return block.min_t < range.end && block.max_t >= range.start;
  });
  return any ? view : nullptr;
}

absl::StatusOr<std::unique_ptr<SeriesSet>> DbQuerier::Select(const Matchers& matchers,
                                                             const SelectHints& hints) {
  SelectHints cut = hints;
  // One point in time at which samples from before are hidden, for all series.
  cut.range = Retained(Intersect(range_, hints.range));
  ASSIGN_OR_RETURN(std::unique_ptr<SeriesSet> in_head, head_querier_.Select(matchers, cut));
  const BlockView* view = BlocksIn(cut.range);
  if (view == nullptr) return in_head;
  ASSIGN_OR_RETURN(std::unique_ptr<SeriesSet> in_blocks, view->Select(matchers, cut));
  return std::make_unique<DbSeriesSet>(head_, std::move(in_head), std::move(in_blocks),
                                       hints.limit);
}

absl::StatusOr<std::vector<std::string>> DbQuerier::LabelNames(const Matchers& matchers,
                                                               size_t limit) {
  const TimeRange range = Retained(range_);
  const BlockView* view = BlocksIn(range);
  if (view == nullptr) return head_querier_.LabelNames(matchers, limit);
  ASSIGN_OR_RETURN(const std::vector<std::string> in_head, head_querier_.LabelNames(matchers, 0));
  ASSIGN_OR_RETURN(const std::vector<std::string> in_blocks, view->LabelNames(matchers, range));
  return Union(in_head, in_blocks, limit);
}

absl::StatusOr<std::vector<std::string>> DbQuerier::LabelValues(std::string_view name,
                                                                const Matchers& matchers,
                                                                size_t limit) {
  const TimeRange range = Retained(range_);
  const BlockView* view = BlocksIn(range);
  if (view == nullptr) return head_querier_.LabelValues(name, matchers, limit);
  ASSIGN_OR_RETURN(const std::vector<std::string> in_head,
                   head_querier_.LabelValues(name, matchers, 0));
  ASSIGN_OR_RETURN(const std::vector<std::string> in_blocks,
                   view->LabelValues(name, matchers, range));
  return Union(in_head, in_blocks, limit);
}

absl::StatusOr<std::vector<Querier::SeriesExemplars>> DbQuerier::Exemplars(
    const std::vector<Matchers>& any_of, TimeRange range) {
  return head_querier_.Exemplars(any_of, range);
}

std::vector<std::string> DbQuerier::Warnings() const {
  const BlockView* view = reader_.blocks().get();
  const TimeRange range = Retained(range_);
  return view == nullptr || range.empty() ? std::vector<std::string>() : view->Warnings(range);
}

}  // namespace slowburn::tsdb
