// Random columns of many kinds, for tests and fuzzing of codecs: what exporters give, and what
// only an enemy would.
//
// Threads: as testing::Random.
#ifndef SLOWBURN_TESTS_TSDB_COLUMN_SAMPLES_H_
#define SLOWBURN_TESTS_TSDB_COLUMN_SAMPLES_H_

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/testing/random.h"
#include "tsdb/sample.h"

namespace slowburn::tsdb {

inline uint64_t BitsOf(double v) { return std::bit_cast<uint64_t>(v); }

// A double of a random kind: whole, decimal, any bits, or one of the odd ones.
inline uint64_t RandomBits(testing::Random& random) {
  constexpr uint64_t kOdd[] = {0,
                               kStaleNaNBits,
                               kNormalNaNBits,
                               0x8000000000000000,
                               0x7ff0000000000000,
                               0xfff0000000000000,
                               0xfff8000000000000,
                               0x7ff0000000000001,
                               0x0000000000000001,
                               0x4340000000000000,  // 2^53
                               0x433fffffffffffff,  // 2^53 - 1
                               0x4320000000000000,  // 2^51
                               0xc340000000000001};
  switch (random.Below(5)) {
    case 0:
      return BitsOf(static_cast<double>(random.Between(-1000, 1000)));
    case 1:
      return BitsOf(static_cast<double>(random.Between(-100'000'000, 100'000'000)) /
                    std::pow(10, static_cast<double>(random.Below(12))));
    case 2:
      return random.Next();
    case 3:
      return BitsOf(static_cast<double>(static_cast<int64_t>(random.Next() >> random.Below(64))));
    default:
      return kOdd[random.Below(std::size(kOdd))];
  }
}

// How a column goes on: each call gives the next value.
class ColumnWalk {
 public:
  explicit ColumnWalk(testing::Random& random)
      : random_(random),
        kind_(random.Below(9)),
        scale_(std::pow(10, static_cast<double>(random.Below(7)))),
        span_(int64_t{1} << random.Below(40)),
        unit_(random.OneIn(3) ? random.Between(2, 5000) : 1),
        calm_(random.OneIn(2) ? 1 + random.Below(200) : 1),
        odd_(random.OneIn(2) ? 0 : 1 + random.Below(300)) {
    whole_ = random.Between(-span_, span_);
    bits_ = RandomBits(random);
  }

  uint64_t Next() {
    if (odd_ != 0 && random_.OneIn(odd_)) return RandomBits(random_);
    if (random_.OneIn(calm_)) Move();
    return bits_;
  }

 private:
  void Move() {
    switch (kind_) {
      case 0:  // the same for good
        return;
      case 1:  // a counter, with resets
        whole_ = random_.OneIn(500) ? 0 : whole_ + random_.Between(0, span_);
        break;
      case 2:  // a gauge around a level
        whole_ = random_.Between(-span_, span_);
        break;
      case 3:  // a walk
        whole_ += random_.Between(-span_, span_);
        break;
      case 4:  // what speeds up
        step_ += random_.Between(0, 2);
        whole_ += step_;
        break;
      case 5:  // a sum of true doubles
        sum_ += random_.Unit();
        bits_ = BitsOf(sum_);
        return;
      case 6:  // ratios
        bits_ = BitsOf(random_.Unit());
        return;
      case 7:  // few different values
        bits_ = BitsOf(1.0 / static_cast<double>(3 + random_.Below(7)));
        return;
      default:
        bits_ = RandomBits(random_);
        return;
    }
    bits_ = BitsOf(static_cast<double>(whole_ * unit_) / scale_);
  }

  testing::Random& random_;
  const uint64_t kind_;
  const double scale_;
  const int64_t span_, unit_;
  const uint64_t calm_, odd_;
  int64_t whole_ = 0, step_ = 0;
  double sum_ = 0;
  uint64_t bits_ = 0;
};

inline size_t RandomCount(testing::Random& random) {
  constexpr size_t kMost[] = {3, 130, 700, 6000};
  return 1 + random.Below(kMost[random.Below(std::size(kMost))]);
}

inline std::vector<uint64_t> RandomColumn(testing::Random& random, size_t count) {
  ColumnWalk walk(random);
  std::vector<uint64_t> bits(count);
  for (uint64_t& b : bits) b = walk.Next();
  return bits;
}

// Strictly ascending.
inline std::vector<TimestampMs> RandomTimes(testing::Random& random, size_t count) {
  const int64_t step = random.Between(1, 100'000), jitter = random.Between(0, step - 1);
  const uint64_t kind = random.Below(5);
  std::vector<TimestampMs> times;
  TimestampMs t = random.OneIn(10) ? kMinTime : random.Between(-1'000'000, 1'800'000'000'000);
  for (size_t i = 0; i < count; ++i) {
    times.push_back(kind == 1 || kind == 2 ? t + random.Between(0, jitter) : t);
    switch (kind) {
      case 3:
        t += random.Between(1, step);
        break;
      case 4:
        t += 1 + static_cast<int64_t>(random.Next() >> (24 + random.Below(40)));
        break;
      default:
        t += step;
    }
    if (kind <= 1 && random.OneIn(50)) t += step * random.Between(1, 100);
  }
  return times;
}

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_COLUMN_SAMPLES_H_
