#include "tsdb/committer.h"

#include <algorithm>
#include <bit>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "tsdb/histogram.h"
#include "tsdb/partition.h"
#include "tsdb/time_math.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kAhead = 12;              // series fetched before they are judged
constexpr size_t kGroupSamples = 200'000;  // a group takes no more work when it has so much
constexpr size_t kExemplarsPerRecord = 4096;
constexpr int64_t kDiskCheckNs = 200'000'000;
// Series without samples in memory leave it when they got none for so long before the newest one.
constexpr DurationMs kIdleMs = 2 * base::kHour;

}  // namespace

Committer::Committer(const CommitterOptions& options, const base::Clock& clock, Head& head,
                     CommitLog& log, BlockStore& blocks, DbMetrics& metrics, LogState state)
    : clock_(clock),
      head_(head),
      log_(log),
      blocks_(blocks),
      metrics_(metrics),
      options_(options),
      out_of_order_window_(options.out_of_order_window_ms),
      state_(std::move(state)) {
  const auto last = state_.partitions.find(state_.partition);
  if (last != state_.partitions.end() && last->second.newest != kMinTime)
    partition_until_ = PartitionOf(last->second.newest).end;
}

void Committer::Commit(CommitWork& work) {
  {
    base::MutexLock lock(queue_mu_);
    queue_.push_back(&work);
  }
  base::MutexLock lock(commit_mu_);
  while (!work.done) CommitGroup();
}

void Committer::CommitGroup() {
  TakeGroup();
  absl::Status status = Admit();
  if (status.ok()) status = JudgeAndLog();
  for (size_t i = 0; i < group_.size(); ++i) {
    CommitWork& work = *group_[i].work;
    work.status = status;
    if (status.ok()) Publish(i);
    Count(work);
    work.done = true;
  }
}

void Committer::BeginGroup() {
  group_.clear();
  staged_.clear();
  staged_details_.clear();
  staged_exemplars_.clear();
  pending_.clear();
  pending_known_ = false;
  sealed_.reset();
}

void Committer::TakeGroup() {
  BeginGroup();
  base::MutexLock lock(queue_mu_);
  size_t taken = 0, samples = 0;
  while (taken < queue_.size() && samples < kGroupSamples) {
    samples += queue_[taken]->calls.size();
    group_.emplace_back().work = queue_[taken++];
  }
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(taken));
}

absl::Status Committer::Admit() {
  if (options_.free_bytes != nullptr) {
    const int64_t now = clock_.MonotonicNs();
    if (disk_checked_ns_ == INT64_MIN || now - disk_checked_ns_ >= kDiskCheckNs) {
      disk_checked_ns_ = now;
      free_bytes_ = options_.free_bytes();
    }
    RETURN_IF_ERROR(head_.admission().CheckFreeBytes(free_bytes_));
  }
  if (head_.sample_bytes() <= head_.admission().limits().head_bytes / 4) return absl::OkStatus();
  return head_.admission().CheckHeadSamples(head_.bytes(), head_.sample_bytes());
}

absl::Status Committer::JudgeAndLog() {
  EnterPartition();
  for (Member& member : group_) {
    member.first_sample = staged_.size();
    member.first_exemplar = staged_exemplars_.size();
    Judge(*member.work);
    JudgeExemplars(*member.work);
    member.end_sample = staged_.size();
    member.end_exemplar = staged_exemplars_.size();
    for (const auto& [metric, metadata] : member.work->metadata)
      writer_.AddMetadata(metric, metadata);
    if (!writer_.empty()) {
      member.sequence = state_.next_sequence++;
      writer_.Finish(state_.run, member.record);
    }
  }
  const absl::Status status = WriteLog();
  if (!status.ok()) Undo();
  return status;
}

