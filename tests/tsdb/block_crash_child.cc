// tsdb_block_crash_child DIRECTORY FIRST: writes, rewrites and deletes in blocks from batch FIRST
// on until it is killed. Each number is written to standard output, as an int, when its batch was
// committed.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/log.h"
#include "base/status_macros.h"
#include "tests/tsdb/block_crash.h"

namespace slowburn::tsdb {
namespace {

absl::Status Delete(BlockStore& store, int n) {
  if (n % kDeleteEvery != 0) return absl::OkStatus();
  const std::string own = std::to_string(n - kDeletedBefore);
  return store.Delete({Matcher::Equal("n", own)}, {}).status();
}

absl::Status Rewrite(BlockStore& store, int n) {
  if (n % kRewriteEvery != 0) return absl::OkStatus();
  const auto go_on = [] { return true; };
  absl::StatusOr<bool> more = true;
  while (more.ok() && *more)
    more = store.Rewrite(n % 2 == 0 ? kCrashStart : kCrashStart + 3 * base::kDay, 0, go_on);
  return more.status();
}

absl::Status WriteBatch(BlockStore& store, int n) {
  const std::unique_ptr<BlockBatch> batch = store.NewBatch();
  const double value = n;
  ASSIGN_OR_RETURN(BlockWriter * shared, batch->NewBlock(CrashPartition(0), Temperature::kHot, {}));
  const TimestampMs t = CrashPartition(0).start + n;
  for (int i = 0; i < kCrashSharedSeries; ++i) {
    RETURN_IF_ERROR(shared->AddSeries(Labels{{"i", std::to_string(100 + i)}}));
    RETURN_IF_ERROR(shared->AddSamples({{&t, 1}, {&value, 1}}));
  }
  ASSIGN_OR_RETURN(BlockWriter * own, batch->NewBlock(CrashPartition(1), Temperature::kHot, {}));
  const TimestampMs own_t = CrashPartition(1).start + n;
  RETURN_IF_ERROR(own->AddSeries(Labels{{"n", std::to_string(n)}}));
  RETURN_IF_ERROR(own->AddSamples({{&own_t, 1}, {&value, 1}}));
  return batch->Commit({kCrashStart, static_cast<uint64_t>(n)});
}

int Run(const char* directory, int first) {
  base::SetLogLevel(base::LogLevel::kWarn);
  const auto store = BlockStore::Open(directory, nullptr);
  absl::Status status = store.status();
  for (int n = first; status.ok(); ++n) {
    status = Delete(**store, n);
    if (status.ok()) status = Rewrite(**store, n);
    if (status.ok()) status = WriteBatch(**store, n);
    if (status.ok() && write(STDOUT_FILENO, &n, sizeof(n)) != static_cast<ssize_t>(sizeof(n)))
      return 1;
  }
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}

}  // namespace
}  // namespace slowburn::tsdb

int main(int argc, char** argv) {
  return argc == 3 ? slowburn::tsdb::Run(argv[1], std::atoi(argv[2])) : 2;
}
