// SyntaxParser's numbers and durations.
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "base/number.h"
#include "query/parser/quote.h"
#include "query/parser/syntax_parser.h"
#include "query/parser/syntax_scope.h"

namespace slowburn::query {
namespace {

// Underscores only between digits, or between the base prefix and a digit.
bool UnderscoresInPlace(std::string_view text) {
  const bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') continue;
    const auto digit = [&](size_t at) {
      if (at >= text.size()) return false;
      const char c = text[at];
      if (c >= '0' && c <= '9') return true;
      return hex && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'));
    };
    const bool after_prefix = hex && i == 2;
    if (i == 0 || !(digit(i - 1) || after_prefix) || !digit(i + 1)) return false;
  }
  return true;
}

// A whole number with 0x for hexadecimal and a leading 0 for octal; false when it is none or beyond
// 64 bits.
bool ParseInteger(std::string_view digits, double& value) {
  uint64_t base = 10;
  if (digits.size() > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
    base = 16;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits[0] == '0') {
    base = 8;
    digits.remove_prefix(1);
  }
  uint64_t sum = 0;
  if (digits.empty()) return false;
  for (const char c : digits) {
    const size_t digit =
        std::string_view("0123456789abcdef").find(char(c >= 'A' && c <= 'F' ? c + 32 : c));
    constexpr uint64_t kMax = uint64_t(std::numeric_limits<int64_t>::max());
    if (digit >= base || sum > (kMax - digit) / base) return false;
    sum = sum * base + digit;
  }
  value = double(int64_t(sum));
  return true;
}

// Seconds beyond what 64 bits of nanoseconds hold, or no number at all.
bool OutOfRange(double seconds) {
  constexpr double kLimit = 9223372036.854775807;
  return !(seconds <= kLimit && seconds >= -kLimit);
}

int Precedence(TokenType type) {
  switch (type) {
    case TokenType::kAdd:
    case TokenType::kSub:
      return 1;
    case TokenType::kMul:
    case TokenType::kDiv:
    case TokenType::kMod:
      return 2;
    case TokenType::kPow:
      return 3;
    default:
      return 0;
  }
}
constexpr int kLowest = 1, kPower = 3;

DurationExpr::Op AsOp(TokenType type) {
  switch (type) {
    case TokenType::kAdd:
      return DurationExpr::Op::kAdd;
    case TokenType::kSub:
      return DurationExpr::Op::kSub;
    case TokenType::kMul:
      return DurationExpr::Op::kMul;
    case TokenType::kDiv:
      return DurationExpr::Op::kDiv;
    case TokenType::kMod:
      return DurationExpr::Op::kMod;
    case TokenType::kPow:
      return DurationExpr::Op::kPow;
    case TokenType::kStep:
      return DurationExpr::Op::kStep;
    case TokenType::kRange:
      return DurationExpr::Op::kRange;
    case TokenType::kMinOf:
      return DurationExpr::Op::kMinOf;
    default:
      return DurationExpr::Op::kMaxOf;
  }
}

bool IsBinary(DurationExpr::Op op) {
  return op >= DurationExpr::Op::kAdd && op <= DurationExpr::Op::kPow;
}
bool IsNumber(TokenType type) { return type == TokenType::kNumber || type == TokenType::kDuration; }
bool IsSign(TokenType type) { return type == TokenType::kAdd || type == TokenType::kSub; }
bool IsDurationWord(TokenType type) {
  return type >= TokenType::kStep && type <= TokenType::kMaxOf;
}

}  // namespace

