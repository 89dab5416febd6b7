// Lexer: PromQL text to tokens, one at a time, comments skipped.
//
//   Lexer lexer(query);
//   for (Token t = lexer.Next(); t.type != TokenType::kEof && t.type != TokenType::kError;
//        t = lexer.Next()) …
//
// What a character means depends on where it stands: words inside braces are never keywords, a
// colon inside brackets is a token of its own. After kError every further token is kEof.
// Threads: not thread-safe. Lifetimes: the query outlives it.
#ifndef SLOWBURN_QUERY_PARSER_LEXER_H_
#define SLOWBURN_QUERY_PARSER_LEXER_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "query/parser/token.h"

namespace slowburn::query {

class Lexer {
 public:
  explicit Lexer(std::string_view query) : query_(query) {}
  Token Next();
  const std::string& error() const { return error_; }

 private:
  enum class State {
    kStatement,
    kBraces,    // after {, until }
    kDuration,  // after [, until the first number: only what durations are made of
    kDone,
  };

  Token Statement();
  Token Braces();
  Token DurationPart();
  Token Word();
  Token InsideBracket(char c);
  bool DurationWord(Token& token);
  Token Number();
  Token QuotedString(char quote);
  Token RawString();
  bool Escape(char quote);
  bool ScanNumber();
  bool ScanDurationTail();

  Token Emit(TokenType type);
  Token Fail(std::string message);
  // The error stands after the token that was just read: nobody sees that token.
  Token FailAfter(std::string message);

  bool AtEnd() const { return pos_ >= query_.size(); }
  char Peek() const { return AtEnd() ? '\0' : query_[pos_]; }
  bool PeekIn(std::string_view set) const { return !AtEnd() && set.find(Peek()) != set.npos; }
  bool Accept(std::string_view set);
  void AcceptRun(std::string_view set);
  void SkipSpaces();
  std::string_view Pending() const { return query_.substr(start_, pos_ - start_); }
  // The character before pos_ in single quotes, which may be several bytes long from `at` on.
  std::string QuoteAt(size_t at) const;

  std::string_view query_;
  size_t start_ = 0, pos_ = 0;  // of the current token
  State state_ = State::kStatement;
  int paren_depth_ = 0;
  bool in_bracket_ = false;
  bool got_colon_ = false;     // since the bracket was opened
  bool got_duration_ = false;  // a number inside any bracket so far
  std::string error_;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PARSER_LEXER_H_
