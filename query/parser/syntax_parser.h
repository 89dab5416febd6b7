// SyntaxParser: tokens to a tree, by recursive descent with operator precedence. Types are checked
// afterwards (type_check.h). Internal to query/parser.
//
// The first error wins and ends the parse: every function below returns null (or false) from then
// on. An error names the token that was read last and the innermost construct that says what it
// expected there ("in grouping opts, expected …"). Tokens are read no earlier than needed, so a
// lexical error never hides an earlier grammatical one. Threads: not thread-safe. Lifetimes: the
// query outlives it.
#ifndef SLOWBURN_QUERY_PARSER_SYNTAX_PARSER_H_
#define SLOWBURN_QUERY_PARSER_SYNTAX_PARSER_H_

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "query/parser/ast.h"
#include "query/parser/lexer.h"
#include "query/parser/parser.h"

namespace slowburn::query {

// "LINE:COLUMN: parse error: MESSAGE" as a status.
absl::Status ParseError(std::string_view query, size_t offset, std::string_view message);

class SyntaxParser {
 public:
  SyntaxParser(std::string_view query, const ParserOptions& options)
      : query_(query), options_(options), lexer_(query) {}

  ExprPtr Query();                             // the whole text is one expression
  std::unique_ptr<VectorSelector> Selector();  // the whole text is one vector selector
  const absl::Status& status() const { return status_; }

 private:
  // What to say about an unexpected token: "in WHERE, expected WANTED".
  struct Context {
    std::string_view where, wanted;
  };
  class ContextScope;
  class DepthScope;

  // syntax_parser.cc: expressions.
  ExprPtr BinaryChain(int min_precedence);
  ExprPtr Operand();  // unary operators, a primary, its suffixes
  ExprPtr UnaryOperand();
  ExprPtr Primary();
  ExprPtr ParenOperand();
  ExprPtr NumberOrDuration();
  ExprPtr StringOperand();
  ExprPtr CallOperand(const Token& name);
  ExprPtr AggregateOperand(const Token& op);
  ExprPtr BuildAggregate(const Token& op, std::vector<ExprPtr> args, std::vector<std::string> by,
                         bool without, size_t end);
  bool Arguments(std::vector<ExprPtr>& args);
  bool BinaryModifiers(Binary& binary);
  bool FillModifiers(VectorMatching& matching);
  bool FillValue(double& value);
  bool GroupingLabels(std::vector<std::string>& labels);

  // syntax_selectors.cc: selectors and what follows an operand.
  std::unique_ptr<VectorSelector> VectorSelectorOperand();
  bool Braces(VectorSelector& selector);
  bool LabelMatcher(tsdb::Matchers& matchers);
  ExprPtr Suffixes(ExprPtr operand);
  bool OffsetSuffix(Expr& operand);
  bool AtSuffix(Expr& operand);
  bool ModeSuffix(Expr& operand, const Token& word);
  ExprPtr BracketSuffix(ExprPtr operand);
  ExprPtr BuildMatrix(ExprPtr operand, const Token& bracket, DurationValue range);

  // syntax_durations.cc: numbers and durations.
  std::optional<double> NumberValue(const Token& token);  // of kNumber and kDuration
  std::optional<DurationValue> PositiveDuration();        // inside brackets
  std::optional<DurationValue> OffsetDuration();
  std::unique_ptr<DurationExpr> Duration(int min_precedence);
  // Operators and their right sides after `left`.
  std::unique_ptr<DurationExpr> DurationChain(std::unique_ptr<DurationExpr> left,
                                              int min_precedence);
  std::unique_ptr<DurationExpr> Signed(const Token& sign, std::unique_ptr<DurationExpr> operand);
  std::unique_ptr<DurationExpr> DurationOperand();
  std::unique_ptr<DurationExpr> DurationPrimary();
  std::unique_ptr<DurationExpr> DurationNumber(size_t error_at);
  std::unique_ptr<DurationExpr> DurationCall();
  std::optional<DurationValue> ToValue(std::unique_ptr<DurationExpr> tree);

  const Token& Peek();
  Token Take();
  bool Accept(TokenType type);
  bool Expect(TokenType type);  // with Unexpected() otherwise
  std::string Unquote(const Token& token);
  bool failed() const { return !status_.ok(); }

  std::nullptr_t Fail(size_t offset, std::string_view message);
  std::nullptr_t Fail(Position position, std::string_view message) {
    return Fail(position.begin, message);
  }
  // About the next token, in the current context or the one given.
  std::nullptr_t Unexpected();
  std::nullptr_t Unexpected(std::string_view where, std::string_view wanted);
  // How high a tree is. `nesting` leaves out the left sides of binary operators, of which long
  // chains are made.
  struct Height {
    int nesting = 1, total = 1;
    Height Above() const { return {nesting + 1, total + 1}; }
  };
  static Height Higher(Height a, Height b) {
    return {std::max(a.nesting, b.nesting), std::max(a.total, b.total)};
  }
  // False when that much below the current level is too much.
  bool CheckHeight(Height height, size_t offset);

  const std::string_view query_;
  const ParserOptions options_;
  Lexer lexer_;
  std::optional<Token> next_;
  Context context_;
  size_t last_closing_ = 0;  // end of the last bracket, number or duration that was taken
  int depth_ = 0;
  Height height_;  // of the tree that was built last
  absl::Status status_;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PARSER_SYNTAX_PARSER_H_
