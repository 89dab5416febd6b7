// What nodes mean: scalars as values, mappings as records. Composing is in yaml.cc.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "base/yaml.h"

namespace slowburn::base {
namespace {

absl::string_view Absl(std::string_view s) { return {s.data(), s.size()}; }

template <size_t N>
bool IsOneOf(std::string_view text, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), text) != std::end(words);
}

constexpr std::string_view kTrue[] = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                      "True", "TRUE", "on",  "On",  "ON"};
constexpr std::string_view kFalse[] = {"n",     "N",     "no",  "No",  "NO", "false",
                                       "False", "FALSE", "off", "Off", "OFF"};

// For error messages: what stands there.
std::string Found(const YamlNode& node) {
  constexpr size_t kShown = 60;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "null";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMapping:
      return "a mapping";
    case YamlNode::Kind::kScalar:
      break;
  }
  if (node.scalar.size() <= kShown) return absl::StrCat("\"", node.scalar, "\"");
  return absl::StrCat("\"", node.scalar.substr(0, kShown), "...\"");
}

absl::Status Wants(const YamlNode& node, std::string_view what) {
  return node.Error(absl::StrCat("want ", Absl(what), ", found ", Found(node)));
}

bool IsPlain(const YamlNode& node) { return node.kind == YamlNode::Kind::kScalar && !node.quoted; }

std::string WithoutUnderscores(std::string_view text) {
  std::string out(text);
  out.erase(std::remove(out.begin(), out.end(), '_'), out.end());
  return out;
}

// YAML 1.1 as go-yaml reads it: 0x1f, 0o17, 017, 0b11, decimal.
bool ParseInteger(std::string_view text, int64_t& value) {
  std::string_view s = text;
  const bool negative = s.starts_with('-');
  if (negative || s.starts_with('+')) s.remove_prefix(1);
  int base = 10;
  if (s.starts_with("0x") || s.starts_with("0X")) {
    base = 16;
    s.remove_prefix(2);
  } else if (s.starts_with("0b") || s.starts_with("0B")) {
    base = 2;
    s.remove_prefix(2);
  } else if (s.starts_with("0o") || s.starts_with("0O")) {
    base = 8;
    s.remove_prefix(2);
  } else if (s.size() > 1 && s[0] == '0') {
    base = 8;
    s.remove_prefix(1);
  }
  uint64_t magnitude = 0;
  const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), magnitude, base);
  if (ec != std::errc() || end != s.data() + s.size()) return false;
  const uint64_t limit = uint64_t{std::numeric_limits<int64_t>::max()} + (negative ? 1 : 0);
  if (magnitude > limit) return false;
  value = static_cast<int64_t>(negative ? uint64_t{0} - magnitude : magnitude);
  return true;
}

bool ParseYamlFloat(std::string_view text, double& value) {
  std::string_view s = text;
  const bool negative = s.starts_with('-');
  if (negative || s.starts_with('+')) s.remove_prefix(1);
  if (s == ".inf" || s == ".Inf" || s == ".INF") {
    value = negative ? -std::numeric_limits<double>::infinity()
                     : std::numeric_limits<double>::infinity();
    return true;
  }
  if (text == ".nan" || text == ".NaN" || text == ".NAN") {
    value = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  int64_t integer = 0;
  if (ParseInteger(text, integer)) {
    value = static_cast<double>(integer);
    return true;
  }
  if (s.empty() || (s[0] != '.' && (s[0] < '0' || s[0] > '9')))
    return false;  // not YAML's: inf, nan
  return ParseFloat(text, value);
}

}  // namespace

YamlNode::YamlNode() = default;
YamlNode::YamlNode(const YamlNode&) = default;
YamlNode::YamlNode(YamlNode&&) noexcept = default;
YamlNode& YamlNode::operator=(const YamlNode&) = default;
YamlNode& YamlNode::operator=(YamlNode&&) noexcept = default;
YamlNode::~YamlNode() = default;

const YamlNode* YamlNode::Find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name.scalar == key) return &value;
  }
  return nullptr;
}

std::string YamlNode::Where() const {
  return absl::StrCat(file ? *file : "", ":", line, ":", column);
}

absl::Status YamlNode::Error(std::string_view message) const {
  return absl::InvalidArgumentError(absl::StrCat(Where(), ": ", Absl(message)));
}

absl::StatusOr<std::string> YamlNode::AsString() const {
  if (kind == Kind::kNull) return std::string();
  if (kind != Kind::kScalar) return Wants(*this, "a string");
  return scalar;
}

absl::StatusOr<bool> YamlNode::AsBool() const {
  if (IsPlain(*this)) {
    if (IsOneOf(scalar, kTrue)) return true;
    if (IsOneOf(scalar, kFalse)) return false;
  }
  return Wants(*this, "true or false");
}

