#include "api/running_queries_handler.h"

#include <charconv>
#include <string>

#include "absl/strings/str_cat.h"
#include "api/envelope.h"
#include "base/json.h"

namespace slowburn::api {
namespace {

void WriteTime(base::JsonWriter& w, std::string_view key, tsdb::TimestampMs t) {
  w.Field(key, double(t) / 1000);
}

void WriteQuery(base::JsonWriter& w, const query::RunningQuery& q) {
  const query::QueryDescription& d = q.description;
  const bool range = d.kind == query::QueryKind::kRange;
  w.BeginObject();
  w.Field("id", int64_t(q.id));
  w.Field("query", d.query);
  w.Field("kind", range ? "range" : "instant");
  if (range) {
    WriteTime(w, "start", d.start);
    WriteTime(w, "end", d.end);
    w.Field("step", double(d.step) / 1000);
  } else {
    WriteTime(w, "time", d.start);
  }
  w.Field("state", q.killed ? "killed" : q.waiting ? "waiting" : "running");
  WriteTime(w, "startedAt", q.started_at);
  w.Field("elapsedSeconds", q.elapsed_seconds);
  w.Field("samples", q.samples);
  w.Field("memoryBytes", int64_t(q.memory_bytes));
  if (!d.origin.client.empty()) {
    w.Field("client", d.origin.client);
    w.Field("method", d.origin.method);
    w.Field("path", d.origin.path);
  }
  if (!d.origin.rule_group.empty()) {
    w.Field("ruleFile", d.origin.rule_file);
    w.Field("ruleGroup", d.origin.rule_group);
  }
  w.EndObject();
}

Response List(const query::QueryRegistry& running) {
  std::string body = BeginSuccess();
  base::JsonWriter w(body, base::JsonEscapes::kGo);
  w.BeginObject();
  w.Key("queries");
  w.BeginArray();
  for (const query::RunningQuery& q : running.List()) WriteQuery(w, q);
  w.EndArray();
  w.EndObject();
  return EndSuccess(std::move(body));
}

Response Kill(query::QueryRegistry& running, const Request& request) {
  const auto param = request.path_params.find("id");
  const std::string text = param == request.path_params.end() ? std::string() : param->second;
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidParameter("id", "want the number of a running query");
  }
  if (!running.Kill(id)) {
    return ErrorResponse(absl::NotFoundError(absl::StrCat("no query ", id, " is running")));
  }
  return Success(absl::StrCat("{\"id\":", id, "}"));
}

}  // namespace

void RegisterRunningQueriesApi(Router& router, query::QueryRegistry& running) {
  router.Add({"GET"}, "/api/v1/status/queries",
             [&running](const Request&) { return List(running); });
  router.Add({"DELETE"}, "/api/v1/status/queries/:id",
             [&running](const Request& request) { return Kill(running, request); });
}

query::QueryOrigin OriginOf(const Request& request) {
  query::QueryOrigin origin;
  std::string_view client = request.remote_address;
  client = client.substr(0, client.rfind(':'));
  if (client.starts_with('[') && client.ends_with(']'))
    client = client.substr(1, client.size() - 2);
  origin.client = client;
  origin.method = request.method;
  origin.path = request.path;
  return origin;
}

}  // namespace slowburn::api