std::optional<double> SyntaxParser::NumberValue(const Token& token) {
  if (token.type == TokenType::kDuration) {
    const absl::StatusOr<tsdb::DurationMs> ms = base::ParseDuration(token.text);
    if (ms.ok()) return double(*ms) / 1000;
    constexpr std::string_view kTooLong = "duration out of range";
    const std::string message(ms.status().message());
    Fail(token.begin, message.starts_with(kTooLong) ? kTooLong : std::string_view(message));
    return std::nullopt;
  }
  const auto fail = [&](std::string_view why) {
    Fail(token.begin, "error parsing number: strconv.ParseFloat: parsing " + GoQuote(token.text) +
                          ": " + std::string(why));
    return std::nullopt;
  };
  if (!UnderscoresInPlace(token.text)) return fail("invalid syntax");
  std::string digits;
  for (const char c : token.text) {
    if (c != '_') digits += c;
  }
  double value = 0;
  if (ParseInteger(digits, value)) return value;
  if (digits.find_first_of("xX") != std::string::npos || !base::ParseFloat(digits, value)) {
    return fail("invalid syntax");
  }
  const bool written_as_infinity = digits.find_first_of("nN") != std::string::npos;
  if (std::isinf(value) && !written_as_infinity) return fail("value out of range");
  return value;
}

std::optional<DurationValue> SyntaxParser::ToValue(std::unique_ptr<DurationExpr> tree) {
  if (tree == nullptr || failed()) return std::nullopt;
  DurationValue value;
  if (tree->op != DurationExpr::Op::kNumber) {
    value.expr = std::move(tree);
    return value;
  }
  // Rounded to nanoseconds, then cut to milliseconds; the largest double below 2^63 nanoseconds
  // still fits.
  const double nanoseconds = std::round(tree->seconds * 1e9);
  value.ms = std::abs(nanoseconds) >= 0x1p63
                 ? (nanoseconds > 0 ? INT64_MAX / 1'000'000 : INT64_MIN / 1'000'000)
                 : int64_t(nanoseconds) / 1'000'000;
  return value;
}

std::optional<DurationValue> SyntaxParser::PositiveDuration() {
  std::unique_ptr<DurationExpr> tree = Duration(kLowest);
  if (tree == nullptr) return std::nullopt;
  if (tree->op == DurationExpr::Op::kNumber && tree->seconds <= 0) {
    Fail(tree->position, "duration must be greater than 0");
    return std::nullopt;
  }
  return ToValue(std::move(tree));
}

// A signed number, call or parenthesis ends the offset: `x offset -5m + y` is (x offset -5m) + y.
// Only what begins with a bare parenthesis or several signs may go on with an operator.
std::optional<DurationValue> SyntaxParser::OffsetDuration() {
  const TokenType type = Peek().type;
  if (IsNumber(type) || IsDurationWord(type)) return ToValue(DurationPrimary());
  if (!IsSign(type)) return ToValue(Duration(kLowest));
  const Token sign = Take();
  const TokenType signed_type = Peek().type;
  if (IsNumber(signed_type)) {
    std::unique_ptr<DurationExpr> number = DurationNumber(sign.begin);
    if (number == nullptr) return std::nullopt;
    return ToValue(Signed(sign, std::move(number)));
  }
  if (IsDurationWord(signed_type) || signed_type == TokenType::kLeftParen) {
    std::unique_ptr<DurationExpr> operand = DurationPrimary();
    if (operand == nullptr) return std::nullopt;
    return ToValue(Signed(sign, std::move(operand)));
  }
  std::unique_ptr<DurationExpr> operand = Duration(kPower);
  if (operand == nullptr) return std::nullopt;
  std::unique_ptr<DurationExpr> chain = DurationChain(Signed(sign, std::move(operand)), kLowest);
  if (chain == nullptr || !IsBinary(chain->op)) return ToValue(std::move(chain));
  // Printed without the signs it would end at its first number.
  auto paren = std::make_unique<DurationExpr>();
  paren->op = DurationExpr::Op::kParen;
  paren->position = chain->position;
  paren->left = std::move(chain);
  return ToValue(std::move(paren));
}

std::unique_ptr<DurationExpr> SyntaxParser::Signed(const Token& sign,
                                                   std::unique_ptr<DurationExpr> operand) {
  const bool negate = sign.type == TokenType::kSub;
  if (operand->op == DurationExpr::Op::kNumber) {
    if (negate) operand->seconds = -operand->seconds;
    operand->position.begin = sign.begin;
    return operand;
  }
  if (!negate) return operand;
  auto expr = std::make_unique<DurationExpr>();
  expr->op = DurationExpr::Op::kNegate;
  expr->position = {sign.begin, operand->position.end};
  expr->left = std::move(operand);
  return expr;
}

