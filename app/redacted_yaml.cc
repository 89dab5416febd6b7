#include "app/redacted_yaml.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/json.h"

namespace slowburn::app {
namespace {

using base::YamlNode;

constexpr std::string_view kSecret = "<secret>";
constexpr std::array<std::string_view, 10> kSecretKeys = {
    "password", "credentials", "secrets", "token",           "key",
    "secret",   "service_key", "api_key", "application_key", "consumer_key"};
constexpr std::array<std::string_view, 5> kSecretEndings = {"_secret", "_token", "_password",
                                                            "_secret_key", "_api_key"};
constexpr std::array<std::string_view, 1> kSecretMaps = {"proxy_connect_header"};

template <size_t N>
bool IsOneOf(const std::array<std::string_view, N>& words, std::string_view text) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool IsSecretKey(std::string_view key) {
  if (IsOneOf(kSecretKeys, key) || key == "secret_key" || IsOneOf(kSecretMaps, key)) return true;
  return std::any_of(kSecretEndings.begin(), kSecretEndings.end(),
                     [&](std::string_view ending) { return key.ends_with(ending); });
}

// scheme://user:password@host keeps all but the password.
std::string WithoutUrlPassword(const std::string& text) {
  const size_t scheme = text.find("://");
  if (scheme == std::string::npos) return text;
  const size_t begin = scheme + 3;
  const size_t end = std::min(text.find_first_of("/?#", begin), text.size());
  const size_t at = text.rfind('@', end);
  if (at == std::string::npos || at < begin || at >= end) return text;
  const size_t colon = text.find(':', begin);
  if (colon == std::string::npos || colon > at) return text;
  return absl::StrCat(text.substr(0, colon + 1), std::string(kSecret), text.substr(at));
}

// A plain scalar keeps its type; anything that could be read otherwise is quoted.
std::string ScalarText(const YamlNode& node) {
  const std::string text = WithoutUrlPassword(node.scalar);
  const bool odd =
      text.empty() || text.find_first_of("\n\r\t\"'#:{}[],&*!|>%@`\\") != std::string::npos ||
      text.front() == ' ' || text.back() == ' ' || text.front() == '-' || text.front() == '?';
  const bool number_like =
      text.front() == '-' && text.size() > 1 && text[1] >= '0' && text[1] <= '9';
  if (!node.quoted && (!odd || (number_like && text.find_first_of(":#{}[],") == std::string::npos)))
    return text;
  std::string out;
  base::AppendJsonString(out, text);
  return out;
}

class Printer {
 public:
  std::string Print(const YamlNode& root) {
    if (root.IsNull()) return "";
    Block(root, 0, false);
    return std::move(out_);
  }

 private:
  void Indent(int depth) { out_.append(static_cast<size_t>(depth) * 2, ' '); }

  // Behind "key:" or "-".
  void Value(const YamlNode& node, int depth, bool secret) {
    const bool empty_list = node.kind == YamlNode::Kind::kSequence && node.items.empty();
    const bool empty_map = node.kind == YamlNode::Kind::kMapping && node.entries.empty();
    if (node.IsNull()) {
      out_ += " null\n";
    } else if (node.kind == YamlNode::Kind::kScalar) {
      absl::StrAppend(&out_, " ", secret ? std::string(kSecret) : ScalarText(node), "\n");
    } else if (empty_list || empty_map) {
      out_ += empty_list ? " []\n" : " {}\n";
    } else {
      out_ += "\n";
      Block(node, depth, secret);
    }
  }

  void Block(const YamlNode& node, int depth, bool secret) {
    if (node.kind == YamlNode::Kind::kScalar) {
      absl::StrAppend(&out_, secret ? std::string(kSecret) : ScalarText(node), "\n");
    }
    for (const YamlNode& item : node.items) {
      Indent(depth);
      out_ += "-";
      if (item.kind == YamlNode::Kind::kMapping && !item.entries.empty()) {
        out_ += " ";
        Entries(item, depth + 1, secret, true);
      } else {
        Value(item, depth + 1, secret);
      }
    }
    Entries(node, depth, secret, false);
  }

  // first_inline: the first entry stands behind what is already on the line.
  void Entries(const YamlNode& node, int depth, bool secret, bool first_inline) {
    for (const auto& [key, value] : node.entries) {
      if (!std::exchange(first_inline, false)) Indent(depth);
      absl::StrAppend(&out_, ScalarText(key), ":");
      Value(value, depth + 1, secret || IsSecretKey(key.scalar));
    }
  }

  std::string out_;
};

}  // namespace

std::string RedactedYaml(const YamlNode& root) { return Printer().Print(root); }

}  // namespace slowburn::app
