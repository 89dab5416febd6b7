#include "tsdb/replay.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace slowburn::tsdb {
namespace {

constexpr uint64_t kRecordsPerReport = 256;
constexpr uint64_t kReportedFaults = 10;  // further ones are only counted

// Distance of a record from the first one, in records written.
uint64_t Distance(const LogKey& first, const LogKey& key) {
  return key.sequence > first.sequence ? key.sequence - first.sequence : 0;
}

}  // namespace

bool RecordReplayer::Keep(uint32_t id, TimestampMs t, uint64_t bits, const HistogramPtr& histogram,
                          TimestampMs start) {
  if (t < retain_from_) return false;
  const auto it = names_.find(id);
  if (it == names_.end()) return false;
  Named& named = it->second;
  bool reserved = false;
  if (named.slot == kNoSlot) {
    const absl::StatusOr<Slot> slot = head_.Resolve(named.labels, reserved);
    if (!slot.ok()) return false;
    named.slot = *slot;
    named.labels = Labels();
  }
  head_.Replay(named.slot, t, bits, histogram, start, head_.published());
  if (reserved) head_.Release({&named.slot, 1});
  return true;
}

uint64_t RecordReplayer::Apply(uint32_t partition, CommitRecord& record, TimestampMs& newest) {
  if (partition != partition_ || record.run != run_) {
    names_.clear();
    partition_ = partition;
    run_ = record.run;
  }
  for (CommitRecord::SeriesDefinition& series : record.series)
    names_[series.id] = {kNoSlot, series.labels};
  uint64_t kept = 0;
  for (const CommitRecord::FloatSample& s : record.samples) {
    newest = std::max(newest, s.t);
    kept += Keep(s.id, s.t, s.bits, nullptr, s.start);
  }
  for (const CommitRecord::HistogramSample& s : record.histograms) {
    newest = std::max(newest, s.t);
    kept += Keep(s.id, s.t, 0, s.histogram, s.start);
  }
  for (CommitRecord::SeriesExemplar& one : record.exemplars) {
    const auto it = names_.find(one.id);
    if (it == names_.end() || it->second.slot == kNoSlot || one.exemplar.t < retain_from_) continue;
    ExemplarRing::Staged staged{it->second.slot, std::move(one.exemplar)};
    if (head_.exemplars().Judge(staged) != ExemplarRing::Verdict::kStore) continue;
    head_.exemplars().Publish(staged.slot, std::move(staged.exemplar), head_.published());
  }
  for (const MetricMetadata& one : record.metadata) head_.SetMetadata(one.metric, one.metadata);
  return kept;
}

ReplayResult Replay(const RocksLog& log, Head& head, TimestampMs retain_from,
                    const std::function<void(uint64_t done, uint64_t total)>& progress) {
  ReplayResult result;
  LogKey first, last;
  if (!log.Bounds(first, last)) return result;
  RecordReplayer replayer(head, retain_from);
  CommitRecord record;
  head.RetainFrom(retain_from);
  uint64_t max_run = 0;
  const RocksLog::ScanResult scan = log.Scan([&](const LogKey& key, std::string_view bytes) {
    if (progress && result.records % kRecordsPerReport == 0)
      progress(Distance(first, key), Distance(first, last));
    ++result.records;
    result.log.next_sequence = std::max(result.log.next_sequence, key.sequence + 1);
    result.log.partition = std::max(result.log.partition, key.partition);
    if (const absl::Status status = DecodeRecord(bytes, record); !status.ok()) {
      if (++result.unreadable <= kReportedFaults) {
        base::Error("a record of the log is unreadable and was left out",
                    {{"partition", key.partition}, {"sequence", key.sequence}, {"error", status}});
      }
      return;
    }
    max_run = std::max(max_run, record.run);
    TimestampMs& newest =
        result.log.newest_by_partition.try_emplace(key.partition, kMinTime).first->second;
    result.samples += replayer.Apply(key.partition, record, newest);
  });
  if (scan.unreadable > 0) {
    base::Error("parts of the log are damaged and were left out", {{"places", scan.unreadable}});
  }
  result.unreadable += scan.unreadable;
  result.log.run = max_run + 1;
  if (progress) progress(Distance(first, last), Distance(first, last));
  return result;
}

}  // namespace slowburn::tsdb
