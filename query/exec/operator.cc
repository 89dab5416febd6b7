#include "query/exec/operator.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "query/histogram/arithmetic.h"
#include "query/limits.h"

namespace slowburn::query {

absl::Status Operator::Open() {
  RETURN_IF_ERROR(ctx_.CheckAlive());
  if (timeline_.steps() > kMaxStepsOfSubquery) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "query processing would load too many samples into memory in query execution: a subquery "
        "has ",
        timeline_.steps(), " steps, the limit is ", kMaxStepsOfSubquery));
  }
  RETURN_IF_ERROR(DoOpen());
  if (series_.empty()) ReleaseChildren();
  return absl::OkStatus();
}

absl::Status Operator::Read(size_t i, Column& out) {
  RETURN_IF_ERROR(ctx_.CheckAlive());
  out.Reset(timeline_.steps());
  RETURN_IF_ERROR(DoRead(i, out));
  const int64_t weight = WeightOf(out);
  charged_ += weight;
  RETURN_IF_ERROR(ctx_.Charge(weight));
  if (i + 1 == series_.size()) ReleaseChildren();
  return absl::OkStatus();
}

void Operator::Release() {
  ctx_.Refund(charged_);
  charged_ = 0;
}

Operator& Operator::Adopt(OperatorPtr child) {
  children_.push_back(std::move(child));
  return *children_.back();
}

void Operator::ReleaseChildren() {
  for (const OperatorPtr& child : children_) child->Release();
}

int64_t WeightOf(const Column& column) {
  auto weight = int64_t(column.present.Count());
  if (!column.has_histograms()) return weight;
  column.present.ForEach([&](size_t i) {
    if (const tsdb::Histogram* h = column.HistogramAt(i)) weight += SampleWeight(*h) - 1;
  });
  return weight;
}

absl::StatusOr<Block> ReadAll(Operator& op) {
  Block block;
  block.series.assign(op.series().begin(), op.series().end());
  block.columns.resize(block.size());
  for (size_t i = 0; i < block.size(); ++i) RETURN_IF_ERROR(op.Read(i, block.columns[i]));
  return block;
}

absl::Status BlockOperator::DoOpen() {
  ASSIGN_OR_RETURN(Block block, Compute());
  series_ = std::move(block.series);
  columns_ = std::move(block.columns);
  return absl::OkStatus();
}

absl::Status BlockOperator::DoRead(size_t i, Column& out) {
  std::swap(out, columns_[i]);
  columns_[i] = Column();
  return absl::OkStatus();
}

absl::StatusOr<Column> ReadScalar(Operator& op) {
  RETURN_IF_ERROR(op.Open());
  DCHECK(op.series().size() == 1);
  Column column;
  RETURN_IF_ERROR(op.Read(0, column));
  return column;
}

}  // namespace slowburn::query
