#include "tsdb/memory_storage.h"

#include <algorithm>
#include <bit>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/mutex.h"
#include "base/status_macros.h"
#include "tsdb/admission.h"
#include "tsdb/time_math.h"

namespace slowburn::tsdb {
namespace {

struct StoredSample {
  TimestampMs t = 0;
  double v = 0;
  HistogramPtr histogram;
  TimestampMs start = 0;
  uint64_t commit = 0;  // readers from before it do not see the sample

  bool SameValue(const StoredSample& other) const {
    if ((histogram == nullptr) != (other.histogram == nullptr)) return false;
    if (histogram != nullptr) return *histogram == *other.histogram;
    return std::bit_cast<uint64_t>(v) == std::bit_cast<uint64_t>(other.v);
  }
};

struct Columns {
  std::vector<TimestampMs> t;
  std::vector<double> v;
  std::vector<HistogramPtr> histograms;
  std::vector<TimestampMs> starts;
};

struct RawKeyHash {
  size_t operator()(const RawKey& key) const { return key.low; }
};

}  // namespace

struct MemoryStorage::Series {
  SeriesRef ref{};
  Labels labels;
  std::vector<StoredSample> samples;  // ascending t
  int appenders = 0;                  // that resolved it while it had no samples
  bool dropped = false;
  std::set<CommitTap*> taps;
};

struct MemoryStorage::State {
  using SeriesPtr = std::shared_ptr<Series>;
  using ByLabels = std::map<Labels, SeriesPtr>;
  struct StoredExemplar {
    SeriesRef ref{};
    Exemplar exemplar;
    uint64_t commit = 0;
  };

  explicit State(MemoryStorageOptions o)
      : options(std::move(o)), admission(options.limits, nullptr) {}

  size_t CountOfJob(std::string_view job) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    return static_cast<size_t>(std::count_if(by_ref.begin(), by_ref.end(), [&](const auto& entry) {
      return entry.second->labels.Get("job") == job;
    }));
  }

  SeriesPtr Find(SeriesRef ref) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    const auto it = by_ref.find(static_cast<uint64_t>(ref));
    return it == by_ref.end() ? nullptr : it->second;
  }

  void Drop(const SeriesPtr& series) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    if (std::exchange(series->dropped, true)) return;
    by_ref.erase(static_cast<uint64_t>(series->ref));
    std::erase_if(keys, [&](const auto& entry) { return entry.second == series->ref; });
    std::erase_if(exemplars, [&](const StoredExemplar& e) { return e.ref == series->ref; });
    const auto metric = by_metric.find(series->labels.metric_name());
    metric->second.erase(series->labels);
    if (metric->second.empty()) by_metric.erase(metric);
  }

  // The series that match, in order of labels within each metric.
  void ForEachMatch(const Matchers& matchers, const std::function<void(const SeriesPtr&)>& visit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    const auto visit_metric = [&](const ByLabels& series) {
      for (const auto& [labels, one] : series) {
        if (MatchesAll(matchers, labels)) visit(one);
      }
    };
    for (const Matcher& matcher : matchers) {
      if (matcher.name() != kMetricName || matcher.op() != Matcher::Op::kEqual) continue;
      const auto it = by_metric.find(matcher.value());
      if (it != by_metric.end()) visit_metric(it->second);
      return;
    }
    for (const auto& [metric, series] : by_metric) visit_metric(series);
  }

  // The samples of `series` in `range` that a reader of `commit` sees.
  std::span<const StoredSample> InRange(const Series& series, TimeRange range)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    range.start = std::max(range.start, retained_from);
    if (range.empty()) return {};
    const auto before = [](const StoredSample& s, TimestampMs t) { return s.t < t; };
    const auto begin =
        std::lower_bound(series.samples.begin(), series.samples.end(), range.start, before);
    const auto end = std::lower_bound(begin, series.samples.end(), range.end, before);
    return {begin, end};
  }

  bool MayHaveSamples(const Series& series, TimeRange range, uint64_t commit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    const std::span<const StoredSample> all = InRange(series, {});
    const auto visible = [&](const StoredSample& s) { return s.commit <= commit; };
    const auto first = std::find_if(all.begin(), all.end(), visible);
    if (first == all.end()) return false;
    const auto last = std::find_if(all.rbegin(), all.rend(), visible);
    return first->t < range.end && last->t >= range.start;
  }

  const MemoryStorageOptions options;
  const Admission admission;
  mutable base::Mutex mu;
  std::map<std::string, ByLabels, std::less<>> by_metric ABSL_GUARDED_BY(mu);
  std::unordered_map<uint64_t, SeriesPtr> by_ref ABSL_GUARDED_BY(mu);
  std::unordered_map<RawKey, SeriesRef, RawKeyHash> keys ABSL_GUARDED_BY(mu);
  std::deque<StoredExemplar> exemplars ABSL_GUARDED_BY(mu);  // oldest commit first
  std::map<std::string, Metadata> metadata ABSL_GUARDED_BY(mu);
  std::vector<CommitTap*> taps ABSL_GUARDED_BY(mu);
  uint64_t next_ref ABSL_GUARDED_BY(mu) = 1;
  uint64_t commits ABSL_GUARDED_BY(mu) = 0;
  DurationMs out_of_order_window ABSL_GUARDED_BY(mu) = options.out_of_order_window_ms;
  TimestampMs retained_from ABSL_GUARDED_BY(mu) = kMinTime;
};

