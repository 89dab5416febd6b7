#include "query/histogram/arithmetic.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "query/histogram/kahan.h"
#include "query/histogram/zero_bucket.h"

namespace slowburn::query {
namespace {

using ResetHint = Histogram::ResetHint;

// Adds sign * x to sum; the compensation, if there is one, takes what rounding lost.
void AddTerm(double x, double& sum, double* compensation) {
  if (compensation == nullptr) {
    sum += x;
  } else {
    KahanAdd(x, sum, *compensation);
  }
}

// Counters that disagree about a reset leave an unknown hint; a gauge makes the result a gauge.
bool AdjustResetHint(Histogram& to, const Histogram& other) {
  if (to.reset_hint == other.reset_hint || to.reset_hint == ResetHint::kGauge) return false;
  if (other.reset_hint == ResetHint::kGauge) {
    to.reset_hint = ResetHint::kGauge;
    return false;
  }
  const bool collision =
      to.reset_hint != ResetHint::kUnknown && other.reset_hint != ResetHint::kUnknown;
  to.reset_hint = ResetHint::kUnknown;
  return collision;
}

struct SideRef {
  std::vector<HistogramSpan>& spans;
  std::vector<double>& buckets;
  std::vector<double>* compensation;  // null, or parallel to buckets
};

void AddSameLayout(SideRef to, std::span<const double> other, double sign) {
  for (size_t i = 0; i < other.size(); ++i) {
    AddTerm(sign * other[i], to.buckets[i], to.compensation ? &(*to.compensation)[i] : nullptr);
  }
}

// Merges `other` in, making buckets where `to` has none. Buckets that end within the zero bucket
// are skipped: they are part of it by now.
void AddSide(SideRef to, std::span<const HistogramSpan> other_spans,
             std::span<const double> other_buckets, int32_t other_schema, int32_t schema,
             double zero_threshold, double sign) {
  if (other_buckets.empty() || other_spans.empty()) return;
  const auto within_zero = [&](int32_t index) {
    return schema != tsdb::kCustomBucketsSchema && UpperBound(index, schema, {}) <= zero_threshold;
  };
  if (other_schema == schema && !within_zero(other_spans.front().offset) &&
      std::ranges::equal(to.spans, other_spans)) {
    AddSameLayout(to, other_buckets, sign);
    return;
  }
  const IndexedBuckets a = Indexed(to.spans, to.buckets);
  const IndexedBuckets b = AtResolution(Indexed(other_spans, other_buckets), other_schema, schema);
  size_t j = 0;
  while (j < b.size() && within_zero(b.index[j])) ++j;
  IndexedBuckets merged;
  std::vector<double> compensation;
  size_t i = 0;
  while (i < a.size() || j < b.size()) {
    const bool from_a = i < a.size() && (j >= b.size() || a.index[i] <= b.index[j]);
    const bool from_b = j < b.size() && (i >= a.size() || b.index[j] <= a.index[i]);
    merged.Append(from_a ? a.index[i] : b.index[j], from_a ? a.count[i] : 0);
    if (to.compensation) compensation.push_back(from_a ? (*to.compensation)[i] : 0);
    if (from_b) {
      AddTerm(sign * b.count[j], merged.count.back(),
              to.compensation ? &compensation.back() : nullptr);
    }
    i += from_a;
    j += from_b;
  }
  to.spans = SpansOf(merged.index);
  to.buckets = std::move(merged.count);
  if (to.compensation) *to.compensation = std::move(compensation);
}

void ReduceSide(SideRef side, int32_t from, int32_t to) {
  if (side.buckets.empty()) return;
  const IndexedBuckets fine = Indexed(side.spans, side.buckets);
  if (side.compensation) {
    IndexedBuckets lost = fine;
    lost.count = *side.compensation;
    *side.compensation = AtResolution(lost, from, to).count;
  }
  IndexedBuckets coarse = AtResolution(fine, from, to);
  side.spans = SpansOf(coarse.index);
  side.buckets = std::move(coarse.count);
}

std::vector<double> CommonBounds(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> common;
  std::ranges::set_intersection(a, b, std::back_inserter(common));
  return common;
}

// Sums counts into buckets of coarser bounds: what lies under a bound that is gone falls under the
// next one.
void MapToBounds(std::span<const HistogramSpan> spans, std::span<const double> buckets,
                 const std::vector<double>& bounds, const std::vector<double>& target_bounds,
                 double sign, const std::vector<double>* extra, std::vector<KahanSum>& target) {
  const IndexedBuckets source = Indexed(spans, buckets);
  size_t at = 0;
  for (size_t i = 0; i < source.size(); ++i) {
    const auto index = size_t(source.index[i]);
    while (at < target_bounds.size() &&
           (index >= bounds.size() || target_bounds[at] < bounds[index])) {
      ++at;
    }
    target[at].Add(sign * source.count[i]);
    if (extra) target[at].Add((*extra)[i]);
  }
}

void AddMismatchedBounds(Histogram& to, std::vector<double>* compensation, const Histogram& other,
                         double sign) {
  std::vector<double> bounds = CommonBounds(to.custom_values, other.custom_values);
  std::vector<KahanSum> target(bounds.size() + 1);
  MapToBounds(to.positive_spans, to.positive_buckets, to.custom_values, bounds, 1, compensation,
              target);
  MapToBounds(other.positive_spans, other.positive_buckets, other.custom_values, bounds, sign,
              nullptr, target);
  IndexedBuckets kept;
  if (compensation) compensation->clear();
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i].sum == 0 && target[i].compensation == 0) continue;
    kept.Append(int32_t(i), target[i].sum);
    if (compensation) compensation->push_back(target[i].compensation);
  }
  to.positive_spans = SpansOf(kept.index);
  to.positive_buckets = std::move(kept.count);
  to.custom_values = std::move(bounds);
}

