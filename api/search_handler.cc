#include "api/search_handler.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/envelope.h"
#include "api/query_parameters.h"
#include "api/search_score.h"
#include "api/targets_handler.h"
#include "base/json.h"
#include "base/status_macros.h"
#include "query/parser/quote.h"

namespace slowburn::api {
namespace {

constexpr int64_t kDefaultLimit = 100, kDefaultBatch = 100;
constexpr size_t kMaxTerms = 32;

enum class What { kMetricNames, kLabelNames, kLabelValues };

std::string_view NameOf(What what) {
  switch (what) {
    case What::kMetricNames:
      return "metric_names";
    case What::kLabelNames:
      return "label_names";
    case What::kLabelValues:
      return "label_values";
  }
  return "";
}

absl::Status Invalid(std::string message) { return absl::InvalidArgumentError(std::move(message)); }

absl::Status InvalidValue(std::string_view name, std::string_view value, std::string_view want) {
  return Invalid("invalid " + std::string(name) + " " + query::GoQuote(value) + ": must be " +
                 std::string(want));
}

absl::StatusOr<bool> BoolParameter(const Params& params, std::string_view name, bool fallback) {
  const std::string_view text = params.Get(name);
  if (text.empty()) return fallback;
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"})
    if (text == yes) return true;
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"})
    if (text == no) return false;
  return InvalidValue(name, text, "boolean");
}

// As Go's Atoi.
std::optional<int64_t> ToInt(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

absl::StatusOr<int64_t> PositiveParameter(const Params& params, std::string_view name,
                                          int64_t fallback) {
  const std::string_view text = params.Get(name);
  if (text.empty()) return fallback;
  const std::optional<int64_t> value = ToInt(text);
  if (!value || *value <= 0) return InvalidValue(name, text, "a positive integer");
  return *value;
}

struct SearchRequest {
  tsdb::TimeRange range;
  std::vector<tsdb::Matchers> any_of;
  std::optional<SearchFilter> filter;
  bool include_score = false, include_metadata = false;
  enum class Order { kAscending, kDescending, kScore } order = Order::kAscending;
  int64_t limit = kDefaultLimit, batch = kDefaultBatch;
  std::string label;  // of kLabelValues
};

absl::StatusOr<tsdb::TimeRange> ReadRange(const SearchDeps& deps, const Params& params) {
  const tsdb::TimestampMs now = deps.clock.Now();
  tsdb::TimeRange range;
  ASSIGN_OR_RETURN(range.start, TimeParameter(params, "start", now - base::kHour));
  ASSIGN_OR_RETURN(const tsdb::TimestampMs last, TimeParameter(params, "end", now));
  if (last < range.start) return Invalid("end timestamp must not be before start timestamp");
  range.end = last + 1;
  return range;
}

absl::StatusOr<SearchFilter> ReadFilter(const Params& params) {
  const std::vector<std::string_view> terms = params.All("search[]");
  if (terms.size() > kMaxTerms) {
    return Invalid(
        absl::StrCat("too many search[] terms: got ", terms.size(), ", maximum is ", kMaxTerms));
  }
  std::optional<int64_t> threshold = 0;
  if (const std::string_view text = params.Get("fuzz_threshold"); !text.empty()) {
    threshold = ToInt(text);
    if (!threshold || *threshold < 0 || *threshold > 100)
      return InvalidValue("fuzz_threshold", text, "0-100");
  }
  FuzzAlgorithm algorithm = FuzzAlgorithm::kSubsequence;
  if (const std::string_view text = params.Get("fuzz_alg"); text == "jarowinkler") {
    algorithm = FuzzAlgorithm::kJaroWinkler;
  } else if (!text.empty() && text != "subsequence") {
    return Invalid("unsupported fuzz_alg " + query::GoQuote(text) +
                   ": must be one of [subsequence jarowinkler]");
  }
  ASSIGN_OR_RETURN(const bool case_sensitive, BoolParameter(params, "case_sensitive", true));
  return SearchFilter(terms, algorithm, double(*threshold) / 100, case_sensitive);
}

absl::StatusOr<SearchRequest::Order> ReadOrder(const Params& params, What what) {
  using Order = SearchRequest::Order;
  const std::string_view by = params.Get("sort_by"), direction = params.Get("sort_dir");
  if (!direction.empty() && by.empty()) {
    return Invalid("sort_dir is only valid when sort_by is set");
  }
  if (!direction.empty() && by == "score") {
    return Invalid("sort_dir is not supported for sort_by=score");
  }
  if (!direction.empty() && direction != "asc" && direction != "dsc")
    return InvalidValue("sort_dir", direction, "\"asc\" or \"dsc\"");
  if (by == "score" && !params.Has("search[]")) {
    return Invalid("sort_by=score requires search[] to be set");
  }
  if (!by.empty() && by != "alpha" && by != "score") {
    return Invalid("invalid sort_by " + query::GoQuote(by) + " for " + std::string(NameOf(what)) +
                   ": must be \"alpha\" or \"score\"");
  }
  if (by == "score") return Order::kScore;
  return direction == "dsc" ? Order::kDescending : Order::kAscending;
}

absl::StatusOr<SearchRequest> ReadRequest(const SearchDeps& deps, const Params& params, What what) {
  SearchRequest out;
  ASSIGN_OR_RETURN(out.range, ReadRange(deps, params));
  ASSIGN_OR_RETURN(out.any_of, MatchParameters(params));
  ASSIGN_OR_RETURN(SearchFilter filter, ReadFilter(params));
  out.filter.emplace(std::move(filter));
  ASSIGN_OR_RETURN(out.include_score, BoolParameter(params, "include_score", false));
  const int64_t fallback =
      deps.max_limit > 0 ? std::min(kDefaultLimit, deps.max_limit) : kDefaultLimit;
  ASSIGN_OR_RETURN(out.order, ReadOrder(params, what));
  ASSIGN_OR_RETURN(out.limit, PositiveParameter(params, "limit", fallback));
  if (deps.max_limit > 0 && out.limit > deps.max_limit) {
    return Invalid(absl::StrCat("limit ", out.limit, " exceeds the configured maximum (",
                                deps.max_limit, ", see --web.search.max-limit)"));
  }
  ASSIGN_OR_RETURN(out.batch, PositiveParameter(params, "batch_size", kDefaultBatch));
  if (what == What::kMetricNames) {
    out.label = tsdb::kMetricName;
    ASSIGN_OR_RETURN(out.include_metadata, BoolParameter(params, "include_metadata", false));
  } else if (what == What::kLabelValues) {
    out.label = params.Get("label");
    if (out.label.empty()) return Invalid("missing required parameter \"label\"");
  }
  return out;
}

// Sorted, each once.
absl::StatusOr<std::vector<std::string>> Candidates(tsdb::Storage& storage,
                                                    const SearchRequest& request, What what) {
  const std::unique_ptr<tsdb::Querier> querier = storage.NewQuerier(request.range);
  const auto fetch = [&](const tsdb::Matchers& matchers) {
    return what == What::kLabelNames ? querier->LabelNames(matchers, 0)
                                     : querier->LabelValues(request.label, matchers, 0);
  };
  if (request.any_of.empty()) return fetch({});
  std::set<std::string> all;
  for (const tsdb::Matchers& matchers : request.any_of) {
    ASSIGN_OR_RETURN(std::vector<std::string> some, fetch(matchers));
    all.insert(std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return std::vector<std::string>(all.begin(), all.end());
}

struct Found {
  std::string text;
  double score = 0;
};

std::vector<Found> Pick(std::vector<std::string> candidates, const SearchRequest& request) {
  std::vector<Found> found;
  for (std::string& text : candidates) {
    if (const std::optional<double> score = request.filter->Score(text))
      found.push_back({std::move(text), *score});
  }
  if (request.order == SearchRequest::Order::kDescending) std::ranges::reverse(found);
  if (request.order == SearchRequest::Order::kScore)
    std::ranges::stable_sort(found, std::greater<>(), &Found::score);
  return found;
}

class Lines {
 public:
  Lines(const SearchDeps& deps, const SearchRequest& request, What what)
      : request_(request), what_(what) {
    if (request.include_metadata) metadata_ = deps.metadata();
  }

  std::string Write(const std::vector<Found>& found) const {
    const size_t shown = std::min(found.size(), size_t(request_.limit));
    std::string out;
    size_t at = 0;
    do {  // the first line is there even if it is empty
      out += "{\"results\":[";
      for (const size_t end = std::min(shown, at + size_t(request_.batch)); at < end; ++at) {
        if (out.back() != '[') out += ',';
        WriteResult(out, found[at]);
      }
      out += "]}\n";
    } while (at < shown);
    absl::StrAppend(&out, "{\"status\":\"success\",\"has_more\":",
                    found.size() > shown ? "true" : "false", "}\n");
    return out;
  }

 private:
  void WriteResult(std::string& out, const Found& found) const {
    base::JsonWriter w(out, base::JsonEscapes::kGo);
    w.BeginObject();
    w.Field(what_ == What::kLabelValues ? "value" : "name", found.text);
    if (request_.include_score) w.Field("score", found.score);
    const auto known = metadata_.find(found.text);
    if (known != metadata_.end()) {
      w.Field("type", MetricTypeName(known->second.type));
      if (!known->second.help.empty()) w.Field("help", known->second.help);
      if (!known->second.unit.empty()) w.Field("unit", known->second.unit);
    }
    w.EndObject();
  }

  const SearchRequest& request_;
  const What what_;
  std::map<std::string, tsdb::Metadata> metadata_;
};

Response Disabled() {
  Response response = Response::Json(
      R"({"status":"error","errorType":"unavailable","error":"search API disabled"})");
  response.status = 500;
  return response;
}

Response Search(const SearchDeps& deps, const Params& params, What what) {
  if (!deps.enabled) return Disabled();
  const absl::StatusOr<SearchRequest> request = ReadRequest(deps, params, what);
  if (!request.ok()) return ErrorResponse(request.status());
  absl::StatusOr<std::vector<std::string>> candidates = Candidates(deps.storage, *request, what);
  if (!candidates.ok()) return ErrorResponse(candidates.status());
  const std::vector<Found> found = Pick(*std::move(candidates), *request);
  Response response = Response::Json(Lines(deps, *request, what).Write(found));
  response.content_type = "application/x-ndjson; charset=utf-8";
  return response;
}

}  // namespace

void RegisterSearchApi(Router& router, SearchDeps given) {
  // Shared by the handlers; immutable.
  const auto deps = std::make_shared<const SearchDeps>(std::move(given));
  for (const What what : {What::kMetricNames, What::kLabelNames, What::kLabelValues}) {
    router.Add({"GET", "POST"}, "/api/v1/search/" + std::string(NameOf(what)),
               [deps, what](const Request& r) { return Search(*deps, r.params, what); });
  }
}

}  // namespace slowburn::api