class MemoryStorage::AppenderImpl final : public Appender {
 public:
  explicit AppenderImpl(std::shared_ptr<State> state) : state_(std::move(state)) {}

  ~AppenderImpl() override {
    base::MutexLock lock(state_->mu);
    Release();
  }

  void Lookup(std::span<const RawKey> keys, std::span<SeriesRef> out) override {
    base::MutexLock lock(state_->mu);
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto it = state_->keys.find(keys[i]);
      out[i] = it == state_->keys.end() ? SeriesRef::kUnknown : it->second;
    }
  }

  absl::StatusOr<SeriesRef> Resolve(const Labels& labels, const RawKey* key) override {
    base::MutexLock lock(state_->mu);
    auto& metric = state_->by_metric[std::string(labels.metric_name())];
    auto it = metric.find(labels);
    if (it == metric.end()) {
      absl::Status status = state_->admission.CheckLabels(labels);
      if (status.ok()) {
        status = state_->admission.CheckNewSeries(
            state_->by_ref.size(), labels,
            [this](std::string_view job)
                ABSL_NO_THREAD_SAFETY_ANALYSIS { return state_->CountOfJob(job); });
      }
      if (!status.ok()) {
        if (metric.empty()) state_->by_metric.erase(std::string(labels.metric_name()));
        return status;
      }
      auto series = std::make_shared<Series>();
      series->ref = SeriesRef{state_->next_ref++};
      series->labels = labels;
      it = metric.emplace(labels, series).first;
      state_->by_ref.emplace(static_cast<uint64_t>(series->ref), series);
    }
    const State::SeriesPtr& series = it->second;
    if (series->samples.empty()) {
      ++series->appenders;
      made_.push_back(series);
    }
    if (key != nullptr) bindings_.emplace_back(*key, series->ref);
    return series->ref;
  }

  void Append(SeriesRef ref, TimestampMs t, double v, TimestampMs start) override {
    calls_.push_back({next_index_++, ref, {t, v, nullptr, start}});
  }

  void AppendHistogram(SeriesRef ref, TimestampMs t, HistogramPtr histogram,
                       TimestampMs start) override {
    calls_.push_back({next_index_++, ref, {t, 0, std::move(histogram), start}});
  }

  void AppendExemplar(SeriesRef ref, Exemplar exemplar) override {
    ++next_index_;
    exemplars_.emplace_back(ref, std::move(exemplar));
  }

  void SetMetadata(std::string_view metric, Metadata metadata) override {
    metadata_.emplace_back(metric, std::move(metadata));
  }

  absl::StatusOr<CommitResult> Commit() override {
    base::MutexLock lock(state_->mu);
    CommitResult result;
    commit_ = state_->commits + 1;
    for (Call& call : calls_) CommitSample(call, result);
    CommitExemplars(result);
    CommitMetadata();
    state_->commits = commit_;
    for (const auto& [key, ref] : bindings_) {
      const State::SeriesPtr series = state_->Find(ref);
      if (series != nullptr && !series->samples.empty()) state_->keys[key] = ref;
    }
    CallTaps();
    Release();
    return result;
  }

 private:
  struct Call {
    size_t index = 0;
    SeriesRef ref{};
    StoredSample sample;
  };

  // nullopt-like: true to store, false with `reason` empty when an equal sample is there.
  enum class Verdict { kStore, kEqual, kReject };

  Verdict Judge(const Series& series, const StoredSample& sample, Rejection& reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mu) {
    const MemoryStorageOptions& options = state_->options;
    if (options.clock != nullptr) {
      const TimestampMs now = options.clock->Now();
      if (sample.t > SaturatingSub(now, -options.max_future_ms)) {
        return reason = Rejection::kTooFarInFuture, Verdict::kReject;
      }
      if (options.retention_ms > 0 && sample.t < SaturatingSub(now, options.retention_ms)) {
        return reason = Rejection::kOutOfBounds, Verdict::kReject;
      }
    }
    if (series.samples.empty() || sample.t > series.samples.back().t) return Verdict::kStore;
    const TimestampMs newest = series.samples.back().t;
    const auto same_time =
        std::lower_bound(series.samples.begin(), series.samples.end(), sample.t,
                         [](const StoredSample& s, TimestampMs t) { return s.t < t; });
    const bool taken = same_time->t == sample.t;
    if (taken && same_time->SameValue(sample)) return Verdict::kEqual;
    if (sample.t < newest && state_->out_of_order_window == 0) {
      return reason = Rejection::kOutOfOrder, Verdict::kReject;
    }
    if (sample.t < SaturatingSub(newest, state_->out_of_order_window)) {
      return reason = Rejection::kTooOld, Verdict::kReject;
    }
    if (taken) return reason = Rejection::kDuplicate, Verdict::kReject;
    return Verdict::kStore;
  }

  void CommitSample(Call& call, CommitResult& result) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mu) {
    const State::SeriesPtr series = state_->Find(call.ref);
    Rejection reason = Rejection::kUnknownSeries;
    const Verdict verdict =
        series == nullptr ? Verdict::kReject : Judge(*series, call.sample, reason);
    if (verdict == Verdict::kReject) {
      result.rejected.push_back({call.index, call.ref, call.sample.t, reason});
      return;
    }
    ++(call.sample.histogram == nullptr ? result.samples : result.histograms);
    if (verdict == Verdict::kEqual) return;
    if (series->samples.empty()) {
      ++result.new_series;
      for (CommitTap* tap : state_->taps) {
        if (tap->WantsSeries(series->ref, series->labels, CommitTap::Past::kNone))
          series->taps.insert(tap);
      }
    }
    call.sample.commit = commit_;
    const auto at = std::upper_bound(series->samples.begin(), series->samples.end(), call.sample.t,
                                     [](TimestampMs t, const StoredSample& s) { return t < s.t; });
    series->samples.insert(at, call.sample);
    for (CommitTap* tap : series->taps) {
      tapped_[tap].push_back(
          {call.ref, call.sample.t, call.sample.v, call.sample.histogram.get(), call.sample.start});
    }
  }

  void CommitExemplars(CommitResult& result) ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mu) {
    if (state_->options.max_exemplars == 0) return;
    for (auto& [series_ref, exemplar] : exemplars_) {
      const SeriesRef ref = series_ref;
      const State::SeriesPtr series = state_->Find(ref);
      const auto last = std::find_if(state_->exemplars.rbegin(), state_->exemplars.rend(),
                                     [&](const State::StoredExemplar& e) { return e.ref == ref; });
      const bool known = last != state_->exemplars.rend();
      if (series == nullptr || series->samples.empty() ||
          (known && exemplar.t < last->exemplar.t)) {
        ++result.rejected_exemplars;
        continue;
      }
      ++result.exemplars;
      if (known && last->exemplar == exemplar) continue;
      state_->exemplars.push_back({ref, std::move(exemplar), commit_});
      if (state_->exemplars.size() > state_->options.max_exemplars) state_->exemplars.pop_front();
    }
  }

  void CommitMetadata() ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mu) {
    for (auto& [metric, metadata] : metadata_) {
      const bool fits = state_->metadata.size() < state_->options.limits.metadata_metrics;
      if (fits || state_->metadata.contains(metric)) state_->metadata[metric] = std::move(metadata);
    }
  }

  void CallTaps() ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mu) {
    for (CommitTap* tap : state_->taps) {
      const auto it = tapped_.find(tap);
      if (it != tapped_.end()) tap->OnCommit(it->second);
    }
  }

  // Series that nobody gave a sample do not exist.
  void Release() ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mu) {
    for (const State::SeriesPtr& series : made_) {
      if (--series->appenders == 0 && series->samples.empty()) state_->Drop(series);
    }
    made_.clear();
  }

  const std::shared_ptr<State> state_;
  size_t next_index_ = 0;
  uint64_t commit_ = 0;
  std::vector<Call> calls_;
  std::vector<std::pair<SeriesRef, Exemplar>> exemplars_;
  std::vector<std::pair<std::string, Metadata>> metadata_;
  std::vector<State::SeriesPtr> made_;
  std::vector<std::pair<RawKey, SeriesRef>> bindings_;
  std::map<CommitTap*, std::vector<TappedSample>> tapped_;
};

