#include "query/exec/absent.h"

#include <utility>

#include "base/status_macros.h"
#include "query/exec/range_function.h"

namespace slowburn::query {
namespace {

class Absent final : public BlockOperator {
 public:
  Absent(QueryContext& ctx, const CallNode& call, OperatorPtr vector)
      : BlockOperator(ctx, call.timeline), vector_(Adopt(std::move(vector))) {
    const PlanNode& arg = *call.args[0];
    if (arg.kind == PlanKind::kSelector) labels_ = LabelsOfAbsence(As<SelectorNode>(arg).matchers);
  }

 private:
  absl::StatusOr<Block> Compute() override {
    unique_ = true;
    RETURN_IF_ERROR(vector_.Open());
    StepSet found;
    found.Reset(timeline_.steps());
    Column column;
    for (size_t i = 0; i < vector_.series().size(); ++i) {
      RETURN_IF_ERROR(vector_.Read(i, column));
      found.Unite(column.present);
    }
    Block block;
    block.series.push_back(labels_);
    Column& out = block.columns.emplace_back();
    out.Reset(timeline_.steps());
    for (size_t step = 0; step < timeline_.steps(); ++step) {
      if (!found.Test(step)) out.SetFloat(step, 1);
    }
    return block;
  }

  Operator& vector_;
  tsdb::Labels labels_;
};

}  // namespace

OperatorPtr NewAbsent(QueryContext& ctx, const CallNode& call, OperatorPtr vector) {
  return std::make_unique<Absent>(ctx, call, std::move(vector));
}

}  // namespace slowburn::query
