#include "app/web_handler.h"

#include <string>

#include "app/assets.h"

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

}  // namespace

void RegisterWebPage(api::Router& router) {
  for (const Asset& asset : Assets()) {
    const auto handler = [&asset](const api::Request&) { return Serve(asset); };
    router.Add({"GET", "HEAD"}, std::string(asset.path), handler);
    if (asset.path == "/index.html") router.Add({"GET", "HEAD"}, "/", handler);
  }
}

}  // namespace slowburn::app
