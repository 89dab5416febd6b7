// The configuration as /api/v2/status shows it: what the file says, without comments, anchors and
// secrets. amtool reads it back as a configuration file.
#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "base/json.h"
#include "notify/config_parse.h"

namespace slowburn::notify {
namespace {

using base::YamlNode;

constexpr std::string_view kSecretKeys[] = {
    "password", "credentials", "client_secret", "bearer_token", "secrets", "key", "url",
    "smtp_auth_password", "smtp_auth_secret", "slack_api_url", "slack_app_token",
    "opsgenie_api_key", "wechat_api_secret", "victorops_api_key", "telegram_bot_token",
    "rocketchat_token", "rocketchat_token_id", "mattermost_webhook_url", "proxy_connect_header",
    // Of receivers that a routes-only reading lets through.
    "api_key", "api_secret", "api_url", "app_token", "auth_password", "auth_secret", "bot_token",
    "routing_key", "service_key", "token", "token_id", "user_key", "webhook_url",
    "alert_source_token", "secret_key"};

bool IsSecret(std::string_view key) {
  return std::find(std::begin(kSecretKeys), std::end(kSecretKeys), key) != std::end(kSecretKeys);
}

// user:password@ of a proxy URL.
std::string WithoutUserInfo(const std::string& url) {
  const size_t scheme = url.find("://");
  const size_t at = url.find('@');
  if (scheme == std::string::npos || at == std::string::npos || at < scheme) return url;
  return url.substr(0, scheme + 3) + url.substr(at + 1);
}

class Printer {
 public:
  std::string Print(const YamlNode& root) {
    Value(root, 0, false);
    return std::move(out_);
  }

 private:
  static bool IsInline(const YamlNode& node) {
    switch (node.kind) {
      case YamlNode::Kind::kNull:
      case YamlNode::Kind::kScalar:
        return true;
      case YamlNode::Kind::kSequence:
        return node.items.empty();
      case YamlNode::Kind::kMapping:
        return node.entries.empty();
    }
    return true;
  }

  void Scalar(const YamlNode& node, bool secret) {
    const bool plain = !node.quoted && node.scalar.find_first_of("\n\t\"'") == std::string::npos;
    if (secret && !node.scalar.empty()) {
      out_ += "<secret>";
    } else if (plain) {
      out_ += node.scalar;
    } else {
      base::AppendJsonString(out_, node.scalar);
    }
  }

  void Inline(const YamlNode& node, bool secret) {
    switch (node.kind) {
      case YamlNode::Kind::kNull:
        out_ += "null";
        break;
      case YamlNode::Kind::kScalar:
        Scalar(node, secret);
        break;
      case YamlNode::Kind::kSequence:
        out_ += "[]";
        break;
      case YamlNode::Kind::kMapping:
        out_ += "{}";
        break;
    }
    out_ += '\n';
  }

  // `indent` is where the lines of a mapping begin; the first of them has its blanks already.
  void Value(const YamlNode& node, int indent, bool secret) {
    if (IsInline(node)) return Inline(node, secret);
    if (node.kind == YamlNode::Kind::kSequence) return Sequence(node, indent, secret);
    bool first = true;
    for (const auto& [key, value] : node.entries) {
      if (!first) out_.append(size_t(indent), ' ');
      first = false;
      Scalar(key, false);
      out_ += ':';
      const bool hidden = secret || IsSecret(key.scalar);
      if (key.scalar == "proxy_url" && value.kind == YamlNode::Kind::kScalar) {
        out_ += ' ';
        base::AppendJsonString(out_, WithoutUserInfo(value.scalar));
        out_ += '\n';
      } else if (IsInline(value)) {
        out_ += ' ';
        Inline(value, hidden);
      } else {
        out_ += '\n';
        out_.append(size_t(indent) + 2, ' ');
        Value(value, indent + 2, hidden);
      }
    }
  }

  void Sequence(const YamlNode& node, int indent, bool secret) {
    bool first = true;
    for (const YamlNode& item : node.items) {
      if (!first) out_.append(size_t(indent), ' ');
      first = false;
      out_ += "- ";
      Value(item, indent + 2, secret);
    }
  }

  std::string out_;
};

}  // namespace

std::string PrintWithoutSecrets(const YamlNode& root) { return Printer().Print(root); }

}  // namespace slowburn::notify
