// ColumnMorsels: the columns of many series, worked out by several threads, taken in order by one.
//
//   if (ColumnMorsels::AreWorthIt(ctx, series, steps, samples)) {
//     morsels.emplace(ctx, series, steps);
//     RETURN_IF_ERROR(morsels->Start([&](size_t i, size_t worker, Column& out) { … }));
//   }
//   …
//   RETURN_IF_ERROR(morsels->Take(i, out));  // for each i, ascending
//
// Threads: Start and Take on the query's own; `fill` on any, see Morsels. Lifetimes: the context
// and what `fill` refers to outlive it; the destructor waits for those that are at work.
#ifndef SLOWBURN_QUERY_EXEC_COLUMN_MORSELS_H_
#define SLOWBURN_QUERY_EXEC_COLUMN_MORSELS_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "query/exec/column.h"
#include "query/exec/morsels.h"
#include "query/exec/query_context.h"
#include "query/query_memory.h"

namespace slowburn::query {

class ColumnMorsels {
 public:
  // Fills the column of series i, which was reset. What else it makes of the series it may keep in
  // place_of(i), and what a thread works with by `worker`.
  using Fill = std::function<absl::Status(size_t i, size_t worker, Column& out)>;

  // Whether there are other threads, the query is not counted step by step, and the work is more
  // than handing it out. `samples`: of a series, about.
  static bool AreWorthIt(const QueryContext& ctx, size_t series, size_t steps, size_t samples);
  // About how many samples a series has in that time.
  static size_t SamplesIn(DurationMs extent);

  ColumnMorsels(QueryContext& ctx, size_t series, size_t steps);

  // Of the query's memory: kResourceExhausted when there is not enough.
  absl::Status Start(Fill fill);
  // Swaps the column of series i into `out`. Each series once, in order.
  absl::Status Take(size_t i, Column& out);

  size_t workers() const { return limits_.threads; }
  // Places of the series that are under way; that of series i is its own until i + 1 is taken.
  size_t places() const { return limits_.ahead * per_morsel_; }
  size_t place_of(size_t i) const { return i % places(); }

 private:
  struct Result {
    std::vector<Column> columns;
    absl::Status status;
  };
  void Work(size_t number, size_t worker, const Fill& fill);

  QueryContext& ctx_;
  const size_t series_, steps_;
  const Morsels::Limits limits_;
  const size_t per_morsel_;
  MemoryHold held_;
  std::vector<Result> results_;     // of the morsels that are under way
  std::optional<Morsels> morsels_;  // goes first
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_COLUMN_MORSELS_H_