std::unique_ptr<DurationExpr> SyntaxParser::Duration(int min_precedence) {
  const DepthScope level(*this);
  if (!CheckHeight({}, Peek().begin)) return nullptr;
  std::unique_ptr<DurationExpr> left = DurationOperand();
  if (left == nullptr) return nullptr;
  return DurationChain(std::move(left), min_precedence);
}

std::unique_ptr<DurationExpr> SyntaxParser::DurationChain(std::unique_ptr<DurationExpr> left,
                                                          int min_precedence) {
  for (int links = 1;; ++links) {
    const int precedence = Precedence(Peek().type);
    if (failed()) return nullptr;
    if (precedence == 0 || precedence < min_precedence) return left;
    const Token op = Take();
    std::unique_ptr<DurationExpr> right =
        Duration(op.type == TokenType::kPow ? kPower : precedence + 1);
    if (right == nullptr) return nullptr;
    if (right->op == DurationExpr::Op::kNumber && right->seconds == 0) {
      if (op.type == TokenType::kDiv) return Fail(op.begin, "division by zero");
      if (op.type == TokenType::kMod) return Fail(op.begin, "modulo by zero");
    }
    if (!CheckHeight({links + height_.nesting, links + height_.total}, op.begin)) return nullptr;
    auto expr = std::make_unique<DurationExpr>();
    expr->op = AsOp(op.type);
    expr->position = {left->position.begin, right->position.end};
    expr->left = std::move(left);
    expr->right = std::move(right);
    left = std::move(expr);
  }
}

std::unique_ptr<DurationExpr> SyntaxParser::DurationOperand() {
  if (!IsSign(Peek().type)) return DurationPrimary();
  const Token sign = Take();
  std::unique_ptr<DurationExpr> operand = Duration(kPower);
  if (operand == nullptr) return nullptr;
  return Signed(sign, std::move(operand));
}

std::unique_ptr<DurationExpr> SyntaxParser::DurationPrimary() {
  const Token token = Peek();
  if (IsDurationWord(token.type)) return DurationCall();
  auto expr = std::make_unique<DurationExpr>();
  if (token.type == TokenType::kLeftParen) {
    Take();
    expr->op = DurationExpr::Op::kParen;
    expr->left = Duration(kLowest);
    if (expr->left == nullptr || !Expect(TokenType::kRightParen)) return nullptr;
    expr->position = {token.begin, last_closing_};
    return expr;
  }
  if (!IsNumber(token.type)) return Unexpected();
  return DurationNumber(token.begin);
}

// A number beyond what a duration may be is an error at `error_at`.
std::unique_ptr<DurationExpr> SyntaxParser::DurationNumber(size_t error_at) {
  const Token token = Take();
  const std::optional<double> value = NumberValue(token);
  if (!value.has_value()) return nullptr;
  if (OutOfRange(*value)) return Fail(error_at, "duration out of range");
  auto expr = std::make_unique<DurationExpr>();
  expr->seconds = *value;
  expr->written_as_duration = token.type == TokenType::kDuration;
  expr->position = token.position();
  return expr;
}

// step(), range(), min_of(a, b), max_of(a, b)
std::unique_ptr<DurationExpr> SyntaxParser::DurationCall() {
  const Token name = Take();
  auto expr = std::make_unique<DurationExpr>();
  expr->op = AsOp(name.type);
  if (!Expect(TokenType::kLeftParen)) return nullptr;
  if (name.type == TokenType::kMinOf || name.type == TokenType::kMaxOf) {
    expr->left = Duration(kLowest);
    if (expr->left == nullptr || !Expect(TokenType::kComma)) return nullptr;
    expr->right = Duration(kLowest);
    if (expr->right == nullptr) return nullptr;
  }
  if (!Expect(TokenType::kRightParen)) return nullptr;
  expr->position = {name.begin, last_closing_};
  return expr;
}

}  // namespace slowburn::query
