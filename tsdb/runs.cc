#include "tsdb/runs.h"

#include <algorithm>

namespace slowburn::tsdb {

void AppendRun(Runs& runs, Run run) {
  if (!runs.empty() && run.begin <= runs.back().end) {
    runs.back().end = std::max(runs.back().end, run.end);
  } else {
    runs.push_back(run);
  }
}

Runs NormaliseRuns(Runs runs) {
  const auto before = [](const Run& a, const Run& b) { return a.begin < b.begin; };
  if (!std::is_sorted(runs.begin(), runs.end(), before))
    std::sort(runs.begin(), runs.end(), before);
  Runs out;
  out.reserve(runs.size());
  for (const Run& run : runs) AppendRun(out, run);
  return out;
}

Runs Intersection(const Runs& a, const Runs& b) {
  Runs out;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const Run common{std::max(a[i].begin, b[j].begin), std::min(a[i].end, b[j].end)};
    if (common.begin < common.end) out.push_back(common);
    if (a[i].end < b[j].end) {
      ++i;
    } else {
      ++j;
    }
  }
  return out;
}

Runs Difference(const Runs& a, const Runs& without) {
  Runs out;
  size_t j = 0;
  for (Run run : a) {
    while (j < without.size() && without[j].end <= run.begin) ++j;
    for (size_t k = j; k < without.size() && without[k].begin < run.end; ++k) {
      if (run.begin < without[k].begin) out.push_back({run.begin, without[k].begin});
      run.begin = std::min(run.end, without[k].end);
    }
    if (run.begin < run.end) out.push_back(run);
  }
  return out;
}

uint64_t CountOf(const Runs& runs) {
  uint64_t count = 0;
  for (const Run& run : runs) count += run.end - run.begin;
  return count;
}

bool Contains(const Runs& runs, uint32_t number) {
  const auto after = std::upper_bound(runs.begin(), runs.end(), number,
                                      [](uint32_t n, const Run& run) { return n < run.begin; });
  return after != runs.begin() && number < std::prev(after)->end;
}

}  // namespace slowburn::tsdb
