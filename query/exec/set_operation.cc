// and, or, unless.
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/status_macros.h"
#include "query/exec/binary.h"
#include "query/exec/merge.h"
#include "query/exec/signatures.h"

namespace slowburn::query {
namespace {

// Of each signature, the steps at which some series has a point.
class SignaturePresence {
 public:
  void Add(uint32_t signature, const StepSet& steps) {
    if (signature >= steps_.size()) steps_.resize(signature + 1);
    if (steps_[signature].size() == 0) steps_[signature].Reset(steps.size());
    steps_[signature].Unite(steps);
  }
  // Null: none at any step.
  const StepSet* Of(uint32_t signature) const {
    if (signature >= steps_.size() || steps_[signature].size() == 0) return nullptr;
    return &steps_[signature];
  }

 private:
  std::vector<StepSet> steps_;
};

void Keep(Column& column, const StepSet& steps) {
  if (!column.has_histograms()) {
    column.present.Intersect(steps);
    return;
  }
  column.present.ForEach([&](size_t i) {
    if (!steps.Test(i)) column.Remove(i);
  });
}

void Drop(Column& column, const StepSet& steps) {
  column.present.ForEach([&](size_t i) {
    if (steps.Test(i)) column.Remove(i);
  });
}

// and, unless: the left side passes through; of the right side only presence matters.
class Filter final : public Operator {
 public:
  Filter(QueryContext& ctx, const BinaryNode& node, OperatorPtr left, OperatorPtr right)
      : Operator(ctx, node.timeline),
        unless_(node.op == BinaryOp::kUnless),
        index_(*node.matching),
        left_(Adopt(std::move(left))),
        right_(Adopt(std::move(right))) {}

 private:
  absl::Status DoOpen() override {
    RETURN_IF_ERROR(left_.Open());
    series_.assign(left_.series().begin(), left_.series().end());
    unique_ = left_.series_are_unique();
    signatures_ = index_.Of(series_);
    const size_t known = index_.size();
    RETURN_IF_ERROR(right_.Open());
    const std::vector<uint32_t> right = index_.Of(right_.series());
    Column column;
    for (size_t i = 0; i < right.size(); ++i) {
      RETURN_IF_ERROR(right_.Read(i, column));
      if (right[i] < known) presence_.Add(right[i], column.present);
    }
    return absl::OkStatus();
  }

  absl::Status DoRead(size_t i, Column& out) override {
    RETURN_IF_ERROR(left_.Read(i, out));
    const StepSet* steps = presence_.Of(signatures_[i]);
    if (unless_) {
      if (steps) Drop(out, *steps);
    } else if (steps) {
      Keep(out, *steps);
    } else {
      const bool drop_name = out.drop_name;
      out.Reset(timeline_.steps());
      out.drop_name = drop_name;
    }
    return absl::OkStatus();
  }

  const bool unless_;
  SignatureIndex index_;
  Operator& left_;
  Operator& right_;
  std::vector<uint32_t> signatures_;  // of the left series
  SignaturePresence presence_;
};

class Or final : public BlockOperator {
 public:
  Or(QueryContext& ctx, const BinaryNode& node, OperatorPtr left, OperatorPtr right)
      : BlockOperator(ctx, node.timeline),
        index_(*node.matching),
        left_(Adopt(std::move(left))),
        right_(Adopt(std::move(right))) {}

 private:
  absl::StatusOr<Block> Compute() override {
    RETURN_IF_ERROR(left_.Open());
    const std::vector<uint32_t> left = index_.Of(left_.series());
    ASSIGN_OR_RETURN(Block left_block, ReadAll(left_));
    SignaturePresence presence;
    for (size_t i = 0; i < left.size(); ++i) presence.Add(left[i], left_block.columns[i].present);
    RETURN_IF_ERROR(right_.Open());
    const std::vector<uint32_t> right = index_.Of(right_.series());
    SeriesMerger merger;
    for (size_t i = 0; i < left.size(); ++i) {
      RETURN_IF_ERROR(Add(merger, left_block.series[i], std::move(left_block.columns[i])));
    }
    Column column;
    for (size_t i = 0; i < right.size(); ++i) {
      RETURN_IF_ERROR(right_.Read(i, column));
      if (const StepSet* steps = presence.Of(right[i])) Drop(column, *steps);
      if (column.present.Any()) RETURN_IF_ERROR(HoldColumns(1));
      RETURN_IF_ERROR(Add(merger, right_.series()[i], std::move(column)));
      column = Column();
    }
    unique_ = true;
    return merger.Take();
  }

  static absl::Status Add(SeriesMerger& merger, const tsdb::Labels& labels, Column column) {
    if (!column.present.Any()) return absl::OkStatus();
    return merger.Add(labels, std::move(column));
  }

  SignatureIndex index_;
  Operator& left_;
  Operator& right_;
};

}  // namespace

OperatorPtr NewSetOperation(QueryContext& ctx, const BinaryNode& node, OperatorPtr left,
                            OperatorPtr right) {
  if (node.op == BinaryOp::kOr) {
    return std::make_unique<Or>(ctx, node, std::move(left), std::move(right));
  }
  return std::make_unique<Filter>(ctx, node, std::move(left), std::move(right));
}

}  // namespace slowburn::query
