#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/number.h"
#include "boost/json/basic_parser_impl.hpp"

namespace slowburn::base {
namespace {

constexpr size_t kMaxJsonDepth = 64;

// Length of the valid UTF-8 sequence at the front of `s`, or 0.
size_t ValidSequence(std::string_view s) {
  const auto at = [s](size_t i) { return static_cast<unsigned char>(s[i]); };
  const auto continues = [&](size_t i, unsigned char low = 0x80, unsigned char high = 0xbf) {
    return i < s.size() && at(i) >= low && at(i) <= high;
  };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned char low = first == 0xe0 ? 0xa0 : 0x80;   // no overlong forms
    const unsigned char high = first == 0xed ? 0x9f : 0xbf;  // no surrogates
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned char low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = first == 0xf4 ? 0x8f : 0xbf;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

void AppendEscape(std::string& out, unsigned char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    default:
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
  }
}

bool NeedsEscape(unsigned char c, bool html) {
  return c < 0x20 || c == '"' || c == '\\' || (html && (c == '<' || c == '>' || c == '&'));
}

// Builds the tree from Boost.JSON's events. Its own tree would not do: numbers there are not
// rounded to the nearest double (2.5e300 is off by one unit in the last place), so that they are
// read again from their text.
class Builder {
 public:
  static constexpr size_t max_object_size = static_cast<size_t>(-1);
  static constexpr size_t max_array_size = static_cast<size_t>(-1);
  static constexpr size_t max_key_size = static_cast<size_t>(-1);
  static constexpr size_t max_string_size = static_cast<size_t>(-1);

  using Text = boost::json::string_view;
  using Error = boost::json::error_code;

  JsonValue Take() { return std::move(root_); }

  bool on_document_begin(Error&) { return true; }
  bool on_document_end(Error&) { return true; }
  bool on_object_begin(Error&) { return Open(JsonValue::Kind::kObject); }
  bool on_object_end(size_t, Error&) {
    KeepLastOfEqualKeys(open_.back());
    return Close();
  }
  bool on_array_begin(Error&) { return Open(JsonValue::Kind::kArray); }
  bool on_array_end(size_t, Error&) { return Close(); }
  bool on_key_part(Text part, size_t, Error&) { return Collect(part); }
  bool on_key(Text part, size_t, Error&) {
    Collect(part);
    open_.back().members.emplace_back(std::move(text_), JsonValue());
    text_.clear();
    return true;
  }
  bool on_string_part(Text part, size_t, Error&) { return Collect(part); }
  bool on_string(Text part, size_t, Error&) {
    Collect(part);
    JsonValue value = Made(JsonValue::Kind::kString);
    value.string = std::move(text_);
    text_.clear();
    return Add(std::move(value));
  }
  bool on_number_part(Text part, Error&) { return Collect(part); }
  bool on_int64(int64_t, Text part, Error&) { return AddNumber(part); }
  bool on_uint64(uint64_t, Text part, Error&) { return AddNumber(part); }
  bool on_double(double, Text part, Error&) { return AddNumber(part); }
  bool on_bool(bool b, Error&) {
    JsonValue value = Made(JsonValue::Kind::kBool);
    value.boolean = b;
    return Add(std::move(value));
  }
  bool on_null(Error&) { return Add(JsonValue()); }
  bool on_comment_part(Text, Error&) { return true; }
  bool on_comment(Text, Error&) { return true; }

 private:
  static JsonValue Made(JsonValue::Kind kind) {
    JsonValue value;
    value.kind = kind;
    return value;
  }
  bool Collect(Text part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool AddNumber(Text part) {
    Collect(part);
    JsonValue value = Made(JsonValue::Kind::kNumber);
    ParseFloat(text_, value.number);
    text_.clear();
    return Add(std::move(value));
  }
  bool Open(JsonValue::Kind kind) {
    open_.push_back(Made(kind));
    return true;
  }
  bool Close() {
    JsonValue value = std::move(open_.back());
    open_.pop_back();
    return Add(std::move(value));
  }
  bool Add(JsonValue value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().kind == JsonValue::Kind::kArray) {
      open_.back().items.push_back(std::move(value));
    } else {
      open_.back().members.back().second = std::move(value);
    }
    return true;
  }
  static void KeepLastOfEqualKeys(JsonValue& object) {
    std::vector<std::string_view> keys;
    keys.reserve(object.members.size());
    for (const auto& member : object.members) keys.push_back(member.first);
    std::sort(keys.begin(), keys.end());
    if (std::adjacent_find(keys.begin(), keys.end()) == keys.end()) return;
    std::vector<std::pair<std::string, JsonValue>> members = std::exchange(object.members, {});
    std::unordered_map<std::string, size_t> places;
    for (auto& [key, value] : members) {
      const auto [it, fresh] = places.emplace(key, object.members.size());
      if (fresh) {
        object.members.emplace_back(std::move(key), std::move(value));
      } else {
        object.members[it->second].second = std::move(value);
      }
    }
  }