// Partitions of the log go by the times of samples, as those of blocks do: when all before a time
// is sealed, whole files have nothing else. Each can be read without those before it: what it needs
// of them is written again.
void Committer::EnterPartition() {
  const TimestampMs now = clock_.Now();
  accept_from_ = options_.retention_ms > 0 ? SaturatingSub(now, options_.retention_ms) : kMinTime;
  accept_to_ = SaturatingAdd(now, options_.max_future_ms);
  const TimestampMs newest = NewestOfGroup();
  if (newest >= partition_until_) {
    BeginPartition(newest);
  } else if (partition_until_ == kMaxTime && newest != kMinTime) {
    partition_until_ = PartitionOf(newest).end;
  }
  if (broken_) {
    ++state_.run;
    head_.ClearLogged();
  }
  if (broken_ || !metadata_logged_) RepeatMetadata();
}

// Of what may be accepted.
TimestampMs Committer::NewestOfGroup() const {
  TimestampMs newest = kMinTime;
  for (const Member& member : group_) {
    if (member.work == nullptr) continue;
    for (const CommitWork::Call& call : member.work->calls) {
      if (call.t <= accept_to_) newest = std::max(newest, call.t);
    }
  }
  return newest;
}

// `newest`: of the sample that is to come; kMinTime: it is not known.
void Committer::BeginPartition(TimestampMs newest) {
  partition_until_ = newest == kMinTime ? kMaxTime : PartitionOf(newest).end;
  // It has nothing yet; or there is none after it.
  if (!state_.partitions.contains(state_.partition) || state_.partition == UINT32_MAX) return;
  ++state_.partition;
  head_.ClearLogged();
  metadata_logged_ = false;
}

void Committer::RepeatMetadata() {
  for (const MetricMetadata& one : head_.AllMetadata())
    writer_.AddMetadata(one.metric, one.metadata);
  metadata_logged_ = true;
}

void Committer::Judge(CommitWork& work) {
  const SeriesTable& series = head_.series();
  const size_t n = work.calls.size();
  for (size_t i = 0; i < n; ++i) {
    if (i + kAhead < n) __builtin_prefetch(series.Find(work.calls[i + kAhead].slot));
    const CommitWork::Call& call = work.calls[i];
    Rejection reason = Rejection::kUnknownSeries;
    if (!JudgeSample(work, call, reason)) {
      Reject(work, i, reason);
      continue;
    }
    const bool is_histogram =
        call.detail != 0 && work.details[call.detail - 1].histogram != nullptr;
    ++(is_histogram ? work.result.histograms : work.result.samples);
  }
}

// True when the sample is stored from now on, or an equal one was before.
bool Committer::JudgeSample(CommitWork& work, const CommitWork::Call& call, Rejection& reason) {
  Series* series = head_.series().Find(call.slot);
  if (series == nullptr) return false;
  const SeriesState state = series->state.load(std::memory_order_acquire);
  if (state != SeriesState::kLive) [[unlikely]] {
    // A series without samples is kept only for those who reserved it.
    if (state != SeriesState::kReserved || !work.reserved.contains(call.slot)) return false;
  }
  if (call.t > accept_to_) return reason = Rejection::kTooFarInFuture, false;
  if (call.t < accept_from_) return reason = Rejection::kOutOfBounds, false;
  if (!series->Is(Series::kHasSamples)) [[unlikely]] {
    if (call.t < sealed().until()) FindNewest(*series, call.slot);
  }
  if (series->Is(Series::kHasSamples) && call.t <= series->newest.load(std::memory_order_relaxed)) {
    return JudgeLate(work, *series, call, reason);
  }
  Stage(work, *series, call, false);
  return true;
}

const SealedSamples& Committer::sealed() {
  if (!sealed_.has_value()) sealed_.emplace(blocks_.View());
  return *sealed_;
}

// The series has no samples here, and may have some in blocks.
void Committer::FindNewest(Series& series, Slot slot) {
  if (sealed().empty()) return;
  const Labels labels = head_.LabelsOf(slot);
  const std::optional<NewestSample> newest = sealed().Newest(labels, head_.retained_from());
  if (!newest.has_value()) return;
  const bool was_reserved = series.state.load(std::memory_order_acquire) == SeriesState::kReserved;
  head_.SetNewest(slot, *newest);
  if (was_reserved) AskTaps(slot, labels, CommitTap::Past::kMaybe);
}

