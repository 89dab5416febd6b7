// WorkMeter: how a long loop learns that its query is over, for the price of a subtraction.
//
//   for (…) {
//     if (!meter.Spend(samples_looked_at)) return meter.status();
//
// A unit of work is a few nanoseconds: a sample or a point that is touched. Each kUnitsPerLook of
// them the clock and the flags are looked at. After a bad look every Spend is false.
// Not thread-safe; belongs to one query.
#ifndef SLOWBURN_QUERY_WORK_METER_H_
#define SLOWBURN_QUERY_WORK_METER_H_

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/status/status.h"

namespace slowburn::query {

class WorkMeter {
 public:
  static constexpr uint64_t kUnitsPerLook = uint64_t{1} << 16;

  // `look` says whether the query may go on.
  explicit WorkMeter(std::function<absl::Status()> look) : look_(std::move(look)) {}

  bool Spend(uint64_t units) {
    if (units < left_) {
      left_ -= units;
      return true;
    }
    return Look();
  }
  // Not OK once a Spend was false.
  const absl::Status& status() const { return status_; }

 private:
  bool Look() {
    if (status_.ok()) status_ = look_();
    left_ = status_.ok() ? kUnitsPerLook : 0;
    return status_.ok();
  }

  const std::function<absl::Status()> look_;
  uint64_t left_ = kUnitsPerLook;
  absl::Status status_;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_WORK_METER_H_
