#include "ingest/http_client_config.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace slowburn::ingest {
namespace {

using base::HttpClientConfig;
using base::YamlNode;
using base::YamlReader;

// Set by the client itself or by the protocol: a configuration may not change them.
constexpr std::array<std::string_view, 21> kReservedHeaders = {
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "accept",
    "x-prometheus-remote-write-version",
    "x-prometheus-remote-read-version",
    "x-prometheus-scrape-timeout-seconds",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "transfer-encoding",
    "te",
};

std::string FileOf(const YamlNode& node) {
  return node.file == nullptr ? std::string() : *node.file;
}

void ReadFileKey(YamlReader& reader, std::string_view key, std::string& out) {
  if (reader.String(key, out)) out = base::ResolvePath(FileOf(reader.node()), out);
}

// Fails at the second of two keys that exclude each other.
void AtMostOne(YamlReader& reader, std::string_view a, std::string_view b) {
  const YamlNode* first = reader.node().Find(a);
  const YamlNode* second = reader.node().Find(b);
  if (first == nullptr || second == nullptr || first->IsNull() || second->IsNull()) return;
  reader.Fail(second->Error(absl::StrCat("at most one of ", std::string(a), " & ", std::string(b),
                                         " must be configured")));
}

// Key references to a secret store that upstream reserves.
void RefuseRef(YamlReader& reader, std::string_view key) {
  if (const YamlNode* node = reader.Find(key)) {
    reader.Fail(
        node->Error(absl::StrCat(std::string(key), ": secret references are not supported")));
  }
}

void ReadBasicAuth(const YamlNode& node, YamlReader& parent, HttpClientConfig& out) {
  YamlReader reader(node);
  out.basic_auth = std::make_unique<HttpClientConfig::BasicAuth>();
  reader.String("username", out.basic_auth->username);
  ReadFileKey(reader, "username_file", out.basic_auth->username_file);
  RefuseRef(reader, "username_ref");
  reader.String("password", out.basic_auth->password);
  ReadFileKey(reader, "password_file", out.basic_auth->password_file);
  RefuseRef(reader, "password_ref");
  AtMostOne(reader, "username", "username_file");
  AtMostOne(reader, "password", "password_file");
  parent.Fail(reader.Finish("basic_auth"));
}

void ReadAuthorization(const YamlNode& node, YamlReader& parent, HttpClientConfig& out) {
  YamlReader reader(node);
  out.authorization = std::make_unique<HttpClientConfig::Authorization>();
  if (reader.String("type", out.authorization->type)) {
    absl::StripAsciiWhitespace(&out.authorization->type);
    if (out.authorization->type.empty()) out.authorization->type = "Bearer";
    if (absl::AsciiStrToLower(out.authorization->type) == "basic") {
      reader.Fail(node.Find("type")->Error(
          "authorization type cannot be set to \"basic\", use \"basic_auth\" instead"));
    }
  }
  reader.String("credentials", out.authorization->credentials);
  ReadFileKey(reader, "credentials_file", out.authorization->credentials_file);
  RefuseRef(reader, "credentials_ref");
  AtMostOne(reader, "credentials", "credentials_file");
  parent.Fail(reader.Finish("authorization"));
}

void ReadTlsVersion(YamlReader& reader, std::string_view key, std::string& out) {
  if (!reader.String(key, out)) return;
  if (out == "TLS10" || out == "TLS11" || out == "TLS12" || out == "TLS13") return;
  reader.Fail(reader.node().Find(key)->Error(
      absl::StrCat("unknown TLS version: ", out, " (want TLS10, TLS11, TLS12 or TLS13)")));
}

void ReadTls(const YamlNode& node, YamlReader& parent, base::TlsOptions& out) {
  YamlReader reader(node);
  reader.String("ca", out.ca);
  ReadFileKey(reader, "ca_file", out.ca_file);
  RefuseRef(reader, "ca_ref");
  reader.String("cert", out.cert);
  ReadFileKey(reader, "cert_file", out.cert_file);
  RefuseRef(reader, "cert_ref");
  reader.String("key", out.key);
  ReadFileKey(reader, "key_file", out.key_file);
  RefuseRef(reader, "key_ref");
  reader.String("server_name", out.server_name);
  reader.Bool("insecure_skip_verify", out.insecure_skip_verify);
  ReadTlsVersion(reader, "min_version", out.min_version);
  ReadTlsVersion(reader, "max_version", out.max_version);
  AtMostOne(reader, "ca", "ca_file");
  AtMostOne(reader, "cert", "cert_file");
  AtMostOne(reader, "key", "key_file");
  const bool cert = !out.cert.empty() || !out.cert_file.empty();
  const bool key = !out.key.empty() || !out.key_file.empty();
  if (cert && !key) {
    reader.Fail(
        node.Error("exactly one of key or key_file must be configured when a client certificate is "
                   "configured"));
  } else if (key && !cert) {
    reader.Fail(node.Error(
        "exactly one of cert or cert_file must be configured when a client key is configured"));
  }
  // TLS10 < … < TLS13 as text, too.
  if (!out.min_version.empty() && !out.max_version.empty() && out.max_version < out.min_version) {
    reader.Fail(node.Find("max_version")
                    ->Error("tls_config.max_version must be greater than or equal to "
                            "tls_config.min_version if both are specified"));
  }
  parent.Fail(reader.Finish("tls_config"));
}

void ReadHeaders(const YamlNode& node, YamlReader& parent, HttpClientSettings& settings,
                 HttpClientConfig& out) {
  if (node.kind != YamlNode::Kind::kMapping) {
    parent.Fail(node.Error("http_headers: expected a mapping of header names"));
    return;
  }
  for (const auto& [name, value] : node.entries) {
    const std::string lower = absl::AsciiStrToLower(name.scalar);
    if (std::find(kReservedHeaders.begin(), kReservedHeaders.end(), lower) !=
        kReservedHeaders.end()) {
      parent.Fail(name.Error(absl::StrCat("setting header \"", name.scalar, "\" is not allowed")));
    }
    YamlReader reader(value);
    std::vector<std::string> values, files;
    reader.Strings("values", values);
    for (const std::string& text : values) out.headers.emplace_back(name.scalar, text);
    values.clear();
    reader.Strings("secrets", values);
    for (const std::string& text : values) out.headers.emplace_back(name.scalar, text);
    reader.Strings("files", files);
    for (const std::string& file : files) {
      settings.header_files.emplace_back(name.scalar, base::ResolvePath(FileOf(node), file));
    }
    parent.Fail(reader.Finish("http_headers"));
  }
}

void ReadProxy(YamlReader& reader, std::vector<std::string>& warnings, HttpClientConfig& out) {
  reader.String("proxy_url", out.proxy_url);
  reader.String("no_proxy", out.no_proxy);
  reader.Bool("proxy_from_environment", out.proxy_from_environment);
  const YamlNode* connect_header = reader.Unbuilt("proxy_connect_header", warnings);
  const YamlNode& node = reader.node();
  if (out.proxy_from_environment && !out.proxy_url.empty()) {
    reader.Fail(
        node.Find("proxy_url")
            ->Error("if proxy_from_environment is configured, proxy_url must not be configured"));
  }
  if (out.proxy_from_environment && !out.no_proxy.empty()) {
    reader.Fail(
        node.Find("no_proxy")
            ->Error("if proxy_from_environment is configured, no_proxy must not be configured"));
  }
  if (!out.no_proxy.empty() && out.proxy_url.empty()) {
    reader.Fail(node.Find("no_proxy")
                    ->Error("if no_proxy is configured, proxy_url must also be configured"));
  }
  if (connect_header != nullptr && out.proxy_url.empty() && !out.proxy_from_environment) {
    reader.Fail(connect_header->Error(
        "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be "
        "configured"));
  }
}

// bearer_token and bearer_token_file: the old spelling of authorization.
void ReadBearerToken(YamlReader& reader, HttpClientConfig& out) {
  std::string token, file;
  const bool has_token = reader.String("bearer_token", token);
  ReadFileKey(reader, "bearer_token_file", file);
  AtMostOne(reader, "bearer_token", "bearer_token_file");
  const bool has_file = !file.empty();
  if (!has_token && !has_file) return;
  const YamlNode& node = reader.node();
  const YamlNode& at = *node.Find(has_token ? "bearer_token" : "bearer_token_file");
  if (out.authorization != nullptr) {
    reader.Fail(at.Error("authorization is not compatible with bearer_token & bearer_token_file"));
  } else if (out.basic_auth != nullptr || node.Find("oauth2") != nullptr) {
    reader.Fail(at.Error(
        "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"));
  }
  out.authorization = std::make_unique<HttpClientConfig::Authorization>();
  out.authorization->credentials = token;
  out.authorization->credentials_file = file;
}

}  // namespace