bool Committer::JudgeLate(CommitWork& work, Series& series, const CommitWork::Call& call,
                          Rejection& reason) {
  const TimestampMs newest = series.newest.load(std::memory_order_relaxed);
  const HistogramPtr& histogram =
      call.detail == 0 ? HistogramPtr() : work.details[call.detail - 1].histogram;
  Head::Stored stored = Head::Stored::kOther;
  if (call.t == newest) {
    const bool was_histogram = series.Is(Series::kNewestIsHistogram);
    const bool equal = was_histogram == (histogram != nullptr) &&
                       (was_histogram ? *histogram == *series.extra->newest_histogram
                                      : call.bits == series.newest_bits);
    if (equal) stored = Head::Stored::kEqual;
  } else {
    stored = ComparePending(work, series, call);
    if (stored == Head::Stored::kNothing)
      stored = head_.Compare(series, call.t, call.bits, histogram);
    if (stored == Head::Stored::kNothing && call.t < sealed().until())
      stored = sealed().Compare(head_.LabelsOf(call.slot), call.t, call.bits, histogram);
  }
  if (stored == Head::Stored::kEqual) return true;
  if (call.t < newest && out_of_order_window_ == 0) return reason = Rejection::kOutOfOrder, false;
  if (call.t < SaturatingSub(newest, out_of_order_window_))
    return reason = Rejection::kTooOld, false;
  if (stored == Head::Stored::kOther) return reason = Rejection::kDuplicate, false;
  Stage(work, series, call, true);
  return true;
}

// Against the samples of this group, which the head does not have yet.
Head::Stored Committer::ComparePending(const CommitWork& work, const Series& series,
                                       const CommitWork::Call& call) {
  if (!pending_known_) {
    pending_known_ = true;
    for (uint32_t i = 0; i < staged_.size(); ++i) pending_[{staged_[i].slot, staged_[i].t}] = i;
  }
  if (!series.Is(Series::kPending)) return Head::Stored::kNothing;
  const auto it = pending_.find({call.slot, call.t});
  if (it == pending_.end()) return Head::Stored::kNothing;
  const StagedSample& sample = staged_[it->second];
  const HistogramPtr stored =
      sample.detail == 0 ? nullptr : staged_details_[sample.detail - 1].histogram;
  const HistogramPtr wanted = call.detail == 0 ? nullptr : work.details[call.detail - 1].histogram;
  if ((stored == nullptr) != (wanted == nullptr)) return Head::Stored::kOther;
  const bool equal = stored != nullptr ? *stored == *wanted : sample.bits == call.bits;
  return equal ? Head::Stored::kEqual : Head::Stored::kOther;
}

void Committer::Stage(CommitWork& work, Series& series, const CommitWork::Call& call, bool late) {
  StagedSample& sample = staged_.emplace_back();
  sample.t = call.t;
  sample.bits = call.bits;
  sample.before_t = series.newest.load(std::memory_order_relaxed);
  sample.before_bits = series.newest_bits;
  sample.slot = call.slot;
  sample.before_flags = series.leader_flags;
  sample.late = late;
  sample.makes_series = !series.Is(Series::kPending) &&
                        series.state.load(std::memory_order_acquire) == SeriesState::kReserved;
  if (late) metrics_.late_samples.Increment();
  const CommitWork::Detail* detail = call.detail == 0 ? nullptr : &work.details[call.detail - 1];
  const bool is_histogram = detail != nullptr && detail->histogram != nullptr;
  if (!series.Is(Series::kLogged)) DefineSeries(series, call.slot);
  if (detail != nullptr) {
    staged_details_.push_back({detail->histogram, detail->start, nullptr});
    sample.detail = static_cast<uint32_t>(staged_details_.size());
  }
  if (is_histogram) {
    writer_.AddHistogram(call.slot, call.t, *detail->histogram, detail->start);
  } else {
    writer_.AddSample(call.slot, call.t, call.bits, detail == nullptr ? 0 : detail->start);
  }
  if (pending_known_) pending_[{call.slot, call.t}] = static_cast<uint32_t>(staged_.size() - 1);
  series.Set(Series::kPending);
  if (late) return;
  if (is_histogram) {
    if (series.Is(Series::kNewestIsHistogram)) {
      staged_details_.back().newest_before = series.extra->newest_histogram;
    }
    head_.SetNewestHistogram(call.slot, detail->histogram);
  }
  series.newest.store(call.t, std::memory_order_relaxed);
  series.newest_bits = call.bits;
  series.Set(Series::kHasSamples);
  series.Set(Series::kNewestIsHistogram, is_histogram);
}

