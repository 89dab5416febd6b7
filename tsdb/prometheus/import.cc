#include "tsdb/prometheus/import.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "base/status_macros.h"
#include "tsdb/prometheus/chunk.h"
#include "tsdb/time_math.h"

namespace slowburn::tsdb::prom {
namespace {

TimestampMs FloorTo(TimestampMs t, DurationMs width) {
  return SaturatingSub(t, (t % width + width) % width);
}

bool SameValue(const SampleBatch& a, size_t i, const SampleBatch& b, size_t k) {
  const Histogram* const x = a.histograms.empty() ? nullptr : a.histograms[i].get();
  const Histogram* const y = b.histograms.empty() ? nullptr : b.histograms[k].get();
  if (x == nullptr && y == nullptr)
    return std::bit_cast<uint64_t>(a.v[i]) == std::bit_cast<uint64_t>(b.v[k]);
  return x != nullptr && y != nullptr && *x == *y;
}

// Goes through the samples that are there, beside those that come.
class Present {
 public:
  explicit Present(std::unique_ptr<SampleIterator> samples) : samples_(std::move(samples)) {}

  enum class Found { kNothing, kEqual, kOther };
  // Of the sample `i` of `batch`. Times ascend from call to call.
  Found Look(const SampleBatch& batch, size_t i) {
    while (samples_ != nullptr && (at_ == batch_.t.size() || batch_.t[at_] < batch.t[i])) {
      if (at_ < batch_.t.size() && ++at_ < batch_.t.size()) continue;
      at_ = 0;
      if (samples_->Next(batch_)) continue;
      batch_ = {};
      status_ = samples_->status();
      samples_ = nullptr;
    }
    if (samples_ == nullptr || batch_.t[at_] != batch.t[i]) return Found::kNothing;
    return SameValue(batch_, at_, batch, i) ? Found::kEqual : Found::kOther;
  }
  const absl::Status& status() const { return status_; }

 private:
  std::unique_ptr<SampleIterator> samples_;  // null: no more
  SampleBatch batch_;
  size_t at_ = 0;
  absl::Status status_;
};

class Importer {
 public:
  Importer(const Directory& source, BlockStore& store, const ImportOptions& options)
      : source_(source), store_(store), options_(options), total_(source.samples()) {
    for (const Head::SeriesExemplar& one : source.head().exemplars()) stats_.newest[one.labels];
  }

  absl::StatusOr<ImportStats> Run() {
    const TimeRange times = source_.times();
    if (times.empty()) return stats_;
    const TimestampMs hot_from =
        FloorTo(SaturatingSub(times.end, kColdPartitionMs), kColdPartitionMs);
    TimestampMs at = source_.NextTime(kMinTime);
    while (at < times.end) {
      const Temperature temperature = at < hot_from ? Temperature::kCold : Temperature::kHot;
      const DurationMs width =
          temperature == Temperature::kCold ? kColdPartitionMs : kHotPartitionMs;
      const TimestampMs start = FloorTo(at, width);
      const TimeRange partition{start, SaturatingAdd(start, width)};
      RETURN_IF_ERROR(ImportPartition(partition, temperature));
      if (partition.end == kMaxTime) break;
      at = source_.NextTime(partition.end);
    }
    stats_.series = written_.size();
    if (options_.progress) options_.progress(total_, total_);
    return stats_;
  }

 private:
  absl::Status ImportPartition(TimeRange partition, Temperature temperature) {
    const std::shared_ptr<const BlockView> view = store_.View();
    ASSIGN_OR_RETURN(const std::unique_ptr<SeriesSet> present,
                     view->Select({}, {.range = partition}));
    bool more_present = present->Next();
    batch_ = store_.NewBatch();
    writer_ = nullptr;
    partition_ = partition;
    temperature_ = temperature;
    const std::unique_ptr<SeriesSet> source = source_.Series(partition);
    while (source->Next()) {
      while (more_present && present->labels() < source->labels()) more_present = present->Next();
      const bool same = more_present && present->labels() == source->labels();
      Present there(same ? present->samples() : nullptr);
      RETURN_IF_ERROR(ImportSeries(*source, there));
    }
    RETURN_IF_ERROR(source->status());
    RETURN_IF_ERROR(present->status());
    if (writer_ == nullptr) return absl::OkStatus();  // nothing new
    RETURN_IF_ERROR(batch_->Commit(view->mark()));
    ++stats_.blocks;
    return absl::OkStatus();
  }

  absl::Status ImportSeries(SeriesSet& series, Present& present) {
    named_ = false;
    const std::unique_ptr<SampleIterator> samples = series.samples();
    SampleBatch batch;
    const auto newest = stats_.newest.find(series.labels());
    while (samples->Next(batch)) {
      Report(batch.t.size());
      if (newest != stats_.newest.end()) {
        newest->second = {batch.t.back(), batch.v.back(),
                          batch.histograms.empty() ? nullptr : batch.histograms.back()};
      }
      RETURN_IF_ERROR(Write(series.labels(), Wanted(batch, present)));
      RETURN_IF_ERROR(present.status());
    }
    return samples->status();
  }

