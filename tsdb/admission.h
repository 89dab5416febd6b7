// Which series may exist: the checks of Appender::Resolve that every implementation shares.
#ifndef SLOWBURN_TSDB_ADMISSION_H_
#define SLOWBURN_TSDB_ADMISSION_H_

#include <cstddef>

#include "absl/status/status.h"
#include "tsdb/labels.h"
#include "tsdb/limits.h"

namespace slowburn::tsdb {

// kInvalidArgument: empty or not UTF-8. kResourceExhausted: a limit on labels; names it and its
// value.
absl::Status CheckSeriesLabels(const Labels& labels, const Limits& limits);
// kResourceExhausted when a store of `existing` series may not have one more.
absl::Status CheckSeriesCount(size_t existing, const Limits& limits);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_ADMISSION_H_
