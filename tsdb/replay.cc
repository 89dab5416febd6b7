#include "tsdb/replay.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/log.h"
#include "tsdb/record_parts.h"
#include "tsdb/record_replayer.h"

namespace slowburn::tsdb {
namespace {

constexpr unsigned kMaxThreads = 8;  // more would wait for the one that reads
constexpr uint64_t kRecordsPerReport = 256;
constexpr uint64_t kReportedFaults = 10;  // further ones are only counted

// Distance of a record from the first one, in records written.
uint64_t Distance(const LogKey& first, const LogKey& key) {
  return key.sequence > first.sequence ? key.sequence - first.sequence : 0;
}

// Besides the caller.
size_t HelpingThreads() {
  return std::clamp(std::thread::hardware_concurrency(), 1U, kMaxThreads) - 1;
}

}  // namespace

ReplayResult Replay(const CommitLog& log, Head& head, TimestampMs retain_from,
                    std::shared_ptr<const BlockView> view,
                    const std::function<void(uint64_t done, uint64_t total)>& progress) {
  ReplayResult result;
  // The log may have been dropped up to the mark.
  if (view != nullptr) result.log.next_sequence = view->mark().sequence + 1;
  LogKey first, last;
  if (!log.Bounds(first, last)) return result;
  RecordReplayer replayer(head, retain_from, std::move(view), HelpingThreads());
  RecordParts record;
  head.RetainFrom(retain_from);
  uint64_t max_run = 0;
  const LogScan scan = log.Scan([&](const LogKey& key, std::string_view bytes) {
    if (progress && result.records % kRecordsPerReport == 0)
      progress(Distance(first, key), Distance(first, last));
    ++result.records;
    result.log.next_sequence = std::max(result.log.next_sequence, key.sequence + 1);
    result.log.partition = std::max(result.log.partition, key.partition);
    RecordReplayer::Times times;
    absl::Status status = SplitRecord(bytes, record);
    if (status.ok()) status = replayer.Apply(key, record, times);
    if (!status.ok()) {
      if (++result.unreadable <= kReportedFaults) {
        base::Error("a record of the log is unreadable and was left out",
                    {{"partition", key.partition}, {"sequence", key.sequence}, {"error", status}});
      }
      return;
    }
    max_run = std::max(max_run, record.run);
    Committer::LogState::Partition& partition = result.log.partitions[key.partition];
    partition.last_sequence = key.sequence;
    partition.newest = std::max(partition.newest, times.newest);
    partition.newest_exemplar = std::max(partition.newest_exemplar, times.newest_exemplar);
  });
  result.samples = replayer.Finish();
  if (scan.unreadable > 0) {
    base::Error("parts of the log are damaged and were left out", {{"places", scan.unreadable}});
    for (const std::string& fault : scan.faults) base::Error(fault);
  }
  result.unreadable += scan.unreadable;
  result.log.run = max_run + 1;
  if (progress) progress(Distance(first, last), Distance(first, last));
  return result;
}

}  // namespace slowburn::tsdb
