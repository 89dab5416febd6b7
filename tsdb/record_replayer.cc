#include "tsdb/record_replayer.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace slowburn::tsdb {
namespace {

// A window grows with the head, so that it is small beside it, and has some samples of each series.
constexpr size_t kWindowBytesPerSeries = 48;
constexpr size_t kMinWindowBytes = size_t{1} << 20, kMaxWindowBytes = size_t{64} << 20;

}  // namespace

RecordReplayer::RecordReplayer(Head& head, TimestampMs retain_from,
                               std::shared_ptr<const BlockView> view, size_t threads)
    : head_(head),
      retain_from_(retain_from),
      sealed_(view),
      mark_(view == nullptr ? SealMark() : view->mark()),
      workers_(head, *this, threads) {}

RecordReplayer::~RecordReplayer() { Finish(); }

// Looks at all samples, and where the names are known finds runs of them. False when they make no
// sense.
bool RecordReplayer::Scan(const RecordParts& record, bool names_are_known) {
  min_t_ = kMaxTime, max_t_ = kMinTime;
  runs_.clear();
  unknown_.clear();
  SampleSection in(record.samples);
  StartSection starts(record.starts);
  SampleSection::Sample sample;
  for (;;) {
    const uint64_t at = in.offset();
    const TimestampMs before = in.time();
    if (!in.Skip(sample)) break;
    min_t_ = std::min(min_t_, sample.t);
    max_t_ = std::max(max_t_, sample.t);
    if (!record.starts.empty()) starts.Next(sample.t);
    if (names_are_known) AddRun(sample, at, before);
  }
  return in.ok() && starts.ok();
}

void RecordReplayer::AddRun(const SampleSection::Sample& sample, uint64_t at, TimestampMs before) {
  const Slot slot = names_.Find(sample.id);
  if (slot == kNoSlot) {
    unknown_.push_back(sample.id);
    runs_.push_back({at, before, kNoSlot, 0});  // what follows is not of the run before
    return;
  }
  ReplayWindow::Run* const last = runs_.empty() ? nullptr : &runs_.back();
  if (last != nullptr && last->first + last->count == slot && last->count > 0 &&
      slot % ReplayWindow::kStripe != 0) {
    ++last->count;
  } else if (last != nullptr && last->count == 0) {
    *last = {at, before, slot, 1};
  } else {
    runs_.push_back({at, before, slot, 1});
  }
}

Slot RecordReplayer::SlotOf(uint32_t id) {
  const Slot slot = names_.Find(id);
  if (slot != kNoSlot) return slot;
  names_.Make({&id, 1}, head_);
  return names_.Find(id);
}

absl::Status RecordReplayer::Apply(const LogKey& key, RecordParts& record, Times& times) {
  const bool same_names = key.partition == partition_ && record.run == run_;
  const bool names_are_known = same_names && record.series.empty();
  if (!Scan(record, names_are_known)) return MalformedSamples();
  if (!same_names) names_.Clear();
  partition_ = key.partition;
  run_ = record.run;
  keep_from_ = key.sequence <= mark_.sequence ? std::max(retain_from_, mark_.until) : retain_from_;
  names_.Define(record);
  times.newest = std::max(times.newest, max_t_);
  if (!record.samples.empty() && max_t_ >= keep_from_) {
    const bool all_alike = record.starts.empty() && min_t_ >= std::max(keep_from_, mark_.until);
    if (all_alike && !names_are_known) Scan(record, true);
    if (all_alike) {
      TakeSamples(record);
    } else {
      TakeOneByOne(record);
    }
  }
  for (const CommitRecord::HistogramSample& one : record.histograms) {
    times.newest = std::max(times.newest, one.t);
    TakeHistogram(one);
  }
  if (record.forgets_exemplars) head_.exemplars().Clear();
  for (CommitRecord::SeriesExemplar& one : record.exemplars) {
    times.newest_exemplar = std::max(times.newest_exemplar, one.exemplar.t);
    TakeExemplar(one);
  }
  for (const MetricMetadata& one : record.metadata) head_.SetMetadata(one.metric, one.metadata);
  names_.EndRecord();
  const size_t limit =
      std::clamp(head_.series().end() * kWindowBytesPerSeries, kMinWindowBytes, kMaxWindowBytes);
  if (workers_.window().bytes() >= limit) workers_.Submit();
  return absl::OkStatus();
}

