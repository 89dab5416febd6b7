#include "query/promqltest/reset_hints.h"

#include <memory>

#include "query/histogram/reset.h"

namespace slowburn::query {

tsdb::HistogramPtr StoredResetHints::Next(const tsdb::HistogramPtr& histogram) {
  using ResetHint = tsdb::Histogram::ResetHint;
  if (histogram == nullptr || histogram->is_stale() || histogram->reset_hint == ResetHint::kGauge) {
    previous_ = nullptr;
    return histogram;
  }
  auto stored = std::make_shared<tsdb::Histogram>(*histogram);
  const bool said_reset = histogram->reset_hint == ResetHint::kReset;
  stored->reset_hint = ResetHint::kUnknown;
  if (previous_ != nullptr && !said_reset && !DetectReset(*stored, *previous_)) {
    stored->reset_hint = ResetHint::kNotReset;
  }
  previous_ = histogram;
  return stored;
}

}  // namespace slowburn::query
