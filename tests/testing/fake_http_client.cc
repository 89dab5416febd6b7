#include "tests/testing/fake_http_client.h"

namespace slowburn::testing {

void FakeHttpClient::Start(base::HttpRequest request, Callback done) {
  requests_.push_back(request);
  if (held_) {
    waiting_.emplace_back(std::move(request), std::move(done));
    return;
  }
  done(server_(request));
}

void FakeHttpClient::Release() {
  held_ = false;
  auto waiting = std::exchange(waiting_, {});
  for (auto& [request, done] : waiting) done(server_(request));
}

}  // namespace slowburn::testing
