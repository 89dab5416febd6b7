// What tsdb_crash_child writes, and db_crash_test looks for.
#ifndef SLOWBURN_TESTS_TSDB_CRASH_CHILD_H_
#define SLOWBURN_TESTS_TSDB_CRASH_CHILD_H_

#include <string>

#include "tsdb/db.h"

namespace slowburn::tsdb {

// Commit number n has the value n at time kCrashZero + n in so many shared series, and in one of
// its own.
inline constexpr int kCrashSeries = 40;
inline constexpr TimestampMs kCrashZero = 1'700'000'000'000;

inline DbOptions CrashOptions(const std::string& path, WalSync sync) {
  DbOptions options;
  options.path = path;
  options.wal_sync = sync;
  options.wal_sync_interval_ms = 20;
  return options;
}

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_CRASH_CHILD_H_