// to += sign * other. `c` is null, or holds the compensations in the layout of `to`.
CombineResult Combine(Histogram& to, Histogram* c, const Histogram& other, double sign) {
  CombineResult result;
  if (UsesCustomBuckets(to) != UsesCustomBuckets(other)) {
    result.compatible = false;
    return result;
  }
  result.counter_reset_collision = AdjustResetHint(to, other);
  to.is_float = true;
  if (!UsesCustomBuckets(to)) {
    const double other_zero_count = ReconcileZeroBuckets(to, c, other);
    AddTerm(sign * other_zero_count, to.zero_count, c ? &c->zero_count : nullptr);
  }
  AddTerm(sign * other.count, to.count, c ? &c->count : nullptr);
  AddTerm(sign * other.sum, to.sum, c ? &c->sum : nullptr);

  std::vector<double>* c_positive = c ? &c->positive_buckets : nullptr;
  std::vector<double>* c_negative = c ? &c->negative_buckets : nullptr;
  if (UsesCustomBuckets(to) && to.custom_values != other.custom_values) {
    result.bounds_reconciled = true;
    AddMismatchedBounds(to, c_positive, other, sign);
    return result;
  }
  const SideRef positive{to.positive_spans, to.positive_buckets, c_positive};
  const SideRef negative{to.negative_spans, to.negative_buckets, c_negative};
  if (other.schema < to.schema) {
    ReduceSide(positive, to.schema, other.schema);
    ReduceSide(negative, to.schema, other.schema);
    to.schema = other.schema;
  }
  AddSide(positive, other.positive_spans, other.positive_buckets, other.schema, to.schema,
          to.zero_threshold, sign);
  AddSide(negative, other.negative_spans, other.negative_buckets, other.schema, to.schema,
          to.zero_threshold, sign);
  return result;
}

void Scale(Histogram& h, double factor) {
  h.zero_count *= factor;
  h.count *= factor;
  h.sum *= factor;
  for (double& b : h.positive_buckets) b *= factor;
  for (double& b : h.negative_buckets) b *= factor;
}

void ScaleDown(Histogram& h, double divisor) {
  h.zero_count /= divisor;
  h.count /= divisor;
  h.sum /= divisor;
  for (double& b : h.positive_buckets) b /= divisor;
  for (double& b : h.negative_buckets) b /= divisor;
}

void CompactSide(std::vector<HistogramSpan>& spans, std::vector<double>& buckets) {
  const bool tidy = std::ranges::none_of(buckets, [](double b) { return b == 0; }) &&
                    std::ranges::none_of(spans, [](const HistogramSpan& s) {
                      return s.length == 0 || s.offset == 0;
                    });
  if (tidy) return;
  const IndexedBuckets all = Indexed(spans, buckets);
  IndexedBuckets kept;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all.count[i] != 0) kept.Append(all.index[i], all.count[i]);
  }
  spans = SpansOf(kept.index);
  buckets = std::move(kept.count);
}

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool SameSide(std::span<const HistogramSpan> spans_a, std::span<const double> a,
              std::span<const HistogramSpan> spans_b, std::span<const double> b) {
  if (!std::ranges::equal(a, b, SameBits)) return false;
  if (std::ranges::equal(spans_a, spans_b)) return true;
  return Indexed(spans_a, a).index == Indexed(spans_b, b).index;
}

}  // namespace

