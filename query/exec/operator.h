// Operator: a node of the running query. It makes series, one column of all steps at a time.
//
//   RETURN_IF_ERROR(op.Open());                        // now op.series() is known
//   for (size_t i = 0; i < op.series().size(); ++i) RETURN_IF_ERROR(op.Read(i, column));
//
// Series are known before values, so that parents build their tables of groups and matches once and
// never look at labels per step. Columns are handed on one by one, so that an aggregation over a
// million series holds its groups only.
//
// Threads: one query, one thread. Lifetimes: the plan and the context outlive the operators. Errors
// are those of engine.h; after one, the operator is only destroyed.
#ifndef SLOWBURN_QUERY_EXEC_OPERATOR_H_
#define SLOWBURN_QUERY_EXEC_OPERATOR_H_

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "query/exec/column.h"
#include "query/exec/query_context.h"
#include "query/exec/query_profile.h"
#include "query/plan/timeline.h"
#include "tsdb/labels.h"

namespace slowburn::query {

class Operator;
using OperatorPtr = std::unique_ptr<Operator>;

class Operator {
 public:
  virtual ~Operator() = default;
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;

  // Once, before anything else. Opens the children.
  absl::Status Open();
  // Every series that can come; some may turn out to have no point.
  std::span<const tsdb::Labels> series() const { return series_; }
  // No two of them are equal. False means only: not known.
  bool series_are_unique() const { return unique_; }
  // Fills `out` with series i. Each once, in order. `out` is reset first.
  absl::Status Read(size_t i, Column& out);
  // The points handed out so far are no longer held by the caller.
  void Release();

  const Timeline& timeline() const { return timeline_; }
  QueryMemory& memory() const { return ctx_.memory; }
  // What it does is shown there; set before Open.
  void set_profile(NodeProfile* profile) { profile_ = profile; }

 protected:
  Operator(QueryContext& ctx, const Timeline& timeline)
      : ctx_(ctx), timeline_(timeline), series_held_(ctx.memory) {}

  // Sets series_ (and unique_).
  virtual absl::Status DoOpen() = 0;
  virtual absl::Status DoRead(size_t i, Column& out) = 0;

  // Takes a child over: it is released when this operator has read its last series.
  Operator& Adopt(OperatorPtr child);
  void ReleaseChildren();

  QueryContext& ctx_;
  const Timeline timeline_;
  std::vector<tsdb::Labels> series_;
  bool unique_ = false;

 private:
  std::vector<OperatorPtr> children_;
  MemoryHold series_held_;
  NodeProfile* profile_ = nullptr;
  int64_t charged_ = 0;
};

// Samples that a column weighs: one per float, more per histogram.
int64_t WeightOf(const Column& column);
// Those of one step. REQUIRES: there is a point.
int64_t WeightAt(const Column& column, size_t step);
// The memory of a column of that many steps, and of one whose weight is known.
size_t BytesOfColumn(size_t steps);
size_t BytesOfColumn(const Column& column, int64_t weight);
// The memory of label sets, roughly.
size_t BytesOfLabels(size_t series);

// All series of an operator.
struct Block {
  std::vector<tsdb::Labels> series;
  std::vector<Column> columns;
  MemoryHold held;  // as read by ReadAll; what is moved out of the block is counted until it goes
  size_t size() const { return series.size(); }
};
absl::StatusOr<Block> ReadAll(Operator& op);

// An operator that needs all input before it can name its series: Compute does the whole work.
class BlockOperator : public Operator {
 protected:
  BlockOperator(QueryContext& ctx, const Timeline& timeline)
      : Operator(ctx, timeline), held_(ctx.memory) {}
  virtual absl::StatusOr<Block> Compute() = 0;
  // For Compute: n more columns are about to be made.
  absl::Status HoldColumns(size_t n) { return held_.Add(n * BytesOfColumn(timeline_.steps())); }

 private:
  absl::Status DoOpen() final;
  absl::Status DoRead(size_t i, Column& out) final;
  std::vector<Column> columns_;
  MemoryHold held_;
};

// A scalar argument, as one column that has a value at every step.
absl::StatusOr<Column> ReadScalar(Operator& op);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_OPERATOR_H_
