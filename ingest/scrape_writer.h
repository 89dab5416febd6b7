// ScrapeWriter: turns what one target answered into one commit of the store: its samples after
// relabelling, staleness markers for the series that vanished, and up and the scrape_* series about
// the scrape itself.
//
// All of one scrape goes through one appender. A scrape that fails (no answer, bad text, a limit)
// stores nothing of its text, marks every series of the target stale and sets up to 0. A sample
// that the store refuses costs only itself.
//
// Threads: one at a time. Lifetimes: everything passed in outlives it.
#ifndef SLOWBURN_INGEST_SCRAPE_WRITER_H_
#define SLOWBURN_INGEST_SCRAPE_WRITER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ingest/exposition.h"
#include "ingest/scrape_cache.h"
#include "ingest/scrape_config.h"
#include "ingest/scrape_metrics.h"
#include "ingest/target.h"
#include "tsdb/storage.h"

namespace slowburn::ingest {

struct ScrapedBody {
  std::string_view text;
  std::string_view content_type;
};

// Prometheus' labels of a scraped sample: the target's win, and what they push aside becomes
// exported_NAME; with honor_labels the sample's win. Then metric relabelling. Empty: dropped.
tsdb::Labels SampleLabels(const tsdb::Labels& scraped, const tsdb::Labels& target,
                          const ScrapeConfig& config);

class ScrapeWriter {
 public:
  ScrapeWriter(tsdb::Storage& storage, ScrapeMetrics& metrics,
               std::shared_ptr<const ScrapeConfig> config, const Target& target,
               std::shared_ptr<ScrapeCache> cache);

  // Stores one scrape at time `t`. `fetched` is the answer, or why there is none. The result is the
  // target's health: OK, or the error of this scrape. `elapsed_seconds` is asked at the end, for
  // scrape_duration_seconds.
  template <typename Elapsed>
  absl::Status Write(tsdb::TimestampMs t, const absl::StatusOr<ScrapedBody>& fetched,
                     Elapsed elapsed_seconds) {
    Counts counts;
    std::unique_ptr<tsdb::Appender> appender;
    const absl::Status error = AppendScrape(t, fetched, appender, counts);
    AppendReport(*appender, t, error, elapsed_seconds(), counts);
    Commit(*appender);
    return error;
  }

  // The target is gone: marks all its series stale, as of `t`.
  void WriteEndOfRun(tsdb::TimestampMs t);

  const std::shared_ptr<ScrapeCache>& cache() const { return cache_; }

 private:
  struct Counts {
    size_t scraped = 0, kept = 0, added = 0, limited = 0;
    int64_t body_bytes = 0;
  };
  // A sample as it was appended; place in `appended_` is the index that a rejection tells,
  // exemplars included.
  struct Appended {
    ScrapeCache::Entry* entry = nullptr;  // null: an exemplar
    double v = 0;
  };

  absl::Status AppendScrape(tsdb::TimestampMs t, const absl::StatusOr<ScrapedBody>& fetched,
                            std::unique_ptr<tsdb::Appender>& appender, Counts& counts);
  absl::Status AppendBody(tsdb::Appender& appender, tsdb::TimestampMs t, const ScrapedBody& body,
                          Counts& counts);
  absl::Status AppendSample(tsdb::Appender& appender, tsdb::TimestampMs t,
                            const ExpositionParser& parser, const ExpositionEntry& sample,
                            Counts& counts);
  absl::StatusOr<ScrapeCache::Entry*> EntryOf(const ExpositionParser& parser,
                                              const ExpositionEntry& sample,
                                              const tsdb::RawKey& key);
  absl::Status AppendExemplar(tsdb::Appender& appender, tsdb::TimestampMs t,
                              const ExpositionParser& parser, const ExpositionEntry& sample,
                              tsdb::SeriesRef ref);
  void NoteMetadata(const ExpositionEntry& entry);
  void AppendStale(tsdb::Appender& appender, tsdb::TimestampMs t);
  void AppendReport(tsdb::Appender& appender, tsdb::TimestampMs t, const absl::Status& error,
                    double seconds, const Counts& counts);
  void AppendReportSample(tsdb::Appender& appender, size_t which, tsdb::TimestampMs t, double v);
  bool ResolveEntry(tsdb::Appender& appender, ScrapeCache::Entry& entry);
  void Commit(tsdb::Appender& appender);
  void AccountRejected(const tsdb::CommitResult& result);
  void RetryUnknown(std::vector<std::pair<ScrapeCache::Entry*, tsdb::Sample>> lost);
  absl::Status CheckLabels(const tsdb::Labels& labels) const;

  tsdb::Storage& storage_;
  ScrapeMetrics& metrics_;
  const std::shared_ptr<const ScrapeConfig> config_;
  const Target& target_;
  const std::shared_ptr<ScrapeCache> cache_;
  LabelScratch scratch_;
  std::vector<Appended> appended_;
  size_t stale_begin_ = 0, report_begin_ = 0;  // in appended_
  ScrapeCache::End end_ = ScrapeCache::End::kFlush;
  std::string refused_series_;  // why the first was left out of this scrape
  size_t duplicates_ = 0;       // of this scrape
  std::array<ScrapeCache::Entry, 8> reports_;
};

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_SCRAPE_WRITER_H_