void Committer::DefineSeries(Series& series, Slot slot) {
  std::vector<PairId> ids;
  const Labels labels = head_.LabelsOf(slot, ids);
  writer_.AddSeries(slot, labels, ids.data());
  series.Set(Series::kLogged);
}

void Committer::Reject(CommitWork& work, size_t call_index, Rejection reason) {
  const CommitWork::Call& call = work.calls[call_index];
  const auto before =
      std::upper_bound(work.exemplar_places.begin(), work.exemplar_places.end(), call_index);
  RejectedSample& rejected = work.result.rejected.emplace_back();
  rejected.index = call_index + static_cast<size_t>(before - work.exemplar_places.begin());
  rejected.ref = call.slot == kNoSlot ? work.details[call.detail - 1].ref : ToRef(call.slot);
  rejected.t = call.t;
  rejected.reason = reason;
  const bool is_histogram = call.detail != 0 && work.details[call.detail - 1].histogram != nullptr;
  switch (reason) {
    case Rejection::kOutOfOrder:
      (is_histogram ? metrics_.out_of_order_histograms : metrics_.out_of_order_floats).Increment();
      break;
    case Rejection::kTooOld:
      (is_histogram ? metrics_.too_old_histograms : metrics_.too_old_floats).Increment();
      break;
    case Rejection::kOutOfBounds:
      (is_histogram ? metrics_.out_of_bounds_histograms : metrics_.out_of_bounds_floats)
          .Increment();
      break;
    case Rejection::kTooFarInFuture:
      metrics_.too_far_in_future.Increment();
      break;
    case Rejection::kDuplicate:
      metrics_.duplicates.Increment();
      break;
    case Rejection::kSeriesLimit:
    case Rejection::kUnknownSeries:
      metrics_.unknown_series.Increment();
      break;
  }
}

void Committer::JudgeExemplars(CommitWork& work) {
  for (ExemplarRing::Staged& one : work.exemplars) {
    Series* series = head_.series().Find(one.slot);
    if (series != nullptr && !series->Is(Series::kHasSamples) && work.reserved.contains(one.slot))
      FindNewest(*series, one.slot);
    const bool known = series != nullptr && series->Is(Series::kHasSamples) &&
                       series->state.load(std::memory_order_acquire) != SeriesState::kDead;
    const auto verdict = known ? head_.exemplars().Judge(one) : ExemplarRing::Verdict::kOutOfOrder;
    if (verdict == ExemplarRing::Verdict::kDisabled) continue;
    if (verdict == ExemplarRing::Verdict::kOutOfOrder) {
      ++work.result.rejected_exemplars;
      continue;
    }
    ++work.result.exemplars;
    if (verdict == ExemplarRing::Verdict::kEqual) continue;
    if (!series->Is(Series::kLogged)) DefineSeries(*series, one.slot);
    writer_.AddExemplar(one.slot, one.exemplar);
    staged_exemplars_.push_back(std::move(one));
  }
}

