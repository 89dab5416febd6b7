#include "ingest/remote_write.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/metrics.h"
#include "base/status_macros.h"
#include "ingest/label_check.h"
#include "ingest/write_decoder.h"

namespace slowburn::ingest {
namespace {

using tsdb::Rejection;
using tsdb::SeriesRef;

constexpr size_t kRejections = static_cast<size_t>(Rejection::kUnknownSeries) + 1;
constexpr std::array<const char*, kRejections> kRejectionLabels = {
    "out_of_order", "too_old",      "out_of_bounds", "too_far_in_future",
    "duplicate",    "series_limit", "unknown_series"};

// The samples of one series as they were appended: enough to name a rejected one, and to append it
// once more.
struct Appended {
  size_t first_index = 0;  // of the appender's Append calls
  std::string_view label_bytes;
};

std::string SeriesText(std::string_view label_bytes) {
  std::vector<tsdb::LabelView> labels;
  if (!DecodeLabels(label_bytes, labels).ok()) return "{}";
  if (NormalizeSeriesLabels(labels).ok()) {
    return Shorten(tsdb::Labels::FromSorted(labels).ToString(), 1024);
  }
  return DescribeLabels(labels);
}

}  // namespace

struct RemoteWriteIngester::Metrics {
  explicit Metrics(prometheus::Registry& registry)
      : samples(base::AddCounter(registry, "slowburn_remote_write_samples_total",
                                 "Samples accepted by remote write.", {{"type", "float"}})),
        histograms(base::AddCounter(registry, "slowburn_remote_write_samples_total",
                                    "Samples accepted by remote write.", {{"type", "histogram"}})),
        exemplars(base::AddCounter(registry, "slowburn_remote_write_exemplars_total",
                                   "Exemplars accepted by remote write.")),
        refused_exemplars(base::AddCounter(registry,
                                           "slowburn_remote_write_refused_exemplars_total",
                                           "Exemplars refused: out of order, or labels too long.")),
        bad_labels(base::AddCounter(
            registry, "prometheus_api_remote_write_invalid_labels_samples_total",
            "The total number of received remote write samples and histogram samples which contain "
            "invalid labels.")),
        bad_histograms(base::AddCounter(registry, "slowburn_remote_write_refused_samples_total",
                                        "Samples refused by remote write, by reason.",
                                        {{"reason", "invalid_histogram"}})),
        limit(base::AddCounter(registry, "slowburn_remote_write_refused_samples_total",
                               "Samples refused by remote write, by reason.",
                               {{"reason", "limit"}})),
        seconds(
            base::AddHistogram(registry, "slowburn_remote_write_ingest_duration_seconds",
                               "Time from the body to the commit of a remote-write request.",
                               {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5})) {
    for (size_t i = 0; i < kRejections; ++i) {
      rejected[i] = &base::AddCounter(registry, "slowburn_remote_write_refused_samples_total",
                                      "Samples refused by remote write, by reason.",
                                      {{"reason", kRejectionLabels[i]}});
    }
  }

  void Count(const WriteOutcome& outcome, const std::array<size_t, kRejections>& by_reason) {
    samples.Increment(static_cast<double>(outcome.samples));
    histograms.Increment(static_cast<double>(outcome.histograms));
    exemplars.Increment(static_cast<double>(outcome.exemplars));
    for (size_t i = 0; i < kRejections; ++i) {
      rejected[i]->Increment(static_cast<double>(by_reason[i]));
    }
  }

  prometheus::Counter& samples;
  prometheus::Counter& histograms;
  prometheus::Counter& exemplars;
  prometheus::Counter& refused_exemplars;
  prometheus::Counter& bad_labels;
  prometheus::Counter& bad_histograms;
  prometheus::Counter& limit;
  prometheus::Histogram& seconds;
  std::array<prometheus::Counter*, kRejections> rejected{};
};

namespace {

// The work of one request. Lives on the stack of Ingest.
class WriteSession {
 public:
  WriteSession(tsdb::Storage& storage, std::string_view message, size_t max_cost)
      : decoder_(message, max_cost), appender_(storage.NewAppender()) {}

  absl::StatusOr<WriteOutcome> Run() {
    while (true) {
      ASSIGN_OR_RETURN(const bool more, decoder_.Next(batch_));
      if (!more) break;
      RETURN_IF_ERROR(AppendBatch());
    }
    ASSIGN_OR_RETURN(const tsdb::CommitResult result, appender_->Commit());
    Account(result);
    return std::move(outcome_);
  }

