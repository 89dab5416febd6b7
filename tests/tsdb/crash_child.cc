// tsdb_crash_child DIRECTORY FIRST SYNC SEALS: commits numbers from FIRST on until it is killed.
// Each number is written to standard output, as an int, when its commit was acknowledged. With
// SEALS 1 another thread seals and rewrites all the time.
#include "tests/tsdb/crash_child.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

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
    appender->Append(*ref, CrashTime(n), n);
    if (i == 0) appender->Append(*ref, LateCrashTime(n), n);
  }
  const auto own =
      appender->Resolve(Labels{{"__name__", "own"}, {"n", std::to_string(n)}}, nullptr);
  if (!own.ok()) return own.status();
  appender->Append(*own, CrashTime(n), n);
  const auto result = appender->Commit();
  if (!result.ok()) return result.status();
  return result->rejected.empty() ? absl::OkStatus() : absl::InternalError("a sample was rejected");
}

[[noreturn]] void SealForEver(Db& db) {
  while (true) {
    absl::Status status = db.Seal(Db::SealWhat::kAll, Db::OldReaders::kWait);
    if (status.ok()) status = db.RewriteBlocks().status();
    if (status.ok()) continue;
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    std::_Exit(1);
  }
}

int Run(const char* directory, int first, WalSync sync, bool seals) {
  base::SetLogLevel(base::LogLevel::kWarn);
  testing::FakeClock clock(CrashTime(first));
  prometheus::Registry registry;
  const auto db = Db::Open(CrashOptions(directory, sync), clock, registry);
  absl::Status status = db.status();
  std::thread sealer;
  if (status.ok() && seals) sealer = std::thread([&db] { SealForEver(**db); });
  for (int n = first; status.ok(); ++n) {
    clock.Set(CrashTime(n));
    status = WriteCommit(**db, n);
    if (status.ok() && write(STDOUT_FILENO, &n, sizeof(n)) != static_cast<ssize_t>(sizeof(n)))
      break;
  }
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::_Exit(1);
}

}  // namespace
}  // namespace slowburn::tsdb

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  return slowburn::tsdb::Run(argv[1], std::atoi(argv[2]),
                             static_cast<slowburn::tsdb::WalSync>(std::atoi(argv[3])),
                             argv[4][0] == '1');
}
