#include "tsdb/merged_samples.h"

#include <algorithm>
#include <utility>

namespace slowburn::tsdb {
namespace {

// Without the first `n` samples.
SampleBatch Rest(const SampleBatch& batch, size_t n) {
  SampleBatch out;
  out.t = batch.t.subspan(n);
  out.v = batch.v.subspan(n);
  if (!batch.histograms.empty()) out.histograms = batch.histograms.subspan(n);
  if (!batch.starts.empty()) out.starts = batch.starts.subspan(n);
  return out;
}

}  // namespace

MergedSamples::MergedSamples(std::unique_ptr<SampleIterator> under,
                             std::unique_ptr<SampleIterator> over)
    : under_{std::move(under), {}}, over_{std::move(over), {}} {}

// False when there is an error. At the end the source is empty and has no iterator.
bool MergedSamples::Load(Source& source) {
  if (!source.empty() || source.samples == nullptr) return true;
  if (source.samples->Next(source.batch)) return true;
  source.batch = {};
  status_ = source.samples->status();
  source.samples = nullptr;
  return status_.ok();
}

bool MergedSamples::Next(SampleBatch& out) {
  if (!status_.ok() || !Load(under_) || !Load(over_)) return false;
  if (under_.empty() && over_.empty()) return false;
  if (over_.empty() || (!under_.empty() && under_.last() < over_.first())) {
    out = std::exchange(under_.batch, {});
  } else if (under_.empty() || over_.last() < under_.first()) {
    out = std::exchange(over_.batch, {});
  } else {
    Merge(out);
  }
  return true;
}

SampleIterator::Run MergedSamples::NextRun(IsEnough is_enough, SampleBatch& batch,
                                           SampleSummary& summary) {
  if (status_.ok() && Load(over_) && under_.empty() && under_.samples != nullptr) {
    const auto alone = [&](const SampleSummary& s) {
      return (over_.empty() || s.last_t < over_.first()) && is_enough(s);
    };
    switch (under_.samples->NextRun(alone, under_.batch, summary)) {
      case Run::kSummary:
        return Run::kSummary;
      case Run::kBatch:
        break;
      case Run::kEnd:
        under_.batch = {};
        status_ = under_.samples->status();
        under_.samples = nullptr;
        break;
    }
  }
  return Next(batch) ? Run::kBatch : Run::kEnd;
}

void MergedSamples::Add(const SampleBatch& from, size_t i) {
  t_.push_back(from.t[i]);
  v_.push_back(from.v[i]);
  histograms_.push_back(from.histograms.empty() ? nullptr : from.histograms[i]);
  starts_.push_back(from.starts.empty() ? 0 : from.starts[i]);
}

// Until one of them must be asked for more.
void MergedSamples::Merge(SampleBatch& out) {
  t_.clear();
  v_.clear();
  histograms_.clear();
  starts_.clear();
  const SampleBatch &a = under_.batch, &b = over_.batch;
  size_t i = 0, j = 0;
  while (i < a.t.size() && j < b.t.size()) {
    if (a.t[i] < b.t[j]) {
      Add(a, i++);
      continue;
    }
    if (a.t[i] == b.t[j]) ++i;
    Add(b, j++);
  }
  const bool histograms = !a.histograms.empty() || !b.histograms.empty();
  const bool starts = !a.starts.empty() || !b.starts.empty();
  under_.batch = Rest(a, i);
  over_.batch = Rest(b, j);
  out.t = t_;
  out.v = v_;
  out.histograms =
      histograms ? std::span<const HistogramPtr>(histograms_) : std::span<const HistogramPtr>();
  out.starts = starts ? std::span<const TimestampMs>(starts_) : std::span<const TimestampMs>();
}

}  // namespace slowburn::tsdb
