#include "query/exec/aggregate.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <unordered_set>
#include <utility>

#include "base/status_macros.h"
#include "query/exec/accumulators.h"
#include "query/exec/grouping.h"
#include "query/histogram/quantile.h"

namespace slowburn::query {
namespace {

const double kNaN = std::bit_cast<double>(tsdb::kNormalNaNBits);
constexpr uint64_t kWorkPerValue = 8;  // taking one, from a column of its own, and sorting it in

class StreamingAggregate final : public BlockOperator {
 public:
  StreamingAggregate(QueryContext& ctx, const AggregateNode& node, OperatorPtr inner)
      : BlockOperator(ctx, node.timeline), node_(node), inner_(Adopt(std::move(inner))) {}

 private:
  absl::StatusOr<Block> Compute() override {
    RETURN_IF_ERROR(inner_.Open());
    unique_ = true;
    Grouping grouping = GroupSeries(inner_.series(), node_);
    const size_t steps = timeline_.steps();
    std::vector<std::unique_ptr<Accumulator>> accumulators(grouping.groups.size());
    std::vector<bool> drop_name(grouping.groups.size(), false);
    MemoryHold cells(ctx_.memory);
    RETURN_IF_ERROR(
        cells.Add(grouping.groups.size() *
                  (BytesOfLabels(1) + BytesOfAccumulator(node_.op, steps) + BytesOfColumn(steps))));
    for (auto& a : accumulators) {
      a = NewAccumulator({node_.op, steps, node_.inner->position, &ctx_.notes});
    }
    Column column;
    for (size_t i = 0; i < grouping.group_of.size(); ++i) {
      RETURN_IF_ERROR(inner_.Read(i, column));
      if (!column.present.Any()) continue;
      const uint32_t group = grouping.group_of[i];
      if (column.has_histograms()) RETURN_IF_ERROR(HoldSums(column, group, cells));
      accumulators[group]->Add(column, inner_.series()[i].metric_name());
      if (column.drop_name) drop_name[group] = true;
    }
    Block block;
    block.columns.resize(accumulators.size());
    block.series = std::move(grouping.groups);
    for (size_t g = 0; g < accumulators.size(); ++g) {
      block.columns[g].Reset(steps);
      block.columns[g].drop_name = drop_name[g];
      accumulators[g]->Finish(block.columns[g]);
      accumulators[g].reset();
    }
    return block;
  }

  // A group's sums of histograms are about as large as the first of them, twice for the
  // compensation.
  absl::Status HoldSums(const Column& column, uint32_t group, MemoryHold& cells) {
    if (!histogram_groups_.insert(group).second) return absl::OkStatus();
    return cells.Add(2 * BytesOfColumn(column, WeightOf(column)));
  }

  const AggregateNode& node_;
  Operator& inner_;
  std::unordered_set<uint32_t> histogram_groups_;
};

class QuantileAggregate final : public BlockOperator {
 public:
  QuantileAggregate(QueryContext& ctx, const AggregateNode& node, OperatorPtr inner,
                    OperatorPtr parameter)
      : BlockOperator(ctx, node.timeline),
        node_(node),
        inner_(Adopt(std::move(inner))),
        parameter_(Adopt(std::move(parameter))) {}

 private:
  absl::StatusOr<Block> Compute() override {
    ASSIGN_OR_RETURN(const Column q, ReadScalar(parameter_));
    RETURN_IF_ERROR(inner_.Open());
    NoteInvalid(q.values);
    unique_ = true;
    Grouping grouping = GroupSeries(inner_.series(), node_);
    ASSIGN_OR_RETURN(const Block input, ReadAll(inner_));
    std::vector<std::vector<const Column*>> members(grouping.groups.size());
    RETURN_IF_ERROR(HoldColumns(members.size()));
    Block block;
    block.columns.resize(members.size());
    for (Column& column : block.columns) column.Reset(timeline_.steps());
    for (size_t i = 0; i < input.size(); ++i) {
      const Column& column = input.columns[i];
      if (!column.present.Any()) continue;
      members[grouping.group_of[i]].push_back(&column);
      if (column.drop_name) block.columns[grouping.group_of[i]].drop_name = true;
    }
    for (size_t g = 0; g < members.size(); ++g) {
      RETURN_IF_ERROR(GroupQuantiles(members[g], q.values, block.columns[g]));
    }
    block.series = std::move(grouping.groups);
    return block;
  }

  absl::Status GroupQuantiles(const std::vector<const Column*>& members,
                              const std::vector<double>& q, Column& out) {
    bool ignored = false;
    std::vector<double> values;
    for (size_t step = 0; step < timeline_.steps(); ++step) {
      if (!ctx_.meter.Spend(kWorkPerValue * members.size() + 1)) return ctx_.meter.status();
      values.clear();
      for (const Column* column : members) {
        if (!column->present.Test(step)) continue;
        if (column->HistogramAt(step) != nullptr) {
          ignored = true;
        } else {
          values.push_back(column->values[step]);
        }
      }
      if (!values.empty()) out.SetFloat(step, Quantile(q[step], values));
    }
    if (ignored) {
      ctx_.notes.Add(HistogramIgnoredInAggregation("quantile"), node_.inner->position);
    }
    return absl::OkStatus();
  }

  void NoteInvalid(const std::vector<double>& q) {
    if (q.empty()) return;
    const Position position = node_.parameter->position;
    bool nan = false;
    double least = q[0], greatest = q[0];
    for (const double v : q) {
      nan |= std::isnan(v);
      least = std::fmin(least, v);
      greatest = std::fmax(greatest, v);
    }
    if (nan) {
      ctx_.notes.Add(InvalidQuantile(kNaN), position);
      // Beside NaN only infinities are extremes, as in Prometheus.
      if (!std::isinf(least)) least = kNaN;
      if (!std::isinf(greatest)) greatest = kNaN;
    }
    if (greatest > 1) ctx_.notes.Add(InvalidQuantile(greatest), position);
    if (least < 0) ctx_.notes.Add(InvalidQuantile(least), position);
  }

  const AggregateNode& node_;
  Operator& inner_;
  Operator& parameter_;
};

}  // namespace

OperatorPtr NewStreamingAggregate(QueryContext& ctx, const AggregateNode& node, OperatorPtr inner) {
  return std::make_unique<StreamingAggregate>(ctx, node, std::move(inner));
}

OperatorPtr NewQuantileAggregate(QueryContext& ctx, const AggregateNode& node, OperatorPtr inner,
                                 OperatorPtr parameter) {
  return std::make_unique<QuantileAggregate>(ctx, node, std::move(inner), std::move(parameter));
}

}  // namespace slowburn::query
