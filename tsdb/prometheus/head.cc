#include "tsdb/prometheus/head.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tsdb/prometheus/log_reader.h"
#include "tsdb/prometheus/merged_series.h"
#include "tsdb/prometheus/sample_cut.h"

namespace slowburn::tsdb::prom {
namespace {

constexpr char kUnknownSeries[] = "samples of the log whose series it does not name";
constexpr char kUnknownExemplars[] = "exemplars of the log whose series it does not name";
constexpr char kBadLabels[] = "series whose labels are empty, not UTF-8 or not unique";
constexpr char kUnknownChunks[] = "head chunks whose series the log does not name";
constexpr char kOtherRecords[] = "records of the log of a kind that is not known";

uint64_t FileBytes(const std::vector<std::string>& paths) {
  uint64_t bytes = 0;
  std::error_code error;
  for (const std::string& path : paths) {
    const uintmax_t size = std::filesystem::file_size(path, error);
    if (!error) bytes += size;
  }
  return bytes;
}

uint64_t MemoryBytes(const LogRecord::Sample& sample) {
  uint64_t bytes = sizeof(TimestampMs) + sizeof(double);
  if (sample.histogram == nullptr) return bytes;
  const Histogram& h = *sample.histogram;
  const size_t numbers = h.positive_buckets.size() + h.negative_buckets.size() +
                         h.custom_values.size() + h.positive_spans.size() + h.negative_spans.size();
  return bytes + sizeof(Histogram) + 64 + 8 * numbers;
}

// Prometheus keeps metadata by series, we by metric family.
std::string FamilyOf(std::string_view metric, MetricType type) {
  const auto strip = [&metric](std::string_view suffix) {
    if (!metric.ends_with(suffix) || metric.size() == suffix.size()) return false;
    metric.remove_suffix(suffix.size());
    return true;
  };
  const bool buckets = type == MetricType::kHistogram || type == MetricType::kGaugeHistogram;
  if (buckets || type == MetricType::kSummary) {
    if (!strip("_sum") && !strip("_count") && buckets) strip("_bucket");
  }
  return std::string(metric);
}

// Ascending; of one time the first that came.
void SortByTime(Columns& columns) {
  std::vector<size_t> order(columns.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return columns.t[a] < columns.t[b]; });
  Columns sorted;
  for (const size_t i : order) {
    if (sorted.size() > 0 && sorted.t.back() == columns.t[i]) continue;
    sorted.Append(columns.batch(), i, i + 1);
  }
  columns = std::move(sorted);
}

// Samples that are in memory already.
class ColumnSamples final : public SampleIterator {
 public:
  ColumnSamples(std::shared_ptr<const void> owner, const Columns& columns)
      : owner_(std::move(owner)), columns_(columns) {}
  bool Next(SampleBatch& out) override {
    if (done_ || columns_.size() == 0) return false;
    done_ = true;
    out = columns_.batch();
    return true;
  }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  const std::shared_ptr<const void> owner_;
  const Columns& columns_;
  bool done_ = false;
};

}  // namespace

class HeadChunkSamples final : public SampleIterator {
 public:
  HeadChunkSamples(const Head& head, std::vector<HeadChunk> chunks, TimeRange range,
                   const DeletedTimes* deleted)
      : head_(head), chunks_(std::move(chunks)), cut_(range, deleted) {}

  bool Next(SampleBatch& out) override {
    while (next_ < chunks_.size()) {
      if (!head_.chunk_files_.Read(chunks_[next_++], columns_)) {
        cut_.Gap();
      } else if (cut_.Take(columns_, out)) {
        return true;
      }
    }
    return false;
  }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  const Head& head_;
  const std::vector<HeadChunk> chunks_;
  SampleCut cut_;
  size_t next_ = 0;
  Columns columns_;
};

class HeadSeries final : public SeriesSet {
 public:
  HeadSeries(const Head& head, TimeRange range) : head_(head), range_(range) {
    uint64_t all = 0;
    for (const Head::SeriesEntry& series : head_.series_) all += series.log_bytes;
    if (all > head_.options_.memory_bytes) bytes_ = head_.BytesByRank(range);
  }

  bool Next() override {
    while (++rank_ < head_.order_.size()) {
      if (group_ == nullptr || rank_ == group_->begin + group_->ordered.size())
        group_ = head_.Load(range_, rank_, head_.GroupSize(rank_, bytes_));
      FindChunks();
      if (!ordered_chunks_.empty() || !late_chunks_.empty() || ordered().size() > 0 ||
          late().size() > 0) {
        return true;
      }
    }
    return false;
  }
  const Labels& labels() const override { return entry().labels; }
  SeriesRef ref() const override { return SeriesRef::kUnknown; }

