#include "query/exec/sample_source.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "query/exec/stand_ins.h"
#include "query/histogram/arithmetic.h"
#include "query/histogram/reset.h"

namespace slowburn::query {
namespace {

using ResetHint = Histogram::ResetHint;

constexpr size_t kSeriesPerCheck = 256;
constexpr size_t kBytesPerIterator = 128;
constexpr uint64_t kWorkPerSummary = 16;  // finding one, in samples copied

class StorageSource final : public SampleSource {
 public:
  StorageSource(QueryContext& ctx, const SelectorNode& selector, bool with_starts,
                StandIns stand_ins)
      : ctx_(ctx),
        selector_(selector),
        with_starts_(with_starts),
        stand_ins_(selector.mode == RangeMode::kPlain ? stand_ins : StandIns::kNone) {}

  absl::Status Open() override {
    const tsdb::TimeRange extent = selector_.Extent();
    if (extent.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(selected_, SelectSeries(ctx_, selector_.matchers, extent));
    return absl::OkStatus();
  }
  std::span<const tsdb::Labels> series() const override { return selected_.labels; }
  bool series_are_unique() const override { return true; }
  absl::Status Load(size_t i, WorkMeter& meter, MemoryHold& held, SampleBuffer& out) override {
    out.Clear();
    const std::unique_ptr<tsdb::SampleIterator> it = std::move(selected_.samples[i]);
    RETURN_IF_ERROR(LoadSamples(*it, meter, out));
    if (selector_.histogram_totals_only) DropBuckets(out.histograms);
    return held.Set(out.bytes());
  }
  bool is_concurrent() const override { return true; }
  void Release() override {}

 private:
  absl::Status LoadSamples(tsdb::SampleIterator& it, WorkMeter& meter, SampleBuffer& out) const;

  static void DropBuckets(std::vector<HistogramPtr>& histograms) {
    for (size_t k = histograms.size(); k-- > 0;) {
      histograms[k] = TotalsOnly(*histograms[k], k > 0 ? histograms[k - 1].get() : nullptr);
    }
  }

  QueryContext& ctx_;
  const SelectorNode& selector_;
  const bool with_starts_;
  const StandIns stand_ins_;
  SelectedSeries selected_;
};

class SubquerySource final : public SampleSource {
 public:
  SubquerySource(QueryContext& ctx, const SubqueryNode& subquery, OperatorPtr inner)
      : ctx_(ctx),
        subquery_(subquery),
        timeline_(subquery.inner->timeline),
        inner_(std::move(inner)),
        counter_(timeline_, ctx.samples->detail()) {}

  absl::Status Open() override {
    RETURN_IF_ERROR(CountReads([&] { return inner_->Open(); }));
    return absl::OkStatus();
  }
  std::span<const tsdb::Labels> series() const override { return inner_->series(); }
  bool series_are_unique() const override { return inner_->series_are_unique(); }
  absl::Status Load(size_t i, WorkMeter&, MemoryHold& held, SampleBuffer& out) override {
    out.Clear();
    RETURN_IF_ERROR(CountReads([&] { return inner_->Read(i, column_); }));
    out.drop_name = column_.drop_name;
    column_.present.ForEach([&](size_t step) {
      const TimestampMs t = timeline_.At(step);
      const Histogram* h = column_.HistogramAt(step);
      if (h == nullptr) {
        out.AddFloat(t, column_.values[step]);
      } else {
        out.AddHistogram(t, WithoutHint(column_.histograms[step]));
      }
    });
    return held.Set(out.bytes() + BytesOfColumn(timeline_.steps()));
  }
  void Release() override { inner_->Release(); }

 private:
  // What is looked at inside is counted by the windows that see the result; what is read inside is
  // read for the query.
  template <typename Work>
  absl::Status CountReads(Work work) {
    absl::Status status;
    {
      const CountInto scope(ctx_.samples, counter_);
      status = work();
    }
    ctx_.samples->AddReadsOf(counter_, subquery_.reference.offset, subquery_.range);
    counter_.Clear();
    return status;
  }

