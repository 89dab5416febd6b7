// Compensated (Neumaier) summation: what Prometheus adds with, so that our last digits are its last
// digits.
#ifndef SLOWBURN_QUERY_HISTOGRAM_KAHAN_H_
#define SLOWBURN_QUERY_HISTOGRAM_KAHAN_H_

#include <cmath>
#include <span>

namespace slowburn::query {

// Adds `x` to the running pair. The total is sum + compensation; once the sum is infinite the
// compensation is 0.
inline void KahanAdd(double x, double& sum, double& compensation) {
  const double t = sum + x;
  if (std::isinf(t)) {
    compensation = 0;
  } else if (std::fabs(sum) >= std::fabs(x)) {
    compensation += (sum - t) + x;
  } else {
    compensation += (x - t) + sum;
  }
  sum = t;
}

// KahanAdd(x[i], sum[i], compensation[i]) for all i, several at a time. REQUIRES: equal sizes.
void KahanAddAll(std::span<const double> x, std::span<double> sum, std::span<double> compensation);

// Whether any sum[i] + x[i] is infinite. REQUIRES: equal sizes.
bool SumOverflows(std::span<const double> x, std::span<const double> sum);

struct KahanSum {
  double sum = 0;
  double compensation = 0;
  void Add(double x) { KahanAdd(x, sum, compensation); }
  double total() const { return sum + compensation; }
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_HISTOGRAM_KAHAN_H_