  std::unique_ptr<SampleIterator> samples() override {
    const auto deleted = head_.deleted_.find(head_.order_[rank_]);
    const DeletedTimes* const times = deleted == head_.deleted_.end() ? nullptr : &deleted->second;
    std::vector<std::unique_ptr<SampleIterator>> parts;
    if (!ordered_chunks_.empty()) {
      TimeRange range = range_;
      range.start = std::max(range.start, head_.options_.from);
      parts.push_back(std::make_unique<HeadChunkSamples>(head_, ordered_chunks_, range, times));
    }
    parts.push_back(std::make_unique<ColumnSamples>(group_, ordered()));
    for (const HeadChunk& chunk : late_chunks_) {
      parts.push_back(
          std::make_unique<HeadChunkSamples>(head_, std::vector<HeadChunk>{chunk}, range_, times));
    }
    if (late().size() > 0) parts.push_back(std::make_unique<ColumnSamples>(group_, late()));
    return MergeSamples(std::move(parts));
  }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  const Head::SeriesEntry& entry() const { return head_.series_[head_.order_[rank_]]; }
  const Columns& ordered() const { return group_->ordered[rank_ - group_->begin]; }
  const Columns& late() const { return group_->late[rank_ - group_->begin]; }

  void FindChunks() {
    ordered_chunks_.clear();
    late_chunks_.clear();
    for (size_t i = 0; i < entry().chunks; ++i) {
      const HeadChunk& chunk = head_.chunks_[entry().first_chunk + i];
      if (chunk.max_t < range_.start || chunk.min_t >= range_.end) continue;
      (chunk.late ? late_chunks_ : ordered_chunks_).push_back(chunk);
    }
  }

  const Head& head_;
  const TimeRange range_;
  std::vector<uint64_t> bytes_;  // by rank; empty: everything fits into memory
  size_t rank_ = SIZE_MAX;
  std::shared_ptr<Head::Group> group_;
  std::vector<HeadChunk> ordered_chunks_, late_chunks_;
};

Head::Head(const std::string& path, HeadOptions options, ReadReport& report)
    : path_(path),
      options_(std::move(options)),
      report_(report),
      chunk_files_(path + "/chunks_head", report),
      wal_(LogSegments(path + "/wal", report)),
      wbl_(LogSegments(path + "/wbl", report)) {
  ReadLogs();
  PlaceChunks();
  order_.resize(series_.size());
  std::iota(order_.begin(), order_.end(), 0);
  std::sort(order_.begin(), order_.end(),
            [this](uint32_t a, uint32_t b) { return series_[a].labels < series_[b].labels; });
  rank_.resize(order_.size());
  for (size_t rank = 0; rank < order_.size(); ++rank)
    rank_[order_[rank]] = static_cast<uint32_t>(rank);
}

void Head::Widen(TimestampMs t) {
  times_.start = std::min(times_.start, t);
  if (t < kMaxTime) times_.end = std::max(times_.end, t + 1);
}

uint32_t Head::Find(uint64_t ref) const {
  const auto found = by_ref_.find(ref);
  return found == by_ref_.end() ? kNone : found->second;
}

void Head::ReadLogs() {
  const uint64_t total = FileBytes(wal_) + FileBytes(wbl_);
  uint64_t done = 0;
  ReadSegments(wal_, Log::kOrdered, done, total);
  ReadSegments(wbl_, Log::kLate, done, total);
  if (options_.progress) options_.progress(total, total);
}

void Head::ReadSegments(const std::vector<std::string>& paths, Log log, uint64_t& done,
                        uint64_t total) {
  static constexpr size_t kRecordsPerReport = 1024;
  LogRecord record;
  for (const std::string& path : paths) {
    LogReader reader(path, report_);
    std::string_view bytes;
    for (size_t records = 0; reader.Next(bytes); ++records) {
      const absl::Status status = DecodeLogRecord(bytes, {}, record);
      if (status.ok()) {
        Take(record, log);
      } else {
        report_.Damaged(path, reader.offset(), std::string(status.message()));
      }
      if (options_.progress && records % kRecordsPerReport == 0)
        options_.progress(std::min(done + reader.offset(), total), total);
    }
    done += FileBytes({path});
  }
}

