#include "tsdb/prometheus/export.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <iterator>
#include <random>
#include <system_error>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "tsdb/prometheus/block_writer.h"
#include "tsdb/prometheus/merged_series.h"
#include "tsdb/time_math.h"

namespace slowburn::tsdb::prom {
namespace {

constexpr DurationMs kLongestLook = 365 * base::kDay;

TimestampMs FloorTo(TimestampMs t, DurationMs width) {
  const TimestampMs over = (t % width + width) % width;
  return SaturatingSub(t, over);
}

class Exporter {
 public:
  Exporter(Storage& storage, std::string folder, const base::Clock& clock,
           const ExportOptions& options)
      : storage_(storage),
        folder_(std::move(folder)),
        clock_(clock),
        options_(options),
        chance_(options.seed) {
    if (selectors().empty()) everything_.emplace_back();
  }

  absl::StatusOr<ExportStats> Run() {
    const TimeRange range = options_.range;
    TimestampMs at = range.start;
    while (true) {
      ASSIGN_OR_RETURN(at, NextWithSamples(at));
      if (at >= range.end) break;
      const TimestampMs window = FloorTo(at, kBlockMs);
      RETURN_IF_ERROR(WriteBlock({window, SaturatingAdd(window, kBlockMs)}));
      at = SaturatingAdd(window, kBlockMs);
      Report(at);
    }
    Report(range.end);
    return stats_;
  }

 private:
  const std::vector<Matchers>& selectors() const {
    return options_.any_of.empty() ? everything_ : options_.any_of;
  }

  absl::StatusOr<std::unique_ptr<SeriesSet>> Select(Querier& querier, bool samples_needed) {
    SelectHints hints;
    hints.samples_needed = samples_needed;
    std::vector<std::unique_ptr<SeriesSet>> sets;
    for (const Matchers& matchers : selectors()) {
      ASSIGN_OR_RETURN(std::unique_ptr<SeriesSet> set, querier.Select(matchers, hints));
      sets.push_back(std::move(set));
    }
    return MergeSeries(std::move(sets));
  }

  // The beginning of a block's time with samples, or the range's end. Looks ever farther while
  // there is nothing.
  absl::StatusOr<TimestampMs> NextWithSamples(TimestampMs at) {
    DurationMs look = kBlockMs;
    while (at < options_.range.end) {
      const TimestampMs end =
          std::min(SaturatingAdd(FloorTo(at, kBlockMs), look), options_.range.end);
      const std::unique_ptr<Querier> querier = storage_.NewQuerier({at, end});
      ASSIGN_OR_RETURN(const std::unique_ptr<SeriesSet> set, Select(*querier, true));
      const bool any = set->Next();
      RETURN_IF_ERROR(set->status());
      if (any && look == kBlockMs) return at;
      if (!any) at = end;
      look =
          any ? std::max(kBlockMs, FloorTo(look / 2, kBlockMs)) : std::min(2 * look, kLongestLook);
      Report(at);
    }
    return options_.range.end;
  }

  // Every name and value of the window, sorted.
  absl::StatusOr<std::vector<std::string>> Strings(Querier& querier) {
    ASSIGN_OR_RETURN(const std::unique_ptr<SeriesSet> set, Select(querier, false));
    std::deque<std::string> owned;
    absl::flat_hash_set<std::string_view> strings;
    const auto add = [&](std::string_view text) {
      if (!strings.contains(text)) strings.insert(owned.emplace_back(text));
    };
    while (set->Next()) {
      for (const LabelView label : set->labels()) {
        add(label.name);
        add(label.value);
      }
    }
    RETURN_IF_ERROR(set->status());
    std::vector<std::string> sorted(std::move_iterator(owned.begin()),
                                    std::move_iterator(owned.end()));
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }

  absl::Status WriteBlock(TimeRange window) {
    const std::unique_ptr<Querier> querier = storage_.NewQuerier(Intersect(window, options_.range));
    ASSIGN_OR_RETURN(std::vector<std::string> strings, Strings(*querier));
    const uint64_t high = chance_(), low = chance_();
    ASSIGN_OR_RETURN(const std::unique_ptr<PrometheusBlockWriter> writer,
                     PrometheusBlockWriter::Begin(folder_, MakeUlid(clock_.Now(), high, low),
                                                  std::move(strings)));
    ASSIGN_OR_RETURN(const std::unique_ptr<SeriesSet> set, Select(*querier, true));
    while (set->Next()) {
      RETURN_IF_ERROR(writer->AddSeries(set->labels()));
      const std::unique_ptr<SampleIterator> samples = set->samples();
      SampleBatch batch;
      while (samples->Next(batch)) RETURN_IF_ERROR(writer->AddSamples(batch));
      RETURN_IF_ERROR(samples->status());
    }
    RETURN_IF_ERROR(set->status());
    // A Prometheus takes nothing new from before the end of its blocks: the last one ends with its
    // samples.
    TimeRange covered = window;
    if (window.end >= options_.range.end) covered.end = SaturatingAdd(writer->max_t(), 1);
    ASSIGN_OR_RETURN(const BlockMeta meta, writer->Finish(covered));
    Count(meta, *writer);
    return absl::OkStatus();
  }

  void Count(const BlockMeta& meta, const PrometheusBlockWriter& writer) {
    if (meta.series > 0) ++stats_.blocks;
    stats_.series += meta.series;
    stats_.chunks += meta.chunks;
    stats_.samples += meta.samples;
    stats_.histograms += meta.histogram_samples;
    stats_.invalid_histograms += writer.invalid_histograms();
    stats_.starts += writer.starts();
  }

  void Report(TimestampMs at) const {
    if (!options_.progress) return;
    const auto since = [&](TimestampMs t) {
      return static_cast<uint64_t>(t) - static_cast<uint64_t>(options_.range.start);
    };
    options_.progress(since(std::clamp(at, options_.range.start, options_.range.end)),
                      since(options_.range.end));
  }

  Storage& storage_;
  const std::string folder_;
  const base::Clock& clock_;
  const ExportOptions& options_;
  std::vector<Matchers> everything_;
  std::mt19937_64 chance_;
  ExportStats stats_;
};

absl::Status MakeEmptyFolder(const std::string& folder) {
  RETURN_IF_ERROR(base::MakeDirectories(folder));
  std::error_code error;
  if (std::filesystem::is_empty(folder, error) && !error) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat(folder, " is not empty: name a folder that does not exist yet"));
}

}  // namespace

absl::StatusOr<ExportStats> ExportBlocks(Storage& storage, const std::string& folder,
                                         const base::Clock& clock, const ExportOptions& options) {
  RETURN_IF_ERROR(MakeEmptyFolder(folder));
  if (options.range.empty()) return ExportStats();
  return Exporter(storage, folder, clock, options).Run();
}

}  // namespace slowburn::tsdb::prom
