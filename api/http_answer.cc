#include "api/http_answer.h"

#include <zlib.h>

#include <algorithm>
#include <exception>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/number.h"
#include "base/status_macros.h"

namespace slowburn::api {
namespace {

constexpr size_t kMinCompressedBytes = 1024;  // below, a packet is a packet
constexpr int kGzipLevel = 3;                 // two thirds of level 6's gain at a third of its time
constexpr int kWindow = 15;
constexpr int kGzipHeader = 16;  // added to the window: zlib writes gzip's header, not its own

void SetHeader(Response& response, std::string_view name, std::string_view value) {
  response.headers.emplace_back(name, value);
}

bool HasHeader(const Response& response, std::string_view lower_case_name) {
  return std::any_of(response.headers.begin(), response.headers.end(), [&](const auto& header) {
    return absl::AsciiStrToLower(header.first) == lower_case_name;
  });
}

void Compress(const Request& request, Response& response) {
  if (!response.compressible || HasHeader(response, "content-encoding")) return;
  SetHeader(response, "Vary", "Origin, Accept-Encoding");
  const ContentEncoding encoding = WantedEncoding(request.Header("accept-encoding"));
  if (response.body.size() < kMinCompressedBytes || encoding == ContentEncoding::kIdentity) return;
  std::optional<std::string> packed = Encode(encoding, response.body);
  if (!packed.has_value()) return;
  response.body = *std::move(packed);
  SetHeader(response, "Content-Encoding", encoding == ContentEncoding::kGzip ? "gzip" : "deflate");
}

Response Redirect(const std::string& location, int status = 302) {
  Response response = Response::Text(status, "");
  SetHeader(response, "Location", location);
  return response;
}

// Without empty, "." and ".." segments, as Go's ServeMux cleans paths.
std::string CleanPath(std::string_view path) {
  std::vector<std::string_view> kept;
  for (size_t at = 0; at < path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!segment.empty() && segment != ".") {
      kept.push_back(segment);
    }
    at = end + 1;
  }
  std::string out;
  for (const std::string_view segment : kept) out.append("/").append(segment);
  if (out.empty() || path.ends_with('/')) out += '/';
  return out;
}

bool IsForm(const Request& request) {
  return (request.method == "POST" || request.method == "PUT" || request.method == "PATCH") &&
         absl::AsciiStrToLower(std::string(request.Header("content-type")))
             .starts_with("application/x-www-form-urlencoded");
}

}  // namespace

ContentEncoding WantedEncoding(std::string_view accept_encoding) {
  ContentEncoding wanted = ContentEncoding::kIdentity;
  double most = 0;
  while (!accept_encoding.empty()) {
    const size_t comma = accept_encoding.find(',');
    std::string item = absl::AsciiStrToLower(std::string(accept_encoding.substr(0, comma)));
    accept_encoding =
        comma == std::string_view::npos ? std::string_view() : accept_encoding.substr(comma + 1);
    item.erase(std::remove(item.begin(), item.end(), ' '), item.end());
    const size_t semicolon = item.find(';');
    const std::string name = item.substr(0, semicolon);
    if (name != "gzip" && name != "deflate") continue;
    double weight = 1;
    if (semicolon != std::string::npos && item.compare(semicolon, 3, ";q=") == 0) {
      base::ParseFloat(std::string_view(item).substr(semicolon + 3), weight);
    }
    if (weight <= most) continue;
    most = weight;
    wanted = name == "gzip" ? ContentEncoding::kGzip : ContentEncoding::kDeflate;
  }
  return wanted;
}

