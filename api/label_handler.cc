#include "api/label_handler.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/envelope.h"
#include "api/query_parameters.h"
#include "api/result_json.h"
#include "base/json.h"
#include "base/status_macros.h"
#include "query/parser/quote.h"

namespace slowburn::api {
namespace {

constexpr std::string_view kTruncated = "results truncated due to limit";

struct LabelRequest {
  size_t limit = 0;  // 0: none
  tsdb::TimeRange range;

  // One more than is shown, to see that something is cut off.
  size_t fetch() const { return limit == 0 ? 0 : limit + 1; }
};

absl::StatusOr<LabelRequest> ReadRequest(const Params& params) {
  LabelRequest out;
  ASSIGN_OR_RETURN(out.limit, LimitParameter(params));
  ASSIGN_OR_RETURN(out.range, RangeParameters(params));
  return out;
}

// Cuts to the limit. Returns the warnings: that it did, and what the storage has lost.
template <typename Items>
std::vector<std::string> Truncate(Items& items, size_t limit, const tsdb::Querier& querier) {
  std::vector<std::string> warnings = querier.Warnings();
  if (limit == 0 || items.size() <= limit) return warnings;
  auto end = items.begin();
  std::advance(end, limit);
  items.erase(end, items.end());
  warnings.emplace_back(kTruncated);
  return warnings;
}

template <typename Fetch>
absl::StatusOr<std::vector<std::string>> Union(const std::vector<tsdb::Matchers>& any_of,
                                               const Fetch& fetch) {
  if (any_of.empty()) return fetch(tsdb::Matchers{});
  if (any_of.size() == 1) return fetch(any_of.front());
  std::set<std::string> all;
  for (const tsdb::Matchers& matchers : any_of) {
    ASSIGN_OR_RETURN(std::vector<std::string> some, fetch(matchers));
    all.insert(std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return std::vector<std::string>(all.begin(), all.end());
}

Response StringsResponse(absl::StatusOr<std::vector<std::string>> strings, size_t limit,
                         const tsdb::Querier& querier) {
  if (!strings.ok()) return ErrorResponse(strings.status());
  const std::vector<std::string> warnings = Truncate(*strings, limit, querier);
  std::string body = BeginSuccess();
  base::JsonWriter w(body, base::JsonEscapes::kGo);
  w.BeginArray();
  for (const std::string& s : *strings) w.String(s);
  w.EndArray();
  return EndSuccess(std::move(body), warnings);
}

Response LabelNames(tsdb::Storage& storage, const Request& request) {
  absl::StatusOr<LabelRequest> wanted = ReadRequest(request.params);
  if (!wanted.ok()) return ErrorResponse(wanted.status());
  absl::StatusOr<std::vector<tsdb::Matchers>> any_of = MatchParameters(request.params);
  if (!any_of.ok()) return ErrorResponse(any_of.status());
  const std::unique_ptr<tsdb::Querier> querier = storage.NewQuerier(wanted->range);
  return StringsResponse(Union(*any_of,
                               [&](const tsdb::Matchers& matchers) {
                                 return querier->LabelNames(matchers, wanted->fetch());
                               }),
                         wanted->limit, *querier);
}

Response LabelValues(tsdb::Storage& storage, const Request& request) {
  const auto param = request.path_params.find("name");
  const std::string name =
      UnescapeLabelName(param == request.path_params.end() ? std::string() : param->second);
  if (name.empty() || !tsdb::IsValidUtf8(name)) {
    return ErrorResponse(absl::InvalidArgumentError("invalid label name: " + query::GoQuote(name)));
  }
  absl::StatusOr<LabelRequest> wanted = ReadRequest(request.params);
  if (!wanted.ok()) return ErrorResponse(wanted.status());
  absl::StatusOr<std::vector<tsdb::Matchers>> any_of = MatchParameters(request.params);
  if (!any_of.ok()) return ErrorResponse(any_of.status());
  const std::unique_ptr<tsdb::Querier> querier = storage.NewQuerier(wanted->range);
  return StringsResponse(Union(*any_of,
                               [&](const tsdb::Matchers& matchers) {
                                 return querier->LabelValues(name, matchers, wanted->fetch());
                               }),
                         wanted->limit, *querier);
}

absl::Status Collect(tsdb::Querier& querier, const tsdb::Matchers& matchers,
                     const LabelRequest& wanted, std::set<tsdb::Labels>& out) {
  tsdb::SelectHints hints;
  hints.range = wanted.range;
  hints.samples_needed = false;
  hints.limit = wanted.fetch();
  ASSIGN_OR_RETURN(const std::unique_ptr<tsdb::SeriesSet> set, querier.Select(matchers, hints));
  while (set->Next()) out.insert(set->labels());
  return set->status();
}

Response SeriesList(tsdb::Storage& storage, const Request& request) {
  if (!request.params.Has("match[]")) {
    return ErrorResponse(absl::InvalidArgumentError("no match[] parameter provided"));
  }
  absl::StatusOr<LabelRequest> wanted = ReadRequest(request.params);
  if (!wanted.ok()) return ErrorResponse(wanted.status());
  const absl::StatusOr<std::vector<tsdb::Matchers>> any_of = MatchParameters(request.params);
  if (!any_of.ok()) return ErrorResponse(ForParameter("match[]", any_of.status()));
  const std::unique_ptr<tsdb::Querier> querier = storage.NewQuerier(wanted->range);
  std::set<tsdb::Labels> found;
  for (const tsdb::Matchers& matchers : *any_of) {
    const absl::Status status = Collect(*querier, matchers, *wanted, found);
    if (!status.ok()) return ErrorResponse(status);
  }
  const std::vector<std::string> warnings = Truncate(found, wanted->limit, *querier);
  std::string body = BeginSuccess();
  body += '[';
  for (const tsdb::Labels& labels : found) {
    if (body.back() != '[') body += ',';
    AppendLabels(body, labels);
  }
  body += ']';
  return EndSuccess(std::move(body), warnings);
}

}  // namespace

void RegisterLabelApi(Router& router, tsdb::Storage& storage) {
  router.Add({"GET", "POST"}, "/api/v1/labels",
             [&storage](const Request& r) { return LabelNames(storage, r); });
  router.Add({"GET"}, "/api/v1/label/:name/values",
             [&storage](const Request& r) { return LabelValues(storage, r); });
  router.Add({"GET", "POST"}, "/api/v1/series",
             [&storage](const Request& r) { return SeriesList(storage, r); });
  // As Prometheus, which once meant to delete series here.
  router.Add({"DELETE"}, "/api/v1/series",
             [](const Request&) { return ErrorResponse(absl::InternalError("not implemented")); });
}

}  // namespace slowburn::api