CombineResult Add(Histogram& to, const Histogram& other) { return Combine(to, nullptr, other, 1); }

CombineResult Subtract(Histogram& from, const Histogram& other) {
  return Combine(from, nullptr, other, -1);
}

void Multiply(Histogram& h, double factor) {
  h.is_float = true;
  Scale(h, factor);
  if (factor < 0) h.reset_hint = ResetHint::kGauge;
}

void Divide(Histogram& h, double divisor) {
  h.is_float = true;
  ScaleDown(h, divisor);
  if (divisor == 0) {
    h.positive_spans.clear();
    h.negative_spans.clear();
    h.positive_buckets.clear();
    h.negative_buckets.clear();
  }
  if (divisor < 0) h.reset_hint = ResetHint::kGauge;
}

void Compact(Histogram& h) {
  CompactSide(h.positive_spans, h.positive_buckets);
  CompactSide(h.negative_spans, h.negative_buckets);
}

void ReduceResolution(Histogram& h, int32_t schema) {
  if (schema >= h.schema) return;
  ReduceSide({h.positive_spans, h.positive_buckets, nullptr}, h.schema, schema);
  ReduceSide({h.negative_spans, h.negative_buckets, nullptr}, h.schema, schema);
  h.schema = schema;
  h.is_float = true;
}

bool HasInfinity(const Histogram& h) {
  const auto infinite = [](double v) { return std::isinf(v); };
  return infinite(h.zero_count) || infinite(h.count) || infinite(h.sum) ||
         std::ranges::any_of(h.positive_buckets, infinite) ||
         std::ranges::any_of(h.negative_buckets, infinite) ||
         std::ranges::any_of(h.custom_values, infinite);
}

bool SameData(const Histogram& a, const Histogram& b) {
  return a.schema == b.schema && SameBits(a.count, b.count) && SameBits(a.sum, b.sum) &&
         (!UsesCustomBuckets(a) || a.custom_values == b.custom_values) &&
         a.zero_threshold == b.zero_threshold && SameBits(a.zero_count, b.zero_count) &&
         SameSide(a.negative_spans, a.negative_buckets, b.negative_spans, b.negative_buckets) &&
         SameSide(a.positive_spans, a.positive_buckets, b.positive_spans, b.positive_buckets);
}

int64_t SampleWeight(const Histogram& h) {
  // Prometheus' estimate of the bytes that its own structure takes, in samples of 16 bytes; limits
  // mean the same here.
  constexpr size_t kHeader = 168, kWord = 8, kSample = 16;
  const size_t words = h.positive_spans.size() + h.negative_spans.size() +
                       h.positive_buckets.size() + h.negative_buckets.size() +
                       h.custom_values.size();
  return int64_t((kHeader + kWord * words + kWord) / kSample);
}

CombineResult CompensatedHistogram::Add(const Histogram& other) {
  if (!compensated_) {
    compensated_ = true;
    compensation_.positive_buckets.assign(sum_.positive_buckets.size(), 0.0);
    compensation_.negative_buckets.assign(sum_.negative_buckets.size(), 0.0);
  }
  const CombineResult result = Combine(sum_, &compensation_, other, 1);
  if (!result.compatible) return result;
  compensation_.schema = sum_.schema;
  compensation_.zero_threshold = sum_.zero_threshold;
  compensation_.positive_spans = sum_.positive_spans;
  compensation_.negative_spans = sum_.negative_spans;
  compensation_.custom_values = sum_.custom_values;
  compensation_.reset_hint = sum_.reset_hint;
  return result;
}

void CompensatedHistogram::Multiply(double factor) {
  query::Multiply(sum_, factor);
  if (compensated_) query::Multiply(compensation_, factor);
}

void CompensatedHistogram::Divide(double divisor) {
  query::Divide(sum_, divisor);
  if (compensated_) query::Divide(compensation_, divisor);
}

Histogram CompensatedHistogram::Total() const {
  Histogram total = sum_;
  if (compensated_) query::Add(total, compensation_);
  return total;
}

}  // namespace slowburn::query
