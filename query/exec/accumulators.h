// Accumulators: the state of an aggregation for one group, a cell per step.
//
// Series are added one after the other, in order, so that each cell sees them in the order in which
// Prometheus adds them up, and rounds as it does.
#ifndef SLOWBURN_QUERY_EXEC_ACCUMULATORS_H_
#define SLOWBURN_QUERY_EXEC_ACCUMULATORS_H_

#include <memory>
#include <vector>

#include "query/annotation_set.h"
#include "query/exec/column.h"
#include "query/parser/ast.h"

namespace slowburn::query {

class Accumulator {
 public:
  virtual ~Accumulator() = default;
  // `metric` is the name of the series, for annotations.
  virtual void Add(const Column& column, std::string_view metric) = 0;
  // REQUIRES: out is reset. Once, at the end.
  virtual void Finish(Column& out) = 0;
};

struct AccumulatorContext {
  AggregateOp op = AggregateOp::kSum;
  size_t steps = 0;
  Position position;  // of the aggregated expression
  AnnotationSet* notes = nullptr;
};
std::unique_ptr<Accumulator> NewAccumulator(const AccumulatorContext& ctx);
// What it takes of memory, as long as no histograms come.
size_t BytesOfAccumulator(AggregateOp op, size_t steps);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_ACCUMULATORS_H_
