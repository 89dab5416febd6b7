#include "api/http.h"

#include <algorithm>
#include <set>

namespace slowburn::api {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::vector<std::string_view> Segments(std::string_view path) {
  std::vector<std::string_view> out;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    const size_t slash = path.find('/');
    out.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    path.remove_prefix(slash + 1);
  }
}

bool IsName(std::string_view segment) { return segment.starts_with(':'); }
bool IsRest(std::string_view segment) { return segment.starts_with('*'); }

bool Fits(const std::vector<std::string>& pattern, const std::vector<std::string_view>& path) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (IsRest(pattern[i])) return true;
    if (i >= path.size()) return false;
    if (IsName(pattern[i]) ? path[i].empty() : pattern[i] != path[i]) return false;
  }
  return pattern.size() == path.size();
}

// Of two patterns that fit one path, the one that says more.
bool IsMoreSpecific(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const auto rank = [](const std::vector<std::string>& pattern, size_t i) {
    if (i >= pattern.size()) return 0;
    return IsRest(pattern[i]) ? 1 : IsName(pattern[i]) ? 2 : 3;
  };
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    if (rank(a, i) != rank(b, i)) return rank(a, i) > rank(b, i);
  }
  return false;
}

bool Allows(const std::vector<std::string>& methods, std::string_view method) {
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

// False where Go's url.ParseQuery leaves the pair out: a broken escape, or a semicolon.
bool IsWellFormed(std::string_view pair) {
  for (size_t i = 0; i < pair.size(); ++i) {
    if (pair[i] == ';') return false;
    if (pair[i] != '%') continue;
    if (i + 2 >= pair.size() || HexValue(pair[i + 1]) < 0 || HexValue(pair[i + 2]) < 0)
      return false;
  }
  return true;
}

}  // namespace

std::string PercentDecode(std::string_view text, PlusSign plus) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == PlusSign::kIsSpace) {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && HexValue(text[i + 1]) >= 0 &&
               HexValue(text[i + 2]) >= 0) {
      out += static_cast<char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Params Params::Parse(std::string_view encoded) {
  Params params;
  while (!encoded.empty()) {
    const size_t end = encoded.find('&');
    const std::string_view pair = encoded.substr(0, end);
    encoded = end == std::string_view::npos ? std::string_view() : encoded.substr(end + 1);
    if (pair.empty() || !IsWellFormed(pair)) continue;
    const size_t equals = pair.find('=');
    params.pairs_.emplace_back(PercentDecode(pair.substr(0, equals), PlusSign::kIsSpace),
                               equals == std::string_view::npos
                                   ? ""
                                   : PercentDecode(pair.substr(equals + 1), PlusSign::kIsSpace));
  }
  return params;
}

void Params::Append(const Params& other) {
  pairs_.insert(pairs_.end(), other.pairs_.begin(), other.pairs_.end());
}

std::string_view Params::Get(std::string_view key) const {
  for (const auto& [name, value] : pairs_) {
    if (name == key) return value;
  }
  return {};
}

bool Params::Has(std::string_view key) const {
  return std::any_of(pairs_.begin(), pairs_.end(),
                     [&](const auto& pair) { return pair.first == key; });
}

std::vector<std::string_view> Params::All(std::string_view key) const {
  std::vector<std::string_view> out;
  for (const auto& [name, value] : pairs_) {
    if (name == key) out.push_back(value);
  }
  return out;
}

std::string_view Request::Header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

Response Response::Text(int status, std::string body) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  return response;
}

Response Response::Refusal(int status, std::string text) {
  Response response = Text(status, std::move(text));
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return response;
}

Response Response::Json(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

void Router::Add(std::vector<std::string> methods, std::string pattern, Handler handler) {
  Entry& entry = entries_.emplace_back();
  entry.methods = std::move(methods);
  entry.pattern = std::move(pattern);
  entry.handler = std::move(handler);
  for (const std::string_view segment : Segments(entry.pattern))
    entry.segments.emplace_back(segment);
  const bool literal = std::none_of(entry.segments.begin(), entry.segments.end(),
                                    [](const std::string& s) { return IsName(s) || IsRest(s); });
  if (literal) {
    literal_[entry.pattern].push_back(&entry);
    return;
  }
  const auto at = std::find_if(named_.begin(), named_.end(), [&](const Entry* other) {
    return IsMoreSpecific(entry.segments, other->segments);
  });
  named_.insert(at, &entry);
}

std::vector<const Router::Entry*> Router::Matches(std::string_view path) const {
  std::vector<const Entry*> out;
  if (const auto it = literal_.find(std::string(path)); it != literal_.end()) out = it->second;
  const std::vector<std::string_view> segments = Segments(path);
  for (const Entry* entry : named_) {
    if (Fits(entry->segments, segments)) out.push_back(entry);
  }
  return out;
}

Response Router::Route(Request& request) const {
  const std::vector<const Entry*> matches = Matches(request.path);
  for (const Entry* entry : matches) {
    if (!Allows(entry->methods, request.method)) continue;
    request.route = entry->pattern;
    const std::vector<std::string_view> path = Segments(request.path);
    for (size_t i = 0; i < entry->segments.size(); ++i) {
      const std::string& segment = entry->segments[i];
      if (IsName(segment)) request.path_params[segment.substr(1)] = path[i];
      if (IsRest(segment)) {
        const std::string_view rest =
            i < path.size() ? std::string_view(request.path)
                                  .substr(static_cast<size_t>(path[i].data() - request.path.data()))
                            : std::string_view();
        request.path_params[segment.substr(1)] = rest;
      }
    }
    return entry->handler(request);
  }
  const bool asks_for_options = request.method == "OPTIONS";
  if (asks_for_options && request.path.starts_with("/api/")) {
    Response response;
    response.status = 204;
    return response;
  }
  if (matches.empty()) return Response::Refusal(404, "404 page not found\n");
  std::set<std::string> methods = {"OPTIONS"};
  for (const Entry* entry : matches) methods.insert(entry->methods.begin(), entry->methods.end());
  std::string allow;
  for (const std::string& method : methods) allow += allow.empty() ? method : ", " + method;
  Response response = Response::Refusal(405, "Method Not Allowed\n");
  if (asks_for_options) response = Response{.content_type = "", .body = ""};
  response.headers.emplace_back("Allow", allow);
  return response;
}

}  // namespace slowburn::api