  JsonValue root_;
  std::vector<JsonValue> open_;
  std::string text_;  // of a key, string or number that comes in parts
};

absl::Status ParseError(size_t offset, std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("cannot parse JSON at offset ", offset, ": ",
                                                 absl::string_view(why.data(), why.size())));
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text, JsonEscapes escapes) {
  const bool html = escapes == JsonEscapes::kGo;
  out += '"';
  size_t run = 0;  // what stands unwritten before i needs no escape
  size_t i = 0;
  while (i < text.size()) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      if (NeedsEscape(c, html)) {
        out += text.substr(run, i - run);
        AppendEscape(out, c);
        run = i + 1;
      }
      ++i;
      continue;
    }
    const size_t length = ValidSequence(text.substr(i));
    const bool line_separator =
        html && length == 3 && (text.substr(i, 3) == "\u2028" || text.substr(i, 3) == "\u2029");
    if (length == 0 || line_separator) {
      out += text.substr(run, i - run);
      out += length == 0 ? "\\ufffd" : text[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      run = i + std::max<size_t>(length, 1);
    }
    i += std::max<size_t>(length, 1);
  }
  out += text.substr(run);
  out += '"';
}

void JsonWriter::Comma() {
  if (need_comma_) out_ += ',';
  need_comma_ = true;
}

void JsonWriter::BeginObject() {
  Comma();
  out_ += '{';
  need_comma_ = false;
}

void JsonWriter::EndObject() {
  out_ += '}';
  need_comma_ = true;
}

void JsonWriter::BeginArray() {
  Comma();
  out_ += '[';
  need_comma_ = false;
}

void JsonWriter::EndArray() {
  out_ += ']';
  need_comma_ = true;
}

void JsonWriter::Key(std::string_view key) {
  Comma();
  AppendJsonString(out_, key, escapes_);
  out_ += ':';
  need_comma_ = false;
}

void JsonWriter::String(std::string_view value) {
  Comma();
  AppendJsonString(out_, value, escapes_);
}

void JsonWriter::Int(int64_t value) {
  Comma();
  char buffer[24];
  out_.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void JsonWriter::Float(double value) {
  Comma();
  if (std::isfinite(value)) {
    AppendFloat(out_, value, FloatStyle::kJson);
  } else {
    out_ += "null";
  }
}

void JsonWriter::Bool(bool value) {
  Comma();
  out_ += value ? "true" : "false";
}

void JsonWriter::Null() {
  Comma();
  out_ += "null";
}

void JsonWriter::Raw(std::string_view json) {
  Comma();
  out_ += json;
}

void JsonWriter::StringMap(const std::vector<std::pair<std::string, std::string>>& map) {
  BeginObject();
  for (const auto& [key, value] : map) Field(key, value);
  EndObject();
}

JsonValue::JsonValue() = default;
JsonValue::JsonValue(const JsonValue&) = default;
JsonValue::JsonValue(JsonValue&&) noexcept = default;
JsonValue& JsonValue::operator=(const JsonValue&) = default;
JsonValue& JsonValue::operator=(JsonValue&&) noexcept = default;
JsonValue::~JsonValue() = default;

const JsonValue* JsonValue::Find(std::string_view key) const {
  for (const auto& [name, value] : members) {
    if (name == key) return &value;
  }
  return nullptr;
}

std::string_view JsonValue::StringAt(std::string_view key) const {
  const JsonValue* value = Find(key);
  return value != nullptr && value->kind == Kind::kString ? std::string_view(value->string)
                                                          : std::string_view();
}

absl::StatusOr<JsonValue> ParseJson(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  boost::json::basic_parser<Builder> parser(options);
  boost::json::error_code error;
  const size_t consumed = parser.write_some(false, text.data(), text.size(), error);
  if (error == boost::json::error::incomplete || (!error && consumed == 0 && text.empty())) {
    return ParseError(text.size(), "unexpected end");
  }
  if (error) return ParseError(consumed, error.message());
  if (consumed < text.size()) return ParseError(consumed, "extra data after the value");
  return parser.handler().Take();
}

}  // namespace slowburn::base
