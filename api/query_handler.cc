#include "api/query_handler.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/ast_json.h"
#include "api/envelope.h"
#include "api/label_handler.h"
#include "api/query_parameters.h"
#include "api/result_json.h"
#include "api/running_queries_handler.h"
#include "base/json.h"
#include "base/status_macros.h"
#include "query/limits.h"
#include "query/parser/deep_walk.h"
#include "query/parser/printer.h"
#include "query/parser/quote.h"

namespace slowburn::api {
namespace {

absl::Status Invalid(std::string message) { return absl::InvalidArgumentError(std::move(message)); }

// What does not parse or type-check is the fault of the parameter.
absl::Status ForQuery(const absl::Status& status) {
  return status.code() == absl::StatusCode::kInvalidArgument ? ForParameter("query", status)
                                                             : status;
}

// 1 and true are yes, so that it can be typed by hand.
bool IsYes(std::string_view text) { return text == "1" || text == "true"; }

absl::Status ReadQueryOptions(const Request& request, query::QueryOptions& options) {
  options.cancelled = request.client_gone;
  options.origin = OriginOf(request);
  options.explain = IsYes(request.params.Get("explain"));
  options.per_step_stats = request.params.Get("stats") == "all";
  // What statistics tell is what the whole query takes.
  options.use_kept = !IsYes(request.params.Get("nocache")) && request.params.Get("stats").empty();
  if (const std::string_view text = request.params.Get("timeout"); !text.empty()) {
    const absl::StatusOr<tsdb::DurationMs> timeout = ParseQueryDuration(text);
    if (!timeout.ok()) return ForParameter("timeout", timeout.status());
    options.timeout_ms = std::max<tsdb::DurationMs>(*timeout, 0);
  }
  if (const std::string_view text = request.params.Get("lookback_delta"); !text.empty()) {
    const absl::StatusOr<tsdb::DurationMs> lookback = ParseQueryDuration(text);
    if (!lookback.ok()) {
      return Invalid("error parsing lookback delta duration: " +
                     std::string(lookback.status().message()));
    }
    if (*lookback > 0) options.lookback_ms = *lookback;
  }
  return absl::OkStatus();
}

absl::StatusOr<Response> QueryResponse(const Request& request, query::QueryResult result,
                                       size_t limit) {
  std::vector<std::string> warnings = std::move(result.annotations.warnings);
  if (limit > 0 && result.series.size() > limit) {
    result.series.resize(limit);
    warnings.emplace_back("results truncated due to limit");
  }
  const std::string_view stats = request.params.Get("stats");
  if (!stats.empty() && stats != "true" && stats != "all") {
    warnings.push_back("value " + query::GoQuote(stats) +
                       " for parameter \"stats\" is deprecated and will be rejected in the next "
                       "major release, use \"true\" or \"all\"");
  }
  // The text is held beside the series that it is made from.
  query::MemoryHold text;
  if (result.memory != nullptr) text = query::MemoryHold(*result.memory);
  RETURN_IF_ERROR(text.Add(BytesOfQueryData(result)));
  std::string body = BeginSuccess();
  AppendQueryData(body, result, stats.empty() ? WithStats::kNo : WithStats::kYes);
  if (result.explained != nullptr) {
    body += ",\"explain\":";
    AppendExplained(body, *result.explained);
  }
  return EndSuccess(std::move(body), warnings, result.annotations.infos);
}

absl::StatusOr<Response> Instant(const QueryApiDeps& deps, const Request& request) {
  const Params& params = request.params;
  query::QueryOptions options;
  ASSIGN_OR_RETURN(const size_t limit, LimitParameter(params));
  ASSIGN_OR_RETURN(const tsdb::TimestampMs t, TimeParameter(params, "time", deps.clock.Now()));
  RETURN_IF_ERROR(ReadQueryOptions(request, options));
  absl::StatusOr<query::QueryResult> result = deps.engine.Instant(params.Get("query"), t, options);
  if (!result.ok()) return ForQuery(result.status());
  return QueryResponse(request, *std::move(result), limit);
}

struct RangeGrid {
  tsdb::TimestampMs start = 0, end = 0;
  tsdb::DurationMs step = 0;
};

absl::StatusOr<RangeGrid> ReadGrid(const Params& params) {
  RangeGrid grid;
  ASSIGN_OR_RETURN(grid.start, TimeParameter(params, "start"));
  ASSIGN_OR_RETURN(grid.end, TimeParameter(params, "end"));
  if (grid.end < grid.start) {
    return ForParameter("end", Invalid("end timestamp must not be before start time"));
  }
  const absl::StatusOr<tsdb::DurationMs> step = ParseQueryDuration(params.Get("step"));
  if (!step.ok()) return ForParameter("step", step.status());
  if (*step <= 0) {
    return ForParameter("step", Invalid("zero or negative query resolution step widths are not "
                                        "accepted. Try a positive integer"));
  }
  grid.step = *step;
  if ((uint64_t(grid.end) - uint64_t(grid.start)) / uint64_t(grid.step) >
      query::kMaxPointsPerSeries) {
    return Invalid(
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the "
        "query resolution (?step=XX)");
  }
  return grid;
}

absl::StatusOr<Response> Range(const QueryApiDeps& deps, const Request& request) {
  query::QueryOptions options;
  ASSIGN_OR_RETURN(const size_t limit, LimitParameter(request.params));
  ASSIGN_OR_RETURN(const RangeGrid grid, ReadGrid(request.params));
  RETURN_IF_ERROR(ReadQueryOptions(request, options));
  absl::StatusOr<query::QueryResult> result =
      deps.engine.Range(request.params.Get("query"), grid.start, grid.end, grid.step, options);
  if (!result.ok()) return ForQuery(result.status());
  return QueryResponse(request, *std::move(result), limit);
}

// Every vector selector of the query.
void FindSelectors(const query::Expr& expr, std::vector<tsdb::Matchers>& out) {
  switch (expr.kind) {
    case query::NodeKind::kNumber:
    case query::NodeKind::kString:
      return;
    case query::NodeKind::kVectorSelector:
      out.push_back(static_cast<const query::VectorSelector&>(expr).matchers);
      return;
    case query::NodeKind::kMatrixSelector:
      out.push_back(static_cast<const query::MatrixSelector&>(expr).selector->matchers);
      return;
    case query::NodeKind::kSubquery:
      return FindSelectors(*static_cast<const query::Subquery&>(expr).inner, out);
    case query::NodeKind::kUnary:
      return FindSelectors(*static_cast<const query::Unary&>(expr).inner, out);
    case query::NodeKind::kParen:
      return FindSelectors(*static_cast<const query::Paren&>(expr).inner, out);
    case query::NodeKind::kCall:
      for (const query::ExprPtr& arg : static_cast<const query::Call&>(expr).args) {
        FindSelectors(*arg, out);
      }
      return;
    case query::NodeKind::kAggregate: {
      const auto& aggregate = static_cast<const query::Aggregate&>(expr);
      FindSelectors(*aggregate.inner, out);
      if (aggregate.parameter != nullptr) FindSelectors(*aggregate.parameter, out);
      return;
    }
    case query::NodeKind::kBinary: {
      const auto& binary = static_cast<const query::Binary&>(expr);
      FindSelectors(*binary.left, out);
      FindSelectors(*binary.right, out);
      return;
    }
  }
}

absl::StatusOr<Response> Exemplars(const QueryApiDeps& deps, const Request& request) {
  ASSIGN_OR_RETURN(const tsdb::TimeRange range, RangeParameters(request.params));
  if (range.end <= range.start) {
    return Invalid("end timestamp must not be before start timestamp");
  }
  ASSIGN_OR_RETURN(const query::ExprPtr expr,
                   query::Parse(request.params.Get("query"), deps.engine.options().parser));
  std::vector<tsdb::Matchers> selectors;
  RETURN_IF_ERROR(query::WalkDeep(*expr, [&] { FindSelectors(*expr, selectors); }));
  if (selectors.empty()) {
    Response nothing;
    nothing.status = 204;
    return nothing;
  }
  const std::unique_ptr<tsdb::Querier> querier = deps.storage.NewQuerier(range);
  ASSIGN_OR_RETURN(const std::vector<tsdb::Querier::SeriesExemplars> found,
                   querier->Exemplars(selectors, range));
  std::string body = BeginSuccess();
  body += '[';
  for (const tsdb::Querier::SeriesExemplars& series : found) {
    if (body.back() != '[') body += ',';
    AppendExemplars(body, series);
  }
  body += ']';
  return EndSuccess(std::move(body));
}

absl::StatusOr<query::ExprPtr> ParseQuery(const QueryApiDeps& deps, const Request& request) {
  absl::StatusOr<query::ExprPtr> expr =
      query::Parse(request.params.Get("query"), deps.engine.options().parser);
  if (!expr.ok()) return ForQuery(expr.status());
  return expr;
}

absl::StatusOr<Response> FormatQuery(const QueryApiDeps& deps, const Request& request) {
  ASSIGN_OR_RETURN(const query::ExprPtr expr, ParseQuery(deps, request));
  const std::string text = query::Pretty(*expr);
  if (text.empty()) return absl::ResourceExhaustedError("no memory to write down so deep a query");
  std::string body = BeginSuccess();
  base::AppendJsonString(body, text, base::JsonEscapes::kGo);
  return EndSuccess(std::move(body));
}

absl::StatusOr<Response> SyntaxTree(const QueryApiDeps& deps, const Request& request) {
  ASSIGN_OR_RETURN(const query::ExprPtr expr, ParseQuery(deps, request));
  std::string body = BeginSuccess();
  RETURN_IF_ERROR(AppendSyntaxTree(body, *expr));
  return EndSuccess(std::move(body));
}

void WriteCounts(base::JsonWriter& w, std::string_view key,
                 const std::vector<tsdb::DbStats::Count>& counts) {
  w.Key(key);
  w.BeginArray();
  for (const tsdb::DbStats::Count& count : counts) {
    w.BeginObject();
    w.Field("name", count.name);
    w.Field("value", int64_t(count.value));
    w.EndObject();
  }
  w.EndArray();
}

absl::StatusOr<Response> TsdbStatus(const QueryApiDeps& deps, const Request& request) {
  size_t limit = 10;
  if (const std::string_view text = request.params.Get("limit"); !text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (error != std::errc() || end != text.data() + text.size() || limit < 1) {
      return Invalid("limit must be a positive number");
    }
    if (limit > kMaxTsdbStatsLimit) {
      return Invalid("limit must not exceed " + std::to_string(kMaxTsdbStatsLimit));
    }
  }
  const tsdb::DbStats stats = deps.tsdb_stats(limit);
  std::string body = BeginSuccess();
  base::JsonWriter w(body, base::JsonEscapes::kGo);
  w.BeginObject();
  w.Key("headStats");
  w.BeginObject();
  w.Field("numSeries", int64_t(stats.series));
  w.Field("numLabelPairs", int64_t(stats.label_pairs));
  w.Field("chunkCount", int64_t(stats.chunks));
  w.Field("minTime", stats.head_min_time);
  w.Field("maxTime", stats.head_max_time);
  w.EndObject();
  WriteCounts(w, "seriesCountByMetricName", stats.series_by_metric);
  WriteCounts(w, "labelValueCountByLabelName", stats.values_by_label);
  WriteCounts(w, "memoryInBytesByLabelName", stats.bytes_by_label);
  WriteCounts(w, "seriesCountByLabelValuePair", stats.series_by_pair);
  w.EndObject();
  return EndSuccess(std::move(body));
}

using Endpoint = absl::StatusOr<Response> (*)(const QueryApiDeps&, const Request&);

}  // namespace

void RegisterQueryApi(Router& router, QueryApiDeps deps) {
  const auto shared = std::make_shared<const QueryApiDeps>(std::move(deps));
  const auto add = [&](std::vector<std::string> methods, std::string path, Endpoint endpoint) {
    router.Add(std::move(methods), std::move(path), [shared, endpoint](const Request& request) {
      absl::StatusOr<Response> response = endpoint(*shared, request);
      return response.ok() ? *std::move(response) : ErrorResponse(response.status());
    });
  };
  add({"GET", "POST"}, "/api/v1/query", Instant);
  add({"GET", "POST"}, "/api/v1/query_range", Range);
  add({"GET", "POST"}, "/api/v1/query_exemplars", Exemplars);
  add({"GET", "POST"}, "/api/v1/format_query", FormatQuery);
  add({"GET", "POST"}, "/api/v1/parse_query", SyntaxTree);
  if (shared->tsdb_stats != nullptr) add({"GET"}, "/api/v1/status/tsdb", TsdbStatus);
  RegisterLabelApi(router, shared->storage);
  RegisterRunningQueriesApi(router, shared->engine.running());
}

}  // namespace slowburn::api
