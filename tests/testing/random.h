// Seeded randomness for model tests. The seed is printed, and SLOWBURN_SEED=n repeats a run.
#ifndef SLOWBURN_TESTS_TESTING_RANDOM_H_
#define SLOWBURN_TESTS_TESTING_RANDOM_H_

#include <cstdint>
#include <random>

namespace slowburn::testing {

class Random {
 public:
  Random();  // SLOWBURN_SEED, else a fresh seed; prints it
  explicit Random(uint64_t seed);
  uint64_t seed() const { return seed_; }
  uint64_t Next() { return engine_(); }
  uint64_t Below(uint64_t n) { return n == 0 ? 0 : engine_() % n; }  // [0, n)
  // Both ends.
  int64_t Between(int64_t low, int64_t high) { return low + int64_t(Below(uint64_t(high - low) + 1)); }
  double Unit() { return double(engine_() >> 11) * 0x1p-53; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  std::mt19937_64& engine() { return engine_; }

 private:
  uint64_t seed_;
  std::mt19937_64 engine_;
};

}  // namespace slowburn::testing

#endif  // SLOWBURN_TESTS_TESTING_RANDOM_H_
