// The addresses of Prometheus' pages lead to ours.
#include "app/web_handler.h"

#include <gtest/gtest.h>

#include <string>

#include "api/http.h"

namespace slowburn::app {
namespace {

std::string LocationOf(const std::string& path, const std::string& query) {
  api::Router router;
  RegisterWebPage(router);
  api::Request request{.method = "GET", .path = path};
  request.params = api::Params::Parse(query);
  const api::Response response = router.Route(request);
  EXPECT_EQ(response.status, 302);
  for (const auto& [name, value] : response.headers) {
    if (name == "Location") return value;
  }
  return "none";
}

TEST(WebHandler, TheSourceOfAnAlertIsTheQueryBox) {
  EXPECT_EQ(LocationOf("/graph", "g0.expr=up%7Bjob%3D%22a+b%22%7D+%3D%3D+0&g0.tab=1"),
            "./#q=up%7Bjob%3D%22a+b%22%7D+%3D%3D+0");
  EXPECT_EQ(LocationOf("/query", "g0.expr=up&g0.range_input=6h"), "./#q=up&range=21600");
  EXPECT_EQ(LocationOf("/graph", "g0.expr=up&g0.range_input=soon"), "./#q=up");
  EXPECT_EQ(LocationOf("/alerts", ""), "./");
}

}  // namespace
}  // namespace slowburn::app