  std::array<size_t, kRejections> rejected{};
  size_t bad_label_samples = 0, bad_histograms = 0, limit_samples = 0, refused_exemplars = 0;

 private:
  absl::Status AppendBatch() {
    const size_t n = batch_.series.size();
    keys_.resize(n);
    refs_.assign(n, SeriesRef::kUnknown);
    for (size_t i = 0; i < n; ++i) keys_[i] = tsdb::HashRawKey(batch_.series[i].label_bytes);
    appender_->Lookup(keys_, refs_);
    for (size_t i = 0; i < n; ++i) {
      const WriteSeries& series = batch_.series[i];
      if (refs_[i] == SeriesRef::kUnknown) {
        ASSIGN_OR_RETURN(refs_[i], ResolveSeries(series, keys_[i]));
        if (refs_[i] == SeriesRef::kUnknown) continue;
      }
      AppendSeries(series, refs_[i]);
    }
    for (const WriteMetadata& m : batch_.metadata) {
      if (m.family.empty() || !tsdb::IsValidUtf8(m.family) || !tsdb::IsValidUtf8(m.help)) continue;
      appender_->SetMetadata(m.family, {m.type, std::string(m.help), std::string(m.unit)});
    }
    return absl::OkStatus();
  }

  // kUnknown: the series was refused and accounted for.
  absl::StatusOr<SeriesRef> ResolveSeries(const WriteSeries& series, const tsdb::RawKey& key) {
    RETURN_IF_ERROR(DecodeLabels(series.label_bytes, labels_));
    const size_t samples = series.samples.size() + series.histograms.size();
    if (const absl::Status valid = NormalizeSeriesLabels(labels_); !valid.ok()) {
      RefuseSeries(valid, samples, bad_label_samples);
      return SeriesRef::kUnknown;
    }
    if (samples == 0 && series.exemplars.size() == 0)
      return SeriesRef::kUnknown;  // nothing to store
    auto ref = appender_->Resolve(tsdb::Labels::FromSorted(labels_), &key);
    if (ref.ok()) return ref;
    if (absl::IsInvalidArgument(ref.status())) {
      RefuseSeries(ref.status(), samples, bad_label_samples);
      return SeriesRef::kUnknown;
    }
    if (absl::IsResourceExhausted(ref.status())) {
      RefuseSeries(absl::ResourceExhaustedError(absl::StrCat(std::string(ref.status().message()),
                                                             ": series ", DescribeLabels(labels_))),
                   samples, limit_samples);
      return SeriesRef::kUnknown;
    }
    return ref.status();
  }

  void RefuseSeries(const absl::Status& why, size_t samples, size_t& counter) {
    ++outcome_.refused_series;
    outcome_.refused_samples += samples;
    counter += std::max<size_t>(samples, 1);
    Refused(std::string(why.message()));
  }

  void Refused(std::string what) {
    if (outcome_.first_refusal.empty()) outcome_.first_refusal = std::move(what);
  }

  void AppendSeries(const WriteSeries& series, SeriesRef ref) {
    appended_.push_back({next_index_, series.label_bytes});
    for (size_t i = series.samples.begin; i < series.samples.end; ++i) {
      const tsdb::Sample& sample = batch_.samples[i];
      appender_->Append(ref, sample.t, sample.v);
      ++next_index_;
    }
    for (size_t i = series.histograms.begin; i < series.histograms.end; ++i) {
      AppendHistogram(series, ref, batch_.histograms[i]);
    }
    for (size_t i = series.exemplars.begin; i < series.exemplars.end; ++i) {
      AppendExemplar(ref, batch_.exemplars[i]);
    }
  }

  void AppendHistogram(const WriteSeries& series, SeriesRef ref, WriteHistogram& h) {
    if (!h.histogram->is_stale()) {
      if (const absl::Status valid = h.histogram->Validate(); !valid.ok()) {
        ++bad_histograms;
        ++outcome_.refused_samples;
        Refused(absl::StrCat("invalid histogram: ", std::string(valid.message()), ": ",
                             SeriesText(series.label_bytes), " at ", h.t));
        return;
      }
    }
    appender_->AppendHistogram(ref, h.t, std::move(h.histogram));
    ++next_index_;
  }

