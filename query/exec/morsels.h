// Morsels: numbered pieces of work that several threads do and one thread takes, in order.
//
//   Morsels morsels(helpers, count, {.threads = 2, .ahead = 4},
//                   [&](size_t morsel, size_t worker) { … });
//   for (size_t m = 0; m < count; ++m) {
//     morsels.Finish(m);
//     …
//   }
//
// The taker works too, so that nothing depends on a helper ever running. `worker` is below
// `threads`, and no two calls with one worker overlap: it names the state that a thread may use. A
// morsel begins only when the one `ahead` places before it was finished and the next one asked for:
// results need only `ahead` places.
//
// Threads: one taker; work runs on its thread and on those of `helpers`. Lifetimes: `helpers`
// outlives it; the destructor returns when no helper works for it, and none will.
#ifndef SLOWBURN_QUERY_EXEC_MORSELS_H_
#define SLOWBURN_QUERY_EXEC_MORSELS_H_

#include <cstddef>
#include <functional>
#include <memory>

#include "base/executor.h"

namespace slowburn::query {

class Morsels {
 public:
  using Work = std::function<void(size_t morsel, size_t worker)>;
  struct Limits {
    size_t threads = 1;  // the taker is one of them
    size_t ahead = 1;    // > 0
  };

  Morsels(base::Executor& helpers, size_t count, Limits limits, Work work);
  ~Morsels();
  Morsels(const Morsels&) = delete;
  Morsels& operator=(const Morsels&) = delete;

  // Returns when the morsel is done, and with it all before it. REQUIRES: ascending.
  void Finish(size_t morsel);

 private:
  struct State;
  void CallHelpers();

  base::Executor& helpers_;
  const std::shared_ptr<State> state_;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_EXEC_MORSELS_H_
