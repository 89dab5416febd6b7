#include "api/http.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "api/envelope.h"
#include "api/http_answer.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::api {
namespace {

std::string HeaderOf(const Response& response, std::string_view name) {
  std::string out;
  for (const auto& [n, v] : response.headers) {
    if (n == name) out += out.empty() ? v : ", " + v;
  }
  return out;
}

std::string Gunzip(const std::string& packed) {
  z_stream stream = {};
  EXPECT_EQ(inflateInit2(&stream, 15 + 32), Z_OK);
  std::string out(10 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(Params, ParsesForms) {
  const Params p = Params::Parse(
      "query=up%7Bjob%3D%22a%22%7D+%2B+1&match[]=a&match%5B%5D=b&empty=&flag&&bad=%zz%4&=v");
  EXPECT_EQ(p.Get("query"), "up{job=\"a\"} + 1");
  EXPECT_EQ(p.All("match[]"), (std::vector<std::string_view>{"a", "b"}));
  EXPECT_TRUE(p.Has("empty"));
  EXPECT_TRUE(p.Has("flag"));
  EXPECT_FALSE(p.Has("none"));
  EXPECT_FALSE(p.Has("bad")) << "as in Go, a pair that cannot be read is no pair";
  EXPECT_EQ(p.Get(""), "v");
  EXPECT_EQ(p.Get("none"), "");
}

TEST(Params, AppendKeepsTheFirstFirst) {
  Params p = Params::Parse("a=body");
  p.Append(Params::Parse("a=url&b=2"));
  EXPECT_EQ(p.Get("a"), "body");
  EXPECT_EQ(p.Get("b"), "2");
}

Request Made(std::string method, std::string path) {
  Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  return request;
}

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    const auto says = [](std::string name) {
      return [name](const Request& r) {
        std::string text = name;
        for (const auto& [k, v] : r.path_params) text += " " + k + "=" + v;
        return Response::Text(200, text);
      };
    };
    router_.Add({"GET", "HEAD"}, "/", says("root"));
    router_.Add({"GET", "POST"}, "/api/v1/query", says("query"));
    router_.Add({"GET"}, "/api/v1/label/:name/values", says("values"));
    router_.Add({"GET"}, "/api/v2/silence/:id", says("get silence"));
    router_.Add({"DELETE"}, "/api/v2/silence/:id", says("delete silence"));
    router_.Add({"POST"}, "/api/v2/silence/preview", says("preview"));
    router_.Add({"GET"}, "/x/*path", says("rest"));
    router_.Add({"GET"}, "/x/:one", says("one"));
    router_.Add({"GET"}, "/x/a", says("literal"));
  }
  std::string Answer(const std::string& method, const std::string& path) {
    Request request = Made(method, path);
    const Response response = router_.Route(request);
    return std::to_string(response.status) + " " + response.body;
  }
  Router router_;
};

TEST_F(RouterTest, FindsTheMostSpecificPattern) {
  struct Case {
    const char *method, *path, *want;
  };
  const Case cases[] = {
      {"GET", "/", "200 root"},
      {"GET", "/api/v1/query", "200 query"},
      {"POST", "/api/v1/query", "200 query"},
      {"HEAD", "/", "200 root"},
      {"HEAD", "/api/v1/query", "405 Method Not Allowed\n"},
      {"HEAD", "/nope", "404 404 page not found\n"},
      {"GET", "/api/v1/query/", "404 404 page not found\n"},
      {"GET", "/api/v1/label/a b/values", "200 values name=a b"},
      {"GET", "/api/v1/label//values", "404 404 page not found\n"},
      {"GET", "/api/v2/silence/x", "200 get silence id=x"},
      {"DELETE", "/api/v2/silence/x", "200 delete silence id=x"},
      {"POST", "/api/v2/silence/preview", "200 preview"},
      {"GET", "/api/v2/silence/preview", "200 get silence id=preview"},
      {"PUT", "/api/v2/silence/x", "405 Method Not Allowed\n"},
      {"GET", "/x/a", "200 literal"},
      {"GET", "/x/b", "200 one one=b"},
      {"GET", "/x/b/c/d", "200 rest path=b/c/d"},
      {"GET", "/x/", "200 rest path="},
      {"GET", "/nope", "404 404 page not found\n"},
      {"OPTIONS", "/api/v1/query", "204 "},
      {"OPTIONS", "/api/nope", "204 "},
      {"OPTIONS", "/", "200 "},
      {"OPTIONS", "/nope", "404 404 page not found\n"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(Answer(c.method, c.path), c.want) << c.method << " " << c.path;
}

TEST_F(RouterTest, NamesTheMethodsThatAreAllowed) {
  Request request = Made("PUT", "/api/v2/silence/x");
  const Response response = router_.Route(request);
  EXPECT_EQ(HeaderOf(response, "Allow"), "DELETE, GET, OPTIONS");
  Request options = Made("OPTIONS", "/x/a");
  EXPECT_EQ(HeaderOf(router_.Route(options), "Allow"), "GET, OPTIONS");
  EXPECT_EQ(response.content_type, "text/plain; charset=utf-8");
}

TEST_F(RouterTest, TellsTheRoute) {
  Request request = Made("GET", "/api/v1/label/job/values");
  router_.Route(request);
  EXPECT_EQ(request.route, "/api/v1/label/:name/values");
}

TEST(Envelope, SuccessHasWarningsUpToTen) {
  EXPECT_EQ(Success("[1]").body, R"({"status":"success","data":[1]})");
  EXPECT_EQ(Success("{}", {"w<1>"}, {"i"}).body,
            R"({"status":"success","data":{},"warnings":["w\u003c1\u003e"],"infos":["i"]})");
  const Response many = Success("1", std::vector<std::string>(13, "w"));
  EXPECT_NE(many.body.find("3 more warning annotations omitted"), std::string::npos);
  EXPECT_EQ(many.content_type, "application/json");
}

TEST(Envelope, StatusesBecomeErrorTypes) {
  struct Case {
    absl::StatusCode code;
    int status;
    const char* type;
  };
  const Case cases[] = {{absl::StatusCode::kInvalidArgument, 400, "bad_data"},
                        {absl::StatusCode::kFailedPrecondition, 422, "execution"},
                        {absl::StatusCode::kResourceExhausted, 422, "execution"},
                        {absl::StatusCode::kCancelled, 499, "canceled"},
                        {absl::StatusCode::kDeadlineExceeded, 503, "timeout"},
                        {absl::StatusCode::kNotFound, 404, "not_found"},
                        {absl::StatusCode::kUnavailable, 500, "internal"},
                        {absl::StatusCode::kInternal, 500, "internal"}};
  for (const Case& c : cases) {
    const Response response = ErrorResponse(absl::Status(c.code, "why"));
    EXPECT_EQ(response.status, c.status);
    EXPECT_EQ(response.body,
              std::string(R"({"status":"error","errorType":")") + c.type + R"(","error":"why"})");
  }
  EXPECT_EQ(
      InvalidParameter("time", "bad").body,
      R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"time\": bad"})");
}

TEST(Gzip, UnpacksToTheSame) {
  for (const size_t size : {0, 1, 1000, 5'000'000}) {
    std::string text;
    for (size_t i = 0; i < size; ++i) text += static_cast<char>((i * i / 7) % 251);
    EXPECT_EQ(Gunzip(Encode(ContentEncoding::kGzip, text).value()), text);
    EXPECT_EQ(Gunzip(Encode(ContentEncoding::kDeflate, text).value()), text);
  }
}

class HttpAnswerTest : public ::testing::Test {
 protected:
  HttpAnswerTest() {
    router_.Add({"GET", "POST"}, "/echo", [](const Request& r) {
      return Response::Text(
          200, std::string(r.params.Get("x")) + "|" + std::string(r.url_params.Get("x")));
    });
    router_.Add({"GET"}, "/big",
                [](const Request&) { return Response::Text(200, std::string(100'000, 'b')); });
    router_.Add({"GET"}, "/throws",
                [](const Request&) -> Response { return Response::Text(std::string().at(7), ""); });
    router_.Add({"GET"}, "/-/healthy", [](const Request&) { return Response::Text(200, "fine"); });
  }
  Response Answer(HttpAnswerOptions options, Request request, std::string_view target) {
    auto answer = HttpAnswer::Create(router_, std::move(options));
    EXPECT_OK(answer);
    return (*answer)->Answer(request, target);
  }
  Response Get(std::string_view target,
               std::vector<std::pair<std::string, std::string>> headers = {},
               HttpAnswerOptions options = {}) {
    Request request = Made("GET", "");
    request.headers = std::move(headers);
    return Answer(std::move(options), request, target);
  }
  Router router_;
};

TEST_F(HttpAnswerTest, MergesFormAndUrl) {
  Request request = Made("POST", "");
  request.headers = {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}};
  request.body = "x=form";
  EXPECT_EQ(Answer({}, request, "/echo?x=url").body, "form|url");
  request.headers = {{"content-type", "application/json"}};
  EXPECT_EQ(Answer({}, request, "/echo?x=url").body, "url|url");
  EXPECT_EQ(Get("/echo?x=a+b%2B").body, "a b+|a b+");
  EXPECT_EQ(Get("http://host:9090/echo?x=1#frag").body, "1|1");
  EXPECT_EQ(Get("/ec%68o?x=1").body, "1|1");
}

TEST_F(HttpAnswerTest, RoutePrefix) {
  const auto get = [&](std::string_view target) {
    HttpAnswerOptions options;
    options.route_prefix = "/prom/";
    return Get(target, {}, std::move(options));
  };
  EXPECT_EQ(get("/prom/echo?x=1").body, "1|1");
  EXPECT_EQ(get("/echo").status, 404);
  EXPECT_EQ(get("/promecho").status, 404);
  EXPECT_EQ(get("/").status, 302);
  EXPECT_EQ(HeaderOf(get("/prom"), "Location"), "/prom/");
  HttpAnswerOptions bad;
  bad.route_prefix = "prom";
  EXPECT_THAT(HttpAnswer::Create(router_, std::move(bad)),
              testing::IsCode(absl::StatusCode::kInvalidArgument, "must begin with a slash"));
}

TEST_F(HttpAnswerTest, CompressesWhatIsLargeAndWanted) {
  const Response packed = Get("/big", {{"accept-encoding", "gzip, deflate"}});
  EXPECT_EQ(HeaderOf(packed, "Content-Encoding"), "gzip");
  EXPECT_EQ(HeaderOf(packed, "Vary"), "Origin, Accept-Encoding");
  EXPECT_LT(packed.body.size(), 1000u);
  EXPECT_EQ(Gunzip(packed.body), std::string(100'000, 'b'));
  EXPECT_EQ(Get("/big").body.size(), 100'000u);
  EXPECT_EQ(HeaderOf(Get("/echo?x=1", {{"accept-encoding", "gzip"}}), "Content-Encoding"), "");
}

TEST_F(HttpAnswerTest, TakesTheEncodingThatIsWantedMost) {
  const std::pair<const char*, const char*> cases[] = {
      {"gzip", "gzip"},
      {"deflate", "deflate"},
      {"deflate, gzip", "deflate"},
      {"gzip;q=0.5, deflate", "deflate"},
      {"gzip, deflate;q=0.5", "gzip"},
      {"br, gzip;q=0.1", "gzip"},
      {"GZIP", "gzip"},
      {"gzip;q=0", ""},
      {"deflate;q=0, gzip;q=0", ""},
      {"identity", ""},
      {"zstd", ""},
      {"*", ""},
      {"", ""},
  };
  for (const auto& [accept, encoding] : cases) {
    const Response response = Get("/big", {{"accept-encoding", accept}});
    EXPECT_EQ(HeaderOf(response, "Content-Encoding"), encoding) << accept;
    const std::string text = std::string(encoding).empty() ? response.body : Gunzip(response.body);
    EXPECT_EQ(text, std::string(100'000, 'b')) << accept;
  }
}

TEST_F(HttpAnswerTest, Cors) {
  const Response any = Get("/echo", {{"origin", "http://g"}});
  EXPECT_EQ(HeaderOf(any, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(HeaderOf(any, "Access-Control-Expose-Headers"), "Date");
  EXPECT_EQ(HeaderOf(Get("/echo"), "Access-Control-Allow-Origin"), "");
  HttpAnswerOptions some;
  some.cors_origin = "https?://(a|b)\\.org";
  EXPECT_EQ(
      HeaderOf(Get("/echo", {{"origin", "http://a.org"}}, some), "Access-Control-Allow-Origin"),
      "http://a.org");
  EXPECT_EQ(HeaderOf(Get("/echo", {{"origin", "http://a.org.evil"}}, some),
                     "Access-Control-Allow-Origin"),
            "");
  HttpAnswerOptions bad;
  bad.cors_origin = "(";
  EXPECT_THAT(HttpAnswer::Create(router_, std::move(bad)),
              testing::IsCode(absl::StatusCode::kInvalidArgument, "CORS origin"));
}

TEST_F(HttpAnswerTest, NotReadyIs503ExceptForTheExempt) {
  HttpAnswerOptions starting;
  starting.readiness = [] { return Readiness::kStarting; };
  const Response refused = Get("/echo", {}, starting);
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.body, "Service Unavailable");
  EXPECT_EQ(HeaderOf(refused, "X-Prometheus-Stopping"), "false");
  EXPECT_EQ(Get("/-/healthy", {}, starting).body, "fine");
  HttpAnswerOptions stopping;
  stopping.readiness = [] { return Readiness::kStopping; };
  EXPECT_EQ(HeaderOf(Get("/echo", {}, stopping), "X-Prometheus-Stopping"), "true");
}

TEST_F(HttpAnswerTest, WhatIsThrownIsA500) {
  const Response response = Get("/throws");
  EXPECT_EQ(response.status, 500);
  EXPECT_TRUE(response.body.starts_with("internal error: ")) << response.body;
}

TEST_F(HttpAnswerTest, CountsByRouteAndCode) {
  prometheus::Registry registry;
  HttpAnswerOptions options;
  options.registry = &registry;
  Get("/echo", {}, options);
  Get("/echo?x=2", {}, options);
  Get("/nope", {}, options);
  const std::string text = base::ExposeText(registry);
  EXPECT_NE(text.find("prometheus_http_requests_total{code=\"200\",handler=\"/echo\"} 2\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("prometheus_http_requests_total{code=\"404\",handler=\"/*\"} 1\n"),
            std::string::npos);
  EXPECT_NE(text.find("prometheus_http_request_duration_seconds_count{handler=\"/echo\"} 2\n"),
            std::string::npos);
}

}  // namespace
}  // namespace slowburn::api
