#include "app/tsdb_commands.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "app/open_directory.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "query/histogram/buckets.h"
#include "query/parser/parser.h"
#include "tsdb/block_store.h"
#include "tsdb/data_directory.h"
#include "tsdb/db.h"
#include "tsdb/prometheus/directory.h"
#include "tsdb/prometheus/export.h"
#include "tsdb/prometheus/import.h"
#include "tsdb/verify.h"

namespace slowburn::app {
namespace {

// As Prometheus' labels print themselves: the name is a label like the others.
std::string LabelsText(const tsdb::Labels& labels) {
  std::string out = "{";
  for (const tsdb::LabelView label : labels) {
    if (out.size() > 1) out += ", ";
    if (tsdb::IsLegacyLabelName(label.name)) {
      out += label.name;
    } else {
      tsdb::AppendQuoted(out, label.name);
    }
    out += '=';
    tsdb::AppendQuoted(out, label.value);
  }
  out += '}';
  return out;
}

void AppendFloat(std::string& out, double v) {
  base::AppendFloat(out, v, base::FloatStyle::kGeneral);
}

void AppendIntegerBucket(std::string& out, const query::Bucket& bucket) {
  if (bucket.count == 0) return;
  out += bucket.lower_inclusive ? ", [" : ", (";
  AppendFloat(out, bucket.lower);
  out += ',';
  AppendFloat(out, bucket.upper);
  absl::StrAppend(&out, bucket.upper_inclusive ? "]:" : "):", static_cast<int64_t>(bucket.count));
}

// Float histograms print counts as floats, the others as integers.
std::string HistogramText(const tsdb::Histogram& h) {
  if (h.is_float) return query::Describe(h);
  std::string out = absl::StrCat("{count:", static_cast<int64_t>(h.count), ", sum:");
  AppendFloat(out, h.sum);
  std::vector<query::Bucket> buckets;
  query::SideBuckets(h, query::Side::kNegative, buckets);
  std::reverse(buckets.begin(), buckets.end());
  for (const query::Bucket& bucket : buckets) AppendIntegerBucket(out, bucket);
  if (h.zero_count != 0) AppendIntegerBucket(out, query::ZeroBucket(h));
  buckets.clear();
  query::SideBuckets(h, query::Side::kPositive, buckets);
  for (const query::Bucket& bucket : buckets) AppendIntegerBucket(out, bucket);
  out += '}';
  return out;
}

absl::Status DumpSeries(tsdb::SeriesSet& series, std::FILE* out) {
  const std::string labels = LabelsText(series.labels());
  const std::unique_ptr<tsdb::SampleIterator> samples = series.samples();
  tsdb::SampleBatch batch;
  std::string text;
  while (samples->Next(batch)) {
    text.clear();
    for (size_t i = 0; i < batch.t.size(); ++i) {
      text += labels;
      text += ' ';
      if (!batch.histograms.empty() && batch.histograms[i] != nullptr) {
        text += HistogramText(*batch.histograms[i]);
      } else {
        AppendFloat(text, batch.v[i]);
      }
      absl::StrAppend(&text, " ", batch.t[i], "\n");
    }
    if (std::fwrite(text.data(), 1, text.size(), out) != text.size()) {
      return absl::UnavailableError("the output cannot be written");
    }
  }
  return samples->status();
}

// Several sorted sets as one; a series of more than one of them counts once.
class MergedSets {
 public:
  absl::Status Add(std::unique_ptr<tsdb::SeriesSet> set) {
    sets_.push_back(std::move(set));
    return Advance(sets_.size() - 1);
  }

  // The next series, or null at the end.
  absl::StatusOr<tsdb::SeriesSet*> Next() {
    if (current_ != nullptr) {
      const tsdb::Labels labels = current_->labels();
      for (size_t i = 0; i < sets_.size(); ++i) {
        if (sets_[i] != nullptr && sets_[i]->labels() == labels) RETURN_IF_ERROR(Advance(i));
      }
    }
    current_ = nullptr;
    for (const auto& set : sets_) {
      if (set != nullptr && (current_ == nullptr || set->labels() < current_->labels()))
        current_ = set.get();
    }
    return current_;
  }

