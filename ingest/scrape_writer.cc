#include "ingest/scrape_writer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "ingest/label_check.h"

namespace slowburn::ingest {
namespace {

using tsdb::Labels;
using tsdb::Rejection;
using tsdb::SeriesRef;

constexpr std::string_view kExportedPrefix = "exported_";
constexpr size_t kShownBytes = 50;  // of names and values in errors about limits

enum Report : size_t {
  kUp,
  kDuration,
  kScraped,
  kPostRelabeling,
  kSeriesAdded,
  kTimeout,
  kSampleLimit,
  kBodySize,
};
constexpr std::array<std::string_view, 8> kReportNames = {"up",
                                                          "scrape_duration_seconds",
                                                          "scrape_samples_scraped",
                                                          "scrape_samples_post_metric_relabeling",
                                                          "scrape_series_added",
                                                          "scrape_timeout_seconds",
                                                          "scrape_sample_limit",
                                                          "scrape_body_size_bytes"};
constexpr size_t kPlainReports = kTimeout;  // the others only with extra_scrape_metrics

std::string Quoted(std::string_view text) {
  std::string out;
  base::AppendJsonString(out, Shorten(text, kShownBytes));
  return out;
}

// The same text means other labels under another type, for le and quantile.
tsdb::RawKey KeyOf(std::string_view series, tsdb::MetricType type) {
  tsdb::RawKey key = tsdb::HashRawKey(series);
  if (type == tsdb::MetricType::kHistogram) key.high ^= 0x9e3779b97f4a7c15;
  if (type == tsdb::MetricType::kSummary) key.high ^= 0xc2b2ae3d27d4eb4f;
  return key;
}

void SetTargetLabels(const Labels& scraped, const Labels& target, tsdb::LabelsBuilder& out) {
  std::vector<tsdb::LabelView> pushed_aside;
  for (const tsdb::LabelView label : target) {
    const std::string_view existing = scraped.Get(label.name);
    if (!existing.empty()) pushed_aside.push_back({label.name, existing});
    out.Set(label.name, label.value);
  }
  // Shorter names first: exported_a may itself be a name that is pushed aside.
  std::stable_sort(pushed_aside.begin(), pushed_aside.end(),
                   [](const tsdb::LabelView& a, const tsdb::LabelView& b) {
                     return a.name.size() < b.name.size();
                   });
  for (const tsdb::LabelView& label : pushed_aside) {
    std::string name(label.name);
    do {
      name = absl::StrCat(std::string(kExportedPrefix), name);
    } while (!out.Get(name).empty());
    out.Set(name, label.value);
  }
}

}  // namespace

Labels SampleLabels(const Labels& scraped, const Labels& target, const ScrapeConfig& config) {
  tsdb::LabelsBuilder builder(scraped);
  if (config.honor_labels) {
    for (const tsdb::LabelView label : target) {
      if (!scraped.Has(label.name)) builder.Set(label.name, label.value);
    }
  } else {
    SetTargetLabels(scraped, target, builder);
  }
  if (!Relabel(config.metric_relabel_rules, builder)) return {};
  return builder.Build();
}

ScrapeWriter::ScrapeWriter(tsdb::Storage& storage, ScrapeMetrics& metrics,
                           std::shared_ptr<const ScrapeConfig> config, const Target& target,
                           std::shared_ptr<ScrapeCache> cache)
    : storage_(storage),
      metrics_(metrics),
      config_(std::move(config)),
      target_(target),
      cache_(std::move(cache)) {
  for (size_t i = 0; i < reports_.size(); ++i) {
    tsdb::LabelsBuilder builder(target_.labels);
    builder.Set(tsdb::kMetricName, kReportNames[i]);
    reports_[i].labels = builder.Build();
  }
}

absl::Status ScrapeWriter::AppendScrape(tsdb::TimestampMs t,
                                        const absl::StatusOr<ScrapedBody>& fetched,
                                        std::unique_ptr<tsdb::Appender>& appender, Counts& counts) {
  appended_.clear();
  refused_series_.clear();
  duplicates_ = 0;
  appender = storage_.NewAppender();
  absl::Status error = fetched.status();
  const bool has_text = fetched.ok() && !fetched->text.empty();
  if (has_text) {
    counts.body_bytes = static_cast<int64_t>(fetched->text.size());
    error = AppendBody(*appender, t, *fetched, counts);
    if (!error.ok()) {
      cache_->Rollback();
      appended_.clear();
      appender = storage_.NewAppender();
    }
  } else if (absl::IsResourceExhausted(error)) {
    counts.body_bytes = -1;
  }
  if (!error.ok()) metrics_.scrapes_failed.Increment();
  end_ = error.ok() && has_text ? ScrapeCache::End::kFlush : ScrapeCache::End::kKeep;
  AppendStale(*appender, t);
  return error;
}

absl::Status ScrapeWriter::AppendBody(tsdb::Appender& appender, tsdb::TimestampMs t,
                                      const ScrapedBody& body, Counts& counts) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ExpositionParser> parser,
                   NewExpositionParser(body.text, body.content_type, config_->fallback_media_type));
  ExpositionEntry entry;
  while (parser->Next(entry)) {
    if (entry.kind != ExpositionEntry::Kind::kSample) {
      NoteMetadata(entry);
      continue;
    }
    ++counts.scraped;
    RETURN_IF_ERROR(AppendSample(appender, t, *parser, entry, counts));
  }
  RETURN_IF_ERROR(parser->status());
  if (config_->limits.samples > 0 && counts.limited > config_->limits.samples) {
    metrics_.sample_limit.Increment();
    return absl::ResourceExhaustedError(
        absl::StrCat("sample limit exceeded (samples: ", counts.limited,
                     ", limit: ", config_->limits.samples, ")"));
  }
  return absl::OkStatus();
}

