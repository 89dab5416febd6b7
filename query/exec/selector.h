// Operators that read instant vectors from the storage.
#ifndef SLOWBURN_QUERY_EXEC_SELECTOR_H_
#define SLOWBURN_QUERY_EXEC_SELECTOR_H_

#include "query/exec/operator.h"
#include "query/plan/node.h"

namespace slowburn::query {

// What of the newest sample a selector hands on. Timestamps are in seconds.
enum class SampleField {
  kValue,
  kTimestamp,       // timestamp(x): the name goes
  kStartTimestamp,  // start_timestamp(x): the name goes
  kInfoTimestamp,   // for info(): the name stays
};

OperatorPtr NewInstantSelector(QueryContext& ctx, const SelectorNode& selector, SampleField field);
// `metric smoothed`: interpolated between the samples around each step.
OperatorPtr NewSmoothedSelector(QueryContext& ctx, const SelectorNode& selector);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_SELECTOR_H_