 private:
  absl::Status Advance(size_t i) {
    if (sets_[i]->Next()) return absl::OkStatus();
    const absl::Status status = sets_[i]->status();
    sets_[i] = nullptr;
    return status;
  }

  std::vector<std::unique_ptr<tsdb::SeriesSet>> sets_;  // null: at its end
  tsdb::SeriesSet* current_ = nullptr;
};

void PrintCounts(std::FILE* out, const char* title,
                 const std::vector<tsdb::DbStats::Count>& counts) {
  std::fprintf(out, "\n%s\n", title);
  for (const tsdb::DbStats::Count& count : counts) {
    std::fprintf(out, "%12llu  %s\n", static_cast<unsigned long long>(count.value),
                 count.name.c_str());
  }
}

std::string TimeText(tsdb::TimestampMs t) {
  return absl::StrCat(t, " (", base::FormatRfc3339(t), ")");
}

// Any of the selectors; one that matches everything when there are none.
absl::StatusOr<std::vector<tsdb::Matchers>> ParseSelectors(const std::vector<std::string>& texts) {
  std::vector<tsdb::Matchers> selectors;
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(tsdb::Matchers matchers, query::ParseSelector(text));
    selectors.push_back(std::move(matchers));
  }
  if (selectors.empty()) selectors.emplace_back();
  return selectors;
}

// Half-open, of a range that the user gave with both ends included.
tsdb::TimeRange HalfOpen(tsdb::TimestampMs min_time, tsdb::TimestampMs max_time) {
  return {min_time, max_time == tsdb::kMaxTime ? tsdb::kMaxTime : max_time + 1};
}

void PrintReadReport(const tsdb::prom::ReadReport& report, std::FILE* out) {
  if (out == nullptr) return;
  for (const std::string& text : report.texts()) std::fprintf(out, "damaged: %s\n", text.c_str());
  if (report.faults() > report.texts().size()) {
    std::fprintf(out, "damaged: %llu more places\n",
                 static_cast<unsigned long long>(report.faults() - report.texts().size()));
  }
  for (const auto& [why, count] : report.skipped()) {
    std::fprintf(out, "left out: %llu %s\n", static_cast<unsigned long long>(count), why.c_str());
  }
}

// A directory of Prometheus itself: to look before importing, or to compare.
absl::Status DumpPrometheus(const TsdbDumpOptions& options,
                            const std::vector<tsdb::Matchers>& selectors, std::FILE* out,
                            std::FILE* progress) {
  tsdb::prom::ReadReport report;
  ASSIGN_OR_RETURN(
      const std::unique_ptr<tsdb::prom::Directory> source,
      tsdb::prom::Directory::Open(
          options.path, {.progress = ReportTo(progress, "reading the log of Prometheus")}, report));
  const std::unique_ptr<tsdb::SeriesSet> set =
      source->Series(HalfOpen(options.min_time, options.max_time));
  while (set->Next()) {
    const auto matches = [&](const tsdb::Matchers& one) {
      return tsdb::MatchesAll(one, set->labels());
    };
    if (std::any_of(selectors.begin(), selectors.end(), matches))
      RETURN_IF_ERROR(DumpSeries(*set, out));
  }
  PrintReadReport(report, progress);
  return set->status();
}

absl::StatusOr<tsdb::prom::ImportStats> ImportInto(const std::string& path,
                                                   const tsdb::prom::Directory& source,
                                                   const tsdb::prom::ImportOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<tsdb::DataDirectory> directory,
                   tsdb::DataDirectory::Open(path));
  ASSIGN_OR_RETURN(const std::unique_ptr<tsdb::BlockStore> store,
                   tsdb::BlockStore::Open(directory->blocks_path(), nullptr));
  return tsdb::prom::ImportSamples(source, *store, options);
}

