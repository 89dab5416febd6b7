#include "query/promqltest/literal_cursor.h"

#include <charconv>
#include <optional>
#include <utility>

#include "base/number.h"
#include "query/parser/quote.h"

namespace slowburn::query {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlpha(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool IsSpecialNumber(std::string_view word) {
  std::string lower(word);
  for (char& c : lower) c = char(c | 0x20);
  return lower == "inf" || lower == "nan";
}

}  // namespace

bool LiteralCursor::Fail(std::string_view message) {
  if (status_.ok()) {
    status_ = absl::InvalidArgumentError("column " + std::to_string(pos_ + 1) + ": " +
                                         std::string(message));
  }
  return false;
}

bool LiteralCursor::Accept(char c) {
  if (AtEnd() || Peek() != c) return false;
  ++pos_;
  return true;
}

bool LiteralCursor::Accept(std::string_view word) {
  if (text_.substr(pos_, word.size()) != word) return false;
  pos_ += word.size();
  return true;
}

bool LiteralCursor::Expect(char c) {
  if (Accept(c)) return true;
  const std::string found = AtEnd() ? "the end" : GoQuoteRune(text_.substr(pos_));
  return Fail("expected " + GoQuoteRune({&c, 1}) + ", found " + found);
}

bool LiteralCursor::SkipSpaces() {
  const size_t start = pos_;
  while (!AtEnd() && IsSpace(Peek())) ++pos_;
  return pos_ > start;
}

std::string_view LiteralCursor::Word(bool colons) {
  const size_t start = pos_;
  const auto first = [&](char c) { return IsAlpha(c) || (colons && c == ':'); };
  if (AtEnd() || !first(Peek())) return {};
  while (!AtEnd() && (first(Peek()) || IsDigit(Peek()))) ++pos_;
  return text_.substr(start, pos_ - start);
}

std::string_view LiteralCursor::Letters() {
  const size_t start = pos_;
  while (!AtEnd() && IsAlpha(Peek())) ++pos_;
  return text_.substr(start, pos_ - start);
}

bool LiteralCursor::QuotedString(std::string& value) {
  const char quote = Peek();
  if (quote != '"' && quote != '\'' && quote != '`') return Fail("expected a quoted string");
  size_t end = pos_ + 1;
  while (end < text_.size() && text_[end] != quote)
    end += text_[end] == '\\' && quote != '`' ? 2 : 1;
  if (end >= text_.size()) return Fail("unterminated quoted string");
  std::optional<std::string> unquoted = GoUnquote(text_.substr(pos_, end + 1 - pos_));
  if (!unquoted.has_value()) return Fail("malformed quoted string");
  value = *std::move(unquoted);
  pos_ = end + 1;
  return true;
}

bool LiteralCursor::Number(double& value) {
  const size_t start = pos_;
  if (const std::string_view word = Letters(); !word.empty()) {
    if (IsSpecialNumber(word) && base::ParseFloat(word, value)) return true;
    pos_ = start;
    return Fail("expected a number, found " + GoQuote(word));
  }
  std::string digits;
  for (bool exponent = false; !AtEnd(); ++pos_) {
    const char c = Peek();
    const bool sign =
        (c == '+' || c == '-') && exponent && (digits.back() == 'e' || digits.back() == 'E');
    if (c == '_') continue;
    if (!IsDigit(c) && c != '.' && !sign && (exponent || (c != 'e' && c != 'E'))) break;
    exponent = exponent || c == 'e' || c == 'E';
    digits += c;
  }
  if (base::ParseFloat(digits, value)) return true;
  pos_ = start;
  return Fail("expected a number");
}

bool LiteralCursor::SignedNumber(double& value) {
  const bool negative = Accept('-');
  if (!negative) Accept('+');
  if (!Number(value)) return false;
  if (negative) value = -value;
  return true;
}

bool LiteralCursor::Integer(int64_t& value) {
  const bool negative = Accept('-');
  uint64_t magnitude = 0;
  if (!Count(magnitude)) return false;
  if (magnitude > uint64_t(INT64_MAX)) return Fail("the number is too large");
  value = negative ? -int64_t(magnitude) : int64_t(magnitude);
  return true;
}

bool LiteralCursor::Count(uint64_t& value) {
  const char* begin = text_.data() + pos_;
  const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
  if (error != std::errc()) return Fail("expected a whole number");
  pos_ += size_t(end - begin);
  return true;
}

}  // namespace slowburn::query