void RecordReplayer::TakeSamples(const RecordParts& record) {
  if (!unknown_.empty()) {
    names_.Make(unknown_, head_);
    Scan(record, true);  // what is still unknown lost its labels
  }
  std::erase_if(runs_, [](const ReplayWindow::Run& run) { return run.count == 0; });
  workers_.window().AddRuns(record.samples, runs_);
}

void RecordReplayer::TakeOneByOne(const RecordParts& record) {
  ReplayWindow& window = workers_.window();
  SampleSection in(record.samples);
  StartSection starts(record.starts);
  SampleSection::Sample sample;
  while (in.Next(sample)) {
    const TimestampMs start = starts.Next(sample.t);
    if (sample.t < keep_from_) continue;
    const Slot slot = SlotOf(sample.id);
    if (slot == kNoSlot) continue;
    const LoggedSample logged{sample.t, sample.bits, slot};
    if (sample.t < mark_.until) {
      window.AddSample(logged, {LoggedDetail::Kind::kMaybeInBlocks, nullptr, start});
    } else if (start != 0) {
      window.AddSample(logged, {LoggedDetail::Kind::kSample, nullptr, start});
    } else {
      window.AddSample(logged);
    }
  }
}

void RecordReplayer::TakeHistogram(const CommitRecord::HistogramSample& sample) {
  if (sample.t < keep_from_) return;
  const Slot slot = SlotOf(sample.id);
  if (slot == kNoSlot) return;
  const auto kind =
      sample.t < mark_.until ? LoggedDetail::Kind::kMaybeInBlocks : LoggedDetail::Kind::kSample;
  workers_.window().AddSample({sample.t, 0, slot}, {kind, sample.histogram, sample.start});
}

// The series may have no sample that is kept: all may be in blocks. One that is made here has no
// other exemplar, so this one is kept.
void RecordReplayer::TakeExemplar(CommitRecord::SeriesExemplar& one) {
  ExemplarRing& ring = head_.exemplars();
  if (one.exemplar.t < retain_from_ || !ring.enabled()) return;
  ExemplarRing::Staged staged{SlotOf(one.id), std::move(one.exemplar)};
  if (staged.slot == kNoSlot || ring.Judge(staged) != ExemplarRing::Verdict::kStore) return;
  workers_.window().AddSample({staged.exemplar.t, 0, staged.slot},
                              {LoggedDetail::Kind::kExemplar, nullptr, 0});
  ring.Publish(staged.slot, std::move(staged.exemplar), head_.published());
}

// Of a sample that came after the seal: blocks may have newer ones of its series, or have it too.
bool RecordReplayer::IsInBlocks(const LoggedSample& sample, const LoggedDetail& detail) {
  const Series& series = head_.series()[sample.slot];
  const Labels labels = head_.LabelsOf(sample.slot);
  if (!series.Is(Series::kHasSamples)) {
    const std::optional<NewestSample> newest = sealed_.Newest(labels, retain_from_);
    if (!newest.has_value()) return false;
    head_.SetNewest(sample.slot, *newest);
  }
  if (sample.t > series.newest.load(std::memory_order_relaxed)) return false;
  return sealed_.Compare(labels, sample.t, sample.bits, detail.histogram) == Head::Stored::kEqual;
}

void RecordReplayer::Keep(const LoggedSample& sample, const LoggedDetail& detail,
                          ReplayTally& tally) {
  if (detail.kind == LoggedDetail::Kind::kExemplar) {
    head_.ReplayWithoutSamples(sample.slot, sample.t);
    return;
  }
  if (detail.kind == LoggedDetail::Kind::kMaybeInBlocks && IsInBlocks(sample, detail)) return;
  head_.ReplayOne(sample.slot, sample, detail.histogram, detail.start, tally);
}

}  // namespace slowburn::tsdb
