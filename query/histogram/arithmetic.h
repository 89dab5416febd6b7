// Arithmetic of native histograms: what +, -, *, / and the sums of PromQL do to them.
//
// Two histograms combine if both are exponential or both have custom bounds. Differences are
// reconciled first: the coarser schema, the larger zero bucket, the common custom bounds. The left
// operand is changed in place and counts in floats afterwards. Threads: stateless.
#ifndef SLOWBURN_QUERY_HISTOGRAM_ARITHMETIC_H_
#define SLOWBURN_QUERY_HISTOGRAM_ARITHMETIC_H_

#include <cstdint>

#include "query/histogram/buckets.h"

namespace slowburn::query {

struct CombineResult {
  bool compatible = true;                // false: exponential with custom; nothing was changed
  bool counter_reset_collision = false;  // one said reset, the other not_reset
  bool bounds_reconciled = false;        // custom bounds differed
};
CombineResult Add(Histogram& to, const Histogram& other);
CombineResult Subtract(Histogram& from, const Histogram& other);

// A negative factor makes a gauge. Division by zero leaves no buckets.
void Multiply(Histogram& h, double factor);
void Divide(Histogram& h, double divisor);

// Drops empty buckets and joins adjacent spans.
void Compact(Histogram& h);
// REQUIRES: exponential, schema <= h.schema.
void ReduceResolution(Histogram& h, int32_t schema);

bool HasInfinity(const Histogram& h);
// The same data, bit by bit; reset hints and integer or float do not matter. What == and changes()
// mean.
bool SameData(const Histogram& a, const Histogram& b);
// How many float samples a histogram weighs against --query.max-samples.
int64_t SampleWeight(const Histogram& h);

// A sum of histograms that keeps a compensation for each count. Starts as a copy of the first.
class CompensatedHistogram {
 public:
  explicit CompensatedHistogram(const Histogram& first) : sum_(first) { sum_.is_float = true; }

  CombineResult Add(const Histogram& other);
  void Multiply(double factor);
  void Divide(double divisor);
  bool HasInfinity() const { return query::HasInfinity(sum_); }
  Histogram Total() const;

 private:
  Histogram sum_;
  bool compensated_ = false;
  Histogram compensation_;  // if compensated_: the layout of sum_
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_HISTOGRAM_ARITHMETIC_H_