void PrintImport(const tsdb::prom::Directory& source, const tsdb::prom::ImportStats& stats,
                 const tsdb::prom::ImportedNotes& notes, std::FILE* out) {
  const auto number = [](uint64_t n) { return static_cast<unsigned long long>(n); };
  const tsdb::TimeRange times = source.times();
  if (!times.empty()) {
    std::fprintf(out, "read: %llu blocks%s, from %s to %s\n", number(source.blocks().size()),
                 source.head().empty() ? "" : " and the head", TimeText(times.start).c_str(),
                 TimeText(times.end - 1).c_str());
  }
  std::fprintf(
      out, "imported: %llu series, %llu samples, %llu of them histograms, into %llu blocks\n",
      number(stats.series), number(stats.samples), number(stats.histograms), number(stats.blocks));
  std::fprintf(out, "exemplars: %llu, metadata of %llu metrics\n", number(notes.exemplars),
               number(notes.metadata));
  const auto print = [&](uint64_t count, const char* what) {
    if (count > 0) std::fprintf(out, "%s: %llu samples\n", what, number(count));
  };
  print(stats.present, "were there already");
  print(stats.conflicts, "left out, another value is there");
  print(stats.invalid_histograms, "left out, invalid histograms");
  if (stats.old > 0) {
    std::fprintf(out,
                 "warning: %llu samples are older than the retention: a server drops them, unless "
                 "it is started with a longer --storage.tsdb.retention.time\n",
                 number(stats.old));
  }
}

// For the end, when all that there is was read.
absl::Status WasWhole(const tsdb::Querier& querier) {
  const std::vector<std::string> warnings = querier.Warnings();
  if (warnings.empty()) return absl::OkStatus();
  return absl::DataLossError(absl::StrJoin(warnings, "\n"));
}

}  // namespace

absl::Status RunTsdbDump(const TsdbDumpOptions& options, std::FILE* out, std::FILE* progress) {
  ASSIGN_OR_RETURN(const std::vector<tsdb::Matchers> selectors, ParseSelectors(options.matches));
  if (tsdb::IsPrometheusDirectory(options.path))
    return DumpPrometheus(options, selectors, out, progress);
  OpenDirectory directory;
  RETURN_IF_ERROR(directory.Open(options.path, progress));
  const tsdb::TimeRange range = HalfOpen(options.min_time, options.max_time);
  const std::unique_ptr<tsdb::Querier> querier = directory.db->NewQuerier(range);
  MergedSets sets;
  for (const tsdb::Matchers& matchers : selectors) {
    ASSIGN_OR_RETURN(std::unique_ptr<tsdb::SeriesSet> set, querier->Select(matchers, {}));
    RETURN_IF_ERROR(sets.Add(std::move(set)));
  }
  while (true) {
    ASSIGN_OR_RETURN(tsdb::SeriesSet * series, sets.Next());
    if (series == nullptr) return WasWhole(*querier);
    RETURN_IF_ERROR(DumpSeries(*series, out));
  }
}

absl::Status RunTsdbImport(const TsdbImportOptions& options, std::FILE* out, std::FILE* progress) {
  tsdb::prom::ReadReport report;
  ASSIGN_OR_RETURN(
      const std::unique_ptr<tsdb::prom::Directory> source,
      tsdb::prom::Directory::Open(
          options.from, {.progress = ReportTo(progress, "reading the log of Prometheus")}, report));
  if (source->in_use()) {
    std::fprintf(
        out, "warning: a running Prometheus has %s; what it writes from now on is not imported\n",
        options.from.c_str());
  }
  tsdb::prom::ImportOptions wanted;
  if (options.retention_ms > 0)
    wanted.retained_from = base::RealClock().Now() - options.retention_ms;
  wanted.progress = ReportTo(progress, "importing");
  const absl::StatusOr<tsdb::prom::ImportStats> stats = ImportInto(options.path, *source, wanted);
  PrintReadReport(report, out);
  RETURN_IF_ERROR(stats.status());
  OpenDirectory directory;  // exemplars and metadata are in the log
  RETURN_IF_ERROR(directory.Open(options.path, progress));
  ASSIGN_OR_RETURN(const tsdb::prom::ImportedNotes notes,
                   tsdb::prom::ImportNotes(*source, stats->newest, *directory.db));
  PrintImport(*source, *stats, notes, out);
  return absl::OkStatus();
}

