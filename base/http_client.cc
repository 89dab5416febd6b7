#include "base/http_client.h"

#include <optional>

#include "base/mutex.h"

namespace slowburn::base {

std::string_view HttpResponse::Header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

absl::StatusOr<HttpResponse> Fetch(HttpClient& client, HttpRequest request) {
  Mutex mu;
  CondVar ready;
  std::optional<absl::StatusOr<HttpResponse>> result;
  client.Start(std::move(request), [&](absl::StatusOr<HttpResponse> answer) {
    MutexLock lock(mu);
    result = std::move(answer);
    ready.NotifyOne();
  });
  MutexLock lock(mu);
  while (!result.has_value()) ready.Wait(mu);
  return *std::move(result);
}

}  // namespace slowburn::base
