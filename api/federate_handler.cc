#include "api/federate_handler.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/metric_exposition.h"
#include "api/query_parameters.h"
#include "base/status_macros.h"

namespace slowburn::api {
namespace {

constexpr std::string_view kInstance = "instance";

struct Newest {
  tsdb::Labels labels;
  MetricExposition::Point point;
};

absl::Status AddNewest(tsdb::SeriesSet& set, std::vector<Newest>& out) {
  const std::unique_ptr<tsdb::SampleIterator> samples = set.samples();
  MetricExposition::Point newest;
  bool any = false;
  tsdb::SampleBatch batch;
  while (samples->Next(batch)) {
    const size_t last = batch.t.size() - 1;
    newest = {batch.t[last], batch.v[last],
              batch.histograms.empty() ? nullptr : batch.histograms[last]};
    any = true;
  }
  RETURN_IF_ERROR(samples->status());
  const bool stale = newest.h ? newest.h->is_stale() : tsdb::IsStaleNaN(newest.v);
  if (any && !stale) out.push_back({set.labels(), std::move(newest)});
  return absl::OkStatus();
}

// Sorted by metric name, then by labels; each series once.
absl::StatusOr<std::vector<Newest>> Collect(tsdb::Storage& storage,
                                            const std::vector<tsdb::Matchers>& any_of,
                                            tsdb::TimeRange range) {
  const std::unique_ptr<tsdb::Querier> querier = storage.NewQuerier(range);
  std::vector<Newest> out;
  for (const tsdb::Matchers& matchers : any_of) {
    tsdb::SelectHints hints;
    hints.range = range;
    ASSIGN_OR_RETURN(const std::unique_ptr<tsdb::SeriesSet> set, querier->Select(matchers, hints));
    while (set->Next()) RETURN_IF_ERROR(AddNewest(*set, out));
    RETURN_IF_ERROR(set->status());
  }
  std::ranges::sort(out, [](const Newest& a, const Newest& b) {
    const auto names = a.labels.metric_name() <=> b.labels.metric_name();
    return names != 0 ? names < 0 : a.labels < b.labels;
  });
  const auto same = [](const Newest& a, const Newest& b) { return a.labels == b.labels; };
  out.erase(std::unique(out.begin(), out.end(), same), out.end());
  return out;
}

// The series' labels, then what is missing of the external ones and of instance.
MetricExposition::LabelPairs PairsOf(const tsdb::Labels& labels, const tsdb::Labels& external) {
  MetricExposition::LabelPairs out;
  for (const tsdb::LabelView label : labels) {
    if (label.name != tsdb::kMetricName) out.emplace_back(label.name, label.value);
  }
  const size_t own = out.size();
  for (const tsdb::LabelView label : external) {
    if (!labels.Has(label.name)) out.emplace_back(label.name, label.value);
  }
  if (!labels.Has(kInstance) && !external.Has(kInstance)) out.emplace_back(kInstance, "");
  std::sort(out.begin() + ptrdiff_t(own), out.end());
  return out;
}

Response PlainError(int status, const absl::Status& error) {
  Response response = Response::Text(status, std::string(error.message()) + "\n");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace

void RegisterFederation(Router& router, FederateDeps given) {
  const auto deps = std::make_shared<const FederateDeps>(std::move(given));
  prometheus::Counter& errors =
      base::AddCounter(deps->registry, "prometheus_web_federation_errors_total",
                       "Total number of errors that occurred while sending federation responses.");
  router.Add({"GET"}, "/federate", [deps, &errors](const Request& request) {
    const absl::StatusOr<std::vector<tsdb::Matchers>> any_of = MatchParameters(request.params);
    if (!any_of.ok()) return PlainError(400, any_of.status());
    const base::TimestampMs now = deps->clock.Now();
    const auto newest = Collect(deps->storage, *any_of, {now - deps->lookback_ms, now + 1});
    if (!newest.ok()) {
      errors.Increment();
      return PlainError(500, newest.status());
    }
    const tsdb::Labels external = deps->external_labels();
    const ExpositionFormat format = NegotiateExposition(request.Header("accept"));
    MetricExposition exposition(format);
    for (const Newest& series : *newest) {
      const std::string_view name = series.labels.metric_name();
      if (!name.empty()) exposition.Add(name, PairsOf(series.labels, external), series.point);
    }
    Response response;
    response.content_type = ContentTypeOf(format);
    response.body = std::move(exposition).Finish();
    return response;
  });
}

}  // namespace slowburn::api
