// exactness_study [SEED]: which functions of a window may be put together from summaries of blocks.
//
// Series of twenty blocks, windows with random edges; each function is computed as Prometheus does
// it, sample by sample in order, and from parts. Prints two tables; what follows from them is in
// docs/decisions/0003-exactness.md.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "bench/random.h"
#include "query/functions/over_time.h"
#include "query/histogram/kahan.h"
#include "tsdb/sample_summary.h"

namespace slowburn::bench {
namespace {

using query::KahanAdd;
using query::KahanSum;
using tsdb::SampleSummary;

constexpr size_t kBlock = 480;  // two hours at 15 s
constexpr size_t kBlocks = 20;
constexpr int kSeries = 500, kWindows = 40;

// --- data ---

struct DataClass {
  const char* name;
  double (*next)(Random& random, size_t i, double before);
};

double Sign(Random& random) { return random.Below(2) == 0 ? 1 : -1; }

const DataClass kClasses[] = {
    {"counter, whole",
     [](Random& r, size_t, double before) {
       return r.Below(700) == 0 ? double(r.Below(9)) : before + double(r.Below(50));
     }},
    {"counter, seconds",
     [](Random& r, size_t, double before) {
       return r.Below(700) == 0 ? r.Uniform() : before + r.Uniform();
     }},
    {"counter, seconds, often reset",
     [](Random& r, size_t, double before) {
       return r.Below(50) == 0 ? r.Uniform() : before + r.Uniform();
     }},
    {"gauge, whole, both signs",
     [](Random& r, size_t, double) { return Sign(r) * double(r.Next() >> 24); }},
    {"gauge, whole, above 2^53",
     [](Random& r, size_t, double) { return Sign(r) * double(r.Next() >> 4); }},
    {"gauge, two decimals",
     [](Random& r, size_t, double) { return double(r.Below(10'000)) / 100; }},
    {"gauge, halves and quarters",
     [](Random& r, size_t, double) { return double(r.Below(10'000)) / 4; }},
    {"always 0.1", [](Random&, size_t, double) { return 0.1; }},
    {"uniform in [0, 1)", [](Random& r, size_t, double) { return r.Uniform(); }},
    {"1e-30 to 1e30, both signs",
     [](Random& r, size_t, double) { return r.Normal() * std::pow(10, 60 * r.Uniform() - 30); }},
    {"1e-300 to 1e300, both signs",
     [](Random& r, size_t, double) { return r.Normal() * std::pow(10, 600 * r.Uniform() - 300); }},
    {"x and -x in turn, x to 1e16",
     [](Random& r, size_t i, double before) { return i % 2 == 1 ? -before : r.Normal() * 1e16; }},
    {"1e100, 1 and -1e100 by turns",
     [](Random&, size_t i, double) { return i % 3 == 0   ? 1e100
                                            : i % 3 == 1 ? 1
                                                         : -1e100; }},
    {"x, y, -x by turns, x to 1e30, y to 1",
     [](Random& r, size_t i, double) {
       static double x = 0;  // one series at a time
       if (i % 3 == 0) x = r.Normal() * std::pow(10, 30 * r.Uniform());
       return i % 3 == 0 ? x : i % 3 == 1 ? r.Normal() : -x;
     }},
    {"1e308, both signs", [](Random& r, size_t, double) { return Sign(r) * 1e308; }},
    {"0 and -0", [](Random& r, size_t, double) { return Sign(r) * 0.0; }},
    {"1 in 1000 is NaN",
     [](Random& r, size_t, double) {
       return r.Below(1000) == 0 ? std::numeric_limits<double>::quiet_NaN() : r.Uniform();
     }},
    {"1 in 1000 is +Inf or -Inf",
     [](Random& r, size_t, double) {
       return r.Below(1000) == 0 ? Sign(r) * std::numeric_limits<double>::infinity() : r.Uniform();
     }},
};

// --- parts of a window ---

struct Block {
  std::span<const double> v;
  bool has_summary = false;
  SampleSummary summary;
};

// A window: samples before the first whole block, whole blocks, samples after the last.
struct Parts {
  std::span<const double> all, head, tail;
  std::span<const Block> blocks;
};

struct Double2 {
  double hi = 0, lo = 0;
  void Add(double x) {
    const double t = hi + x, of_x = t - hi;
    lo += (hi - (t - of_x)) + (x - of_x);
    hi = t;
  }
  double total() const { return hi + lo; }
};

// --- sums ---

double SumOfTiles(const Parts& p) {  // each summed by itself as Prometheus does, then the pairs
  KahanSum sum;
  const auto add = [&](std::span<const double> v) {
    KahanSum tile;
    for (const double x : v) tile.Add(x);
    sum.Add(tile.sum);
    sum.Add(tile.compensation);
  };
  add(p.head);
  for (const Block& block : p.blocks) add(block.v);
  add(p.tail);
  return std::isinf(sum.sum) ? sum.sum : sum.total();
}

// The samples of the edges, and of blocks that have no summary, one by one.
double SumOfSummaries(const Parts& p) {
  KahanSum sum;
  for (const double x : p.head) sum.Add(x);
  for (const Block& block : p.blocks) {
    if (block.has_summary) {
      sum.Add(block.summary.sum);
      sum.Add(block.summary.sum_low);
    } else {
      for (const double x : block.v) sum.Add(x);
    }
  }
  for (const double x : p.tail) sum.Add(x);
  return std::isinf(sum.sum) ? sum.sum : sum.total();
}

double SumByPrefixes(const Parts& p, std::span<const double> series) {
  const double* const begin = series.data();
  double before = 0, sum = 0;
  for (const double* x = begin; x != p.all.data() + p.all.size(); ++x) {
    if (x == p.all.data()) before = sum;
    sum += *x;
  }
  return sum - before;
}

double SumByDoublePrefixes(const Parts& p, std::span<const double> series) {
  Double2 before, sum;
  for (const double* x = series.data(); x != p.all.data() + p.all.size(); ++x) {
    if (x == p.all.data()) before = sum;
    sum.Add(*x);
  }
  return (sum.hi - before.hi) + (sum.lo - before.lo);
}

double AverageOfSummaries(const Parts& p) {
  KahanSum sum;
  for (const double x : p.head) sum.Add(x);
  for (const Block& block : p.blocks) {
    if (block.has_summary) {
      sum.Add(block.summary.sum);
      sum.Add(block.summary.sum_low);
    } else {
      for (const double x : block.v) sum.Add(x);
    }
  }
  for (const double x : p.tail) sum.Add(x);
  const double n = double(p.all.size());
  return std::isfinite(sum.sum) ? sum.sum / n + sum.compensation / n : query::AverageOf(p.all);
}

// --- what the rules of the decision allow ---

// A sum from summaries that is sure to be the one in order: both lie within the same distance of
// the true sum, and everything so near to it is rounded to one number. Else NaN, and `sure` false.
double SureSum(const Parts& p, bool& sure) {
  Double2 sum;
  double magnitude = 0;  // at least the sum of all magnitudes
  const auto add = [&](std::span<const double> v) {
    for (const double x : v) {
      sum.Add(x);
      magnitude += std::fabs(x);
    }
  };
  add(p.head);
  for (const Block& block : p.blocks) {
    const SampleSummary& s = block.summary;
    if (!block.has_summary) {
      add(block.v);
      continue;
    }
    sum.Add(s.sum);
    sum.Add(s.sum_low);
    magnitude += double(s.count) * std::max(std::fabs(s.min), std::fabs(s.max));
  }
  add(p.tail);
  const double n = double(p.all.size());
  const double distance = 4 * n * n * 0x1p-106 * magnitude;
  const double total = sum.total();
  sure = std::isfinite(magnitude) && sum.hi + (sum.lo - distance) == total &&
         sum.hi + (sum.lo + distance) == total;
  return sure ? total : std::numeric_limits<double>::quiet_NaN();
}

// Sums: whole numbers whose magnitudes add up to less than 2^53.
bool IsExactSum(const Parts& p) {
  double magnitude = 0;
  for (const double x : p.all) {
    magnitude += std::fabs(x);
    if (!(magnitude < 0x1p53) || x != std::trunc(x)) return false;
  }
  return true;
}

// --- growth of a counter ---

double Growth(std::span<const double> v) {  // as in query/functions/rate.cc
  double growth = v.back() - v.front();
  for (size_t i = 1; i < v.size(); ++i) {
    if (v[i] < v[i - 1]) growth += v[i - 1];
  }
  return growth;
}

enum class Resets { kAny, kAtMostOne };

// kAtMostOne: a block with more of them is gone through.
double GrowthOfSummaries(const Parts& p, Resets allowed) {
  double growth = p.all.back() - p.all.front(), before = p.all.front();
  const auto walk = [&](std::span<const double> v) {
    for (const double x : v) {
      if (x < before) growth += before;
      before = x;
    }
  };
  walk(p.head);
  for (const Block& block : p.blocks) {
    if (!block.has_summary || (allowed == Resets::kAtMostOne && block.summary.resets > 1)) {
      walk(block.v);
      continue;
    }
    if (block.summary.first < before) growth += before;
    if (block.summary.resets > 0) growth += block.summary.reset_correction;
    before = block.summary.last;
  }
  walk(p.tail);
  return growth;
}

// --- functions that pick or count ---

double CountOf(std::span<const double> v, bool (*differs)(double before, double after)) {
  double n = 0;
  for (size_t i = 1; i < v.size(); ++i) n += differs(v[i - 1], v[i]) ? 1 : 0;
  return n;
}
bool Changed(double a, double b) { return a != b && !(std::isnan(a) && std::isnan(b)); }
bool Fell(double a, double b) { return b < a; }

double CountOfSummaries(const Parts& p, bool (*differs)(double, double),
                        uint64_t SampleSummary::*count) {
  double n = 0, before = p.all.front();
  const auto walk = [&](std::span<const double> v) {
    for (const double x : v) {
      n += differs(before, x) ? 1 : 0;
      before = x;
    }
  };
  walk(p.head);
  for (const Block& block : p.blocks) {
    if (!block.has_summary) {
      walk(block.v);
      continue;
    }
    n += (differs(before, block.summary.first) ? 1 : 0) + double(block.summary.*count);
    before = block.summary.last;
  }
  walk(p.tail);
  return n;
}

template <typename Better>
double ExtremeOfSummaries(const Parts& p, double SampleSummary::*extreme, Better better) {
  double best = p.all.front();
  const auto see = [&](double x) {
    if (better(x, best) || std::isnan(best)) best = x;
  };
  for (const double x : p.head) see(x);
  for (const Block& block : p.blocks) {
    if (block.has_summary) {
      see(block.summary.*extreme);
    } else {
      for (const double x : block.v) see(x);
    }
  }
  for (const double x : p.tail) see(x);
  return best;
}

// --- comparing ---

int64_t Ordered(double v) {
  const auto bits = std::bit_cast<int64_t>(v);
  return bits < 0 ? std::numeric_limits<int64_t>::min() - bits : bits;
}

struct Differences {
  uint64_t windows = 0, differ = 0, other_kind = 0;  // kind: finite, +Inf, -Inf, NaN
  double ulps = 0;                                   // the most, of finite ones

  void See(double want, double got) {
    ++windows;
    if (std::isnan(want) && std::isnan(got)) return;
    if (std::bit_cast<uint64_t>(want) == std::bit_cast<uint64_t>(got)) return;
    ++differ;
    if (!std::isfinite(want) || !std::isfinite(got)) {
      ++other_kind;
    } else {
      const int64_t a = Ordered(want), b = Ordered(got);
      const uint64_t apart = a > b ? uint64_t(a) - uint64_t(b) : uint64_t(b) - uint64_t(a);
      ulps = std::max(ulps, double(apart));
    }
  }
  std::string Text() const {
    if (windows == 0) return "–";
    if (differ == 0) return "0";
    char text[96];
    std::snprintf(text, sizeof text, "%.3g %% (%.3g ulp%s)",
                  100.0 * double(differ) / double(windows), ulps,
                  other_kind > 0 ? ", other kind" : "");
    return text;
  }
};

struct Row {
  Differences tiles, summaries, sure, prefixes, double_prefixes, average, exact_averages;
  Differences growth, growth_few_resets, changes, resets, min, max;

  void See(const Parts& p, std::span<const double> series) {
    const double sum = query::SumOf(p.all), average = query::AverageOf(p.all);
    tiles.See(sum, SumOfTiles(p));
    summaries.See(sum, SumOfSummaries(p));
    prefixes.See(sum, SumByPrefixes(p, series));
    double_prefixes.See(sum, SumByDoublePrefixes(p, series));
    this->average.See(average, AverageOfSummaries(p));
    bool is_sure = false;
    const double sure_sum = SureSum(p, is_sure);
    if (is_sure) sure.See(sum, sure_sum);
    if (IsExactSum(p)) exact_averages.See(average, AverageOfSummaries(p));
    growth.See(Growth(p.all), GrowthOfSummaries(p, Resets::kAny));
    growth_few_resets.See(Growth(p.all), GrowthOfSummaries(p, Resets::kAtMostOne));
    changes.See(CountOf(p.all, Changed), CountOfSummaries(p, Changed, &SampleSummary::changes));
    resets.See(CountOf(p.all, Fell), CountOfSummaries(p, Fell, &SampleSummary::resets));
    min.See(query::MinOf(p.all),
            ExtremeOfSummaries(p, &SampleSummary::min, [](double a, double b) { return a < b; }));
    max.See(query::MaxOf(p.all),
            ExtremeOfSummaries(p, &SampleSummary::max, [](double a, double b) { return a > b; }));
  }
};

Parts PartsOf(std::span<const double> series, std::span<const Block> blocks, size_t lo, size_t hi) {
  Parts p;
  const size_t first = (lo + kBlock - 1) / kBlock, last = hi / kBlock;  // whole blocks
  p.all = series.subspan(lo, hi - lo);
  p.head = series.subspan(lo, first * kBlock - lo);
  p.blocks = blocks.subspan(first, last - first);
  p.tail = series.subspan(last * kBlock, hi - last * kBlock);
  return p;
}

Row Study(const DataClass& data, Random& random) {
  Row row;
  const std::vector<tsdb::TimestampMs> times(kBlock, 0);
  for (int s = 0; s < kSeries; ++s) {
    std::vector<double> series;
    double before = 0;
    while (series.size() < kBlock * kBlocks)
      series.push_back(before = data.next(random, series.size(), before));
    std::vector<Block> blocks(kBlocks);
    for (size_t b = 0; b < kBlocks; ++b) {
      blocks[b].v = std::span(series).subspan(b * kBlock, kBlock);
      blocks[b].has_summary = tsdb::Summarise(times, blocks[b].v, blocks[b].summary);
    }
    for (int w = 0; w < kWindows; ++w) {
      const size_t whole = 3 + random.Below(kBlocks - 5);  // at least so many blocks in it
      const size_t lo = random.Below((kBlocks - whole - 1) * kBlock);
      const size_t hi = std::min(lo + whole * kBlock + random.Below(kBlock), series.size());
      row.See(PartsOf(series, blocks, lo, hi), series);
    }
  }
  return row;
}

void Print(uint64_t seed) {
  std::vector<Row> rows;
  Random random(seed);
  for (const DataClass& data : kClasses) rows.push_back(Study(data, random));
  std::printf("seed %llu, %d windows a line\n\n", static_cast<unsigned long long>(seed),
              kSeries * kWindows);
  std::printf(
      "| sum_over_time, avg_over_time | prefixes | double prefixes | tiles | summaries | sure ones "
      "| of them wrong | avg of summaries | whole below 2^53 |\n"
      "|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& r = rows[i];
    const double sure = 100.0 * double(r.sure.windows) / double(r.summaries.windows);
    std::printf("| %s | %s | %s | %s | %s | %.4g %% | %s | %s | %s |\n", kClasses[i].name,
                r.prefixes.Text().c_str(), r.double_prefixes.Text().c_str(), r.tiles.Text().c_str(),
                r.summaries.Text().c_str(), sure, r.sure.Text().c_str(), r.average.Text().c_str(),
                r.exact_averages.Text().c_str());
  }
  std::printf(
      "\n| from summaries | growth | growth, at most one reset a block | changes | resets "
      "| min | max |\n|---|---:|---:|---:|---:|---:|---:|\n");
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& r = rows[i];
    std::printf("| %s | %s | %s | %s | %s | %s | %s |\n", kClasses[i].name, r.growth.Text().c_str(),
                r.growth_few_resets.Text().c_str(), r.changes.Text().c_str(),
                r.resets.Text().c_str(), r.min.Text().c_str(), r.max.Text().c_str());
  }
}

}  // namespace
}  // namespace slowburn::bench

int main(int argc, char** argv) {
  slowburn::bench::Print(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1);
  return 0;
}
