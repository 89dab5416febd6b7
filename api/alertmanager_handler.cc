#include "api/alertmanager_handler.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "api/alertmanager_json.h"
#include "base/json.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "notify/notifier.h"

namespace slowburn::api {
namespace {

using base::JsonWriter;
using notify::Notifier;

std::string Text(const absl::Status& status) { return std::string(status.message()); }

Response Answer(int status, std::string body) {
  Response response = Response::Json(body.empty() ? "" : body + "\n");
  response.status = status;
  response.headers = {{"Cache-Control", "no-store"}};
  return response;
}

// Errors of ours are a JSON string, those of the request's form an object with a code.
Response ErrorText(int status, std::string_view message) {
  std::string body;
  base::AppendJsonString(body, message);
  return Answer(status, std::move(body));
}

Response ErrorCode(int status, int code, std::string_view message) {
  std::string body;
  JsonWriter json(body);
  json.BeginObject();
  json.Field("code", int64_t{code});
  json.Field("message", message);
  json.EndObject();
  return Answer(status, std::move(body));
}

Response Fault(const BodyFault& fault) {
  if (fault.code == 0) return ErrorText(400, fault.message);
  return ErrorCode(fault.code >= 600 ? 422 : fault.code, fault.code, fault.message);
}

// False, with the answer, when the body is something else than JSON.
bool IsJson(const Request& request, Response& refusal) {
  const std::string header(request.Header("content-type"));
  const std::string type(absl::StripAsciiWhitespace(header.substr(0, header.find(';'))));
  if (absl::AsciiStrToLower(type) == "application/json") return true;
  refusal = ErrorCode(
      415, 415,
      absl::StrCat("unsupported media type \"", type, "\", only [application/json] are allowed"));
  return false;
}

// go-openapi's idea of a boolean; absent and empty are true here.
bool Flag(const Request& request, std::string_view key) {
  const std::string value = absl::AsciiStrToLower(std::string(request.url_params.Get(key)));
  if (value.empty()) return true;
  constexpr std::string_view kTrue[] = {"true", "1",        "yes",     "ok", "y",
                                        "on",   "selected", "checked", "t",  "enabled"};
  return std::find(std::begin(kTrue), std::end(kTrue), value) != std::end(kTrue);
}

absl::StatusOr<notify::Matchers> ReadMatchers(const Request& request, std::string_view key) {
  notify::Matchers matchers;
  for (const std::string_view text : request.url_params.All(key)) {
    ASSIGN_OR_RETURN(notify::Matcher matcher, notify::ParseMatcher(text));
    matchers.push_back(std::move(matcher));
  }
  return matchers;
}

absl::StatusOr<notify::AlertFilter> ReadFilter(const Request& request) {
  notify::AlertFilter filter;
  ASSIGN_OR_RETURN(filter.matchers, ReadMatchers(request, "filter"));
  if (const std::string receiver(request.url_params.Get("receiver")); !receiver.empty()) {
    absl::StatusOr<base::Regex> regex =
        base::Regex::CompileUnanchored(absl::StrCat("^(?:", receiver, ")$"));
    if (!regex.ok()) return base::Annotate(regex.status(), "failed to parse receiver param");
    filter.receiver = std::move(*regex);
  }
  absl::StatusOr<notify::Matchers> matchers = ReadMatchers(request, "receiver_matchers");
  if (!matchers.ok())
    return base::Annotate(matchers.status(), "failed to parse receiver_matchers param");
  filter.receiver_matchers = std::move(*matchers);
  filter.active = Flag(request, "active");
  filter.silenced = Flag(request, "silenced");
  filter.inhibited = Flag(request, "inhibited");
  filter.muted = Flag(request, "muted");
  return filter;
}

Response GetStatus(const Notifier& notifier) {
  std::string body;
  JsonWriter json(body, base::JsonEscapes::kGo);
  json.BeginObject();
  json.Key("cluster");
  json.BeginObject();
  json.Key("peers");
  json.BeginArray();
  json.EndArray();
  json.Field("status", "disabled");
  json.EndObject();
  json.Key("config");
  json.BeginObject();
  json.Field("original", notifier.config()->original);
  json.EndObject();
  json.Field("uptime", base::FormatRfc3339(notifier.started_at()));
  json.Key("versionInfo");
  json.BeginObject();
  json.Field("branch", "main");
  json.Field("buildDate", "");
  json.Field("buildUser", absl::StrCat("slowburn ", base::kVersion));
  json.Field("goVersion", base::kCompiler);
  json.Field("revision", base::kRevision);
  json.Field("version", Notifier::kAlertmanagerVersion);
  json.EndObject();
  json.EndObject();
  return Answer(200, std::move(body));
}

Response GetReceivers(const Request& request, const Notifier& notifier) {
  const absl::StatusOr<notify::Matchers> matchers = ReadMatchers(request, "receiver_matchers");
  if (!matchers.ok()) {
    return ErrorText(
        400, absl::StrCat("failed to parse receiver_matchers param: ", Text(matchers.status())));
  }
  std::string body;
  JsonWriter json(body, base::JsonEscapes::kGo);
  json.BeginArray();
  const notify::ConfigPtr config = notifier.config();
  for (const notify::ReceiverConfig& receiver : config->receivers) {
    if (!notify::MatchesAll(*matchers, receiver.labels)) continue;
    json.BeginObject();
    json.Key("labels");
    json.StringMap(receiver.labels);
    json.Field("name", receiver.name);
    json.EndObject();
  }
  json.EndArray();
  return Answer(200, std::move(body));
}

Response GetAlerts(const Request& request, const Notifier& notifier) {
  const absl::StatusOr<notify::AlertFilter> filter = ReadFilter(request);
  if (!filter.ok()) return ErrorText(400, Text(filter.status()));
  std::string body;
  JsonWriter json(body, base::JsonEscapes::kGo);
  json.BeginArray();
  for (const notify::AlertView& alert : notifier.Alerts(*filter)) WriteAlertView(json, alert);
  json.EndArray();
  return Answer(200, std::move(body));
}

Response GetGroups(const Request& request, const Notifier& notifier) {
  const absl::StatusOr<notify::AlertFilter> filter = ReadFilter(request);
  if (!filter.ok()) return ErrorText(400, Text(filter.status()));
  std::string body;
  JsonWriter json(body, base::JsonEscapes::kGo);
  json.BeginArray();
  for (const notify::GroupView& group : notifier.Groups(*filter)) WriteGroupView(json, group);
  json.EndArray();
  return Answer(200, std::move(body));
}

Response PostAlerts(const Request& request, Notifier& notifier) {
  Response refusal;
  if (!IsJson(request, refusal)) return refusal;
  auto alerts = ReadAlerts(request.body);
  if (const BodyFault* fault = std::get_if<BodyFault>(&alerts)) return Fault(*fault);
  const absl::Status status = notifier.Send(std::move(std::get<std::vector<rules::Alert>>(alerts)));
  if (status.ok()) return Answer(200, "");
  return ErrorText(absl::IsInvalidArgument(status) ? 400 : 500, Text(status));
}

// A filter asks for silences that have this very matcher, not for what they match.
bool HasMatchers(const notify::Silence& silence, const notify::Matchers& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const notify::Matcher& matcher) {
    return std::find(silence.matchers.begin(), silence.matchers.end(), matcher) !=
           silence.matchers.end();
  });
}

