// Columns like those of a node exporter, by class, with the weight that each has among the series.
// Sizes and speeds of codecs are stated for these.
//
// Threads: pure functions; a class and a seed always give the same column.
#ifndef SLOWBURN_TESTS_TSDB_COLUMN_CLASSES_H_
#define SLOWBURN_TESTS_TSDB_COLUMN_CLASSES_H_

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace slowburn::tsdb {

struct ColumnClass {
  const char* name;
  double weight;
  // What the best codecs that were measured need, in bytes per sample: short blocks that decode at
  // memory speed, and long ones.
  double hot_reference, cold_reference;
  double first;  // times a random number up to 1000, if it is not 0
  double (*next)(std::mt19937_64& random, double value);
};

inline double Normal(std::mt19937_64& random, double mean, double deviation) {
  return std::normal_distribution<double>(mean, deviation)(random);
}
inline double WholeNormal(std::mt19937_64& random, double mean, double deviation) {
  return std::round(Normal(random, mean, deviation));
}
inline double ToCents(double value) { return std::round(value * 100) / 100; }

inline const std::vector<ColumnClass>& ColumnClasses() {
  using Random = std::mt19937_64;
  static const std::vector<ColumnClass> classes = {
      {"const", .55, .013, .001, 1, [](Random&, double v) { return v; }},
      {"sparse counter", .10, .051, .027, 1,
       [](Random& r, double v) {
         return r() % 133 == 0 ? v + 1 + static_cast<double>(r() % 5) : v;
       }},
      {"counter of 5", .07, .57, .50, 100,
       [](Random& r, double v) { return v + std::poisson_distribution<int>(5)(r); }},
      {"counter of 1000", .06, 1.28, 1.25, 1e5,
       [](Random& r, double v) { return v + WholeNormal(r, 1000, 200); }},
      {"counter of bytes", .06, 2.51, 2.50, 1e8,
       [](Random& r, double v) { return v + WholeNormal(r, 1e6, 2e5); }},
      {"cpu seconds", .08, .86, .72, 100,
       [](Random& r, double v) { return ToCents(v + std::max(0.0, Normal(r, 3, 0.13))); }},
      {"memory in pages", .04, 1.40, 1.25, 4096 * 50,
       [](Random& r, double v) { return r() % 2 == 0 ? v + 4096 * WholeNormal(r, 0, 400) : v; }},
      {"load", .02, .80, .65, .002,
       [](Random& r, double v) { return ToCents(std::abs(v * .96 + .06 + Normal(r, 0, .09))); }},
      {"sum of doubles", .02, 5.26, 5.23, 10,
       [](Random& r, double v) { return v + static_cast<double>(r() >> 11) * 0x1p-53 * 5; }},
      {"walk of small integers", 0, .43, .34, .05,
       [](Random& r, double v) {
         return std::clamp(std::round(v) + WholeNormal(r, 0, 1), 0.0, 100.0);
       }},
      {"ratio of doubles", 0, 7, 7, 0,
       [](Random& r, double) { return static_cast<double>(r() >> 11) * 0x1p-53; }},
      {"few values", 0, .47, .40, 0,
       [](Random& r, double) { return 1.0 / static_cast<double>(3 + r() % 5); }},
  };
  return classes;
}

inline std::vector<uint64_t> ClassColumn(const ColumnClass& kind, size_t count, uint64_t seed) {
  std::mt19937_64 random(seed * 7919 + 1);
  double value = kind.first * static_cast<double>(random() % 1000);
  std::vector<uint64_t> bits(count);
  for (uint64_t& b : bits) {
    value = kind.next(random, value);
    b = std::bit_cast<uint64_t>(value);
  }
  return bits;
}

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_COLUMN_CLASSES_H_
