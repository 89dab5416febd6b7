#include "tsdb/replay.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kAhead = 16;  // series fetched before their samples are added
constexpr uint64_t kRecordsPerReport = 256;
constexpr uint64_t kReportedFaults = 10;  // further ones are only counted

// Distance of a record from the first one, in records written.
uint64_t Distance(const LogKey& first, const LogKey& key) {
  return key.sequence > first.sequence ? key.sequence - first.sequence : 0;
}

}  // namespace

void RecordReplayer::SlotMap::Set(uint32_t id, Slot slot) {
  const size_t page = id / kPerPage;
  if (page >= pages_.size()) pages_.resize(page + 1);
  if (pages_[page] == nullptr) {
    pages_[page] = std::make_unique<std::array<Slot, kPerPage>>();
    pages_[page]->fill(kNoSlot);
  }
  (*pages_[page])[id % kPerPage] = slot;
}

Slot RecordReplayer::Make(uint32_t id) {
  const auto it = unmade_.find(id);
  if (it == unmade_.end()) return kNoSlot;
  bool reserved = false;
  const absl::StatusOr<Slot> slot = head_.Resolve(it->second, reserved, Head::Origin::kLogged);
  if (!slot.ok()) return kNoSlot;
  if (reserved) made_.push_back(*slot);
  slots_.Set(id, *slot);
  if (const auto waiting = waiting_.find(it->second); waiting != waiting_.end()) {
    for (Exemplar& exemplar : waiting->second) KeepExemplar(*slot, std::move(exemplar));
    waiting_.erase(waiting);
  }
  unmade_.erase(it);
  return *slot;
}

void RecordReplayer::KeepExemplar(Slot slot, Exemplar exemplar) {
  ExemplarRing::Staged staged{slot, std::move(exemplar)};
  if (head_.exemplars().Judge(staged) != ExemplarRing::Verdict::kStore) return;
  head_.exemplars().Publish(staged.slot, std::move(staged.exemplar), commit_);
}

bool RecordReplayer::Keep(uint32_t id, TimestampMs t, uint64_t bits, const HistogramPtr& histogram,
                          TimestampMs start) {
  if (t < retain_from_) return false;
  Slot slot = slots_.Find(id);
  if (slot == kNoSlot) slot = Make(id);
  if (slot == kNoSlot) return false;
  head_.Replay(slot, t, bits, histogram, start, commit_);
  return true;
}

uint64_t RecordReplayer::Apply(uint32_t partition, CommitRecord& record, TimestampMs& newest) {
  if (partition != partition_ || record.run != run_) {
    slots_.Clear();
    unmade_.clear();
    partition_ = partition;
    run_ = record.run;
  }
  for (CommitRecord::SeriesDefinition& series : record.series) {
    if (slots_.Find(series.id) != kNoSlot) slots_.Set(series.id, kNoSlot);
    unmade_[series.id] = series.labels;
  }
  uint64_t kept = 0;
  const size_t n = record.samples.size();
  for (size_t i = 0; i < n; ++i) {
    if (i + kAhead < n)
      head_.Prefetch(slots_.Find(record.samples[i + kAhead].id), Head::Fetch::kSeries);
    if (i + kAhead / 2 < n)
      head_.Prefetch(slots_.Find(record.samples[i + kAhead / 2].id), Head::Fetch::kChunk);
    const CommitRecord::FloatSample& s = record.samples[i];
    newest = std::max(newest, s.t);
    kept += Keep(s.id, s.t, s.bits, nullptr, s.start);
  }
  for (const CommitRecord::HistogramSample& s : record.histograms) {
    newest = std::max(newest, s.t);
    kept += Keep(s.id, s.t, 0, s.histogram, s.start);
  }
  for (CommitRecord::SeriesExemplar& one : record.exemplars) {
    if (one.exemplar.t < retain_from_) continue;
    if (const Slot slot = slots_.Find(one.id); slot != kNoSlot) {
      KeepExemplar(slot, std::move(one.exemplar));
    } else if (const auto it = unmade_.find(one.id); it != unmade_.end()) {
      const Slot older = head_.FindLive(it->second);  // made in an earlier partition or run
      if (older != kNoSlot) {
        KeepExemplar(older, std::move(one.exemplar));
      } else {
        waiting_[it->second].push_back(std::move(one.exemplar));
      }
    }
  }
  for (const MetricMetadata& one : record.metadata) head_.SetMetadata(one.metric, one.metadata);
  // By now they have samples.
  head_.Release(made_);
  made_.clear();
  return kept;
}

ReplayResult Replay(const CommitLog& log, Head& head, TimestampMs retain_from,
                    const std::function<void(uint64_t done, uint64_t total)>& progress) {
  ReplayResult result;
  LogKey first, last;
  if (!log.Bounds(first, last)) return result;
  RecordReplayer replayer(head, retain_from);
  CommitRecord record;
  head.RetainFrom(retain_from);
  uint64_t max_run = 0;
  const LogScan scan = log.Scan([&](const LogKey& key, std::string_view bytes) {
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
    for (const std::string& fault : scan.faults) base::Error(fault);
  }
  result.unreadable += scan.unreadable;
  result.log.run = max_run + 1;
  if (progress) progress(Distance(first, last), Distance(first, last));
  return result;
}

}  // namespace slowburn::tsdb
