// Shop: the demo's simulated web shop. Three services whose counters grow with a day's traffic
// curve, with a few past incidents and, once live, a burst of errors in checkout every few minutes.
//
// Counters are whole numbers and depend only on time and the seed, so that the history that is
// backfilled and what is scraped live are one story. Threads: one at a time.
#ifndef SLOWBURN_APP_SHOP_H_
#define SLOWBURN_APP_SHOP_H_

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "tsdb/labels.h"

namespace slowburn::app {

class Shop {
 public:
  // `live_at`: when the demo's live part begins; the traffic curve and the incidents hang on it.
  Shop(base::TimestampMs begin, base::TimestampMs live_at);

  // Lets the shop run until `t`. REQUIRES: t does not go back.
  void AdvanceTo(base::TimestampMs t);

  // Every series (labels without job and instance) and its current value, always in the same order.
  void Visit(const std::function<void(const tsdb::Labels& labels, double value)>& visit) const;
  // The same as text exposition 0.0.4.
  std::string Expose() const;

 private:
  struct Route {
    std::string service, method, path;
    double rate = 0;                           // requests a second at mean traffic
    double error_ratio = 0;                    // when all is well
    double latency = 0;                        // median, in seconds
    double expected = 0, expected_errors = 0;  // fractional events not yet counted
    uint64_t ok = 0, errors = 0;
    std::vector<uint64_t> buckets;  // cumulative later, in Visit
    double latency_sum = 0;
  };
  double Traffic(base::TimestampMs t) const;  // 1 is the day's mean
  double ErrorRatio(const Route& route, base::TimestampMs t) const;
  double Surge(base::TimestampMs t) const;  // more traffic while customers retry
  void Step(base::TimestampMs t, double seconds);
  void CountLatency(Route& route, uint64_t requests);

  const base::TimestampMs live_at_;
  base::TimestampMs now_;
  std::mt19937_64 random_{20260101};
  std::vector<Route> routes_;
};

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_SHOP_H_
