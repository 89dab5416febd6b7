#include "api/admin_handler.h"

#include <memory>
#include <utility>

#include "api/envelope.h"
#include "api/query_parameters.h"
#include "base/json.h"

namespace slowburn::api {
namespace {

constexpr const char* kNoteHeader = "X-Slowburn-Note";
constexpr const char* kNote = "SLO budgets keep what they counted of deleted samples";

Response Disabled() {
  // Prometheus' own words, and its code.
  Response response = Response::Json(
      R"({"status":"error","errorType":"unavailable","error":"admin APIs disabled"})");
  response.status = 500;
  return response;
}

Response Done(const absl::Status& status) {
  if (!status.ok()) return ErrorResponse(status);
  Response response{.status = 204};
  response.content_type.clear();
  return response;
}

Response DeleteSeries(const AdminDeps& deps, const Params& params) {
  if (!params.Has("match[]"))
    return ErrorResponse(absl::InvalidArgumentError("no match[] parameter provided"));
  const absl::StatusOr<tsdb::TimeRange> range = RangeParameters(params);
  if (!range.ok()) return ErrorResponse(range.status());
  // {} is everything here, as in Prometheus.
  const absl::StatusOr<std::vector<tsdb::Matchers>> any_of =
      MatchParameters(params, query::Selecting::kAnything);
  if (!any_of.ok()) return ErrorResponse(ForParameter("match[]", any_of.status()));
  Response response = Done(deps.delete_series(*any_of, *range));
  if (response.status == 204) response.headers.emplace_back(kNoteHeader, kNote);
  return response;
}

Response TakeSnapshot(const AdminDeps& deps, const Params& params) {
  const absl::StatusOr<bool> skip_head = BoolParameter(params, "skip_head");
  if (!skip_head.ok()) return ErrorResponse(skip_head.status());
  const absl::StatusOr<std::string> name =
      deps.snapshot(*skip_head ? tsdb::SnapshotHead::kWithout : tsdb::SnapshotHead::kWith);
  if (!name.ok()) return ErrorResponse(name.status());
  std::string data;
  base::JsonWriter json(data);
  json.BeginObject();
  json.Field("name", *name);
  json.EndObject();
  return Success(data);
}

}  // namespace

void RegisterAdminApi(Router& router, AdminDeps given) {
  // Shared by the handlers; immutable.
  const auto deps = std::make_shared<const AdminDeps>(std::move(given));
  router.Add({"POST", "PUT"}, "/api/v1/admin/tsdb/delete_series", [deps](const Request& request) {
    return deps->enabled ? DeleteSeries(*deps, request.params) : Disabled();
  });
  router.Add({"POST", "PUT"}, "/api/v1/admin/tsdb/clean_tombstones", [deps](const Request&) {
    return deps->enabled ? Done(deps->clean_tombstones()) : Disabled();
  });
  router.Add({"POST", "PUT"}, "/api/v1/admin/tsdb/seal", [deps](const Request&) {
    return deps->enabled ? Done(deps->seal()) : Disabled();
  });
  router.Add({"POST", "PUT"}, "/api/v1/admin/tsdb/snapshot", [deps](const Request& request) {
    return deps->enabled ? TakeSnapshot(*deps, request.params) : Disabled();
  });
}

}  // namespace slowburn::api
