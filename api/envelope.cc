#include "api/envelope.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/json.h"

namespace slowburn::api {
namespace {

constexpr size_t kMaxAnnotations = 10;  // of each kind, as Prometheus

struct ErrorKind {
  int status;
  std::string_view type;
};

ErrorKind KindOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return {400, "bad_data"};
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kResourceExhausted:
      return {422, "execution"};
    case absl::StatusCode::kCancelled:
      return {499, "canceled"};
    case absl::StatusCode::kDeadlineExceeded:
      return {503, "timeout"};
    case absl::StatusCode::kNotFound:
      return {404, "not_found"};
    default:
      return {500, "internal"};
  }
}

void AppendAnnotations(std::string& body, std::string_view key, std::string_view kind,
                       const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  body.append(",\"").append(key).append("\":");
  base::JsonWriter w(body, base::JsonEscapes::kGo);
  w.BeginArray();
  for (size_t i = 0; i < texts.size() && i < kMaxAnnotations; ++i) w.String(texts[i]);
  if (texts.size() > kMaxAnnotations) {
    w.String(absl::StrCat(texts.size() - kMaxAnnotations, " more ",
                          absl::string_view(kind.data(), kind.size()), " annotations omitted"));
  }
  w.EndArray();
}

}  // namespace

Response Success(std::string_view data, const std::vector<std::string>& warnings,
                 const std::vector<std::string>& infos) {
  std::string body = BeginSuccess();
  body.reserve(body.size() + data.size() + 16);
  body += data;
  return EndSuccess(std::move(body), warnings, infos);
}

std::string BeginSuccess() { return "{\"status\":\"success\",\"data\":"; }

Response EndSuccess(std::string body, const std::vector<std::string>& warnings,
                    const std::vector<std::string>& infos) {
  AppendAnnotations(body, "warnings", "warning", warnings);
  AppendAnnotations(body, "infos", "info", infos);
  body += '}';
  return Response::Json(std::move(body));
}

Response ErrorResponse(const absl::Status& status) {
  const ErrorKind kind = KindOf(status.code());
  std::string body;
  base::JsonWriter w(body, base::JsonEscapes::kGo);
  w.BeginObject();
  w.Field("status", "error");
  w.Field("errorType", kind.type);
  w.Field("error", std::string_view(status.message().data(), status.message().size()));
  w.EndObject();
  Response response = Response::Json(std::move(body));
  response.status = kind.status;
  return response;
}

Response InvalidParameter(std::string_view name, std::string_view reason) {
  return ErrorResponse(absl::InvalidArgumentError(
      absl::StrCat("invalid parameter \"", absl::string_view(name.data(), name.size()),
                   "\": ", absl::string_view(reason.data(), reason.size()))));
}

}  // namespace slowburn::api
