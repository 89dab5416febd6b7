// Stands in the HttpClient door: answers from a function, on the caller's thread, and keeps what
// was asked.
#ifndef SLOWBURN_TESTS_TESTING_FAKE_HTTP_CLIENT_H_
#define SLOWBURN_TESTS_TESTING_FAKE_HTTP_CLIENT_H_

#include <functional>
#include <utility>
#include <vector>

#include "base/http_client.h"

namespace slowburn::testing {

class FakeHttpClient final : public base::HttpClient {
 public:
  using Server = std::function<absl::StatusOr<base::HttpResponse>(const base::HttpRequest&)>;
  explicit FakeHttpClient(Server server) : server_(std::move(server)) {}

  void Start(base::HttpRequest request, Callback done) override;
  const std::vector<base::HttpRequest>& requests() const { return requests_; }
  void set_server(Server server) { server_ = std::move(server); }
  // From now on answers wait until Release() gives them, oldest first: for what happens while a
  // request is under way.
  void Hold() { held_ = true; }
  void Release();

 private:
  Server server_;
  std::vector<base::HttpRequest> requests_;
  bool held_ = false;
  std::vector<std::pair<base::HttpRequest, Callback>> waiting_;
};

}  // namespace slowburn::testing

#endif  // SLOWBURN_TESTS_TESTING_FAKE_HTTP_CLIENT_H_