class MemoryStorage::SampleIteratorImpl final : public SampleIterator {
 public:
  explicit SampleIteratorImpl(std::shared_ptr<const Columns> columns)
      : columns_(std::move(columns)) {}

  bool Next(SampleBatch& out) override {
    if (at_ == columns_->t.size()) return false;
    out = Take(columns_->t.size() - at_);
    return true;
  }

  // Sums up a few samples at a time, so that readers meet many summaries in few samples.
  Run NextRun(IsEnough is_enough, SampleBatch& batch, SampleSummary& summary) override {
    if (at_ == columns_->t.size()) return Run::kEnd;
    const size_t left = columns_->t.size() - at_;
    const bool plain = columns_->histograms.empty() && columns_->starts.empty();
    for (size_t n = std::min(left, kMostSummed); plain && n > 0; n /= 2) {
      if (!Summarise(std::span(columns_->t).subspan(at_, n), std::span(columns_->v).subspan(at_, n),
                     summary) ||
          !is_enough(summary))
        continue;
      at_ += n;
      return Run::kSummary;
    }
    batch = Take(plain ? 1 : left);
    return Run::kBatch;
  }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  static constexpr size_t kMostSummed = 8;

  SampleBatch Take(size_t n) {
    const auto part = [&](const auto& column) {
      return column.empty() ? std::span(column) : std::span(column).subspan(at_, n);
    };
    const SampleBatch out{part(columns_->t), part(columns_->v), part(columns_->histograms),
                          part(columns_->starts)};
    at_ += n;
    return out;
  }

