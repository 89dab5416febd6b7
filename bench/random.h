// A small generator whose numbers are the same with every compiler and library, so that a seed
// names a data set. Threads: one at a time.
#ifndef SLOWBURN_BENCH_RANDOM_H_
#define SLOWBURN_BENCH_RANDOM_H_

#include <cmath>
#include <cstdint>

namespace slowburn::bench {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {  // splitmix64
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  // Below n, which is below 2^32.
  uint64_t Below(uint64_t n) { return (Next() >> 32) * n >> 32; }
  // In [0, 1).
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  // Nearly normal, mean 0 and deviation 1: four uniform numbers out of one word.
  double Normal() {
    const uint64_t word = Next();
    const uint64_t sum =
        (word & 0xffff) + (word >> 16 & 0xffff) + (word >> 32 & 0xffff) + (word >> 48);
    return (static_cast<double>(sum) - 131070) * (1.7320508 / 65536);
  }

 private:
  uint64_t state_;
};

}  // namespace slowburn::bench

#endif  // SLOWBURN_BENCH_RANDOM_H_