void ScrapeWriter::NoteMetadata(const ExpositionEntry& entry) {
  switch (entry.kind) {
    case ExpositionEntry::Kind::kType:
      cache_->SetType(entry.family, entry.type);
      break;
    case ExpositionEntry::Kind::kHelp:
      cache_->SetHelp(entry.family, entry.text);
      break;
    case ExpositionEntry::Kind::kUnit:
      cache_->SetUnit(entry.family, entry.text);
      break;
    case ExpositionEntry::Kind::kComment:
    case ExpositionEntry::Kind::kSample:
      break;
  }
}

absl::Status ScrapeWriter::AppendSample(tsdb::Appender& appender, tsdb::TimestampMs t,
                                        const ExpositionParser& parser,
                                        const ExpositionEntry& sample, Counts& counts) {
  const tsdb::RawKey key = KeyOf(sample.series, parser.current_type());
  ScrapeCache::Entry* entry = cache_->Find(key);
  const bool fresh = entry == nullptr;
  if (fresh) {
    ASSIGN_OR_RETURN(entry, EntryOf(parser, sample, key));
  }
  const bool first = cache_->See(*entry);
  if (entry->dropped()) return absl::OkStatus();
  ++counts.kept;
  const bool own_time = sample.has_timestamp && config_->honor_timestamps;
  if (!first && !own_time) {
    ++duplicates_;  // the first of the scrape wins
    return absl::OkStatus();
  }
  if (++counts.limited > config_->limits.samples && config_->limits.samples > 0)
    return absl::OkStatus();
  if (!ResolveEntry(appender, *entry)) return absl::OkStatus();
  appender.Append(entry->ref, own_time ? sample.t : t, sample.value);
  appended_.push_back({entry, sample.value});
  if (!own_time || config_->track_timestamps_staleness) cache_->Track(*entry);
  if (fresh) ++counts.added;
  if (!sample.has_exemplar) return absl::OkStatus();
  return AppendExemplar(appender, own_time ? sample.t : t, parser, sample, entry->ref);
}

absl::Status ScrapeWriter::AppendExemplar(tsdb::Appender& appender, tsdb::TimestampMs t,
                                          const ExpositionParser& parser,
                                          const ExpositionEntry& sample, SeriesRef ref) {
  RETURN_IF_ERROR(parser.ParseExemplarLabels(sample, scratch_));
  if (!ExemplarLabelsFit(scratch_.labels)) {
    metrics_.exemplars_refused.Increment();
    return absl::OkStatus();
  }
  appender.AppendExemplar(ref, {Labels::FromViews(scratch_.labels), sample.exemplar_value,
                                sample.exemplar_has_timestamp ? sample.exemplar_t : t});
  appended_.push_back({nullptr, 0});
  return absl::OkStatus();
}

absl::StatusOr<ScrapeCache::Entry*> ScrapeWriter::EntryOf(const ExpositionParser& parser,
                                                          const ExpositionEntry& sample,
                                                          const tsdb::RawKey& key) {
  RETURN_IF_ERROR(parser.ParseLabels(sample, scratch_));
  Labels labels = SampleLabels(Labels::FromSorted(scratch_.labels), target_.labels, *config_);
  if (!labels.empty()) RETURN_IF_ERROR(CheckLabels(labels));
  return &cache_->Add(key, std::move(labels));
}