  const std::shared_ptr<const Columns> columns_;
  size_t at_ = 0;
};

class MemoryStorage::SeriesSetImpl final : public SeriesSet {
 public:
  struct Found {
    Labels labels;
    SeriesRef ref{};
    std::shared_ptr<const Columns> columns;
  };
  explicit SeriesSetImpl(std::vector<Found> found) : found_(std::move(found)) {}

  bool Next() override { return next_ < found_.size() && ++next_ > 0; }
  const Labels& labels() const override { return found_[next_ - 1].labels; }
  SeriesRef ref() const override { return found_[next_ - 1].ref; }
  std::unique_ptr<SampleIterator> samples() override {
    return std::make_unique<SampleIteratorImpl>(found_[next_ - 1].columns);
  }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  const std::vector<Found> found_;
  size_t next_ = 0;
};

class MemoryStorage::QuerierImpl final : public Querier {
 public:
  QuerierImpl(std::shared_ptr<State> state, TimeRange range, uint64_t commit)
      : state_(std::move(state)), range_(range), commit_(commit) {}

  absl::StatusOr<std::unique_ptr<SeriesSet>> Select(const Matchers& matchers,
                                                    const SelectHints& hints) override {
    using Found = SeriesSetImpl::Found;
    const TimeRange range = Intersect(range_, hints.range);
    std::vector<Found> found;
    {
      base::MutexLock lock(state_->mu);
      state_->ForEachMatch(matchers,
                           [&](const State::SeriesPtr& series) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                             if (range.empty() || !state_->MayHaveSamples(*series, range, commit_))
                               return;
                             auto columns = std::make_shared<Columns>();
                             if (hints.samples_needed)
                               Copy(state_->InRange(*series, range), *columns);
                             if (hints.samples_needed && !hints.may_be_empty && columns->t.empty())
                               return;
                             found.push_back({series->labels, series->ref, std::move(columns)});
                           });
    }
    std::sort(found.begin(), found.end(),
              [](const Found& a, const Found& b) { return a.labels < b.labels; });
    if (hints.limit > 0 && found.size() > hints.limit) found.resize(hints.limit);
    return std::make_unique<SeriesSetImpl>(std::move(found));
  }

  absl::StatusOr<std::vector<std::string>> LabelNames(const Matchers& matchers,
                                                      size_t limit) override {
    std::set<std::string_view> names;
    return Collect(matchers, limit, names, [&](const Labels& labels) {
      for (const LabelView label : labels) names.insert(label.name);
    });
  }

  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                       const Matchers& matchers,
                                                       size_t limit) override {
    std::set<std::string_view> values;
    return Collect(matchers, limit, values, [&](const Labels& labels) {
      if (labels.Has(name)) values.insert(labels.Get(name));
    });
  }

  absl::StatusOr<std::vector<SeriesExemplars>> Exemplars(const std::vector<Matchers>& any_of,
                                                         TimeRange range) override {
    range = Intersect(range, range_);
    std::map<Labels, std::vector<Exemplar>> found;
    base::MutexLock lock(state_->mu);
    range.start = std::max(range.start, state_->retained_from);
    for (const State::StoredExemplar& e : state_->exemplars) {
      if (e.commit > commit_ || !range.Contains(e.exemplar.t)) continue;
      const State::SeriesPtr series = state_->Find(e.ref);
      const bool wanted = std::any_of(any_of.begin(), any_of.end(), [&](const Matchers& matchers) {
        return MatchesAll(matchers, series->labels);
      });
      if (wanted) found[series->labels].push_back(e.exemplar);
    }
    std::vector<SeriesExemplars> out;
    for (auto& [labels, exemplars] : found) out.push_back({labels, std::move(exemplars)});
    return out;
  }

 private:
  void Copy(std::span<const StoredSample> samples, Columns& out) const {
    bool histograms = false, starts = false;
    for (const StoredSample& s : samples) {
      if (s.commit > commit_) continue;
      out.t.push_back(s.t);
      out.v.push_back(s.v);
      histograms |= s.histogram != nullptr;
      starts |= s.start != 0;
    }
    for (const StoredSample& s : samples) {
      if (s.commit > commit_) continue;
      if (histograms) out.histograms.push_back(s.histogram);
      if (starts) out.starts.push_back(s.start);
    }
  }

  template <typename Visit>
  std::vector<std::string> Collect(const Matchers& matchers, size_t limit,
                                   const std::set<std::string_view>& texts, Visit visit) {
    base::MutexLock lock(state_->mu);
    state_->ForEachMatch(matchers,
                         [&](const State::SeriesPtr& series) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                           if (state_->MayHaveSamples(*series, range_, commit_))
                             visit(series->labels);
                         });
    std::vector<std::string> out(texts.begin(), texts.end());
    if (limit > 0 && out.size() > limit) out.resize(limit);
    return out;
  }

  const std::shared_ptr<State> state_;
  const TimeRange range_;
  const uint64_t commit_;
};

