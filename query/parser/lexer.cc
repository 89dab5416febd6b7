#include "query/parser/lexer.h"

#include <cstdint>
#include <cstdio>
#include <utility>

#include "query/parser/quote.h"

namespace slowburn::query {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlpha(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsAlphaNumeric(char c) { return IsAlpha(c) || IsDigit(c); }

// Duration words inside brackets begin with one of these.
bool StartsDurationWord(char c) {
  return std::string_view("smrSMR").find(c) != std::string_view::npos;
}
bool IsDurationWord(TokenType type) {
  return type == TokenType::kStep || type == TokenType::kRange || type == TokenType::kMinOf ||
         type == TokenType::kMaxOf;
}

// U+0071 'q', the second part only where it can be printed.
std::string CodePoint(std::string_view text) {
  const Rune rune = DecodeRune(text);
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, "U+%04X", unsigned(rune.code));
  std::string out = buffer;
  const std::string quoted = GoQuoteRune(text);
  const bool escaped =
      quoted.size() > 2 && quoted[1] == '\\' && rune.code != '\\' && rune.code != '\'';
  if (!escaped && rune.size > 0) out += " '" + std::string(text.substr(0, rune.size)) + "'";
  return out;
}

}  // namespace

bool Lexer::Accept(std::string_view set) {
  if (!PeekIn(set)) return false;
  ++pos_;
  return true;
}

void Lexer::AcceptRun(std::string_view set) {
  while (Accept(set)) {
  }
}

void Lexer::SkipSpaces() {
  while (!AtEnd() && IsSpace(Peek())) ++pos_;
  start_ = pos_;
}

std::string Lexer::QuoteAt(size_t at) const { return GoQuoteRune(query_.substr(at)); }

Token Lexer::Emit(TokenType type) {
  const Token token{type, start_, Pending()};
  start_ = pos_;
  return token;
}

Token Lexer::Fail(std::string message) {
  error_ = std::move(message);
  state_ = State::kDone;
  const Token token{TokenType::kError, start_, {}};
  start_ = pos_ = query_.size();
  return token;
}

Token Lexer::FailAfter(std::string message) {
  start_ = pos_;
  return Fail(std::move(message));
}

Token Lexer::Next() {
  for (;;) {
    if (state_ == State::kDone) return Token{TokenType::kEof, query_.size(), {}};
    SkipSpaces();
    if (state_ == State::kDuration) return DurationPart();
    if (Peek() == '#') {
      while (!AtEnd() && Peek() != '\n' && Peek() != '\r') ++pos_;
      start_ = pos_;
      continue;
    }
    return state_ == State::kBraces ? Braces() : Statement();
  }
}

Token Lexer::Statement() {
  if (AtEnd()) {
    if (paren_depth_ != 0) return Fail("unclosed left parenthesis");
    if (in_bracket_) return Fail("unclosed left bracket");
    return Emit(TokenType::kEof);
  }
  const char c = query_[pos_++];
  const char next = Peek();
  const auto either = [&](char second, TokenType two, TokenType one) {
    if (next != second) return Emit(one);
    ++pos_;
    return Emit(two);
  };
  switch (c) {
    case ',':
      return Emit(TokenType::kComma);
    case '*':
      return Emit(TokenType::kMul);
    case '/':
      return Emit(TokenType::kDiv);
    case '%':
      return Emit(TokenType::kMod);
    case '+':
      return Emit(TokenType::kAdd);
    case '-':
      return Emit(TokenType::kSub);
    case '^':
      return Emit(TokenType::kPow);
    case '@':
      return Emit(TokenType::kAt);
    case '=':
      if (next == '~') return Fail("unexpected character after '=': " + QuoteAt(pos_));
      return either('=', TokenType::kEq, TokenType::kAssign);
    case '!':
      if (next != '=') return Fail("unexpected character after '!': " + QuoteAt(pos_));
      ++pos_;
      return Emit(TokenType::kNe);
    case '<':
      return next == '/' ? either('/', TokenType::kTrimUpper, TokenType::kLt)
                         : either('=', TokenType::kLe, TokenType::kLt);
    case '>':
      return next == '/' ? either('/', TokenType::kTrimLower, TokenType::kGt)
                         : either('=', TokenType::kGe, TokenType::kGt);
    case '"':
    case '\'':
      return QuotedString(c);
    case '`':
      return RawString();
    case '(':
      ++paren_depth_;
      return Emit(TokenType::kLeftParen);
    case ')':
      if (--paren_depth_ < 0) return FailAfter("unexpected right parenthesis ')'");
      return Emit(TokenType::kRightParen);
    case '{':
      state_ = State::kBraces;
      return Emit(TokenType::kLeftBrace);
    case '[':
      if (in_bracket_) return Fail("unexpected left bracket '['");
      in_bracket_ = true;
      got_colon_ = false;
      state_ = State::kDuration;
      return Emit(TokenType::kLeftBracket);
    case ']':
      if (!in_bracket_) return Fail("unexpected right bracket ']'");
      in_bracket_ = false;
      return Emit(TokenType::kRightBracket);
    default:
      break;
  }
  if (IsDigit(c) || (c == '.' && IsDigit(next))) {
    --pos_;
    return Number();
  }
  if (IsAlpha(c) || c == ':') return in_bracket_ ? InsideBracket(c) : Word();
  return Fail("unexpected character: " + QuoteAt(pos_ - 1));
}

