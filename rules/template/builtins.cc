#include "rules/template/builtins.h"

#include <cstdio>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/url.h"
#include "rules/template/format.h"
#include "rules/template/limits.h"

namespace slowburn::rules {
namespace {

using Kind = TemplateValue::Kind;

absl::Status Bad(std::string_view message) {
  return absl::InvalidArgumentError(absl::string_view(message.data(), message.size()));
}

bool IsBasic(Kind kind) {
  return kind == Kind::kBool || kind == Kind::kInt || kind == Kind::kFloat || kind == Kind::kString;
}

absl::Status NotComparable(const TemplateValue& v) {
  ASSIGN_OR_RETURN(const std::string text, Sprint(TemplateArgs(&v, 1)));
  return Bad(absl::StrCat("non-comparable type ", text, ": ", v.TypeName()));
}

absl::Status Incompatible(const TemplateValue& a, const TemplateValue& b) {
  return Bad(
      absl::StrCat("incompatible types for comparison: ", a.TypeName(), " and ", b.TypeName()));
}

absl::StatusOr<bool> Equal(const TemplateValue& a, const TemplateValue& b) {
  if (a.is_nil() || b.is_nil()) return a.is_nil() && b.is_nil();
  if (!IsBasic(a.kind())) return NotComparable(a);
  if (!IsBasic(b.kind())) return NotComparable(b);
  if (a.kind() != b.kind()) return Incompatible(a, b);
  switch (a.kind()) {
    case Kind::kBool:
      return a.bool_value() == b.bool_value();
    case Kind::kInt:
      return a.int_value() == b.int_value();
    case Kind::kFloat:
      return a.float_value() == b.float_value();
    default:
      return a.string_value() == b.string_value();
  }
}

absl::StatusOr<bool> Less(const TemplateValue& a, const TemplateValue& b) {
  if (!IsBasic(a.kind()) || !IsBasic(b.kind())) return Bad("invalid type for comparison");
  if (a.kind() != b.kind()) return Incompatible(a, b);
  switch (a.kind()) {
    case Kind::kInt:
      return a.int_value() < b.int_value();
    case Kind::kFloat:
      return a.float_value() < b.float_value();
    case Kind::kString:
      return a.string_value() < b.string_value();
    default:
      return Bad("invalid type for comparison");
  }
}

absl::StatusOr<TemplateValue> Eq(TemplateArgs args) {
  if (args.size() < 2) return Bad("missing argument for comparison");
  for (const TemplateValue& other : args.subspan(1)) {
    ASSIGN_OR_RETURN(const bool equal, Equal(args[0], other));
    if (equal) return TemplateValue::Bool(true);
  }
  return TemplateValue::Bool(false);
}

absl::StatusOr<TemplateValue> Ne(TemplateArgs args) {
  ASSIGN_OR_RETURN(const bool equal, Equal(args[0], args[1]));
  return TemplateValue::Bool(!equal);
}
absl::StatusOr<TemplateValue> Lt(TemplateArgs args) {
  ASSIGN_OR_RETURN(const bool less, Less(args[0], args[1]));
  return TemplateValue::Bool(less);
}
absl::StatusOr<TemplateValue> Le(TemplateArgs args) {
  ASSIGN_OR_RETURN(const bool less, Less(args[0], args[1]));
  if (less) return TemplateValue::Bool(true);
  ASSIGN_OR_RETURN(const bool equal, Equal(args[0], args[1]));
  return TemplateValue::Bool(equal);
}
absl::StatusOr<TemplateValue> Gt(TemplateArgs args) {
  ASSIGN_OR_RETURN(const TemplateValue le, Le(args));
  return TemplateValue::Bool(!le.bool_value());
}
absl::StatusOr<TemplateValue> Ge(TemplateArgs args) {
  ASSIGN_OR_RETURN(const bool less, Less(args[0], args[1]));
  return TemplateValue::Bool(!less);
}

absl::StatusOr<TemplateValue> Len(TemplateArgs args) {
  const TemplateValue& v = args[0];
  switch (v.kind()) {
    case Kind::kString:
      return TemplateValue::Int(static_cast<int64_t>(v.string_value().size()));
    case Kind::kList:
      return TemplateValue::Int(static_cast<int64_t>(v.items().size()));
    case Kind::kMap:
      return TemplateValue::Int(static_cast<int64_t>(v.entries().size()));
    case Kind::kNil:
      return Bad("len of nil pointer");
    default:
      return Bad(absl::StrCat("len of type ", v.TypeName()));
  }
}

// An index into something of `size`; `most` is the largest that is fine.
absl::StatusOr<size_t> IndexArgument(const TemplateValue& index, size_t most) {
  if (index.is_nil()) return Bad("cannot index slice/array with nil");
  if (index.kind() != Kind::kInt)
    return Bad(absl::StrCat("cannot index slice/array with type ", index.TypeName()));
  if (index.int_value() < 0 || static_cast<uint64_t>(index.int_value()) > most) {
    return Bad(absl::StrCat("index out of range: ", index.int_value()));
  }
  return static_cast<size_t>(index.int_value());
}

absl::StatusOr<TemplateValue> Index(TemplateArgs args) {
  TemplateValue item = args[0];
  if (item.is_nil()) return Bad("index of untyped nil");
  for (const TemplateValue& index : args.subspan(1)) {
    switch (item.kind()) {
      case Kind::kList: {
        if (item.items().empty()) return Bad("index out of range: 0");
        ASSIGN_OR_RETURN(const size_t i, IndexArgument(index, item.items().size() - 1));
        item = TemplateValue(item.items()[i]);
        break;
      }
      case Kind::kString: {
        if (item.string_value().empty()) return Bad("index out of range: 0");
        ASSIGN_OR_RETURN(const size_t i, IndexArgument(index, item.string_value().size() - 1));
        item = TemplateValue::Int(static_cast<unsigned char>(item.string_value()[i]));
        break;
      }
      case Kind::kMap: {
        if (index.is_nil()) return Bad("value is nil; should be of type string");
        if (index.kind() != Kind::kString) {
          return Bad(absl::StrCat("value has type ", index.TypeName(), "; should be string"));
        }
        const TemplateValue* found = item.Find(index.string_value());
        item = found != nullptr ? TemplateValue(*found) : item.MissingEntry();
        break;
      }
      case Kind::kNil:
        return Bad("index of nil pointer");
      default:
        return Bad(absl::StrCat("can't index item of type ", item.TypeName()));
    }
  }
  return item;
}

absl::StatusOr<TemplateValue> Slice(TemplateArgs args) {
  const TemplateValue& item = args[0];
  if (item.is_nil()) return Bad("slice of untyped nil");
  const bool text = item.kind() == Kind::kString;
  if (!text && item.kind() != Kind::kList)
    return Bad(absl::StrCat("can't slice item of type ", item.TypeName()));
  if (args.size() > (text ? 3u : 4u)) {
    return Bad(text ? "cannot 3-index slice a string"
                    : absl::StrCat("too many slice indexes: ", args.size() - 1));
  }
  const size_t size = text ? item.string_value().size() : item.items().size();
  size_t bounds[3] = {0, size, size};
  for (size_t i = 1; i < args.size(); ++i) {
    ASSIGN_OR_RETURN(bounds[i - 1], IndexArgument(args[i], size));
  }
  if (bounds[0] > bounds[1] || bounds[1] > bounds[2]) {
    return Bad(absl::StrCat("invalid slice index: ", bounds[0], " > ", bounds[1]));
  }
  if (text)
    return TemplateValue::String(
        std::string_view(item.string_value()).substr(bounds[0], bounds[1] - bounds[0]));
  const auto begin = item.items().begin();
  return TemplateValue::List({begin + static_cast<std::ptrdiff_t>(bounds[0]),
                              begin + static_cast<std::ptrdiff_t>(bounds[1])},
                             item.type());
}

absl::StatusOr<TemplateValue> AsString(absl::StatusOr<std::string> text) {
  if (!text.ok()) return text.status();
  return TemplateValue::String(*text);
}

// The operands as one string: a single string as it is, anything else printed.
absl::StatusOr<std::string> Joined(TemplateArgs args) {
  if (args.size() == 1 && args[0].kind() == Kind::kString) return args[0].string_value();
  return Sprint(args);
}

std::string EscapeJs(std::string_view text) {
  std::string out;
  char hex[16];
  while (!text.empty()) {
    const DecodedRune d = DecodeRune(text);
    switch (d.rune) {
      case '\\':
        out += "\\\\";
        break;
      case '\'':
        out += "\\'";
        break;
      case '"':
        out += "\\\"";
        break;
      case '<':
      case '>':
      case '&':
      case '=':
        std::snprintf(hex, sizeof hex, "\\u%04X", d.rune);
        out += hex;
        break;
      default:
        if (d.rune < 0x20) {
          std::snprintf(hex, sizeof hex, "\\u%04X", d.rune);
          out += hex;
        } else {
          out += text.substr(0, d.length);
        }
    }
    text.remove_prefix(d.length);
  }
  return out;
}

template <std::string (*kEscape)(std::string_view)>
absl::StatusOr<TemplateValue> Escaped(TemplateArgs args) {
  ASSIGN_OR_RETURN(const std::string text, Joined(args));
  return TemplateValue::String(kEscape(text));
}

absl::StatusOr<TemplateValue> CallValue(TemplateArgs args) {
  if (args[0].is_nil()) return Bad("call of nil");
  if (args[0].kind() != Kind::kFunction) {
    ASSIGN_OR_RETURN(const std::string text, Sprint(args.first(1)));
    return Bad(absl::StrCat("non-function ", text, " of type ", args[0].TypeName()));
  }
  return args[0].function().call(args.subspan(1));
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\0':
        out += "\uFFFD";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

const TemplateFunctions& BuiltinTemplateFunctions() {
  static const TemplateFunctions* const functions = new TemplateFunctions{
      {"and", {"aa*", nullptr}},
      {"or", {"aa*", nullptr}},
      {"not", {"a", [](TemplateArgs a) { return TemplateValue::Bool(!a[0].Truth()); }}},
      {"call", {"aa*", CallValue}},
      {"html", {"a*", Escaped<EscapeHtml>}},
      {"index", {"aa*", Index}},
      {"slice", {"aa*", Slice}},
      {"js", {"a*", Escaped<EscapeJs>}},
      {"len", {"a", Len}},
      {"print", {"a*", [](TemplateArgs a) { return AsString(Sprint(a)); }}},
      {"printf",
       {"sa*",
        [](TemplateArgs a) { return AsString(Sprintf(a[0].string_value(), a.subspan(1))); }}},
      {"println", {"a*", [](TemplateArgs a) { return AsString(Sprintln(a)); }}},
      {"urlquery", {"a*", Escaped<base::EscapeQuery>}},
      {"eq", {"aa*", Eq}},
      {"ne", {"aa", Ne}},
      {"lt", {"aa", Lt}},
      {"le", {"aa", Le}},
      {"gt", {"aa", Gt}},
      {"ge", {"aa", Ge}},
  };
  return *functions;
}

}  // namespace slowburn::rules