MemoryStorage::MemoryStorage(MemoryStorageOptions options)
    : state_(std::make_shared<State>(std::move(options))) {
  ApplyRetention();
}

MemoryStorage::~MemoryStorage() = default;

std::unique_ptr<Appender> MemoryStorage::NewAppender() {
  return std::make_unique<AppenderImpl>(state_);
}

std::unique_ptr<Querier> MemoryStorage::NewQuerier(TimeRange range) {
  base::MutexLock lock(state_->mu);
  return std::make_unique<QuerierImpl>(state_, range, state_->commits);
}

std::vector<MetricMetadata> MemoryStorage::AllMetadata() const {
  base::MutexLock lock(state_->mu);
  std::vector<MetricMetadata> out;
  for (const auto& [metric, metadata] : state_->metadata) out.push_back({metric, metadata});
  return out;
}

void MemoryStorage::AddTap(CommitTap* tap) {
  base::MutexLock lock(state_->mu);
  state_->taps.push_back(tap);
  for (const auto& [ref, series] : state_->by_ref) {
    if (!series->samples.empty() &&
        tap->WantsSeries(series->ref, series->labels, CommitTap::Past::kMaybe))
      series->taps.insert(tap);
  }
}

void MemoryStorage::RemoveTap(CommitTap* tap) {
  base::MutexLock lock(state_->mu);
  std::erase(state_->taps, tap);
  for (const auto& [ref, series] : state_->by_ref) series->taps.erase(tap);
}

