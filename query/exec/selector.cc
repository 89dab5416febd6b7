#include "query/exec/selector.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "query/exec/column_morsels.h"
#include "query/exec/metadata_labels.h"
#include "query/exec/sample_source.h"
#include "query/functions/rate.h"
#include "query/histogram/buckets.h"

namespace slowburn::query {
namespace {

using ResetHint = Histogram::ResetHint;

constexpr uint64_t kWorkPerSmoothedStep = 16;  // six binary searches

struct NewestSample {
  bool any = false;
  TimestampMs t = 0, start = 0;
  double v = 0;
  HistogramPtr h;
  HistogramPtr whole_h;  // if h has lost its buckets
  bool stale() const { return h ? h->is_stale() : tsdb::IsStaleNaN(v); }
};

NewestSample At(const tsdb::SampleBatch& batch, size_t i) {
  return {true,
          batch.t[i],
          batch.starts.empty() ? 0 : batch.starts[i],
          batch.v[i],
          batch.histograms.empty() ? nullptr : batch.histograms[i],
          nullptr};
}

class InstantSelector final : public Operator {
 public:
  InstantSelector(QueryContext& ctx, const SelectorNode& selector, SampleField field)
      : Operator(ctx, selector.timeline), selector_(selector), field_(field) {}

 private:
  absl::Status DoOpen() override {
    unique_ = true;
    const tsdb::TimeRange extent = selector_.Extent();
    if (extent.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(SelectedSeries selected, SelectSeries(ctx_, selector_.matchers, extent));
    samples_ = std::move(selected.samples);
    series_ = std::move(selected.labels);
    held_ = std::move(selected.held);
    if (DropsName() && !ctx_.options.delayed_name_removal) {
      unique_ = SameMetadata(series_);
      for (tsdb::Labels& labels : series_) labels = DropMetadata(labels);
    }
    return Share(extent.end - extent.start);
  }

  // Sets up other threads, if there are any and they are worth it.
  absl::Status Share(DurationMs extent) {
    if (field_ != SampleField::kValue ||
        !ColumnMorsels::AreWorthIt(ctx_, series_.size(), timeline_.steps(),
                                   ColumnMorsels::SamplesIn(extent))) {
      return absl::OkStatus();
    }
    morsels_.emplace(ctx_, series_.size(), timeline_.steps());
    for (size_t i = 0; i < morsels_->workers(); ++i)
      meters_.push_back(std::make_unique<WorkMeter>([this] { return ctx_.CheckStop(); }));
    return morsels_->Start(
        [this](size_t i, size_t worker, Column& out) { return Fill(i, *meters_[worker], out); });
  }

  absl::Status DoRead(size_t i, Column& out) override {
    RETURN_IF_ERROR(morsels_ ? morsels_->Take(i, out) : Fill(i, ctx_.meter, out));
    if (i + 1 == series_.size()) morsels_.reset();
    ctx_.CountPoints(out, WeightOf(out));
    if (field_ == SampleField::kInfoTimestamp && saw_histogram_) {
      return absl::FailedPreconditionError(absl::StrCat(
          "this should be an info metric, with float samples: ", LabelsText(series_[i])));
    }
    return absl::OkStatus();
  }

  // On any thread.
  absl::Status Fill(size_t i, WorkMeter& meter, Column& out) {
    const std::unique_ptr<tsdb::SampleIterator> it = std::move(samples_[i]);
    out.drop_name = DropsName();
    const size_t steps = timeline_.steps();
    size_t step = 0;
    NewestSample newest;  // of the batches gone by
    tsdb::SampleBatch batch;
    while (step < steps && it->Next(batch)) {
      size_t next = 0;  // the first sample after the step's time
      for (; step < steps; ++step) {
        const TimestampMs t = selector_.reference.Of(timeline_.At(step));
        next = SkipUntilAfter(batch.t, next, t);
        if (next == batch.t.size()) break;  // the next batch may still have an older one than t
        if (next > 0) {
          EmitFrom(batch, next - 1, newest, step, t, out);
        } else {
          Emit(newest, step, t, out);
        }
      }
      if (!meter.Spend(batch.t.size())) return meter.status();
      newest = Sample(batch, batch.t.size() - 1, newest);
    }
    if (!it->status().ok()) return base::Annotate(it->status(), "expanding series");
    for (; step < steps; ++step)
      Emit(newest, step, selector_.reference.Of(timeline_.At(step)), out);
    return absl::OkStatus();
  }

  bool DropsName() const {
    return field_ == SampleField::kTimestamp || field_ == SampleField::kStartTimestamp;
  }

  // Sample i of the batch; `before` is the last one of the batch before.
  NewestSample Sample(const tsdb::SampleBatch& batch, size_t i, const NewestSample& before) const {
    NewestSample sample = At(batch, i);
    if (sample.h && selector_.histogram_totals_only && !sample.h->is_stale()) {
      const HistogramPtr& previous = i > 0 ? batch.histograms[i - 1] : before.whole_h;
      sample.whole_h = sample.h;
      sample.h =
          TotalsOnly(*sample.h, previous && !previous->is_stale() ? previous.get() : nullptr);
    }
    return sample;
  }

  void EmitFrom(const tsdb::SampleBatch& batch, size_t i, const NewestSample& before, size_t step,
                TimestampMs t, Column& out) {
    const bool plain_float = batch.histograms.empty() && field_ == SampleField::kValue;
    if (!plain_float) {
      Emit(Sample(batch, i, before), step, t, out);
    } else if (batch.t[i] > t - selector_.lookback && !tsdb::IsStaleNaN(batch.v[i])) {
      out.SetFloat(step, batch.v[i]);
    }
  }

  void Emit(const NewestSample& sample, size_t step, TimestampMs t, Column& out) {
    if (!sample.any || sample.t <= t - selector_.lookback || sample.stale()) return;
    switch (field_) {
      case SampleField::kValue:
        if (sample.h) {
          out.SetHistogram(step, sample.h);
        } else {
          out.SetFloat(step, sample.v);
        }
        return;
      case SampleField::kInfoTimestamp:
        saw_histogram_ = saw_histogram_ || sample.h != nullptr;
        [[fallthrough]];
      case SampleField::kTimestamp:
        out.SetFloat(step, double(sample.t) / 1000);
        return;
      case SampleField::kStartTimestamp:
        out.SetFloat(step, double(sample.start) / 1000);
        return;
    }
  }

  const SelectorNode& selector_;
  const SampleField field_;
  bool saw_histogram_ = false;
  std::vector<std::unique_ptr<tsdb::SampleIterator>> samples_;
  MemoryHold held_;
  // Of several threads.
  std::vector<std::unique_ptr<WorkMeter>> meters_;
  std::optional<ColumnMorsels> morsels_;  // goes first
};

class SmoothedSelector final : public Operator {
 public:
  SmoothedSelector(QueryContext& ctx, const SelectorNode& selector)
      : Operator(ctx, selector.timeline),
        selector_(selector),
        source_(NewStorageSource(ctx, selector, /*with_starts=*/false)),
        held_(ctx.memory) {}

