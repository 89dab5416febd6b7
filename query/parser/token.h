// Token: what the lexer hands to the parser. Internal to query/parser and the series literals of
// tests.
//
// Threads: values. Lifetimes: `text` points into the query.
#ifndef SLOWBURN_QUERY_PARSER_TOKEN_H_
#define SLOWBURN_QUERY_PARSER_TOKEN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "query/parser/ast.h"

namespace slowburn::query {

enum class TokenType : uint8_t {
  // clang-format off
  kEof, kError, kIdentifier, kMetricIdentifier, kString, kNumber, kDuration,
  // Punctuation.
  kLeftParen, kRightParen, kLeftBrace, kRightBrace, kLeftBracket, kRightBracket, kComma, kColon,
  kAssign,  // =
  // Operators.
  kAdd, kSub, kMul, kDiv, kMod, kPow, kAtan2, kEq, kNe, kLt, kLe, kGt, kGe, kTrimUpper, kTrimLower,
  kAnd, kOr, kUnless, kRegexMatch, kRegexNotMatch, kAt,
  // Aggregators.
  kSum, kAvg, kMin, kMax, kGroup, kCount, kStddev, kStdvar, kCountValues, kQuantile, kTopk, kBottomk, kLimitk,
  kLimitRatio,
  // Keywords.
  kBool, kBy, kWithout, kOn, kIgnoring, kGroupLeft, kGroupRight, kFill, kFillLeft, kFillRight, kOffset, kAnchored,
  kSmoothed,
  // Words that name a moment or a length where one is wanted.
  kStart, kEnd, kStep, kRange, kMinOf, kMaxOf,
  // clang-format on
};

struct Token {
  TokenType type = TokenType::kEof;
  size_t begin = 0;
  std::string_view text;  // of kError: empty, see Lexer::error()

  size_t end() const { return begin + text.size(); }
  Position position() const { return {begin, end()}; }
};

// The keyword a word stands for, in any case: aggregators, modifiers, set operators, inf and nan
// (kNumber).
std::optional<TokenType> FindKeyword(std::string_view word);

bool IsAggregator(TokenType type);
// May stand where a metric name is wanted / where a label name is wanted.
bool IsMetricName(TokenType type);
bool IsLabelName(TokenType type);

std::optional<BinaryOp> AsBinaryOp(TokenType type);
AggregateOp AsAggregateOp(TokenType type);  // REQUIRES: IsAggregator(type)

// As error texts name it: `identifier "foo"`, `<by>`, `<op:+>`, `<aggr:sum>`, `")"`, `end of
// input`.
std::string Describe(const Token& token);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PARSER_TOKEN_H_
