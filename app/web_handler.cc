#include "app/web_handler.h"

#include <string>
#include <string_view>
#include <utility>

#include "app/assets.h"
#include "base/number.h"
#include "base/url.h"

namespace slowburn::app {
namespace {

api::Response Serve(const Asset& asset) {
  api::Response response{.content_type = std::string(asset.content_type),
                         .body = std::string(asset.bytes)};
  response.headers = {{"Content-Security-Policy",
                       "default-src 'self'; img-src 'self' data:; style-src 'self' "
                       "'unsafe-inline'; frame-ancestors 'none'"},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Cache-Control", "no-cache"}};
  return response;
}

// Where pages and dashboards lead to in Prometheus, with the query of the first panel. Relative, so
// that it is right behind any prefix.
api::Response ToQueryBox(const api::Request& request) {
  api::Response response{.status = 302, .content_type = "text/plain; charset=utf-8"};
  std::string target = "./";
  if (const std::string_view expr = request.params.Get("g0.expr"); !expr.empty()) {
    target += "#q=" + base::EscapeQuery(expr);
    const auto range = base::ParseDuration(request.params.Get("g0.range_input"));
    if (range.ok()) target += "&range=" + std::to_string(*range / 1000);
  }
  response.headers = {{"Location", std::move(target)}};
  return response;
}

}  // namespace

void RegisterWebPage(api::Router& router) {
  for (const char* path : {"/graph", "/query", "/alerts"}) {
    router.Add({"GET", "HEAD"}, path, ToQueryBox);
  }
  for (const Asset& asset : Assets()) {
    const auto handler = [&asset](const api::Request&) { return Serve(asset); };
    router.Add({"GET", "HEAD"}, std::string(asset.path), handler);
    if (asset.path == "/index.html") router.Add({"GET", "HEAD"}, "/", handler);
  }
}

}  // namespace slowburn::app