absl::Status Committer::WriteLog() {
  std::vector<LogEntry> entries;
  size_t bytes = 0;
  for (const Member& member : group_) {
    if (member.record.empty()) continue;
    entries.push_back({{state_.partition, member.sequence}, member.record});
    bytes += member.record.size();
  }
  if (entries.empty()) return absl::OkStatus();
  absl::Status status = broken_ ? log_.Resume() : absl::OkStatus();
  if (status.ok()) status = log_.Append(entries, options_.sync);
  metrics_.log_writes.Increment();
  if (!status.ok()) {
    if (!broken_)
      base::Error("the log cannot be written; commits are refused until it can",
                  {{"error", status}});
    metrics_.log_write_failures.Increment();
    broken_ = true;
    return absl::UnavailableError(absl::StrCat("storing samples: ", status.message()));
  }
  if (broken_) base::Info("the log can be written again");
  broken_ = false;
  metrics_.log_bytes.Increment(static_cast<double>(bytes));
  state_.partitions[state_.partition].last_sequence = entries.back().key.sequence;
  if (options_.sync == LogSync::kNone) unsynced_.store(true);
  return absl::OkStatus();
}

void Committer::Undo() {
  for (auto sample = staged_.rbegin(); sample != staged_.rend(); ++sample) {
    Series& series = *head_.series().Find(sample->slot);
    if (!sample->late) {
      series.newest.store(sample->before_t, std::memory_order_relaxed);
      series.newest_bits = sample->before_bits;
      if (sample->detail != 0 && staged_details_[sample->detail - 1].histogram != nullptr) {
        head_.SetNewestHistogram(sample->slot,
                                 std::move(staged_details_[sample->detail - 1].newest_before));
      }
    }
    series.leader_flags = sample->before_flags;
  }
  for (auto one = staged_exemplars_.rbegin(); one != staged_exemplars_.rend(); ++one) {
    head_.exemplars().Withdraw(std::move(*one));
  }
  for (const Member& member : group_) member.work->result = CommitResult();
}

void Committer::Publish(size_t index) {
  Member& member = group_[index];
  CommitWork& work = *member.work;
  const std::span<const StagedSample> samples(staged_.data() + member.first_sample,
                                              member.end_sample - member.first_sample);
  const CommitNumber commit = head_.published() + 1;
  // First what readers find only through the samples.
  for (size_t i = member.first_exemplar; i < member.end_exemplar; ++i) {
    TimestampMs& newest = state_.partitions[state_.partition].newest_exemplar;
    newest = std::max(newest, staged_exemplars_[i].exemplar.t);
    exemplars_logged_ = true;
    head_.exemplars().Publish(staged_exemplars_[i].slot, std::move(staged_exemplars_[i].exemplar),
                              commit);
  }
  for (const auto& [metric, metadata] : work.metadata) head_.SetMetadata(metric, metadata);
  if (samples.empty() && member.first_exemplar == member.end_exemplar) return;
  {
    Slot named = kNoSlot;
    std::string name;
    const auto each = [&](const auto& visit) {
      for (const StagedSample& sample : samples) {
        visit(sample.t, [&]() -> std::string_view {
          if (std::exchange(named, sample.slot) != sample.slot)
            name = head_.LabelsOf(sample.slot).metric_name();
          return name;
        });
      }
    };
    const ChangeEpochs::Commit change(head_.changes(), each);
    work.result.new_series = head_.Apply(samples, staged_details_, commit);
  }
  head_.changes().SetSettled(SaturatingSub(head_.max_time(), out_of_order_window_));
  TimestampMs& newest = state_.partitions[state_.partition].newest;
  for (const StagedSample& sample : samples) newest = std::max(newest, sample.t);
  if (!taps_.empty()) TellTaps(samples);
}

void Committer::AskTaps(Slot slot, const Labels& labels, CommitTap::Past past) {
  for (Tap& tap : taps_) {
    if (!tap.tap->WantsSeries(ToRef(slot), labels, past)) continue;
    tap.wanted.insert(slot);
    head_.series().Find(slot)->Set(Series::kTapped);
  }
}