  // The samples that are new and valid: the batch itself where all are.
  SampleBatch Wanted(const SampleBatch& batch, Present& present) {
    size_t i = 0;
    while (i < batch.t.size() && IsWanted(batch, i, present)) ++i;
    if (i == batch.t.size()) return batch;
    kept_.Clear();
    kept_.Append(batch, 0, i);
    for (++i; i < batch.t.size(); ++i) {
      if (IsWanted(batch, i, present)) kept_.Append(batch, i, i + 1);
    }
    return kept_.batch();
  }

  bool IsWanted(const SampleBatch& batch, size_t i, Present& present) {
    switch (present.Look(batch, i)) {
      case Present::Found::kEqual:
        ++stats_.present;
        return false;
      case Present::Found::kOther:
        ++stats_.conflicts;
        return false;
      case Present::Found::kNothing:
        break;
    }
    const Histogram* const h = batch.histograms.empty() ? nullptr : batch.histograms[i].get();
    if (h == nullptr || h->is_stale() || h->Validate().ok()) return true;
    ++stats_.invalid_histograms;
    return false;
  }

  absl::Status Write(const Labels& labels, const SampleBatch& samples) {
    if (samples.t.empty()) return absl::OkStatus();
    if (writer_ == nullptr) {
      ASSIGN_OR_RETURN(writer_, batch_->NewBlock(partition_, temperature_, {}));
    }
    if (!named_) RETURN_IF_ERROR(writer_->AddSeries(labels));
    named_ = true;
    written_.insert(labels.Hash());
    stats_.samples += samples.t.size();
    stats_.histograms +=
        static_cast<uint64_t>(std::count_if(samples.histograms.begin(), samples.histograms.end(),
                                            [](const HistogramPtr& h) { return h != nullptr; }));
    stats_.old += static_cast<uint64_t>(
        std::lower_bound(samples.t.begin(), samples.t.end(), options_.retained_from) -
        samples.t.begin());
    return writer_->AddSamples(samples);
  }

  void Report(size_t samples) {
    static constexpr uint64_t kSamplesPerReport = 1 << 16;
    const uint64_t before = done_;
    done_ += samples;
    if (options_.progress && before / kSamplesPerReport != done_ / kSamplesPerReport)
      options_.progress(std::min(done_, total_), total_);
  }

  const Directory& source_;
  BlockStore& store_;
  const ImportOptions& options_;
  const uint64_t total_;
  uint64_t done_ = 0;
  ImportStats stats_;
  absl::flat_hash_set<uint64_t> written_;  // hashes of labels
  // Of the partition that is being imported.
  TimeRange partition_;
  Temperature temperature_ = Temperature::kHot;
  std::unique_ptr<BlockBatch> batch_;
  BlockWriter* writer_ = nullptr;  // null: there is no new sample yet
  bool named_ = false;             // the writer has the series
  Columns kept_;
};

void Append(Appender& appender, SeriesRef ref, const NewestSample& sample) {
  if (sample.histogram == nullptr) {
    appender.Append(ref, sample.t, sample.v);
  } else {
    appender.AppendHistogram(ref, sample.t, sample.histogram);
  }
}

}  // namespace

absl::StatusOr<ImportStats> ImportSamples(const Directory& source, BlockStore& store,
                                          const ImportOptions& options) {
  return Importer(source, store, options).Run();
}

absl::StatusOr<ImportedNotes> ImportNotes(const Directory& source,
                                          const absl::flat_hash_map<Labels, NewestSample>& newest,
                                          Storage& storage) {
  static constexpr size_t kExemplarsPerCommit = 10'000;
  ImportedNotes notes;
  std::unique_ptr<Appender> appender = storage.NewAppender();
  absl::flat_hash_set<std::string> known;
  for (const MetricMetadata& one : storage.AllMetadata()) known.insert(one.metric);
  for (const auto& [metric, metadata] : source.head().metadata()) {
    if (known.contains(metric)) continue;
    appender->SetMetadata(metric, metadata);
    ++notes.metadata;
  }
  size_t pending = 0;
  const auto commit = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const CommitResult result, appender->Commit());
    notes.exemplars += result.exemplars;
    appender = storage.NewAppender();
    pending = 0;
    return absl::OkStatus();
  };
  absl::flat_hash_set<Labels> begun;
  for (const Head::SeriesExemplar& one : source.head().exemplars()) {
    const auto sample = newest.find(one.labels);
    if (sample == newest.end()) continue;
    ASSIGN_OR_RETURN(const SeriesRef ref, appender->Resolve(one.labels, nullptr));
    if (begun.insert(one.labels).second) Append(*appender, ref, sample->second);
    appender->AppendExemplar(ref, one.exemplar);
    if (++pending == kExemplarsPerCommit) RETURN_IF_ERROR(commit());
  }
  RETURN_IF_ERROR(commit());
  return notes;
}

}  // namespace slowburn::tsdb::prom