absl::Status ScrapeWriter::CheckLabels(const Labels& labels) const {
  const std::string_view metric = labels.metric_name();
  if (metric.empty()) return absl::InvalidArgumentError("missing metric name (__name__ label)");
  if (config_->name_validation == NameValidation::kLegacy) {
    bool legacy = tsdb::IsLegacyMetricName(metric);
    for (const tsdb::LabelView label : labels)
      legacy = legacy && tsdb::IsLegacyLabelName(label.name);
    if (!legacy) {
      return absl::InvalidArgumentError(
          absl::StrCat("invalid metric name or label names: ", labels.ToString()));
    }
  }
  const ScrapeLimits& limits = config_->limits;
  const std::string shown = Shorten(metric, kShownBytes);
  const auto exceeded = [&](const std::string& what) {
    metrics_.label_limits.Increment();
    return absl::ResourceExhaustedError(what);
  };
  if (limits.labels > 0 && labels.size() > limits.labels) {
    return exceeded(absl::StrCat("label_limit exceeded (metric: ", shown, ", number of labels: ",
                                 labels.size(), ", limit: ", limits.labels, ")"));
  }
  for (const tsdb::LabelView label : labels) {
    if (limits.label_name_bytes > 0 && label.name.size() > limits.label_name_bytes) {
      return exceeded(absl::StrCat("label_name_length_limit exceeded (metric: ", shown,
                                   ", label name: ", Shorten(label.name, kShownBytes), ", length: ",
                                   label.name.size(), ", limit: ", limits.label_name_bytes, ")"));
    }
    if (limits.label_value_bytes > 0 && label.value.size() > limits.label_value_bytes) {
      return exceeded(absl::StrCat(
          "label_value_length_limit exceeded (metric: ", shown,
          ", label name: ", Shorten(label.name, kShownBytes), ", value: ", Quoted(label.value),
          ", length: ", label.value.size(), ", limit: ", limits.label_value_bytes, ")"));
    }
  }
  return absl::OkStatus();
}

// False: a limit of the store; the series is left out.
bool ScrapeWriter::ResolveEntry(tsdb::Appender& appender, ScrapeCache::Entry& entry) {
  if (entry.ref != SeriesRef::kUnknown) return true;
  const absl::StatusOr<SeriesRef> ref = appender.Resolve(entry.labels, nullptr);
  if (!ref.ok()) {
    metrics_.refused_series.Increment();
    if (refused_series_.empty()) {
      refused_series_ =
          absl::StrCat(std::string(ref.status().message()), ": ", entry.labels.ToString());
    }
    return false;
  }
  entry.ref = *ref;
  return true;
}

void ScrapeWriter::AppendStale(tsdb::Appender& appender, tsdb::TimestampMs t) {
  stale_begin_ = appended_.size();
  cache_->ForEachStale([&](ScrapeCache::Entry& entry) {
    if (!ResolveEntry(appender, entry)) return;
    appender.Append(entry.ref, t, tsdb::StaleNaN());
    appended_.push_back({&entry, 0});
  });
  report_begin_ = appended_.size();
}

void ScrapeWriter::AppendReportSample(tsdb::Appender& appender, size_t which, tsdb::TimestampMs t,
                                      double v) {
  ScrapeCache::Entry& entry = reports_[which];
  if (!ResolveEntry(appender, entry)) return;
  appender.Append(entry.ref, t, v);
  appended_.push_back({&entry, v});
}

void ScrapeWriter::AppendReport(tsdb::Appender& appender, tsdb::TimestampMs t,
                                const absl::Status& error, double seconds, const Counts& counts) {
  metrics_.duration.Observe(seconds);
  AppendReportSample(appender, kUp, t, error.ok() ? 1 : 0);
  AppendReportSample(appender, kDuration, t, seconds);
  AppendReportSample(appender, kScraped, t, static_cast<double>(counts.scraped));
  AppendReportSample(appender, kPostRelabeling, t, static_cast<double>(counts.kept));
  AppendReportSample(appender, kSeriesAdded, t, static_cast<double>(counts.added));
  if (!config_->extra_metrics) return;
  AppendReportSample(appender, kTimeout, t, static_cast<double>(target_.timeout_ms) / 1000);
  AppendReportSample(appender, kSampleLimit, t, static_cast<double>(config_->limits.samples));
  AppendReportSample(appender, kBodySize, t, static_cast<double>(counts.body_bytes));
}