  void AppendExemplar(SeriesRef ref, const WriteExemplar& exemplar) {
    if (!DecodeLabels(exemplar.label_bytes, labels_).ok() || !ExemplarLabelsFit(labels_) ||
        !std::all_of(labels_.begin(), labels_.end(), [](const tsdb::LabelView& label) {
          return tsdb::IsValidUtf8(label.name) && tsdb::IsValidUtf8(label.value);
        })) {
      ++refused_exemplars;
      return;
    }
    appender_->AppendExemplar(ref, {tsdb::Labels::FromViews(labels_), exemplar.value, exemplar.t});
    ++next_index_;
  }

  void Account(const tsdb::CommitResult& result) {
    outcome_.samples = result.samples;
    outcome_.histograms = result.histograms;
    outcome_.exemplars = result.exemplars;
    outcome_.new_series = result.new_series;
    refused_exemplars += result.rejected_exemplars;
    for (const tsdb::RejectedSample& sample : result.rejected) {
      ++rejected[static_cast<size_t>(sample.reason)];
      ++outcome_.refused_samples;
      if (!outcome_.first_refusal.empty()) continue;
      Refused(absl::StrCat(std::string(tsdb::Describe(sample.reason)), ": ",
                           SeriesText(LabelBytesOf(sample.index)), " at ", sample.t));
    }
  }

  std::string_view LabelBytesOf(size_t index) const {
    auto it = std::upper_bound(appended_.begin(), appended_.end(), index,
                               [](size_t i, const Appended& a) { return i < a.first_index; });
    return it == appended_.begin() ? std::string_view() : std::prev(it)->label_bytes;
  }

  WriteDecoder decoder_;
  std::unique_ptr<tsdb::Appender> appender_;
  WriteBatch batch_;
  std::vector<tsdb::RawKey> keys_;
  std::vector<SeriesRef> refs_;
  std::vector<tsdb::LabelView> labels_;
  std::vector<Appended> appended_;
  size_t next_index_ = 0;
  WriteOutcome outcome_;
};

}  // namespace

RemoteWriteIngester::RemoteWriteIngester(tsdb::Storage& storage, RemoteWriteLimits limits,
                                         const base::Clock& clock, prometheus::Registry& registry)
    : storage_(storage),
      limits_(limits),
      clock_(clock),
      metrics_(std::make_unique<Metrics>(registry)) {}

RemoteWriteIngester::~RemoteWriteIngester() = default;

absl::StatusOr<WriteOutcome> RemoteWriteIngester::Ingest(std::string_view body,
                                                         WriteEncoding encoding) {
  if (encoding == WriteEncoding::kIdentity) return IngestMessage(body);
  ASSIGN_OR_RETURN(const ByteBuffer message, Decompress(encoding, body, limits_.decoded_bytes));
  return IngestMessage(message.view());
}

absl::StatusOr<WriteOutcome> RemoteWriteIngester::IngestMessage(std::string_view message) {
  if (message.size() > limits_.decoded_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the request has ", message.size(), " bytes, the limit is ", limits_.decoded_bytes));
  }
  const int64_t started = clock_.MonotonicNs();
  std::optional<WriteSession> session(std::in_place, storage_, message, limits_.samples);
  absl::StatusOr<WriteOutcome> outcome = session->Run();
  if (outcome.ok() && session->rejected[static_cast<size_t>(Rejection::kUnknownSeries)] > 0) {
    // Retention dropped a series between Lookup and Commit. What was stored is accepted again as
    // equal.
    session.emplace(storage_, message, limits_.samples);
    outcome = session->Run();
  }
  metrics_->seconds.Observe(static_cast<double>(clock_.MonotonicNs() - started) * 1e-9);
  // Too many samples is the sender's fault like broken protobuf; kResourceExhausted is for the size
  // only.
  if (absl::IsResourceExhausted(outcome.status())) {
    return absl::InvalidArgumentError(outcome.status().message());
  }
  if (!outcome.ok()) return outcome.status();
  metrics_->Count(*outcome, session->rejected);
  metrics_->bad_labels.Increment(static_cast<double>(session->bad_label_samples));
  metrics_->bad_histograms.Increment(static_cast<double>(session->bad_histograms));
  metrics_->limit.Increment(static_cast<double>(session->limit_samples));
  metrics_->refused_exemplars.Increment(static_cast<double>(session->refused_exemplars));
  return outcome;
}

}  // namespace slowburn::ingest