Response GetSilences(const Request& request, const Notifier& notifier) {
  const absl::StatusOr<notify::Matchers> filter = ReadMatchers(request, "filter");
  if (!filter.ok()) return ErrorText(400, Text(filter.status()));
  const base::TimestampMs now = notifier.Now();
  std::string body;
  JsonWriter json(body, base::JsonEscapes::kGo);
  json.BeginArray();
  for (const notify::Silence& silence : notifier.AllSilences()) {
    const std::string_view state = notify::SilenceStateName(notify::StateOf(silence, now));
    if (Flag(request, state) && HasMatchers(silence, *filter)) WriteSilence(json, silence, now);
  }
  json.EndArray();
  return Answer(200, std::move(body));
}

Response PostSilence(const Request& request, Notifier& notifier) {
  Response refusal;
  if (!IsJson(request, refusal)) return refusal;
  auto silence = ReadSilence(request.body);
  if (const BodyFault* fault = std::get_if<BodyFault>(&silence)) return Fault(*fault);
  notify::Silence& wanted = std::get<notify::Silence>(silence);
  if (wanted.starts_at >= wanted.ends_at) {
    return ErrorText(400, "Failed to create silence: start time must be before end time");
  }
  if (wanted.ends_at < notifier.Now()) {
    return ErrorText(400, "Failed to create silence: end time can't be in the past");
  }
  const absl::StatusOr<std::string> id = notifier.SetSilence(std::move(wanted));
  if (!id.ok()) {
    const absl::Status& status = id.status();
    return ErrorText(absl::IsNotFound(status)      ? 404
                     : absl::IsUnavailable(status) ? 500
                                                   : 400,
                     Text(status));
  }
  std::string body;
  JsonWriter json(body);
  json.BeginObject();
  json.Field("silenceID", *id);
  json.EndObject();
  return Answer(200, std::move(body));
}

// False, with the answer, when the path's id is no UUID.
bool ReadSilenceId(const Request& request, std::string& id, Response& refusal) {
  const auto it = request.path_params.find("id");
  id = it == request.path_params.end() ? "" : it->second;
  if (notify::IsUuid(id)) return true;
  std::string quoted;
  base::AppendJsonString(quoted, id);
  refusal = ErrorCode(422, 601, absl::StrCat("silenceID in path must be of type uuid: ", quoted));
  return false;
}

Response GetSilence(const Request& request, const Notifier& notifier) {
  std::string id;
  Response refusal;
  if (!ReadSilenceId(request, id, refusal)) return refusal;
  const std::optional<notify::Silence> silence = notifier.FindSilence(id);
  if (!silence) return Answer(404, "");
  std::string body;
  JsonWriter json(body, base::JsonEscapes::kGo);
  WriteSilence(json, *silence, notifier.Now());
  return Answer(200, std::move(body));
}

Response DeleteSilence(const Request& request, Notifier& notifier) {
  std::string id;
  Response refusal;
  if (!ReadSilenceId(request, id, refusal)) return refusal;
  const absl::Status status = notifier.ExpireSilence(id);
  if (status.ok()) return Answer(200, "");
  return absl::IsNotFound(status) ? Answer(404, "") : ErrorText(500, Text(status));
}

}  // namespace

void RegisterAlertmanagerApi(Router& router, Notifier& notifier) {
  const auto add = [&](const char* method, const char* path, auto handler) {
    router.Add({method}, path,
               [&notifier, handler](const Request& request) { return handler(request, notifier); });
  };
  router.Add({"GET"}, "/api/v2/status",
             [&notifier](const Request&) { return GetStatus(notifier); });
  add("GET", "/api/v2/receivers", GetReceivers);
  add("GET", "/api/v2/alerts", GetAlerts);
  add("POST", "/api/v2/alerts", PostAlerts);
  add("GET", "/api/v2/alerts/groups", GetGroups);
  add("GET", "/api/v2/silences", GetSilences);
  add("POST", "/api/v2/silences", PostSilence);
  add("GET", "/api/v2/silence/:id", GetSilence);
  add("DELETE", "/api/v2/silence/:id", DeleteSilence);
}

}  // namespace slowburn::api