void Committer::TellTaps(std::span<const StagedSample> samples) {
  for (const StagedSample& sample : samples) {
    Series& series = *head_.series().Find(sample.slot);
    if (sample.makes_series) {
      AskTaps(sample.slot, head_.LabelsOf(sample.slot),
              sealed().empty() ? CommitTap::Past::kNone : CommitTap::Past::kMaybe);
    }
    if (!series.Is(Series::kTapped)) continue;
    const StagedDetail* detail = sample.detail == 0 ? nullptr : &staged_details_[sample.detail - 1];
    TappedSample tapped;
    tapped.ref = ToRef(sample.slot);
    tapped.t = sample.t;
    tapped.v = std::bit_cast<double>(sample.bits);
    if (detail != nullptr) {
      tapped.histogram = detail->histogram.get();
      tapped.start = detail->start;
    }
    for (Tap& tap : taps_) {
      if (tap.wanted.contains(sample.slot)) tap.samples.push_back(tapped);
    }
  }
  for (Tap& tap : taps_) {
    if (!tap.samples.empty()) tap.tap->OnCommit(tap.samples);
    tap.samples.clear();
  }
}

void Committer::Count(const CommitWork& work) {
  metrics_.commits.Increment();
  if (!work.status.ok()) return;
  const CommitResult& result = work.result;
  metrics_.float_samples.Increment(static_cast<double>(result.samples));
  if (result.histograms > 0)
    metrics_.histogram_samples.Increment(static_cast<double>(result.histograms));
  if (result.exemplars > 0) metrics_.exemplars.Increment(static_cast<double>(result.exemplars));
  if (result.rejected_exemplars > 0) {
    metrics_.out_of_order_exemplars.Increment(static_cast<double>(result.rejected_exemplars));
  }
  if (result.new_series > 0)
    metrics_.series_created.Increment(static_cast<double>(result.new_series));
}

void Committer::AddTap(CommitTap* tap) {
  base::MutexLock lock(commit_mu_);
  Tap& added = taps_.emplace_back();
  added.tap = tap;
  for (Slot slot = 0, end = head_.series().end(); slot < end; ++slot) {
    Series& series = *head_.series().Find(slot);
    if (series.state.load(std::memory_order_acquire) != SeriesState::kLive) continue;
    if (!tap->WantsSeries(ToRef(slot), head_.LabelsOf(slot), CommitTap::Past::kMaybe)) continue;
    added.wanted.insert(slot);
    series.Set(Series::kTapped);
  }
}

void Committer::RemoveTap(CommitTap* tap) {
  base::MutexLock lock(commit_mu_);
  std::erase_if(taps_, [tap](const Tap& one) { return one.tap == tap; });
}

void Committer::SetOutOfOrderWindow(DurationMs window) {
  base::MutexLock lock(commit_mu_);
  out_of_order_window_ = window;
}

absl::Status Committer::BetweenCommits(const std::function<absl::Status()>& look) {
  base::MutexLock lock(commit_mu_);
  return look();
}

void Committer::Retain(TimestampMs from) {
  base::MutexLock lock(commit_mu_);
  head_.RetainFrom(from);
}

Committer::SealStart Committer::BeginSeal(TimestampMs until) {
  base::MutexLock lock(commit_mu_);
  const SealMark mark = blocks_.View()->mark();
  if (until == kAllSamples) until = SaturatingAdd(head_.max_time(), 1);
  SealStart start;
  start.until = std::max(until, mark.until);
  start.sequence = std::max(mark.sequence, state_.next_sequence - 1);
  const auto last = state_.partitions.find(state_.partition);
  if (last != state_.partitions.end() && last->second.newest < start.until)
    BeginPartition(kMinTime);  // so that all of it can go
  others_repeated_ = LogExemplars();
  start.number = head_.BeginSeal(start.until);
  return start;
}