// A letter or colon after the first number inside brackets.
Token Lexer::InsideBracket(char c) {
  if (c == ':') {
    if (got_colon_) return Fail("unexpected colon ':'");
    got_colon_ = true;
    return Emit(TokenType::kColon);
  }
  Token token;
  if (StartsDurationWord(c) && DurationWord(token)) return token;
  return Fail("unexpected character: " + GoQuoteRune({&c, 1}) + ", expected ':'");
}

bool Lexer::DurationWord(Token& token) {
  while (IsAlpha(Peek())) ++pos_;
  const std::optional<TokenType> type = FindKeyword(Pending());
  if (!type.has_value() || !IsDurationWord(*type)) return false;
  token = Emit(*type);
  return true;
}

Token Lexer::DurationPart() {
  if (AtEnd()) return Fail("unexpected end of input in duration expression");
  const char c = query_[pos_++];
  switch (c) {
    case ']':
      in_bracket_ = false;
      got_colon_ = false;
      state_ = State::kStatement;
      return Emit(TokenType::kRightBracket);
    case ':':
      if (!got_duration_)
        return FailAfter("unexpected colon before duration in duration expression");
      if (got_colon_) return FailAfter("unexpected repeated colon in duration expression");
      got_colon_ = true;
      return Emit(TokenType::kColon);
    case '(':
      ++paren_depth_;
      return Emit(TokenType::kLeftParen);
    case ')':
      if (--paren_depth_ < 0) return FailAfter("unexpected right parenthesis ')'");
      return Emit(TokenType::kRightParen);
    case '+':
      return Emit(TokenType::kAdd);
    case '-':
      return Emit(TokenType::kSub);
    case '*':
      return Emit(TokenType::kMul);
    case '/':
      return Emit(TokenType::kDiv);
    case '%':
      return Emit(TokenType::kMod);
    case '^':
      return Emit(TokenType::kPow);
    case ',':
      return Emit(TokenType::kComma);
    default:
      break;
  }
  if (IsDigit(c) || (c == '.' && IsDigit(Peek()))) {
    --pos_;
    got_duration_ = true;
    state_ = State::kStatement;
    return Number();
  }
  Token token;
  if (StartsDurationWord(c) && DurationWord(token)) return token;
  return Fail("unexpected character in duration expression: " +
              (StartsDurationWord(c) ? GoQuoteRune({&c, 1}) : QuoteAt(pos_ - 1)));
}

Token Lexer::Braces() {
  if (AtEnd()) return Fail("unexpected end of input inside braces");
  const char c = query_[pos_++];
  switch (c) {
    case ',':
      return Emit(TokenType::kComma);
    case '"':
    case '\'':
      return QuotedString(c);
    case '`':
      return RawString();
    case '=':
      return Emit(Accept("~") ? TokenType::kRegexMatch : TokenType::kAssign);
    case '!':
      if (Accept("~")) return Emit(TokenType::kRegexNotMatch);
      if (Accept("=")) return Emit(TokenType::kNe);
      return Fail("unexpected character after '!' inside braces: " + QuoteAt(pos_));
    case '{':
      return Fail("unexpected left brace '{'");
    case '}':
      state_ = State::kStatement;
      return Emit(TokenType::kRightBrace);
    default:
      break;
  }
  if (!IsAlpha(c)) return Fail("unexpected character inside braces: " + QuoteAt(pos_ - 1));
  while (IsAlphaNumeric(Peek())) ++pos_;
  return Emit(TokenType::kIdentifier);
}

