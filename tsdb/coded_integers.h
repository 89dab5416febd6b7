// A sequence of 64-bit integers for cold columns. What is left of each after a prediction is cut:
// its low bits are noise and are packed, the eight bits above go through the entropy coder, and the
// few integers that need more are patched. Decodes as a whole. tsdb/FORMAT.md has the grammar.
//
// Pure functions, safe on any thread.
#ifndef SLOWBURN_TSDB_CODED_INTEGERS_H_
#define SLOWBURN_TSDB_CODED_INTEGERS_H_

#include <cstdint>
#include <span>
#include <string>

#include "tsdb/column_bytes.h"
#include "tsdb/packed_integers.h"

namespace slowburn::tsdb {

struct CodedPlan {
  Predictor predictor = Predictor::kNone;
  int64_t reference = 0;
  unsigned low_width = 0;
  double bytes = 0;  // an estimate, which knows nothing of repetitions
};

// REQUIRES: at least one integer; for PlanCodedAs, too.
CodedPlan PlanCoded(std::span<const int64_t> integers);
CodedPlan PlanCodedAs(std::span<const int64_t> integers, Predictor predictor);
// False, and nothing is appended, when there is no memory for the coder.
bool AppendCoded(std::span<const int64_t> integers, const CodedPlan& plan, std::string& out);

// Reads all that is unread. False: damaged.
bool DecodeCoded(Unread unread, std::span<uint64_t> out);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_CODED_INTEGERS_H_