void Head::Take(const LogRecord& record, Log log) {
  switch (record.kind) {
    case LogRecord::Kind::kSeries:
      return TakeSeries(record);
    case LogRecord::Kind::kSamples:
      return CountSamples(record, log);
    case LogRecord::Kind::kDeletions:
      return TakeDeletions(record);
    case LogRecord::Kind::kExemplars:
      return TakeExemplars(record);
    case LogRecord::Kind::kMetadata:
      return TakeMetadata(record);
    case LogRecord::Kind::kMarkers:
      return;  // which late samples are in head chunks: they are found there
    case LogRecord::Kind::kOther:
      report_.Skipped(kOtherRecords);
  }
}

void Head::TakeSeries(const LogRecord& record) {
  for (const LogRecord::Series& one : record.series) {
    std::vector<LabelView> views;
    bool good = one.labels > 0;
    for (size_t i = 0; i < one.labels; ++i) {
      const LabelView label = record.labels[one.first_label + i];
      good = good && !label.name.empty() && IsValidUtf8(label.name) && IsValidUtf8(label.value);
      views.push_back(label);
    }
    const Labels labels = good ? Labels::FromViews(std::move(views)) : Labels();
    if (labels.empty()) {
      report_.Skipped(kBadLabels);
      continue;
    }
    const auto [place, added] = by_labels_.emplace(labels, static_cast<uint32_t>(series_.size()));
    if (added) series_.push_back({.labels = labels});
    by_ref_[one.ref] = place->second;
  }
}

void Head::TakeDeletions(const LogRecord& record) {
  for (const LogRecord::Deletion& one : record.deletions) {
    if (one.min_t == kMinTime && one.max_t == kMaxTime) {
      gone_.insert(one.ref);  // its samples are in a block
    } else if (const uint32_t series = Find(one.ref); series != kNone) {
      deleted_[series].Add(one.min_t, one.max_t);
    }
  }
}

void Head::TakeExemplars(const LogRecord& record) {
  for (const LogRecord::ExemplarOf& one : record.exemplars) {
    const uint32_t series = Find(one.ref);
    if (series == kNone) {
      report_.Skipped(kUnknownExemplars);
      continue;
    }
    const auto first = record.labels.begin() + static_cast<ptrdiff_t>(one.first_label);
    std::vector<LabelView> views(first, first + static_cast<ptrdiff_t>(one.labels));
    exemplars_.push_back(
        {series_[series].labels, {Labels::FromViews(std::move(views)), one.v, one.t}});
    if (exemplars_.size() > options_.max_exemplars) exemplars_.pop_front();
  }
}

void Head::TakeMetadata(const LogRecord& record) {
  for (const LogRecord::MetadataOf& one : record.metadata) {
    const uint32_t series = Find(one.ref);
    if (series == kNone) continue;
    const std::string_view metric = series_[series].labels.metric_name();
    if (!metric.empty()) metadata_[FamilyOf(metric, one.metadata.type)] = one.metadata;
  }
}

void Head::CountSamples(const LogRecord& record, Log log) {
  for (const LogRecord::Sample& sample : record.samples) {
    if (log == Log::kOrdered && sample.t < options_.from) continue;
    const uint32_t series = Find(sample.ref);
    if (series == kNone) {
      report_.Skipped(kUnknownSeries);
      continue;
    }
    series_[series].log_bytes += MemoryBytes(sample);
    Widen(sample.t);
    ++samples_;
  }
}

// Chunks by reference become chunks by series.
void Head::PlaceChunks() {
  std::vector<std::pair<uint32_t, HeadChunk>> placed;
  for (const HeadChunk& chunk : chunk_files_.chunks()) {
    if (gone_.contains(chunk.series) || (!chunk.late && chunk.max_t < options_.from)) continue;
    const uint32_t series = Find(chunk.series);
    if (series == kNone) {
      report_.Skipped(kUnknownChunks);
      continue;
    }
    placed.emplace_back(series, chunk);
    Widen(std::max(chunk.min_t, chunk.late ? kMinTime : options_.from));
    Widen(chunk.max_t);
  }
  std::stable_sort(placed.begin(), placed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [number, chunk] : placed) {
    SeriesEntry& series = series_[number];
    if (series.chunks++ == 0) series.first_chunk = chunks_.size();
    chunks_.push_back(chunk);
  }
}

