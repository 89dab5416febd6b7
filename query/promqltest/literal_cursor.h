// LiteralCursor: a position in a series literal and the small steps its parsers take. Internal to
// query/promqltest.
//
// Every step returns false on failure, and status() then says where and why; the first failure
// stays. Threads: not thread-safe. Lifetimes: the text outlives it.
#ifndef SLOWBURN_QUERY_PROMQLTEST_LITERAL_CURSOR_H_
#define SLOWBURN_QUERY_PROMQLTEST_LITERAL_CURSOR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace slowburn::query {

class LiteralCursor {
 public:
  explicit LiteralCursor(std::string_view text) : text_(text) {}

  bool AtEnd() const { return pos_ >= text_.size(); }
  char Peek(size_t ahead = 0) const {
    return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0';
  }
  bool Accept(char c);
  bool Accept(std::string_view word);  // exactly these characters
  bool Expect(char c);
  bool SkipSpaces();  // true if there was one
  // [a-zA-Z_][a-zA-Z0-9_]*, with `colons` also ':'; "" if there is none.
  std::string_view Word(bool colons);
  std::string_view Letters();  // [a-zA-Z_]*

  bool QuotedString(std::string& value);
  // Unsigned: 1, 1.5e3, .5, 1_000, Inf, NaN.
  bool Number(double& value);
  // With an optional sign.
  bool SignedNumber(double& value);
  bool Integer(int64_t& value);  // with an optional sign
  bool Count(uint64_t& value);   // digits

  bool Fail(std::string_view message);
  const absl::Status& status() const { return status_; }
  bool failed() const { return !status_.ok(); }

 private:
  std::string_view text_;
  size_t pos_ = 0;
  absl::Status status_;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PROMQLTEST_LITERAL_CURSOR_H_
