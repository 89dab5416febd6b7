#include <string_view>

#include "tsdb/storage.h"

namespace slowburn::tsdb {

std::string_view Describe(Rejection reason) {
  switch (reason) {
    case Rejection::kOutOfOrder:
      return "out of order sample";
    case Rejection::kTooOld:
      return "too old sample";
    case Rejection::kOutOfBounds:
      return "out of bounds";
    case Rejection::kTooFarInFuture:
      return "out of bounds: timestamp is too far in the future";
    case Rejection::kDuplicate:
      return "duplicate sample for timestamp";
    case Rejection::kSeriesLimit:
      return "series limit reached";
    case Rejection::kUnknownSeries:
      return "unknown series";
  }
  return "rejected";
}

}  // namespace slowburn::tsdb