std::optional<std::string> Encode(ContentEncoding encoding, std::string_view text) {
  z_stream stream = {};
  const int window = encoding == ContentEncoding::kGzip ? kWindow + kGzipHeader : kWindow;
  if (deflateInit2(&stream, kGzipLevel, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return std::nullopt;
  std::string out;
  int result = Z_OK;
  // avail_in is 32 bits wide: large texts go in slices.
  constexpr size_t kSlice = size_t{256} << 20;
  for (size_t at = 0; result == Z_OK; at += kSlice) {
    const std::string_view slice = text.substr(std::min(at, text.size()), kSlice);
    const int flush = at + kSlice >= text.size() ? Z_FINISH : Z_NO_FLUSH;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(slice.data()));
    stream.avail_in = static_cast<uInt>(slice.size());
    do {
      const size_t used = out.size();
      out.resize(used + deflateBound(&stream, stream.avail_in) / 4 + 4096);
      stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
      stream.avail_out = static_cast<uInt>(out.size() - used);
      result = deflate(&stream, flush);
      out.resize(out.size() - stream.avail_out);
    } while (result == Z_OK && (stream.avail_in > 0 || flush == Z_FINISH));
  }
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return std::nullopt;
  return out;
}

// The metrics by which Prometheus describes its own HTTP side, found by route and code without
// formatting anything.
class HttpAnswer::Meter {
 public:
  explicit Meter(prometheus::Registry& registry) : registry_(registry) {}

  void Observe(std::string_view route, int code, double seconds, size_t bytes) {
    base::MutexLock lock(mu_);
    auto it = routes_.find(route);
    if (it == routes_.end())
      it = routes_.emplace(std::string(route), NewRoute(std::string(route))).first;
    prometheus::Counter*& counter = it->second.requests[code];
    if (counter == nullptr) {
      counter = &base::AddCounter(
          registry_, "prometheus_http_requests_total", "Counter of HTTP requests.",
          {{"handler", std::string(route)}, {"code", std::to_string(code)}});
    }
    counter->Increment();
    it->second.seconds->Observe(seconds);
    it->second.bytes->Observe(static_cast<double>(bytes));
  }

 private:
  struct Route {
    std::map<int, prometheus::Counter*> requests;
    prometheus::Histogram* seconds;
    prometheus::Histogram* bytes;
  };

  Route NewRoute(const std::string& route) {
    const base::MetricLabels labels = {{"handler", route}};
    return {{},
            &base::AddHistogram(registry_, "prometheus_http_request_duration_seconds",
                                "Histogram of latencies for HTTP requests.",
                                {.1, .2, .4, 1, 3, 8, 20, 60, 120}, labels),
            &base::AddHistogram(registry_, "prometheus_http_response_size_bytes",
                                "Histogram of response size for HTTP requests.",
                                {100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}, labels)};
  }

  prometheus::Registry& registry_;
  base::Mutex mu_;
  std::map<std::string, Route, std::less<>> routes_ ABSL_GUARDED_BY(mu_);
};

HttpAnswer::HttpAnswer(const Router& router, HttpAnswerOptions options, base::Regex cors_origin)
    : router_(router),
      options_(std::move(options)),
      cors_origin_(std::move(cors_origin)),
      meter_(options_.registry == nullptr ? nullptr : std::make_unique<Meter>(*options_.registry)) {
}

HttpAnswer::~HttpAnswer() = default;

absl::StatusOr<std::unique_ptr<HttpAnswer>> HttpAnswer::Create(const Router& router,
                                                               HttpAnswerOptions options) {
  while (options.route_prefix.ends_with('/')) options.route_prefix.pop_back();
  if (!options.route_prefix.empty() && options.route_prefix[0] != '/') {
    return absl::InvalidArgumentError(
        absl::StrCat("route prefix \"", options.route_prefix, "\" must begin with a slash"));
  }
  absl::StatusOr<base::Regex> origin = base::Regex::Compile(options.cors_origin);
  if (!origin.ok()) return base::Annotate(origin.status(), "CORS origin");
  return std::unique_ptr<HttpAnswer>(
      new HttpAnswer(router, std::move(options), *std::move(origin)));
}

Response HttpAnswer::Answer(Request& request, std::string_view target) const {
  const int64_t start = base::RealClock().MonotonicNs();
  // The absolute form, which proxies use: http://host/path.
  if (target.starts_with("http://") || target.starts_with("https://")) {
    const size_t slash = target.find('/', target.find("://") + 3);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  target = target.substr(0, target.find('#'));
  const size_t question = target.find('?');
  request.path = PercentDecode(target.substr(0, question), PlusSign::kIsPlus);
  if (question != std::string_view::npos)
    request.url_params = Params::Parse(target.substr(question + 1));
  if (IsForm(request)) request.params = Params::Parse(request.body);
  request.params.Append(request.url_params);

  Response response;
  const std::string_view path = target.substr(0, question);
  if (const std::string clean = CleanPath(path); path.starts_with('/') && clean != path)
    response = Redirect(clean + std::string(target.substr(std::min(question, target.size()))), 301);
  else
    response = Dispatch(request);
  Compress(request, response);
  AddCors(request, response);
  if (meter_ != nullptr) {
    const double seconds = static_cast<double>(base::RealClock().MonotonicNs() - start) * 1e-9;
    meter_->Observe(request.route.empty() ? "/*" : request.route, response.status, seconds,
                    response.body.size());
  }
  return response;
}

Response HttpAnswer::Dispatch(Request& request) const {
  const std::string& prefix = options_.route_prefix;
  if (!prefix.empty()) {
    if (request.path == "/" || request.path == prefix) return Redirect(prefix + "/");
    if (!request.path.starts_with(prefix + "/")) return Response::Text(404, "404 page not found\n");
    request.path.erase(0, prefix.size());
  }
  if (std::optional<Response> refusal = RefuseUnready(request)) return *std::move(refusal);
  return RunHandler(request);
}

std::optional<Response> HttpAnswer::RefuseUnready(const Request& request) const {
  const Readiness readiness = options_.readiness ? options_.readiness() : Readiness::kReady;
  if (readiness == Readiness::kReady) return std::nullopt;
  const auto& exempt = options_.always_ready;
  if (std::find(exempt.begin(), exempt.end(), request.path) != exempt.end()) return std::nullopt;
  Response response = Response::Text(503, "Service Unavailable");
  SetHeader(response, "X-Prometheus-Stopping",
            readiness == Readiness::kStopping ? "true" : "false");
  return response;
}

// Libraries may throw where memory is short or a value is odd; one request shall not end the
// process.
Response HttpAnswer::RunHandler(Request& request) const {
  std::string what;
  try {
    return router_.Route(request);
  } catch (const std::exception& e) {
    what = e.what();
  }
  base::Error("handler threw", {{"path", request.path}, {"error", what}});
  return Response::Text(500, "internal error: " + what + "\n");
}

void HttpAnswer::AddCors(const Request& request, Response& response) const {
  const std::string_view origin = request.Header("origin");
  if (!HasHeader(response, "vary")) SetHeader(response, "Vary", "Origin");
  if (origin.empty()) return;
  SetHeader(response, "Access-Control-Allow-Headers",
            "Accept, Authorization, Content-Type, Origin");
  // Prometheus' methods, and DELETE for the silences of Alertmanager's API on the same port.
  SetHeader(response, "Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS");
  SetHeader(response, "Access-Control-Expose-Headers", "Date");
  if (options_.cors_origin == ".*") {
    SetHeader(response, "Access-Control-Allow-Origin", "*");
  } else if (cors_origin_.Matches(origin)) {
    SetHeader(response, "Access-Control-Allow-Origin", origin);
  }
}

}  // namespace slowburn::api