void Committer::CloseBefore(std::span<const Slot> slots, TimestampMs until,
                            Head::PartitionSlots& partitions) {
  base::MutexLock lock(commit_mu_);
  head_.CloseBefore(slots, until, partitions);
}

// Once more behind all commits so far, so that what stands before may be dropped from the log; the
// metadata too, where a partition begins. That gets a record in any case: the log goes on from its
// last one. False when it could not be written.
bool Committer::LogExemplars() {
  std::vector<std::pair<Slot, Exemplar>> exemplars;
  head_.exemplars().Visit(head_.published(), [&](Slot slot, const Exemplar& exemplar) {
    exemplars.emplace_back(slot, exemplar);
  });
  BeginGroup();
  EnterPartition();
  if (exemplars_logged_ || !exemplars.empty()) writer_.ForgetExemplars();
  size_t begin = 0;
  while (begin < exemplars.size() || !writer_.empty() ||
         (group_.empty() && !state_.partitions.contains(state_.partition))) {
    const size_t end = std::min(begin + kExemplarsPerRecord, exemplars.size());
    for (; begin < end; ++begin) {
      const auto& [slot, exemplar] = exemplars[begin];
      Series& series = *head_.series().Find(slot);
      if (!series.Is(Series::kLogged)) DefineSeries(series, slot);
      writer_.AddExemplar(slot, exemplar);
    }
    Member& member = group_.emplace_back();
    member.sequence = state_.next_sequence++;
    writer_.Finish(state_.run, member.record);
  }
  if (!WriteLog().ok()) return false;  // reported
  if (group_.empty()) return true;
  exemplars_logged_ = !exemplars.empty();
  TimestampMs& newest = state_.partitions[state_.partition].newest_exemplar;
  for (const auto& [slot, exemplar] : exemplars) newest = std::max(newest, exemplar.t);
  return true;
}

absl::Status Committer::Sweep(Head::Marked marked) {
  std::vector<Slot> dead;
  const TimestampMs idle_from = SaturatingSub(head_.max_time(), kIdleMs);
  {
    base::MutexLock lock(commit_mu_);
    head_.BeginSweep();
  }
  for (Slot slot = 0; slot < head_.series().end();
       slot += static_cast<Slot>(SeriesTable::kPerPage)) {
    base::MutexLock lock(commit_mu_);
    head_.SweepPage(slot, marked, idle_from, dead);
  }
  base::MutexLock lock(commit_mu_);
  head_.FinishSweep(dead);
  metrics_.series_removed.Increment(static_cast<double>(dead.size()));
  for (Tap& tap : taps_) {
    for (const Slot slot : dead) tap.wanted.erase(slot);
  }
  return DropLogLocked();
}

absl::Status Committer::DropLog() {
  base::MutexLock lock(commit_mu_);
  return DropLogLocked();
}

// Partitions can be dropped in order only: the first one that is still wanted ends it.
absl::Status Committer::DropLogLocked() {
  const SealMark mark = blocks_.View()->mark();
  const TimestampMs retained = head_.retained_from();
  uint32_t keep = 0;
  auto& partitions = state_.partitions;
  while (!partitions.empty() && partitions.begin()->first < state_.partition) {
    const LogState::Partition& first = partitions.begin()->second;
    const bool in_blocks =
        others_repeated_ && first.newest < mark.until && first.last_sequence <= mark.sequence;
    if (!in_blocks && std::max(first.newest, first.newest_exemplar) >= retained) break;
    keep = partitions.begin()->first + 1;
    partitions.erase(partitions.begin());
  }
  return keep == 0 ? absl::OkStatus() : log_.DropBefore(keep);
}

void Committer::ForgetDeleted(const std::vector<Slot>& slots, TimeRange range) {
  base::MutexLock lock(commit_mu_);
  for (const Slot slot : slots) head_.ForgetNewest(slot);
  head_.exemplars().Delete({slots.begin(), slots.end()}, range);
  LogExemplars();
}

}  // namespace slowburn::tsdb
