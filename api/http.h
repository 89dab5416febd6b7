// HTTP as handlers see it: plain values, no Beast. http_server.h turns sockets into these, tests
// call handlers directly.
//
//   Router router;
//   router.Add({"GET", "POST"}, "/api/v1/query", [&](const Request& r) { return … Response; });
//   router.Add({"GET"}, "/api/v1/label/:name/values", …); // r.path_params["name"], percent-decoded
//   router.Add({"GET"}, "/assets/*path", …);              // the rest of the path
//
// Threads: handlers run on the server's worker threads and may block (a query does); Router is
// immutable once serving.
#ifndef SLOWBURN_API_HTTP_H_
#define SLOWBURN_API_HTTP_H_

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace slowburn::api {

// Decoded key=value pairs of a query string or a form body, in order.
class Params {
 public:
  // application/x-www-form-urlencoded; malformed escapes stay as they are.
  static Params Parse(std::string_view encoded);
  void Append(const Params& other);
  std::string_view Get(std::string_view key) const;  // the first, or ""
  bool Has(std::string_view key) const;
  std::vector<std::string_view> All(std::string_view key) const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

struct Request {
  std::string method;  // upper case
  std::string path;    // decoded, without the route prefix
  Params url_params;   // of the URL only
  Params params;       // form body first, then URL: what most Prometheus endpoints read
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::string remote_address;
  std::map<std::string, std::string, std::less<>> path_params;
  std::string_view route;  // the pattern that matched, as given to Router::Add; set by Route
  // Becomes true when the connection is closed; may be null.
  const std::atomic<bool>* client_gone = nullptr;
  std::string_view Header(std::string_view lower_case_name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  bool compressible = true;  // gzip when the client accepts it and the body is large enough

  static Response Text(int status, std::string body);  // text/plain; charset=utf-8
  // Plain text as Go's http.Error writes it: browsers are not to guess what else it could be.
  static Response Refusal(int status, std::string text);
  static Response Json(std::string body);  // application/json
};

using Handler = std::function<Response(const Request&)>;

class Router {
 public:
  // Paths: literal segments, ":name" for one segment (not empty), "*name" for the rest (may be
  // empty). Literals win over names, names over the rest.
  void Add(std::vector<std::string> methods, std::string pattern, Handler handler);
  // 404 and 405 in plain text; HEAD only where a route has it; OPTIONS answers 204 below /api/,
  // elsewhere 200 with the methods that are allowed. Sets request.path_params and route.
  Response Route(Request& request) const;

 private:
  struct Entry {
    std::vector<std::string> methods;
    std::string pattern;
    std::vector<std::string> segments;
    Handler handler;
  };
  std::vector<const Entry*> Matches(std::string_view path) const;  // the most specific first

  std::deque<Entry> entries_;  // a deque: route points into it
  std::unordered_map<std::string, std::vector<const Entry*>> literal_;  // without names, by path
  std::vector<const Entry*> named_;  // the rest, the most specific first
};

// %41 becomes A; malformed escapes stay as they are. kIsSpace is for query strings and forms, not
// for paths.
enum class PlusSign { kIsSpace, kIsPlus };
std::string PercentDecode(std::string_view text, PlusSign plus);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_HTTP_H_
