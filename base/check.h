// CHECK and DCHECK: our own bugs, never the user's input and never the disk (those get an
// absl::Status).
//
// CHECK stays on in release builds, so it guards only what is cheap to test. The message begins
// with "BUG:".
#ifndef SLOWBURN_BASE_CHECK_H_
#define SLOWBURN_BASE_CHECK_H_

#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                                     \
  do {                                                                                       \
    if (!(condition)) [[unlikely]] {                                                         \
      std::fprintf(stderr, "BUG: %s:%d: CHECK failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)

#ifdef NDEBUG
#define DCHECK(condition) \
  do {                    \
    if (false) {          \
      (void)(condition);  \
    }                     \
  } while (false)
#else
#define DCHECK(condition) CHECK(condition)
#endif

#endif  // SLOWBURN_BASE_CHECK_H_
