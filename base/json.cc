#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/number.h"
#include "boost/json.hpp"

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

JsonValue Convert(const boost::json::value& in) {
  JsonValue out;
  switch (in.kind()) {
    case boost::json::kind::null:
      break;
    case boost::json::kind::bool_:
      out.kind = JsonValue::Kind::kBool;
      out.boolean = in.get_bool();
      break;
    case boost::json::kind::int64:
      out.kind = JsonValue::Kind::kNumber;
      out.number = static_cast<double>(in.get_int64());
      break;
    case boost::json::kind::uint64:
      out.kind = JsonValue::Kind::kNumber;
      out.number = static_cast<double>(in.get_uint64());
      break;
    case boost::json::kind::double_:
      out.kind = JsonValue::Kind::kNumber;
      out.number = in.get_double();
      break;
    case boost::json::kind::string:
      out.kind = JsonValue::Kind::kString;
      out.string.assign(in.get_string().data(), in.get_string().size());
      break;
    case boost::json::kind::array:
      out.kind = JsonValue::Kind::kArray;
      out.items.reserve(in.get_array().size());
      for (const boost::json::value& item : in.get_array()) out.items.push_back(Convert(item));
      break;
    case boost::json::kind::object:
      out.kind = JsonValue::Kind::kObject;
      out.members.reserve(in.get_object().size());
      for (const auto& member : in.get_object()) {
        out.members.emplace_back(std::string(member.key().data(), member.key().size()),
                                 Convert(member.value()));
      }
      break;
  }
  return out;
}

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
  boost::json::parser parser({}, options);
  boost::json::error_code error;
  const size_t consumed = parser.write_some(text.data(), text.size(), error);
  if (error == boost::json::error::incomplete || (!error && consumed == 0 && text.empty())) {
    return ParseError(text.size(), "unexpected end");
  }
  if (error) return ParseError(consumed, error.message());
  if (consumed < text.size()) return ParseError(consumed, "extra data after the value");
  return Convert(parser.release());
}

}  // namespace slowburn::base
