#include "query/histogram/buckets.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/number.h"

namespace slowburn::query {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kMaxFinite = std::numeric_limits<double>::max();
constexpr int32_t kMaxTableSchema = 8;

// 2^(i / 2^schema) for i in [0, 2^schema), of the finest schema; coarser schemas use every n-th.
//
// Bit for bit what Prometheus has in its table, which is not the nearest double everywhere:
// products of the roots 2^(1/2), 2^(1/4), ..., the first of them rounded down.
const std::array<double, 1 << kMaxTableSchema>& Roots() {
  static const auto* roots = [] {
    std::array<double, kMaxTableSchema> factors;
    for (size_t k = 0; k < factors.size(); ++k) factors[k] = std::exp2(std::ldexp(1, -int(k) - 1));
    factors[0] = std::nextafter(factors[0], 0);
    auto* table = new std::array<double, 1 << kMaxTableSchema>;
    for (size_t i = 0; i < table->size(); ++i) {
      (*table)[i] = 1;
      for (size_t k = 0; k < factors.size(); ++k) {
        if ((i >> (factors.size() - 1 - k) & 1) != 0) (*table)[i] *= factors[k];
      }
    }
    return table;
  }();
  return *roots;
}

double ExponentialBound(int32_t index, int32_t schema) {
  // The bound that would be 2^1024 belongs to the last bucket of finite observations; the next one
  // holds infinities.
  int64_t exponent = 0;
  double root = 1;
  if (schema <= 0) {
    exponent = int64_t{index} * (int64_t{1} << std::min(-schema, 30));
  } else if (schema <= kMaxTableSchema) {
    exponent = int64_t{index} >> schema;
    root = Roots()[size_t(index & ((1 << schema) - 1)) << (kMaxTableSchema - schema)];
  } else {
    return std::exp2(std::ldexp(double(index), -schema));
  }
  if (exponent == 1024 && root == 1) return kMaxFinite;
  return std::ldexp(root, int(std::clamp<int64_t>(exponent, -5000, 5000)));
}

Bucket MakeBucket(const Histogram& h, Side side, int32_t index, double count) {
  Bucket b;
  b.count = count;
  b.index = index;
  const double outer = UpperBound(index, h.schema, h.custom_values);
  const double inner = UpperBound(index - 1, h.schema, h.custom_values);
  if (side == Side::kPositive) {
    b.lower = inner;
    b.upper = outer;
  } else {
    b.lower = -outer;
    b.upper = -inner;
  }
  if (UsesCustomBuckets(h)) {
    b.lower_inclusive = index == 0;
    b.upper_inclusive = true;
  } else {
    b.lower_inclusive = b.lower < 0;
    b.upper_inclusive = b.upper > 0;
  }
  return b;
}

template <typename Visit>
void ForEachBucket(std::span<const HistogramSpan> spans, std::span<const double> buckets,
                   Visit visit) {
  int32_t index = 0;
  size_t at = 0;
  for (const HistogramSpan& span : spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length && at < buckets.size(); ++i) visit(index++, buckets[at++]);
  }
}

void CutAtZeroThreshold(double threshold, Bucket& b) {
  if (b.upper < 0 && b.upper > -threshold) b.upper = -threshold;
  if (b.lower > 0 && b.lower < threshold) b.lower = threshold;
}

std::string General(double v) { return base::FormatFloat(v, base::FloatStyle::kGeneral); }

void AppendInterval(std::string& out, const Bucket& b) {
  out += b.lower_inclusive ? ", [" : ", (";
  out += General(b.lower);
  out += ',';
  out += General(b.upper);
  out += b.upper_inclusive ? "]:" : "):";
  out += General(b.count);
}

}  // namespace

double Bucket::FractionBelow(double v, bool linear) const {
  if (linear) return (v - lower) / (upper - lower);
  const double log_lower = std::log2(std::fabs(lower));
  const double log_upper = std::log2(std::fabs(upper));
  const double log_v = std::log2(std::fabs(v));
  if (v > 0) return (log_v - log_lower) / (log_upper - log_lower);
  return 1 - (log_v - log_upper) / (log_lower - log_upper);
}

double UpperBound(int32_t index, int32_t schema, std::span<const double> custom_values) {
  if (schema != tsdb::kCustomBucketsSchema) return ExponentialBound(index, schema);
  if (index < 0) return -kInf;
  return size_t(index) < custom_values.size() ? custom_values[size_t(index)] : kInf;
}

Bucket ZeroBucket(const Histogram& h) {
  return {-h.zero_threshold, h.zero_threshold, true, true, h.zero_count, 0};
}

void SideBuckets(const Histogram& h, Side side, std::vector<Bucket>& out) {
  const bool positive = side == Side::kPositive;
  ForEachBucket(
      positive ? h.positive_spans : h.negative_spans,
      positive ? h.positive_buckets : h.negative_buckets,
      [&](int32_t index, double count) { out.push_back(MakeBucket(h, side, index, count)); });
}

void AllBuckets(const Histogram& h, std::vector<Bucket>& out) {
  out.clear();
  SideBuckets(h, Side::kNegative, out);
  std::reverse(out.begin(), out.end());
  if (h.zero_count > 0) out.push_back(ZeroBucket(h));
  const size_t zero = h.zero_count > 0 ? out.size() - 1 : out.size();
  SideBuckets(h, Side::kPositive, out);
  for (size_t i = 0; i < out.size(); ++i) {
    if (h.zero_count > 0 && i == zero) continue;
    CutAtZeroThreshold(h.zero_threshold, out[i]);
  }
}

IndexedBuckets Indexed(std::span<const HistogramSpan> spans, std::span<const double> buckets) {
  IndexedBuckets out;
  out.index.reserve(buckets.size());
  out.count.reserve(buckets.size());
  ForEachBucket(spans, buckets, [&](int32_t index, double count) { out.Append(index, count); });
  return out;
}

std::vector<HistogramSpan> SpansOf(std::span<const int32_t> index) {
  std::vector<HistogramSpan> spans;
  int32_t next = 0;  // the index that would continue the last span
  for (const int32_t i : index) {
    if (!spans.empty() && i == next) {
      ++spans.back().length;
    } else {
      spans.push_back({spans.empty() ? i : i - next, 1});
    }
    next = i + 1;
  }
  return spans;
}

IndexedBuckets AtResolution(const IndexedBuckets& buckets, int32_t from, int32_t to) {
  if (from <= to) return buckets;
  IndexedBuckets out;
  const int shift = std::min(from - to, 31);
  for (size_t i = 0; i < buckets.size(); ++i) {
    const int32_t target = ((buckets.index[i] - 1) >> shift) + 1;
    if (out.size() > 0 && out.index.back() == target) {
      out.count.back() += buckets.count[i];
    } else {
      out.Append(target, buckets.count[i]);
    }
  }
  return out;
}

std::string Describe(const Histogram& h) {
  std::string out = "{count:" + General(h.count) + ", sum:" + General(h.sum);
  std::vector<Bucket> side;
  SideBuckets(h, Side::kNegative, side);
  std::reverse(side.begin(), side.end());
  for (const Bucket& b : side) {
    if (b.count != 0) AppendInterval(out, b);
  }
  if (h.zero_count != 0) AppendInterval(out, ZeroBucket(h));
  side.clear();
  SideBuckets(h, Side::kPositive, side);
  for (const Bucket& b : side) {
    if (b.count != 0) AppendInterval(out, b);
  }
  out += '}';
  return out;
}

}  // namespace slowburn::query