 private:
  absl::Status DoOpen() override {
    unique_ = true;
    RETURN_IF_ERROR(source_->Open());
    series_.assign(source_->series().begin(), source_->series().end());
    return absl::OkStatus();
  }

  absl::Status DoRead(size_t i, Column& out) override {
    RETURN_IF_ERROR(source_->Load(i, ctx_.meter, held_, buffer_));
    RangeCall call;
    call.position = selector_.position;
    call.metric = series_[i].metric_name();
    call.notes = &ctx_.notes;
    for (size_t step = 0; step < timeline_.steps(); ++step) {
      if (!ctx_.meter.Spend(kWorkPerSmoothedStep)) return ctx_.meter.status();
      const TimestampMs t = selector_.reference.Of(timeline_.At(step));
      const auto floats = Around(buffer_.float_times, t);
      const auto histograms = Around(buffer_.histogram_times, t);
      if (floats.from < floats.to && histograms.from < histograms.to) {
        call.Note(MixedFloatsHistograms(call.metric));
      } else if (floats.from < floats.to) {
        SmoothFloat(floats, t, step, out);
      } else if (histograms.from < histograms.to) {
        SmoothHistogram(histograms, t, step, call, out);
      }
    }
    return absl::OkStatus();
  }

  // The samples in (t - lookback, t + lookback], and the first of them at or after t.
  struct Window {
    size_t from, to, next;
  };
  Window Around(const std::vector<TimestampMs>& times, TimestampMs t) const {
    const auto index = [&](auto it) { return size_t(it - times.begin()); };
    const TimestampMs begin = t - selector_.lookback, end = t + selector_.lookback;
    return {index(std::upper_bound(times.begin(), times.end(), begin)),
            index(std::upper_bound(times.begin(), times.end(), end)),
            index(std::lower_bound(times.begin(), times.end(), t))};
  }

  void SmoothFloat(const Window& w, TimestampMs t, size_t step, Column& out) const {
    const auto& times = buffer_.float_times;
    const auto& values = buffer_.floats;
    if (w.next < w.to && times[w.next] == t) {
      out.SetFloat(step, values[w.next]);
    } else if (w.next > w.from && w.next < w.to) {
      out.SetFloat(step, Interpolate(times[w.next - 1], values[w.next - 1], times[w.next],
                                     values[w.next], t));
    } else if (w.next > w.from) {
      out.SetFloat(step, values[w.next - 1]);
    }
  }

  void SmoothHistogram(const Window& w, TimestampMs t, size_t step, RangeCall& call,
                       Column& out) const {
    const auto& times = buffer_.histogram_times;
    const auto& values = buffer_.histograms;
    if (w.next < w.to && times[w.next] == t) {
      out.SetHistogram(step, values[w.next]);
    } else if (w.next > w.from && w.next < w.to) {
      const Histogram& a = *values[w.next - 1];
      const Histogram& b = *values[w.next];
      if (UsesCustomBuckets(a) != UsesCustomBuckets(b)) {
        call.Note(MixedExponentialCustom(call.metric));
        return;
      }
      const bool counter = a.reset_hint != ResetHint::kGauge || b.reset_hint != ResetHint::kGauge;
      Histogram between;
      if (InterpolateHistogram({times[w.next - 1], &a}, {times[w.next], &b}, t, counter, call,
                               between)) {
        out.SetHistogram(step, std::make_shared<const Histogram>(std::move(between)));
      }
    } else if (w.next > w.from) {
      // Carried on. The hint told of this sample and the one before, not of its value.
      Histogram last = *values[w.next - 1];
      last.reset_hint = ResetHint::kUnknown;
      out.SetHistogram(step, std::make_shared<const Histogram>(std::move(last)));
    }
  }

  const SelectorNode& selector_;
  const std::unique_ptr<SampleSource> source_;
  SampleBuffer buffer_;
  MemoryHold held_;  // of the series that is loaded
};

}  // namespace

OperatorPtr NewInstantSelector(QueryContext& ctx, const SelectorNode& selector, SampleField field) {
  return std::make_unique<InstantSelector>(ctx, selector, field);
}

OperatorPtr NewSmoothedSelector(QueryContext& ctx, const SelectorNode& selector) {
  return std::make_unique<SmoothedSelector>(ctx, selector);
}

}  // namespace slowburn::query
