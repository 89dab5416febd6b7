// The UTF-8 grammar:
//   input   := "" | list | "{" [list] "}"
//   list    := matcher { "," matcher } [","]
//   matcher := text op text
//   op      := "=" | "!=" | "=~" | "!~"
//   text    := bare | '"' Go string literal '"'
//   bare    := one or more runes, none of them blank or of {}!=~,\"'`
// Positions in errors count runes from 0, as amtool shows them.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "notify/matcher.h"
#include "notify/runes.h"

namespace slowburn::notify {
namespace {

enum class TokenKind { kEnd, kOpen, kClose, kComma, kOp, kBare, kQuoted };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  Matcher::Op op = Matcher::Op::kEqual;
  std::string_view text;
  size_t begin = 0, end = 0;  // runes
};

bool IsReserved(const Rune& rune) {
  if (IsSpaceRune(rune.value)) return true;
  return rune.value < 0x80 &&
         std::string_view("{}!=~,\\\"'`").find(char(rune.value)) != std::string_view::npos;
}

absl::Status ErrorAt(size_t begin, size_t end, std::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(begin, ":", end, ": ", std::string(message)));
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  absl::StatusOr<Token> Next() {
    while (Peek().width > 0 && IsSpaceRune(Peek().value)) Take();
    start_ = offset_, start_column_ = column_;
    const Rune rune = Peek();
    if (rune.width == 0) return Make(TokenKind::kEnd);
    switch (rune.value) {
      case '{':
        Take();
        return Make(TokenKind::kOpen);
      case '}':
        Take();
        return Make(TokenKind::kClose);
      case ',':
        Take();
        return Make(TokenKind::kComma);
      case '=':
      case '!':
        return Operator();
      case '"':
        return Quoted();
      default:
        break;
    }
    if (IsReserved(rune)) {
      Take();
      return ErrorAt(start_column_, column_, absl::StrCat(Seen(), ": invalid input"));
    }
    while (Peek().width > 0 && !IsReserved(Peek())) Take();
    return Make(TokenKind::kBare);
  }

 private:
  Rune Peek() const { return DecodeRune(text_, offset_); }
  void Take() {
    offset_ += Peek().width;
    ++column_;
  }
  std::string Seen() const { return std::string(text_.substr(start_, offset_ - start_)); }
  Token Make(TokenKind kind) const {
    return {kind, Matcher::Op::kEqual, text_.substr(start_, offset_ - start_), start_column_,
            column_};
  }

  absl::StatusOr<Token> Operator() {
    const bool negated = Peek().value == '!';
    Take();
    const char32_t next = Peek().width > 0 ? Peek().value : 0;
    if (next == '~' || (negated && next == '=')) {
      Take();
    } else if (negated) {
      return ErrorAt(start_column_, column_, absl::StrCat(Seen(), ": expected = or ~ after !"));
    }
    Token token = Make(TokenKind::kOp);
    token.op = next == '~' ? (negated ? Matcher::Op::kNotRegex : Matcher::Op::kRegex)
                           : (negated ? Matcher::Op::kNotEqual : Matcher::Op::kEqual);
    return token;
  }

  absl::StatusOr<Token> Quoted() {
    Take();
    for (bool escaped = false; Peek().width > 0;) {
      const char32_t rune = Peek().value;
      Take();
      if (escaped) {
        escaped = false;
      } else if (rune == '\\') {
        escaped = true;
      } else if (rune == '"') {
        return Make(TokenKind::kQuoted);
      }
    }
    return ErrorAt(start_column_, column_, absl::StrCat(Seen(), ": missing end \""));
  }

  std::string_view text_;
  size_t offset_ = 0, column_ = 0;
  size_t start_ = 0, start_column_ = 0;
};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// `digits` hex digits at `i`, which moves behind them; nullopt when there are fewer.
std::optional<uint32_t> ReadHex(std::string_view text, size_t& i, int digits) {
  uint32_t value = 0;
  for (int n = 0; n < digits; ++n, ++i) {
    const int digit = i < text.size() ? HexDigit(text[i]) : -1;
    if (digit < 0) return std::nullopt;
    value = value * 16 + uint32_t(digit);
  }
  return value;
}

