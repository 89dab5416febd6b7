#include "notify/http_config.h"

#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace slowburn::notify {
namespace {

using base::HttpClientConfig;
using base::YamlNode;
using base::YamlReader;

void ReadPath(YamlReader& reader, std::string_view key, std::string& out) {
  if (reader.String(key, out) && !out.empty()) out = base::ResolvePath(*reader.node().file, out);
}

absl::Status AtMostOne(const YamlNode& node, std::string_view name, bool first, bool second) {
  if (!first || !second) return absl::OkStatus();
  return node.Error(absl::StrCat("at most one of ", std::string(name), " and ", std::string(name),
                                 "_file may be given"));
}

absl::StatusOr<std::unique_ptr<HttpClientConfig::BasicAuth>> ParseBasicAuth(const YamlNode& node) {
  auto auth = std::make_unique<HttpClientConfig::BasicAuth>();
  YamlReader reader(node);
  reader.String("username", auth->username);
  ReadPath(reader, "username_file", auth->username_file);
  reader.String("password", auth->password);
  ReadPath(reader, "password_file", auth->password_file);
  RETURN_IF_ERROR(reader.Finish("basic_auth"));
  RETURN_IF_ERROR(
      AtMostOne(node, "username", !auth->username.empty(), !auth->username_file.empty()));
  RETURN_IF_ERROR(
      AtMostOne(node, "password", !auth->password.empty(), !auth->password_file.empty()));
  return auth;
}

absl::StatusOr<std::unique_ptr<HttpClientConfig::Authorization>> ParseAuthorization(
    const YamlNode& node) {
  auto auth = std::make_unique<HttpClientConfig::Authorization>();
  YamlReader reader(node);
  reader.String("type", auth->type);
  reader.String("credentials", auth->credentials);
  ReadPath(reader, "credentials_file", auth->credentials_file);
  RETURN_IF_ERROR(reader.Finish("authorization"));
  if (auth->type == "Basic" || auth->type == "basic") {
    return node.Error("authorization type \"Basic\" is not for credentials, use basic_auth");
  }
  RETURN_IF_ERROR(
      AtMostOne(node, "credentials", !auth->credentials.empty(), !auth->credentials_file.empty()));
  return auth;
}

absl::StatusOr<base::TlsOptions> ParseTls(const YamlNode& node) {
  base::TlsOptions tls;
  YamlReader reader(node);
  reader.String("ca", tls.ca);
  reader.String("cert", tls.cert);
  reader.String("key", tls.key);
  ReadPath(reader, "ca_file", tls.ca_file);
  ReadPath(reader, "cert_file", tls.cert_file);
  ReadPath(reader, "key_file", tls.key_file);
  reader.String("server_name", tls.server_name);
  reader.Bool("insecure_skip_verify", tls.insecure_skip_verify);
  reader.String("min_version", tls.min_version);
  reader.String("max_version", tls.max_version);
  RETURN_IF_ERROR(reader.Finish("tls_config"));
  for (const std::string& version : {tls.min_version, tls.max_version}) {
    if (!version.empty() && version != "TLS10" && version != "TLS11" && version != "TLS12" &&
        version != "TLS13") {
      return node.Error(absl::StrCat("unknown TLS version \"", version, "\", want TLS10 to TLS13"));
    }
  }
  RETURN_IF_ERROR(AtMostOne(node, "ca", !tls.ca.empty(), !tls.ca_file.empty()));
  RETURN_IF_ERROR(AtMostOne(node, "cert", !tls.cert.empty(), !tls.cert_file.empty()));
  RETURN_IF_ERROR(AtMostOne(node, "key", !tls.key.empty(), !tls.key_file.empty()));
  if ((tls.cert.empty() && tls.cert_file.empty()) != (tls.key.empty() && tls.key_file.empty())) {
    return node.Error("a client certificate and its key must be given together");
  }
  return tls;
}

absl::Status ParseHeaders(const YamlNode& node, HttpClientConfig& config) {
  if (node.kind != YamlNode::Kind::kMapping) return node.Error("http_headers: want a mapping");
  for (const auto& [name_node, value_node] : node.entries) {
    ASSIGN_OR_RETURN(const std::string name, name_node.AsString());
    YamlReader reader(value_node);
    std::vector<std::string> values, secrets;
    reader.Strings("values", values);
    reader.Strings("secrets", secrets);
    if (reader.Find("files") != nullptr) {
      return value_node.Error(
          "http_headers with files are not built; without them requests would be refused");
    }
    RETURN_IF_ERROR(reader.Finish("http_headers"));
    for (std::string& value : values) config.headers.emplace_back(name, std::move(value));
    for (std::string& value : secrets) config.headers.emplace_back(name, std::move(value));
  }
  return absl::OkStatus();
}

// bearer_token and bearer_token_file, the old way to say `authorization`.
void ReadBearerToken(YamlReader& reader, HttpClientConfig& config) {
  std::string token, file;
  reader.String("bearer_token", token);
  ReadPath(reader, "bearer_token_file", file);
  if (token.empty() && file.empty()) return;
  if (config.authorization != nullptr || (!token.empty() && !file.empty())) {
    reader.Fail(reader.node().Error(
        "at most one of authorization, bearer_token and bearer_token_file may be given"));
    return;
  }
  config.authorization = std::make_unique<HttpClientConfig::Authorization>();
  config.authorization->credentials = std::move(token);
  config.authorization->credentials_file = std::move(file);
}

absl::Status ReadAuth(YamlReader& reader, HttpClientConfig& config) {
  if (const YamlNode* auth = reader.Find("basic_auth")) {
    ASSIGN_OR_RETURN(config.basic_auth, ParseBasicAuth(*auth));
  }
  if (const YamlNode* auth = reader.Find("authorization")) {
    ASSIGN_OR_RETURN(config.authorization, ParseAuthorization(*auth));
  }
  ReadBearerToken(reader, config);
  if (config.basic_auth != nullptr && config.authorization != nullptr) {
    return reader.node().Error("at most one of basic_auth and authorization may be given");
  }
  for (const char* key : {"oauth2", "proxy_connect_header"}) {
    if (const YamlNode* found = reader.Find(key)) {
      return found->Error(absl::StrCat(key, " is not built; without it requests would be refused"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const HttpClientConfig>> ParseHttpConfig(const YamlNode& node) {
  auto config = std::make_shared<HttpClientConfig>();
  YamlReader reader(node);
  RETURN_IF_ERROR(ReadAuth(reader, *config));
  if (const YamlNode* tls = reader.Find("tls_config")) {
    ASSIGN_OR_RETURN(config->tls, ParseTls(*tls));
  }
  if (const YamlNode* headers = reader.Find("http_headers"))
    RETURN_IF_ERROR(ParseHeaders(*headers, *config));
  reader.String("proxy_url", config->proxy_url);
  reader.String("no_proxy", config->no_proxy);
  reader.Bool("proxy_from_environment", config->proxy_from_environment);
  reader.Bool("follow_redirects", config->follow_redirects);
  reader.Bool("enable_http2", config->enable_http2);
  RETURN_IF_ERROR(reader.Finish("http_config"));
  if (config->proxy_from_environment && (!config->proxy_url.empty() || !config->no_proxy.empty())) {
    return node.Error("proxy_from_environment goes with neither proxy_url nor no_proxy");
  }
  if (!config->no_proxy.empty() && config->proxy_url.empty())
    return node.Error("no_proxy needs proxy_url");
  return config;
}

absl::Status CheckHttpUrl(const YamlNode& node, const std::string& url) {
  const size_t scheme = url.find("://");
  const std::string_view name =
      std::string_view(url).substr(0, scheme == std::string::npos ? 0 : scheme);
  if (name != "http" && name != "https") {
    // The URL may hold a secret: it is not repeated.
    return node.Error("unsupported scheme of the URL, want http:// or https://");
  }
  const std::string_view rest = std::string_view(url).substr(scheme + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const std::string_view host = authority.substr(
      authority.find('@') == std::string_view::npos ? 0 : authority.rfind('@') + 1);
  if (host.empty() || host.front() == ':') return node.Error("missing host in the URL");
  if (url.find_first_of(" \t\r\n") != std::string::npos)
    return node.Error("the URL contains blanks");
  return absl::OkStatus();
}

}  // namespace slowburn::notify
