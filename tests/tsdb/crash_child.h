// What tsdb_crash_child writes, and db_crash_test looks for.
#ifndef SLOWBURN_TESTS_TSDB_CRASH_CHILD_H_
#define SLOWBURN_TESTS_TSDB_CRASH_CHILD_H_

#include <string>

#include "tsdb/db.h"

namespace slowburn::tsdb {

// Commit number n has the value n at CrashTime(n) in so many shared series and in one of its own,
// and at LateCrashTime(n), which is out of order, in the first of the shared ones.
inline constexpr int kCrashSeries = 40;
inline constexpr int kCrashSamples = kCrashSeries + 2;
inline constexpr TimestampMs kCrashZero = 1'700'000'000'000;
inline constexpr DurationMs kCrashStep = 30 * base::kSecond;
inline TimestampMs CrashTime(int n) { return kCrashZero + n * kCrashStep; }
inline TimestampMs LateCrashTime(int n) { return CrashTime(n - 20) + 1; }

inline DbOptions CrashOptions(const std::string& path, WalSync sync) {
  DbOptions options;
  options.path = path;
  options.wal_sync = sync;
  options.wal_sync_interval_ms = 20;
  options.retention_ms = 0;
  options.out_of_order_window_ms = base::kHour;
  options.background = false;
  return options;
}

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_CRASH_CHILD_H_