  // A subquery may skip samples, or see one twice: what a hint says of the sample before does not
  // hold then.
  static HistogramPtr WithoutHint(const HistogramPtr& h) {
    if (h->reset_hint != ResetHint::kReset && h->reset_hint != ResetHint::kNotReset) return h;
    auto copy = std::make_shared<Histogram>(*h);
    copy->reset_hint = ResetHint::kUnknown;
    return copy;
  }

  QueryContext& ctx_;
  const SubqueryNode& subquery_;
  const Timeline timeline_;
  const OperatorPtr inner_;
  SampleCounter counter_;
  Column column_;
};

void CopyFloats(const tsdb::SampleBatch& batch, bool with_starts, SampleBuffer& out) {
  const size_t before = out.floats.size();
  out.float_times.insert(out.float_times.end(), batch.t.begin(), batch.t.end());
  out.floats.insert(out.floats.end(), batch.v.begin(), batch.v.end());
  if (with_starts && !batch.starts.empty()) {
    out.float_starts.resize(before, 0);
    out.float_starts.insert(out.float_starts.end(), batch.starts.begin(), batch.starts.end());
  } else if (!out.float_starts.empty()) {
    out.float_starts.resize(out.floats.size(), 0);
  }
  const auto fresh = std::span(out.floats).subspan(before);
  if (std::ranges::none_of(fresh, tsdb::IsStaleNaN)) return;
  size_t kept = before;
  for (size_t i = before; i < out.floats.size(); ++i) {
    if (tsdb::IsStaleNaN(out.floats[i])) continue;
    out.floats[kept] = out.floats[i];
    out.float_times[kept] = out.float_times[i];
    if (!out.float_starts.empty()) out.float_starts[kept] = out.float_starts[i];
    ++kept;
  }
  out.floats.resize(kept);
  out.float_times.resize(kept);
  if (!out.float_starts.empty()) out.float_starts.resize(kept);
}

void CopyMixed(const tsdb::SampleBatch& batch, bool with_starts, SampleBuffer& out) {
  const bool starts = with_starts && !batch.starts.empty();
  for (size_t i = 0; i < batch.t.size(); ++i) {
    const HistogramPtr& h = batch.histograms[i];
    if (h ? h->is_stale() : tsdb::IsStaleNaN(batch.v[i])) continue;
    std::vector<TimestampMs>& column = h ? out.histogram_starts : out.float_starts;
    const size_t before = h ? out.histograms.size() : out.floats.size();
    if (starts || !column.empty()) {
      column.resize(before, 0);
      column.push_back(starts ? batch.starts[i] : 0);
    }
    if (h) {
      out.AddHistogram(batch.t[i], h);
    } else {
      out.AddFloat(batch.t[i], batch.v[i]);
    }
  }
}

// Starts that say nothing are as good as none, and let the faster kernels work.
void ForgetUnknownStarts(std::vector<TimestampMs>& starts) {
  if (std::ranges::all_of(starts, [](TimestampMs t) { return t == 0; })) starts.clear();
}

absl::Status StorageSource::LoadSamples(tsdb::SampleIterator& it, WorkMeter& meter,
                                        SampleBuffer& out) const {
  using Run = tsdb::SampleIterator::Run;
  StandInRule rule(stand_ins_, selector_.timeline, selector_.reference, selector_.range, out);
  tsdb::SampleBatch batch;
  tsdb::SampleSummary summary;
  const auto is_enough = [&](const tsdb::SampleSummary& run) { return rule(run); };
  const auto next = [&] {
    if (stand_ins_ != StandIns::kNone) return it.NextRun(is_enough, batch, summary);
    return it.Next(batch) ? Run::kBatch : Run::kEnd;
  };
  for (Run run = next(); run != Run::kEnd; run = next()) {
    if (!meter.Spend(run == Run::kBatch ? batch.t.size() : kWorkPerSummary)) {
      return meter.status();
    }
    if (run == Run::kSummary) {
      rule.Replace(summary);
    } else if (batch.histograms.empty()) {
      CopyFloats(batch, with_starts_, out);
    } else {
      CopyMixed(batch, with_starts_, out);
    }
    // Behind a hidden run.
    if (!out.hidden.empty()) out.hidden.resize(out.floats.size() + 1, out.hidden.back());
  }
  if (!it.status().ok()) return base::Annotate(it.status(), "expanding series");
  if (!out.float_starts.empty()) out.float_starts.resize(out.floats.size(), 0);
  ForgetUnknownStarts(out.float_starts);
  ForgetUnknownStarts(out.histogram_starts);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SelectedSeries> SelectSeries(QueryContext& ctx, const tsdb::Matchers& matchers,
                                            tsdb::TimeRange range) {
  constexpr std::string_view kContext = "expanding series";
  tsdb::SelectHints hints;
  hints.range = range;
  hints.may_be_empty = true;
  absl::StatusOr<std::unique_ptr<tsdb::SeriesSet>> set = ctx.querier.Select(matchers, hints);
  if (!set.ok()) return base::Annotate(set.status(), kContext);
  SelectedSeries out;
  out.held = MemoryHold(ctx.memory);
  while ((*set)->Next()) {
    if (out.labels.size() % kSeriesPerCheck == 0) {
      RETURN_IF_ERROR(ctx.CheckAlive());
      RETURN_IF_ERROR(
          out.held.Add(BytesOfLabels(kSeriesPerCheck) + kSeriesPerCheck * kBytesPerIterator));
    }
    out.labels.push_back((*set)->labels());
    out.samples.push_back((*set)->samples());
  }
  if (!(*set)->status().ok()) return base::Annotate((*set)->status(), kContext);
  return out;
}

HistogramPtr TotalsOnly(const Histogram& h, const Histogram* previous) {
  auto out = std::make_shared<Histogram>();
  out->schema = h.schema;
  out->count = h.count;
  out->sum = h.sum;
  out->reset_hint = h.reset_hint;
  if (h.reset_hint == ResetHint::kUnknown && previous != nullptr) {
    out->reset_hint = DetectReset(h, *previous) ? ResetHint::kReset : ResetHint::kNotReset;
  }
  return out;
}

void SampleBuffer::Clear() {
  float_times.clear();
  histogram_times.clear();
  floats.clear();
  histograms.clear();
  float_starts.clear();
  histogram_starts.clear();
  hidden.clear();
  drop_name = false;
}

size_t SampleBuffer::bytes() const {
  size_t n = (float_times.capacity() + histogram_times.capacity() + float_starts.capacity() +
              histogram_starts.capacity()) *
                 sizeof(TimestampMs) +
             hidden.capacity() * sizeof(int64_t) + floats.capacity() * sizeof(double) +
             histograms.capacity() * sizeof(HistogramPtr);
  // The store has them too, but not for longer than it wants.
  for (const HistogramPtr& h : histograms) n += size_t(SampleWeight(*h)) * sizeof(tsdb::Sample);
  return n;
}

std::unique_ptr<SampleSource> NewStorageSource(QueryContext& ctx, const SelectorNode& selector,
                                               bool with_starts, StandIns stand_ins) {
  return std::make_unique<StorageSource>(ctx, selector, with_starts, stand_ins);
}

std::unique_ptr<SampleSource> NewSubquerySource(QueryContext& ctx, const SubqueryNode& subquery,
                                                OperatorPtr inner) {
  return std::make_unique<SubquerySource>(ctx, subquery, std::move(inner));
}

size_t SkipFar(std::span<const TimestampMs> times, size_t from, TimestampMs t) {
  size_t stride = 1;
  while (from + stride <= times.size() && times[from + stride - 1] <= t) {
    from += stride;
    stride *= 2;
  }
  const size_t to = std::min(from + stride, times.size());
  return size_t(
      std::upper_bound(times.begin() + ptrdiff_t(from), times.begin() + ptrdiff_t(to), t) -
      times.begin());
}

}  // namespace slowburn::query
