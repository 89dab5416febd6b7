#include "query/exec/sort.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "query/functions/natural_order.h"

namespace slowburn::query {
namespace {

class Sort final : public BlockOperator {
 public:
  Sort(QueryContext& ctx, const CallNode& call, OperatorPtr vector)
      : BlockOperator(ctx, call.timeline), call_(call), vector_(Adopt(std::move(vector))) {
    for (size_t i = 1; i < call.args.size(); ++i) {
      labels_.push_back(As<StringNode>(*call.args[i]).value);
    }
  }

 private:
  bool by_label() const {
    return call_.function->id == FunctionId::kSortByLabel ||
           call_.function->id == FunctionId::kSortByLabelDesc;
  }
  bool descending() const {
    return call_.function->id == FunctionId::kSortDesc ||
           call_.function->id == FunctionId::kSortByLabelDesc;
  }

  absl::StatusOr<Block> Compute() override {
    RETURN_IF_ERROR(vector_.Open());
    unique_ = vector_.series_are_unique();
    ASSIGN_OR_RETURN(Block block, ReadAll(vector_));
    if (!by_label()) {
      for (Column& column : block.columns) KeepFloats(column);
    }
    if (timeline_.is_range()) {
      ctx_.notes.Add(SortInRangeQuery(), call_.position);
      return block;
    }
    std::vector<size_t> order(block.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](size_t a, size_t b) {
      return by_label() ? LabelsBefore(block.series[a], block.series[b])
                        : ValueBefore(block.columns[a].values[0], block.columns[b].values[0]);
    });
    Block sorted;
    for (const size_t i : order) {
      if (!block.columns[i].present.Any()) continue;
      sorted.series.push_back(std::move(block.series[i]));
      sorted.columns.push_back(std::move(block.columns[i]));
    }
    return sorted;
  }

  static void KeepFloats(Column& column) {
    if (!column.has_histograms()) return;
    column.present.ForEach([&](size_t i) {
      if (column.HistogramAt(i) != nullptr) column.Remove(i);
    });
  }

  // NaN comes last either way.
  bool ValueBefore(double a, double b) const {
    if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
    return descending() ? a > b : a < b;
  }

  bool LabelsBefore(const tsdb::Labels& a, const tsdb::Labels& b) const {
    for (const std::string& name : labels_) {
      const std::string_view va = a.Get(name), vb = b.Get(name);
      if (va == vb) continue;
      const bool before = NaturallyBefore(va, vb);
      // Different texts can be naturally equal ("1" and "01"); then the whole label sets decide.
      if (!before && !NaturallyBefore(vb, va)) continue;
      return descending() ? !before : before;
    }
    return descending() ? b < a : a < b;
  }

  const CallNode& call_;
  Operator& vector_;
  std::vector<std::string> labels_;
};

}  // namespace

OperatorPtr NewSort(QueryContext& ctx, const CallNode& call, OperatorPtr vector) {
  return std::make_unique<Sort>(ctx, call, std::move(vector));
}

}  // namespace slowburn::query
