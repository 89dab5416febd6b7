#include "query/exec/merge.h"

#include <optional>
#include <utility>

#include "base/status_macros.h"

namespace slowburn::query {
namespace {

class Merge final : public Operator {
 public:
  Merge(QueryContext& ctx, OperatorPtr child, OnEqualLabels policy)
      : Operator(ctx, child->timeline()),
        policy_(policy),
        child_(Adopt(std::move(child))),
        held_(ctx.memory) {}

 private:
  absl::Status DoOpen() override {
    RETURN_IF_ERROR(child_.Open());
    unique_ = true;
    if (child_.series_are_unique() || !HasEqualLabels()) {
      series_.assign(child_.series().begin(), child_.series().end());
      return absl::OkStatus();
    }
    return MergeAll();
  }

  absl::Status DoRead(size_t i, Column& out) override {
    if (!merged_) return child_.Read(i, out);
    std::swap(out, (*merged_)[i]);
    return absl::OkStatus();
  }

  bool HasEqualLabels() const {
    std::unordered_map<tsdb::Labels, size_t> seen;
    for (const tsdb::Labels& labels : child_.series()) {
      if (!seen.emplace(labels, 0).second) return true;
    }
    return false;
  }

  absl::Status MergeAll() {
    SeriesMerger merger;
    std::unordered_map<tsdb::Labels, size_t> with_points;
    Column column;
    for (size_t i = 0; i < child_.series().size(); ++i) {
      RETURN_IF_ERROR(child_.Read(i, column));
      if (!column.present.Any()) continue;
      if (policy_ == OnEqualLabels::kError && ++with_points[child_.series()[i]] > 1) {
        return SameLabelsetError();
      }
      RETURN_IF_ERROR(held_.Add(BytesOfColumn(column, WeightOf(column))));
      RETURN_IF_ERROR(merger.Add(child_.series()[i], std::move(column)));
      column = Column();
    }
    Block block = merger.Take();
    series_ = std::move(block.series);
    merged_ = std::move(block.columns);
    return absl::OkStatus();
  }

  const OnEqualLabels policy_;
  Operator& child_;
  std::optional<std::vector<Column>> merged_;  // set if labels repeat
  MemoryHold held_;                            // of them
};

}  // namespace

absl::Status SameLabelsetError() {
  return absl::FailedPreconditionError("vector cannot contain metrics with the same labelset");
}

absl::Status SeriesMerger::Add(tsdb::Labels labels, Column column) {
  const auto [it, fresh] = index_.try_emplace(labels, block_.size());
  if (fresh) {
    block_.series.push_back(std::move(labels));
    block_.columns.push_back(std::move(column));
    return absl::OkStatus();
  }
  Column& base = block_.columns[it->second];
  if (base.present.Intersects(column.present)) return SameLabelsetError();
  column.present.ForEach([&](size_t step) { base.SetFrom(step, column); });
  return absl::OkStatus();
}

OperatorPtr NewMerge(QueryContext& ctx, OperatorPtr child, OnEqualLabels policy) {
  return std::make_unique<Merge>(ctx, std::move(child), policy);
}

}  // namespace slowburn::query