absl::StatusOr<int64_t> YamlNode::AsInt() const {
  if (IsPlain(*this)) {
    const std::string text = WithoutUnderscores(scalar);
    int64_t integer = 0;
    if (ParseInteger(text, integer)) return integer;
    double value = 0;  // 1e6 is a whole number too
    if (ParseYamlFloat(text, value) && std::fabs(value) < 0x1p63 && value == std::trunc(value)) {
      return static_cast<int64_t>(value);
    }
  }
  return Wants(*this, "a whole number");
}

absl::StatusOr<double> YamlNode::AsFloat() const {
  double value = 0;
  if (IsPlain(*this) && ParseYamlFloat(WithoutUnderscores(scalar), value)) return value;
  return Wants(*this, "a number");
}

absl::StatusOr<DurationMs> YamlNode::AsDuration() const {
  if (kind != Kind::kScalar) return Wants(*this, "a duration such as 1m30s");
  absl::StatusOr<DurationMs> duration = ParseDuration(scalar);
  if (duration.ok()) return duration;
  return Error(std::string(duration.status().message()));
}

absl::StatusOr<std::vector<std::string>> YamlNode::AsStrings() const {
  std::vector<std::string> out;
  if (kind == Kind::kNull) return out;
  if (kind != Kind::kSequence) return Wants(*this, "a list of strings");
  out.reserve(items.size());
  for (const YamlNode& item : items) {
    ASSIGN_OR_RETURN(std::string text, item.AsString());
    out.push_back(std::move(text));
  }
  return out;
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> YamlNode::AsStringMap() const {
  std::vector<std::pair<std::string, std::string>> out;
  if (kind == Kind::kNull) return out;
  if (kind != Kind::kMapping) return Wants(*this, "a mapping of strings");
  out.reserve(entries.size());
  for (const auto& [key, value] : entries) {
    ASSIGN_OR_RETURN(std::string text, value.AsString());
    out.emplace_back(key.scalar, std::move(text));
  }
  return out;
}

YamlReader::YamlReader(const YamlNode& node) : node_(node) {
  if (node.kind != YamlNode::Kind::kMapping && !node.IsNull()) status_ = Wants(node, "a mapping");
}

const YamlNode* YamlReader::Find(std::string_view key) {
  known_.emplace(key);
  const YamlNode* value = node_.Find(key);
  return value == nullptr || value->IsNull() ? nullptr : value;
}

namespace {

// Stores a value that was read, or hands its error to the reader.
template <typename T>
bool Take(YamlReader& reader, absl::StatusOr<T> value, T& out) {
  if (!value.ok()) {
    reader.Fail(value.status());
    return false;
  }
  out = *std::move(value);
  return true;
}

}  // namespace

bool YamlReader::String(std::string_view key, std::string& out) {
  const YamlNode* value = Find(key);
  return value != nullptr && Take(*this, value->AsString(), out);
}

bool YamlReader::Bool(std::string_view key, bool& out) {
  const YamlNode* value = Find(key);
  return value != nullptr && Take(*this, value->AsBool(), out);
}

bool YamlReader::Int(std::string_view key, int64_t& out) {
  const YamlNode* value = Find(key);
  return value != nullptr && Take(*this, value->AsInt(), out);
}

bool YamlReader::Float(std::string_view key, double& out) {
  const YamlNode* value = Find(key);
  return value != nullptr && Take(*this, value->AsFloat(), out);
}

bool YamlReader::Duration(std::string_view key, DurationMs& out) {
  const YamlNode* value = Find(key);
  return value != nullptr && Take(*this, value->AsDuration(), out);
}

bool YamlReader::Strings(std::string_view key, std::vector<std::string>& out) {
  const YamlNode* value = Find(key);
  return value != nullptr && Take(*this, value->AsStrings(), out);
}

bool YamlReader::StringMap(std::string_view key,
                           std::vector<std::pair<std::string, std::string>>& out) {
  const YamlNode* value = Find(key);
  return value != nullptr && Take(*this, value->AsStringMap(), out);
}

bool YamlReader::Bytes(std::string_view key, uint64_t& out) {
  const YamlNode* value = Find(key);
  if (value == nullptr) return false;
  if (value->kind == YamlNode::Kind::kScalar && ParseBytes(value->scalar, out)) return true;
  Fail(Wants(*value, "a size such as 512MB"));
  return false;
}

const YamlNode* YamlReader::Unbuilt(std::string_view key, std::vector<std::string>& warnings) {
  const YamlNode* value = Find(key);
  if (value == nullptr) return nullptr;
  for (const auto& [name, unused] : node_.entries) {
    if (name.scalar != key) continue;
    warnings.push_back(
        absl::StrCat(name.Where(), ": ", Absl(key), " is not supported yet and has no effect"));
  }
  return value;
}

void YamlReader::Fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
}

absl::Status YamlReader::Finish(std::string_view what) {
  RETURN_IF_ERROR(status_);
  for (const auto& [key, value] : node_.entries) {
    if (known_.contains(key.scalar)) continue;
    return key.Error(
        absl::StrCat("field ", key.scalar, " not found", what.empty() ? "" : " in ", Absl(what)));
  }
  return absl::OkStatus();
}

}  // namespace slowburn::base