absl::Status RunTsdbExport(const TsdbExportOptions& options, std::FILE* out, std::FILE* progress) {
  tsdb::prom::ExportOptions wanted;
  if (!options.matches.empty()) {
    ASSIGN_OR_RETURN(wanted.any_of, ParseSelectors(options.matches));
  }
  OpenDirectory directory;
  RETURN_IF_ERROR(directory.Open(options.path, progress));
  const tsdb::DbStats held = directory.db->Stats(0);
  const tsdb::TimeRange range = HalfOpen(options.min_time, options.max_time);
  if (held.samples + held.block_samples > 0) {
    wanted.range.start = std::max(range.start, held.min_time);
    wanted.range.end = std::min(range.end, held.max_time + 1);
  } else {
    wanted.range = {0, 0};
  }
  wanted.seed = std::random_device()();
  wanted.progress = ReportTo(progress, "exporting");
  ASSIGN_OR_RETURN(const tsdb::prom::ExportStats stats,
                   tsdb::prom::ExportBlocks(*directory.db, options.to, directory.clock, wanted));
  const auto number = [](uint64_t n) { return static_cast<unsigned long long>(n); };
  std::fprintf(out, "%llu blocks, %llu series in them, %llu samples, %llu of them histograms\n",
               number(stats.blocks), number(stats.series), number(stats.samples),
               number(stats.histograms));
  if (stats.starts > 0)
    std::fprintf(out, "left out: %llu start timestamps of samples\n", number(stats.starts));
  if (stats.invalid_histograms > 0)
    std::fprintf(out, "left out: %llu invalid histograms\n", number(stats.invalid_histograms));
  return WasWhole(*directory.db->NewQuerier(range));
}

absl::Status RunTsdbStats(const TsdbStatsOptions& options, std::FILE* out, std::FILE* progress) {
  OpenDirectory directory;
  RETURN_IF_ERROR(directory.Open(options.path, progress));
  const tsdb::DbStats stats = directory.db->Stats(options.limit);
  const auto print = [out](const char* name, uint64_t value) {
    std::fprintf(out, "%-14s %llu\n", name, static_cast<unsigned long long>(value));
  };
  const uint64_t samples = stats.samples + stats.block_samples;
  print("series", stats.series);
  print("samples", samples);
  print("of them sealed", stats.block_samples);
  print("blocks", stats.blocks);
  print("label pairs", stats.label_pairs);
  print("log bytes", stats.wal_bytes);
  print("block bytes", stats.block_bytes);
  if (samples > 0) {
    std::fprintf(out, "%-14s %s\n", "first sample", TimeText(stats.min_time).c_str());
    std::fprintf(out, "%-14s %s\n", "last sample", TimeText(stats.max_time).c_str());
    std::fprintf(
        out, "%-14s %.2f\n", "bytes a sample",
        static_cast<double>(stats.wal_bytes + stats.block_bytes) / static_cast<double>(samples));
  }
  PrintCounts(out, "series by metric", stats.series_by_metric);
  PrintCounts(out, "values by label", stats.values_by_label);
  PrintCounts(out, "bytes of values by label", stats.bytes_by_label);
  PrintCounts(out, "series by label pair", stats.series_by_pair);
  return absl::OkStatus();
}

absl::Status RunTsdbVerify(const TsdbVerifyOptions& options, std::FILE* out, std::FILE* progress) {
  ASSIGN_OR_RETURN(const tsdb::VerifyReport report,
                   tsdb::VerifyDirectory(options.path, ReportTo(progress, "verifying")));
  std::fprintf(out, "%llu blocks, %llu samples\n", static_cast<unsigned long long>(report.blocks),
               static_cast<unsigned long long>(report.block_samples));
  std::fprintf(out,
               "%llu records of the log, %llu series, %llu samples, %llu histograms, "
               "%llu exemplars\n",
               static_cast<unsigned long long>(report.records),
               static_cast<unsigned long long>(report.series),
               static_cast<unsigned long long>(report.samples),
               static_cast<unsigned long long>(report.histograms),
               static_cast<unsigned long long>(report.exemplars));
  for (const std::string& fault : report.fault_texts)
    std::fprintf(out, "damaged: %s\n", fault.c_str());
  if (report.faults == 0) {
    std::fprintf(out, "no damage found\n");
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(options.path, ": ", report.faults, " faults"));
}

}  // namespace slowburn::app
