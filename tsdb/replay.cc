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

RecordReplayer::RecordReplayer(Head& head, TimestampMs retain_from,
                               std::shared_ptr<const BlockView> view)
    : head_(head),
      retain_from_(retain_from),
      sealed_(view),
      mark_(view == nullptr ? SealMark() : view->mark()),
      commit_(head.published()) {}

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
  unmade_.erase(it);
  return *slot;
}

Slot RecordReplayer::SlotOf(uint32_t id) {
  const Slot slot = slots_.Find(id);
  return slot != kNoSlot ? slot : Make(id);
}

// The series may have no sample that is kept: all may be in blocks.
void RecordReplayer::KeepExemplar(uint32_t id, Exemplar exemplar) {
  if (exemplar.t < retain_from_) return;
  ExemplarRing::Staged staged{SlotOf(id), std::move(exemplar)};
  if (staged.slot == kNoSlot) return;
  if (head_.exemplars().Judge(staged) != ExemplarRing::Verdict::kStore) return;
  head_.ReplayWithoutSamples(staged.slot, staged.exemplar.t);
  head_.exemplars().Publish(staged.slot, std::move(staged.exemplar), commit_);
}

// Of a sample that came after the seal: blocks may have newer ones of its series, or have it too.
bool RecordReplayer::IsInBlocks(Slot slot, TimestampMs t, uint64_t bits,
                                const HistogramPtr& histogram) {
  const Series& series = head_.series()[slot];
  if (!series.Is(Series::kHasSamples)) {
    const std::optional<NewestSample> newest = sealed_.Newest(head_.LabelsOf(slot), retain_from_);
    if (!newest.has_value()) return false;
    head_.SetNewest(slot, *newest);
  }
  if (t > series.newest.load(std::memory_order_relaxed)) return false;
  return sealed_.Compare(head_.LabelsOf(slot), t, bits, histogram) == Head::Stored::kEqual;
}

bool RecordReplayer::Keep(uint32_t id, TimestampMs t, uint64_t bits, const HistogramPtr& histogram,
                          TimestampMs start) {
  if (t < retain_from_ || IsSealed(t)) return false;
  const Slot slot = SlotOf(id);
  if (slot == kNoSlot) return false;
  if (t < mark_.until && IsInBlocks(slot, t, bits, histogram)) return false;
  head_.Replay(slot, t, bits, histogram, start, commit_);
  return true;
}

uint64_t RecordReplayer::Apply(const LogKey& key, CommitRecord& record, TimestampMs& newest) {
  if (key.partition != partition_ || record.run != run_) {
    slots_.Clear();
    unmade_.clear();
    partition_ = key.partition;
    run_ = record.run;
  }
  record_is_sealed_ = key.sequence <= mark_.sequence;
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
  if (record.forgets_exemplars) head_.exemplars().Clear();
  for (CommitRecord::SeriesExemplar& one : record.exemplars) {
    newest = std::max(newest, one.exemplar.t);
    KeepExemplar(one.id, std::move(one.exemplar));
  }
  for (const MetricMetadata& one : record.metadata) head_.SetMetadata(one.metric, one.metadata);
  // By now they have samples.
  head_.Release(made_);
  made_.clear();
  return kept;
}

ReplayResult Replay(const CommitLog& log, Head& head, TimestampMs retain_from,
                    std::shared_ptr<const BlockView> view,
                    const std::function<void(uint64_t done, uint64_t total)>& progress) {
  ReplayResult result;
  // The log may have been dropped up to the mark.
  if (view != nullptr) result.log.next_sequence = view->mark().sequence + 1;
  LogKey first, last;
  if (!log.Bounds(first, last)) return result;
  RecordReplayer replayer(head, retain_from, std::move(view));
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
    Committer::LogState::Partition& partition = result.log.partitions[key.partition];
    partition.last_sequence = key.sequence;
    result.samples += replayer.Apply(key, record, partition.newest);
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