void ReadHttpClientSettings(YamlReader& reader, std::vector<std::string>& warnings,
                            HttpClientSettings& settings) {
  auto config = std::make_shared<HttpClientConfig>();
  if (const YamlNode* node = reader.Find("basic_auth")) ReadBasicAuth(*node, reader, *config);
  if (const YamlNode* node = reader.Find("authorization")) {
    ReadAuthorization(*node, reader, *config);
    if (config->basic_auth != nullptr) {
      reader.Fail(
          node->Error("at most one of basic_auth, oauth2 & authorization must be configured"));
    }
  }
  if (const YamlNode* node = reader.Unbuilt("oauth2", warnings)) {
    if (config->basic_auth != nullptr || config->authorization != nullptr) {
      reader.Fail(
          node->Error("at most one of basic_auth, oauth2 & authorization must be configured"));
    }
  }
  ReadBearerToken(reader, *config);
  if (const YamlNode* node = reader.Find("tls_config")) ReadTls(*node, reader, config->tls);
  reader.Bool("follow_redirects", config->follow_redirects);
  reader.Bool("enable_http2", config->enable_http2);
  ReadProxy(reader, warnings, *config);
  if (const YamlNode* node = reader.Find("http_headers"))
    ReadHeaders(*node, reader, settings, *config);
  settings.config = std::move(config);
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ReadHeaderFiles(
    const HttpClientSettings& settings) {
  std::vector<std::pair<std::string, std::string>> headers;
  for (const auto& [name, file] : settings.header_files) {
    ASSIGN_OR_RETURN(std::string text, base::ReadFile(file));
    absl::StripAsciiWhitespace(&text);
    headers.emplace_back(name, std::move(text));
  }
  return headers;
}

}  // namespace slowburn::ingest