void ScrapeWriter::WriteEndOfRun(tsdb::TimestampMs t) {
  appended_.clear();
  refused_series_.clear();
  duplicates_ = 0;
  const std::unique_ptr<tsdb::Appender> appender = storage_.NewAppender();
  AppendStale(*appender, t);
  const size_t reports = config_->extra_metrics ? reports_.size() : kPlainReports;
  for (size_t i = 0; i < reports; ++i) AppendReportSample(*appender, i, t, tsdb::StaleNaN());
  // A target that is back in another loop wrote newer samples: nothing to complain about.
  report_begin_ = appended_.size();
  end_ = ScrapeCache::End::kKeep;
  Commit(*appender);
}

void ScrapeWriter::Commit(tsdb::Appender& appender) {
  const std::vector<tsdb::MetricMetadata> changed = cache_->ChangedMetadata();
  for (const tsdb::MetricMetadata& m : changed) appender.SetMetadata(m.metric, m.metadata);
  const absl::StatusOr<tsdb::CommitResult> result = appender.Commit();
  if (result.ok()) {
    if (!changed.empty()) cache_->MarkMetadataStored();
    metrics_.samples.Increment(static_cast<double>(result->samples));
    AccountRejected(*result);
  } else {
    metrics_.commit_failures.Increment();
    base::Error("scrape not stored", {{"target", target_.url}, {"err", result.status()}});
    cache_->ForgetReferences();
    for (ScrapeCache::Entry& report : reports_) report.ref = SeriesRef::kUnknown;
  }
  if (!refused_series_.empty()) {
    base::Warn("series left out of a scrape",
               {{"target", target_.url}, {"first", refused_series_}});
  }
  if (cache_->EndIteration(end_)) metrics_.cache_flush_forced.Increment();
}

void ScrapeWriter::AccountRejected(const tsdb::CommitResult& result) {
  size_t out_of_order = 0, duplicates = duplicates_, out_of_bounds = 0;
  std::vector<std::pair<ScrapeCache::Entry*, tsdb::Sample>> lost;
  for (const tsdb::RejectedSample& rejected : result.rejected) {
    const Appended& sample = appended_[rejected.index];
    if (sample.entry == nullptr) continue;
    sample.entry->ref = SeriesRef::kUnknown;  // a series that has no sample need not exist
    if (rejected.index >= stale_begin_ && rejected.index < report_begin_) continue;
    switch (rejected.reason) {
      case Rejection::kOutOfOrder:
        ++out_of_order;
        break;
      case Rejection::kDuplicate:
        ++duplicates;
        break;
      case Rejection::kTooOld:
      case Rejection::kOutOfBounds:
      case Rejection::kTooFarInFuture:
        ++out_of_bounds;
        break;
      case Rejection::kSeriesLimit:
        metrics_.refused_series.Increment();
        break;
      case Rejection::kUnknownSeries:
        lost.emplace_back(sample.entry, tsdb::Sample{rejected.t, sample.v});
        break;
    }
  }
  metrics_.out_of_order.Increment(static_cast<double>(out_of_order));
  metrics_.duplicate.Increment(static_cast<double>(duplicates));
  metrics_.out_of_bounds.Increment(static_cast<double>(out_of_bounds));
  metrics_.exemplars_refused.Increment(static_cast<double>(result.rejected_exemplars));
  if (out_of_order + duplicates + out_of_bounds > 0) {
    base::Warn("samples of a scrape refused", {{"target", target_.url},
                                               {"out_of_order", out_of_order},
                                               {"duplicate_timestamp", duplicates},
                                               {"out_of_bounds", out_of_bounds}});
  }
  if (!lost.empty()) RetryUnknown(std::move(lost));
}

// Retention dropped these series between two scrapes: they are made anew.
void ScrapeWriter::RetryUnknown(std::vector<std::pair<ScrapeCache::Entry*, tsdb::Sample>> lost) {
  const std::unique_ptr<tsdb::Appender> appender = storage_.NewAppender();
  for (auto& [entry, sample] : lost) {
    if (ResolveEntry(*appender, *entry)) appender->Append(entry->ref, sample.t, sample.v);
  }
  const absl::StatusOr<tsdb::CommitResult> result = appender->Commit();
  if (result.ok() && result->rejected.empty()) return;
  for (auto& [entry, sample] : lost) entry->ref = SeriesRef::kUnknown;
}

}  // namespace slowburn::ingest
