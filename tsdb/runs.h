// Runs: a set of series numbers as ascending ranges. In order of labels the series of a metric are
// one range, those of a job a few: most sets are short this way, however many series they hold.
#ifndef SLOWBURN_TSDB_RUNS_H_
#define SLOWBURN_TSDB_RUNS_H_

#include <cstdint>
#include <vector>

namespace slowburn::tsdb {

struct Run {  // [begin, end), never empty
  uint32_t begin = 0, end = 0;
  friend bool operator==(const Run&, const Run&) = default;
};
using Runs = std::vector<Run>;  // ascending, neither overlapping nor touching

// REQUIRES: run.begin is not before any begin so far. Joins what touches or overlaps.
void AppendRun(Runs& runs, Run run);
// From runs in any order, which may overlap.
Runs NormaliseRuns(Runs runs);
Runs Intersection(const Runs& a, const Runs& b);
Runs Difference(const Runs& a, const Runs& without);
uint64_t CountOf(const Runs& runs);
bool Contains(const Runs& runs, uint32_t number);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_RUNS_H_