void MemoryStorage::ApplyRetention() {
  base::MutexLock lock(state_->mu);
  if (state_->options.clock == nullptr || state_->options.retention_ms <= 0) return;
  const TimestampMs from =
      SaturatingSub(state_->options.clock->Now(), state_->options.retention_ms);
  state_->retained_from = std::max(state_->retained_from, from);
  std::vector<State::SeriesPtr> emptied;
  for (const auto& [ref, series] : state_->by_ref) {
    const bool had_samples = !series->samples.empty();
    std::erase_if(series->samples, [&](const StoredSample& s) { return s.t < from; });
    if (had_samples && series->samples.empty()) emptied.push_back(series);
  }
  for (const State::SeriesPtr& series : emptied) state_->Drop(series);
}

void MemoryStorage::Delete(const std::vector<Matchers>& any_of, TimeRange range) {
  base::MutexLock lock(state_->mu);
  std::set<State::SeriesPtr> found;
  for (const Matchers& matchers : any_of) {
    state_->ForEachMatch(matchers, [&](const State::SeriesPtr& series) { found.insert(series); });
  }
  for (const State::SeriesPtr& series : found) {
    const bool had_samples = !series->samples.empty();
    std::erase_if(series->samples, [&](const StoredSample& s) { return range.Contains(s.t); });
    std::erase_if(state_->exemplars, [&](const State::StoredExemplar& e) {
      return e.ref == series->ref && range.Contains(e.exemplar.t);
    });
    if (had_samples && series->samples.empty()) state_->Drop(series);
  }
}

void MemoryStorage::SetOutOfOrderWindow(DurationMs window) {
  base::MutexLock lock(state_->mu);
  state_->out_of_order_window = window;
}

}  // namespace slowburn::tsdb
