// tsdb_crash_child DIRECTORY FIRST SYNC: commits numbers from FIRST on until it is killed. Each
// number is written to standard output, as an int, when its commit was acknowledged.
#include "tests/tsdb/crash_child.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/log.h"
#include "prometheus/registry.h"
#include "tests/testing/fake_clock.h"

namespace slowburn::tsdb {
namespace {

absl::Status WriteCommit(Db& db, int n) {
  const auto appender = db.NewAppender();
  for (int i = 0; i < kCrashSeries; ++i) {
    const auto ref =
        appender->Resolve(Labels{{"__name__", "shared"}, {"i", std::to_string(i)}}, nullptr);
    if (!ref.ok()) return ref.status();
    appender->Append(*ref, kCrashZero + n, n);
  }
  const auto own =
      appender->Resolve(Labels{{"__name__", "own"}, {"n", std::to_string(n)}}, nullptr);
  if (!own.ok()) return own.status();
  appender->Append(*own, kCrashZero + n, n);
  return appender->Commit().status();
}

int Run(const char* directory, int first, WalSync sync) {
  base::SetLogLevel(base::LogLevel::kWarn);
  testing::FakeClock clock(kCrashZero);
  prometheus::Registry registry;
  const auto db = Db::Open(CrashOptions(directory, sync), clock, registry);
  absl::Status status = db.status();
  for (int n = first; status.ok(); ++n) {
    clock.Set(kCrashZero + n);
    status = WriteCommit(**db, n);
    if (status.ok() && write(STDOUT_FILENO, &n, sizeof(n)) != static_cast<ssize_t>(sizeof(n)))
      return 1;
  }
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace slowburn::tsdb

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  return slowburn::tsdb::Run(argv[1], std::atoi(argv[2]),
                             static_cast<slowburn::tsdb::WalSync>(std::atoi(argv[3])));
}
