#include "query/exec/operator.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "query/histogram/arithmetic.h"
#include "query/limits.h"

namespace slowburn::query {
namespace {

constexpr size_t kBytesPerSample = 16;  // the unit of SampleWeight
constexpr size_t kBytesPerLabels = 96;  // a few pairs in a block of their own, and a pointer to it

}  // namespace

absl::Status Operator::Open() {
  const ProfileScope profiled(ctx_, profile_);
  RETURN_IF_ERROR(ctx_.CheckAlive());
  if (timeline_.steps() > kMaxStepsOfSubquery) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "query processing would load too many samples into memory in query execution: a subquery "
        "has ",
        timeline_.steps(), " steps, the limit is ", kMaxStepsOfSubquery));
  }
  RETURN_IF_ERROR(DoOpen());
  RETURN_IF_ERROR(series_held_.Set(BytesOfLabels(series_.size())));
  if (profile_ != nullptr) profile_->series += int64_t(series_.size());
  if (series_.empty()) ReleaseChildren();
  return absl::OkStatus();
}

absl::Status Operator::Read(size_t i, Column& out) {
  const ProfileScope profiled(ctx_, profile_);
  RETURN_IF_ERROR(ctx_.CheckAlive());
  out.Reset(timeline_.steps());
  RETURN_IF_ERROR(DoRead(i, out));
  const int64_t weight = WeightOf(out);
  if (profile_ != nullptr) profile_->points += int64_t(out.present.Count());
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

int64_t WeightAt(const Column& column, size_t step) {
  const tsdb::Histogram* h = column.HistogramAt(step);
  return h == nullptr ? 1 : SampleWeight(*h);
}

size_t BytesOfColumn(size_t steps) { return sizeof(Column) + steps * sizeof(double) + steps / 8; }

size_t BytesOfColumn(const Column& column, int64_t weight) {
  size_t bytes = BytesOfColumn(column.steps());
  if (column.has_histograms()) {
    bytes += column.steps() * sizeof(tsdb::HistogramPtr) + size_t(weight) * kBytesPerSample;
  }
  return bytes;
}

size_t BytesOfLabels(size_t series) { return series * kBytesPerLabels; }

absl::StatusOr<Block> ReadAll(Operator& op) {
  Block block;
  block.held = MemoryHold(op.memory());
  block.series.assign(op.series().begin(), op.series().end());
  block.columns.resize(block.size());
  for (size_t i = 0; i < block.size(); ++i) {
    Column& column = block.columns[i];
    RETURN_IF_ERROR(op.Read(i, column));
    RETURN_IF_ERROR(block.held.Add(BytesOfColumn(column, WeightOf(column))));
  }
  return block;
}

absl::Status BlockOperator::DoOpen() {
  ASSIGN_OR_RETURN(Block block, Compute());
  size_t bytes = 0;
  for (const Column& column : block.columns) bytes += BytesOfColumn(column, WeightOf(column));
  block.held.Clear();
  RETURN_IF_ERROR(held_.Set(bytes));
  series_ = std::move(block.series);
  columns_ = std::move(block.columns);
  return absl::OkStatus();
}

absl::Status BlockOperator::DoRead(size_t i, Column& out) {
  std::swap(out, columns_[i]);
  columns_[i] = Column();
  held_.Remove(BytesOfColumn(out, WeightOf(out)));
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