// One escape whose letter stands at `i`; false when Go does not know it.
bool Unescape(std::string_view text, size_t& i, std::string& out) {
  constexpr std::string_view kLetters = "abfnrtv\\\"", kBytes = "\a\b\f\n\r\t\v\\\"";
  if (i >= text.size()) return false;
  const char letter = text[i++];
  if (const size_t at = kLetters.find(letter); at != std::string_view::npos) {
    out += kBytes[at];
    return true;
  }
  if (letter >= '0' && letter <= '7') {  // exactly three octal digits
    if (i + 2 > text.size() || text[i] < '0' || text[i] > '7' || text[i + 1] < '0' ||
        text[i + 1] > '7')
      return false;
    const int value = (letter - '0') * 64 + (text[i] - '0') * 8 + (text[i + 1] - '0');
    i += 2;
    if (value > 255) return false;
    out += char(value);
    return true;
  }
  const int digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
  if (digits == 0) return false;
  const std::optional<uint32_t> value = ReadHex(text, i, digits);
  if (!value) return false;
  if (digits == 2) {
    out += char(*value);
    return true;
  }
  if (*value > 0x10FFFF || (*value >= 0xD800 && *value <= 0xDFFF)) return false;
  AppendRune(out, *value);
  return true;
}

std::optional<std::string> Unquote(std::string_view token) {
  const std::string_view text = token.substr(1, token.size() - 2);
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '\n') return std::nullopt;
    if (text[i] != '\\') {
      out += text[i++];
    } else if (!Unescape(text, ++i, out)) {
      return std::nullopt;
    }
  }
  if (!IsUtf8(out)) return std::nullopt;
  return out;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  absl::StatusOr<Matchers> Parse() {
    RETURN_IF_ERROR(Advance());
    const bool braces = token_.kind == TokenKind::kOpen;
    if (braces) RETURN_IF_ERROR(Advance());
    RETURN_IF_ERROR(List());
    if (token_.kind == TokenKind::kClose) {
      if (!braces) return Unexpected("}: expected opening brace");
      RETURN_IF_ERROR(Advance());
    } else if (braces) {
      return Unexpected(token_.kind == TokenKind::kEnd ? "end of input: expected close brace"
                                                       : "expected close brace");
    }
    if (token_.kind != TokenKind::kEnd) return Unexpected("expected end of input");
    return std::move(matchers_);
  }

 private:
  absl::Status Advance() {
    ASSIGN_OR_RETURN(token_, lexer_.Next());
    return absl::OkStatus();
  }
  absl::Status Unexpected(std::string_view what) const {
    if (token_.kind == TokenKind::kEnd) return ErrorAt(0, token_.end, what);
    return ErrorAt(token_.begin, token_.end,
                   absl::StrCat("unexpected ", std::string(token_.text), ": ", std::string(what)));
  }
  bool AtListEnd() const {
    return token_.kind == TokenKind::kEnd || token_.kind == TokenKind::kClose;
  }

  absl::Status List() {
    while (!AtListEnd()) {
      RETURN_IF_ERROR(One());
      if (AtListEnd()) break;
      if (token_.kind != TokenKind::kComma) return Unexpected("expected a comma or close brace");
      RETURN_IF_ERROR(Advance());
    }
    return absl::OkStatus();
  }

  absl::Status One() {
    std::string name, value;
    RETURN_IF_ERROR(Text("expected label name", name));
    if (token_.kind != TokenKind::kOp) return Unexpected("expected an operator: =, !=, =~ or !~");
    const Matcher::Op op = token_.op;
    RETURN_IF_ERROR(Advance());
    RETURN_IF_ERROR(Text("expected label value", value));
    ASSIGN_OR_RETURN(Matcher matcher, Matcher::Create(op, name, value));
    matchers_.push_back(std::move(matcher));
    return absl::OkStatus();
  }

  absl::Status Text(std::string_view wanted, std::string& out) {
    if (token_.kind == TokenKind::kBare && IsUtf8(token_.text)) {
      out = std::string(token_.text);
    } else if (token_.kind == TokenKind::kBare) {
      return ErrorAt(token_.begin, token_.end, "invalid UTF-8");
    } else if (token_.kind == TokenKind::kQuoted) {
      std::optional<std::string> text = Unquote(token_.text);
      if (!text) {
        return ErrorAt(token_.begin, token_.end,
                       absl::StrCat(std::string(token_.text), ": invalid input"));
      }
      out = std::move(*text);
    } else {
      return Unexpected(wanted);
    }
    return Advance();
  }

  Lexer lexer_;
  Token token_;
  Matchers matchers_;
};

}  // namespace

absl::StatusOr<Matchers> ParseUtf8Matchers(std::string_view text) { return Parser(text).Parse(); }

}  // namespace slowburn::notify