void Head::ForEachSample(
    const std::function<void(Log log, uint32_t series, LogRecord::Sample& sample)>& use) const {
  LogRecord record;
  ReadReport known;  // all of this was reported when the head was opened
  const auto read = [&](const std::vector<std::string>& paths, Log log) {
    for (const std::string& path : paths) {
      LogReader reader(path, known);
      std::string_view bytes;
      while (reader.Next(bytes)) {
        if (!DecodeLogRecord(bytes, {.samples = true, .others = false}, record).ok()) continue;
        for (LogRecord::Sample& sample : record.samples) {
          if (log == Log::kOrdered && sample.t < options_.from) continue;
          const uint32_t series = Find(sample.ref);
          if (series != kNone && (gone_.empty() || !gone_.contains(sample.ref)))
            use(log, series, sample);
        }
      }
    }
  };
  read(wal_, Log::kOrdered);
  read(wbl_, Log::kLate);
}

std::vector<uint64_t> Head::BytesByRank(TimeRange range) const {
  std::vector<uint64_t> bytes(order_.size());
  ForEachSample([&](Log, uint32_t series, const LogRecord::Sample& sample) {
    if (range.Contains(sample.t)) bytes[rank_[series]] += MemoryBytes(sample);
  });
  return bytes;
}

size_t Head::GroupSize(size_t rank, const std::vector<uint64_t>& bytes) const {
  if (bytes.empty()) return order_.size() - rank;
  uint64_t sum = 0;
  size_t end = rank;
  while (end < bytes.size() && (end == rank || sum + bytes[end] <= options_.memory_bytes))
    sum += bytes[end++];
  return end - rank;
}

Head::ValueKind Head::KindOfChunks(const SeriesEntry& series) const {
  for (size_t i = series.chunks; i-- > 0;) {
    const HeadChunk& chunk = chunks_[series.first_chunk + i];
    if (chunk.late) continue;
    switch (static_cast<Encoding>(chunk.encoding)) {
      case Encoding::kHistogram:
      case Encoding::kHistogramWithStart:
        return ValueKind::kHistogram;
      case Encoding::kFloatHistogram:
      case Encoding::kFloatHistogramWithStart:
        return ValueKind::kFloatHistogram;
      case Encoding::kXor:
      case Encoding::kXor2:
        return ValueKind::kFloat;
    }
  }
  return ValueKind::kFloat;
}

bool Head::Progress::Accept(LogRecord::Sample& sample) {
  // What goes back in time was refused when it came, and is in the other log if it was taken after
  // all.
  if (any && sample.t <= newest) return false;
  any = true;
  newest = sample.t;
  if (sample.histogram != nullptr) {
    kind = sample.histogram->is_float ? ValueKind::kFloatHistogram : ValueKind::kHistogram;
  } else if (!IsStaleNaN(sample.v)) {
    kind = ValueKind::kFloat;
  } else if (kind != ValueKind::kFloat) {
    auto stale = std::make_shared<Histogram>();
    stale->is_float = kind == ValueKind::kFloatHistogram;
    stale->sum = StaleNaN();
    sample.histogram = std::move(stale);
    sample.v = 0;
  }
  return true;
}

std::shared_ptr<Head::Group> Head::Load(TimeRange range, size_t begin, size_t count) const {
  auto group = std::make_shared<Group>();
  group->begin = begin;
  group->ordered.resize(count);
  group->late.resize(count);
  std::vector<Progress> progress(count);
  for (size_t i = 0; i < count; ++i) progress[i].kind = KindOfChunks(series_[order_[begin + i]]);
  ForEachSample([&](Log log, uint32_t series, LogRecord::Sample& sample) {
    const size_t place = rank_[series] - begin;
    if (place >= count || (log == Log::kOrdered && !progress[place].Accept(sample))) return;
    if (!range.Contains(sample.t)) return;
    Columns& columns = (log == Log::kOrdered ? group->ordered : group->late)[place];
    columns.Add(sample.t, sample.v, std::move(sample.histogram), sample.start);
  });
  for (size_t i = 0; i < count; ++i) {
    SortByTime(group->late[i]);
    const auto deleted = deleted_.find(order_[begin + i]);
    if (deleted == deleted_.end()) continue;
    for (Columns* const columns : {&group->ordered[i], &group->late[i]}) {
      bool gap = false;
      deleted->second.Filter(*columns, gap);
    }
  }
  return group;
}

std::unique_ptr<SeriesSet> Head::Series(TimeRange range) const {
  return std::make_unique<HeadSeries>(*this, range);
}

}  // namespace slowburn::tsdb::prom