Token Lexer::Word() {
  while (IsAlphaNumeric(Peek()) || Peek() == ':') ++pos_;
  const std::string_view word = Pending();
  if (const std::optional<TokenType> keyword = FindKeyword(word); keyword.has_value()) {
    const bool fill = *keyword == TokenType::kFill || *keyword == TokenType::kFillLeft ||
                      *keyword == TokenType::kFillRight;
    if (!fill) return Emit(*keyword);
    // Words of a later day: keywords only where their parenthesis follows, so that metrics of that
    // name go on working.
    size_t next = pos_;
    while (next < query_.size() && IsSpace(query_[next])) ++next;
    const bool opens = next < query_.size() && query_[next] == '(';
    return Emit(opens ? *keyword : TokenType::kIdentifier);
  }
  return Emit(word.find(':') == word.npos ? TokenType::kIdentifier : TokenType::kMetricIdentifier);
}

Token Lexer::QuotedString(char quote) {
  for (;;) {
    if (AtEnd() || Peek() == '\n') return Fail("unterminated quoted string");
    if (Peek() == quote) {
      ++pos_;
      return Emit(TokenType::kString);
    }
    const Rune rune = DecodeRune(query_.substr(pos_));
    if (!rune.valid || rune.code == 0xFFFD) return Fail("invalid UTF-8 rune");
    pos_ += rune.size;
    if (rune.code == '\\' && !Escape(quote)) return Fail(error_);
  }
}

// After the backslash. False: error_ says what is wrong.
bool Lexer::Escape(char quote) {
  const auto fail = [&](std::string message) {
    error_ = std::move(message);
    return false;
  };
  if (AtEnd()) return fail("escape sequence not terminated");
  const char c = Peek();
  int digits = 0;
  int base = 16;
  uint32_t max = 0x10FFFF;
  if (std::string_view("abfnrtv\\").find(c) != std::string_view::npos || c == quote) {
    ++pos_;
    return true;
  }
  if (c >= '0' && c <= '7') {
    digits = 3, base = 8, max = 255;
  } else if (c == 'x' || c == 'u' || c == 'U') {
    digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
    if (c == 'x') max = 255;
    ++pos_;
  } else {
    return fail("unknown escape sequence " + CodePoint(query_.substr(pos_)));
  }
  uint32_t value = 0;
  for (; digits > 0; --digits, ++pos_) {
    if (AtEnd()) return fail("escape sequence not terminated");
    const size_t digit =
        std::string_view("0123456789abcdef").find(char(Peek() | (IsAlpha(Peek()) ? 0x20 : 0)));
    if (digit >= size_t(base)) {
      return fail("illegal character " + CodePoint(query_.substr(pos_)) + " in escape sequence");
    }
    value = value * uint32_t(base) + uint32_t(digit);
  }
  if (value > max || (value >= 0xD800 && value < 0xE000)) {
    return fail("escape sequence is an invalid Unicode code point");
  }
  return true;
}

Token Lexer::RawString() {
  for (;;) {
    if (AtEnd()) return Fail("unterminated raw string");
    const Rune rune = DecodeRune(query_.substr(pos_));
    if (!rune.valid || rune.code == 0xFFFD) return Fail("invalid UTF-8 rune");
    pos_ += rune.size;
    if (rune.code == '`') return Emit(TokenType::kString);
  }
}

Token Lexer::Number() {
  if (ScanNumber()) return Emit(TokenType::kNumber);
  if (ScanDurationTail()) return Emit(TokenType::kDuration);
  return Fail("bad number or duration syntax: " + GoQuote(Pending()));
}

// Reads what looks like a number; whether it is one is seen when its value is taken.
bool Lexer::ScanNumber() {
  std::string_view digits = kDigits;
  if (Accept("0") && Accept("xX")) {
    Accept("_");
    digits = kHexDigits;
  }
  const bool hex = digits.size() > kDigits.size();
  bool dot = false;
  bool exponent = false;
  Accept(".");
  Accept(digits);
  while (PeekIn(digits) || PeekIn("._eE")) {
    if (dot && Accept(".")) return false;
    if (exponent && Accept("eE")) return false;
    if (Accept(".")) {
      dot = true;
      if (Accept("_.") || hex) return false;
    } else if (Accept("eE")) {
      exponent = true;
      Accept("+-");
      if (Accept("._eE") || AtEnd()) return false;
    } else if (Accept("_")) {
      if (Accept("._eE") || AtEnd()) return false;
    } else {
      AcceptRun(digits);
    }
  }
  return pos_ > start_ && !IsAlphaNumeric(Peek());
}

// After the digits of a number that turned out not to be one.
bool Lexer::ScanDurationTail() {
  if (!Accept("smhdwy")) return false;
  Accept("s");
  while (Accept(kDigits)) {
    AcceptRun(kDigits);
    if (!Accept("smhdw")) return false;
    Accept("s");
  }
  if (!IsAlphaNumeric(Peek())) return true;
  ++pos_;  // the error text shows what was one too many
  return false;
}

}  // namespace slowburn::query
