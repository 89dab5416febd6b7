// Any bytes as a request target and as a form body, through the router and all that stands around a
// handler.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "api/http_answer.h"
#include "base/check.h"

namespace {

using slowburn::api::HttpAnswer;
using slowburn::api::Params;
using slowburn::api::Request;
using slowburn::api::Response;
using slowburn::api::Router;

const HttpAnswer& TheAnswer() {
  static const Router& router = *[] {
    auto* r = new Router;
    const auto echo = [](const Request& request) {
      std::string text(request.params.Get("query"));
      for (const auto& [name, value] : request.path_params) text += name + value;
      return Response::Text(200, text);
    };
    r->Add({"GET", "POST"}, "/api/v1/query", echo);
    r->Add({"GET"}, "/api/v1/label/:name/values", echo);
    r->Add({"GET"}, "/assets/*path", echo);
    return r;
  }();
  static const HttpAnswer& answer = *HttpAnswer::Create(router, {}).value().release();
  return answer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Params params = Params::Parse(text);
  CHECK(params.Get("query").size() <= size);
  CHECK(params.All("match[]").empty() == !params.Has("match[]"));

  Request request;
  request.method = "POST";
  request.headers = {{"content-type", "application/x-www-form-urlencoded"},
                     {"accept-encoding", std::string(text)}};
  const size_t newline = text.find('\n');
  if (newline != std::string_view::npos) request.body = text.substr(newline + 1);
  const Response response = TheAnswer().Answer(request, text.substr(0, newline));
  CHECK(response.status >= 200 && response.status < 600);
  return 0;
}
