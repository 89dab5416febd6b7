// RunWithStack: runs a function on a stack that is deep enough for it.
//
//   RETURN_IF_ERROR(base::RunWithStack(levels * kBytesPerLevel, [&] { answer = Walk(tree); }));
//
// For walks over trees that are deeper than a thread's own stack allows. What fits into
// kOwnStackBytes runs right here; else a thread is made for it, of which only the pages that are
// used take memory, and waited for.
//
// Threads: thread-safe; `run` is over when it returns. What it throws is thrown here.
// kResourceExhausted: no such stack is to be had, and `run` was not called.
#ifndef SLOWBURN_BASE_DEEP_STACK_H_
#define SLOWBURN_BASE_DEEP_STACK_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace slowburn::base {

// What every thread of this program may be asked to hold beside what it is in already.
inline constexpr size_t kOwnStackBytes = size_t{4} << 20;

absl::Status RunWithStack(size_t bytes, absl::FunctionRef<void()> run);

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_DEEP_STACK_H_
