#include "query/parser/syntax_parser.h"

#include <algorithm>
#include <string>
#include <utility>

#include "query/functions/function_table.h"
#include "query/limits.h"
#include "query/parser/quote.h"
#include "query/parser/syntax_scope.h"

namespace slowburn::query {
namespace {

// Higher binds tighter. Unary operators stand with kMul.
int Precedence(BinaryOp op) {
  switch (op) {
    case BinaryOp::kOr:
      return 1;
    case BinaryOp::kAnd:
    case BinaryOp::kUnless:
      return 2;
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
      return 4;
    case BinaryOp::kMul:
    case BinaryOp::kDiv:
    case BinaryOp::kMod:
    case BinaryOp::kAtan2:
      return 5;
    case BinaryOp::kPow:
      return 6;
    default:
      return 3;  // comparisons and trims
  }
}
constexpr int kLowest = 1, kPower = 6;

bool HasParameter(AggregateOp op) { return op >= AggregateOp::kCountValues; }
bool IsExperimental(AggregateOp op) { return op >= AggregateOp::kLimitk; }

bool StartsOperand(TokenType type) {
  switch (type) {
    case TokenType::kNumber:
    case TokenType::kDuration:
    case TokenType::kString:
    case TokenType::kLeftParen:
    case TokenType::kLeftBrace:
    case TokenType::kAdd:
    case TokenType::kSub:
      return true;
    default:
      return IsMetricName(type);
  }
}

bool IsFunctionWord(TokenType type) {
  return type == TokenType::kIdentifier || (type >= TokenType::kStart && type <= TokenType::kMaxOf);
}

}  // namespace

absl::Status ParseError(std::string_view query, size_t offset, std::string_view message) {
  return absl::InvalidArgumentError(LineColumn(query, offset) +
                                    ": parse error: " + std::string(message));
}

ExprPtr SyntaxParser::Query() {
  if (Peek().type == TokenType::kEof) return Fail(size_t{0}, "no expression found in input");
  ExprPtr expr = BinaryChain(kLowest);
  if (expr == nullptr) return nullptr;
  if (Peek().type != TokenType::kEof) return Unexpected();
  expr->height = height_.total;
  return expr;
}

std::unique_ptr<VectorSelector> SyntaxParser::Selector() {
  std::unique_ptr<VectorSelector> selector = VectorSelectorOperand();
  if (selector == nullptr) return nullptr;
  if (Peek().type != TokenType::kEof) return Unexpected();
  return selector;
}

const Token& SyntaxParser::Peek() {
  if (!next_.has_value()) {
    next_ = lexer_.Next();
    if (next_->type == TokenType::kError) Fail(next_->begin, lexer_.error());
  }
  return *next_;
}

Token SyntaxParser::Take() {
  const Token token = Peek();
  next_.reset();
  switch (token.type) {
    case TokenType::kRightBrace:
    case TokenType::kRightParen:
    case TokenType::kRightBracket:
    case TokenType::kDuration:
    case TokenType::kNumber:
      last_closing_ = token.end();
      break;
    default:
      break;
  }
  return token;
}

bool SyntaxParser::Accept(TokenType type) {
  if (Peek().type != type) return false;
  Take();
  return true;
}

bool SyntaxParser::Expect(TokenType type) {
  if (Accept(type)) return true;
  Unexpected();
  return false;
}

std::nullptr_t SyntaxParser::Fail(size_t offset, std::string_view message) {
  if (!failed()) status_ = ParseError(query_, offset, message);
  return nullptr;
}

std::nullptr_t SyntaxParser::Unexpected() { return Unexpected(context_.where, context_.wanted); }

std::nullptr_t SyntaxParser::Unexpected(std::string_view where, std::string_view wanted) {
  const Token& token = Peek();
  std::string message = "unexpected " + Describe(token);
  if (!where.empty()) message += " in " + std::string(where);
  if (!wanted.empty()) message += ", expected " + std::string(wanted);
  return Fail(token.begin, message);
}

bool SyntaxParser::CheckHeight(Height height, size_t offset) {
  height_ = height;
  if (depth_ + height.nesting > kMaxParseDepth) {
    Fail(offset,
         "the query nests deeper than the limit of " + std::to_string(kMaxParseDepth) + " levels");
    return false;
  }
  if (depth_ + height.total <= kMaxTreeHeight) return true;
  Fail(offset,
       "the query chains more operators than the limit of " + std::to_string(kMaxTreeHeight));
  return false;
}

std::string SyntaxParser::Unquote(const Token& token) {
  std::optional<std::string> value = GoUnquote(token.text);
  if (!value.has_value()) {
    Fail(token.begin, "error unquoting string " + GoQuote(token.text) + ": invalid syntax");
    return "";
  }
  return *std::move(value);
}

ExprPtr SyntaxParser::BinaryChain(int min_precedence) {
  const DepthScope level(*this);
  if (!CheckHeight({}, Peek().begin)) return nullptr;
  ExprPtr left = Operand();
  while (left != nullptr) {
    const std::optional<BinaryOp> op = AsBinaryOp(Peek().type);
    if (!op.has_value() || Precedence(*op) < min_precedence)
      return failed() ? nullptr : std::move(left);
    const Height left_height = height_;
    auto binary = std::make_unique<Binary>();
    binary->op = *op;
    binary->op_position = Take().position();
    if (!BinaryModifiers(*binary)) return nullptr;
    binary->right = BinaryChain(*op == BinaryOp::kPow ? kPower : Precedence(*op) + 1);
    if (binary->right == nullptr) return nullptr;
    binary->left = std::move(left);
    binary->position = {binary->left->position.begin, binary->right->position.end};
    const VectorMatching& matching = *binary->matching;
    if (!options_.binop_fill_modifiers && (matching.fill_left || matching.fill_right)) {
      return Fail(binary->position, "binop fill modifiers are experimental and not enabled");
    }
    const Height height{std::max(left_height.nesting, height_.nesting + 1),
                        std::max(left_height.total, height_.total) + 1};
    if (!CheckHeight(height, binary->op_position.begin)) return nullptr;
    binary->height = height.total;
    left = std::move(binary);
  }
  return nullptr;
}

ExprPtr SyntaxParser::Operand() {
  const TokenType type = Peek().type;
  if (type == TokenType::kAdd || type == TokenType::kSub) return UnaryOperand();
  ExprPtr operand = Primary();
  if (operand == nullptr) return nullptr;
  return Suffixes(std::move(operand));
}

// Binds looser than ^ and tighter than anything else: -a ^ b is -(a ^ b).
ExprPtr SyntaxParser::UnaryOperand() {
  const Token sign = Take();
  const bool negate = sign.type == TokenType::kSub;
  ExprPtr inner = BinaryChain(kPower);
  if (inner == nullptr) return nullptr;
  if (inner->kind == NodeKind::kNumber) {
    auto& number = static_cast<NumberLiteral&>(*inner);
    if (negate) number.value = -number.value;
    number.position.begin = sign.begin;
    return inner;
  }
  auto unary = std::make_unique<Unary>();
  unary->negate = negate;
  unary->position = {sign.begin, inner->position.end};
  unary->inner = std::move(inner);
  if (!CheckHeight(height_.Above(), sign.begin)) return nullptr;
  return unary;
}

ExprPtr SyntaxParser::Primary() {
  switch (Peek().type) {
    case TokenType::kNumber:
    case TokenType::kDuration:
      return NumberOrDuration();
    case TokenType::kString:
      return StringOperand();
    case TokenType::kLeftParen:
      return ParenOperand();
    case TokenType::kLeftBrace:
      return VectorSelectorOperand();
    default:
      break;
  }
  if (!IsMetricName(Peek().type)) return Unexpected();
  const Token word = Take();
  const TokenType after = Peek().type;
  if (IsAggregator(word.type) &&
      (after == TokenType::kLeftParen || after == TokenType::kBy || after == TokenType::kWithout)) {
    return AggregateOperand(word);
  }
  if (IsFunctionWord(word.type) && after == TokenType::kLeftParen) return CallOperand(word);
  auto selector = std::make_unique<VectorSelector>();
  selector->name = std::string(word.text);
  selector->position = word.position();
  if (after == TokenType::kLeftBrace) {
    if (!Braces(*selector)) return nullptr;
    selector->position.end = last_closing_;
  }
  if (failed()) return nullptr;
  selector->matchers.push_back(tsdb::Matcher::Equal(tsdb::kMetricName, selector->name));
  return selector;
}

ExprPtr SyntaxParser::ParenOperand() {
  const Token open = Take();
  ExprPtr inner = BinaryChain(kLowest);
  if (inner == nullptr) return nullptr;
  const Token close = Peek();
  if (!Expect(TokenType::kRightParen)) return nullptr;
  auto paren = std::make_unique<Paren>();
  paren->position = {open.begin, close.end()};
  paren->inner = std::move(inner);
  if (!CheckHeight(height_.Above(), open.begin)) return nullptr;
  return paren;
}

ExprPtr SyntaxParser::NumberOrDuration() {
  const Token token = Take();
  const std::optional<double> value = NumberValue(token);
  if (!value.has_value()) return nullptr;
  auto number = std::make_unique<NumberLiteral>();
  number->value = *value;
  number->written_as_duration = token.type == TokenType::kDuration;
  number->position = token.position();
  return number;
}

ExprPtr SyntaxParser::StringOperand() {
  const Token token = Take();
  auto string = std::make_unique<StringLiteral>();
  string->value = Unquote(token);
  string->position = token.position();
  if (failed()) return nullptr;
  return string;
}

// After "(": the arguments and ")".
bool SyntaxParser::Arguments(std::vector<ExprPtr>& args) {
  if (!Expect(TokenType::kLeftParen)) return false;
  if (Accept(TokenType::kRightParen)) return true;
  Height height;
  for (;;) {
    ExprPtr arg = BinaryChain(kLowest);
    if (arg == nullptr) return false;
    height = Higher(height, height_);
    args.push_back(std::move(arg));
    if (Peek().type != TokenType::kComma) break;
    const Token comma = Take();
    if (!StartsOperand(Peek().type)) {
      Fail(comma.begin, "trailing commas not allowed in function call args");
      return false;
    }
  }
  return Expect(TokenType::kRightParen) && CheckHeight(height.Above(), last_closing_);
}

ExprPtr SyntaxParser::CallOperand(const Token& name) {
  auto call = std::make_unique<Call>();
  if (!Arguments(call->args)) return nullptr;
  call->position = {name.begin, last_closing_};
  call->function = FindFunction(name.text);
  if (call->function == nullptr) {
    return Fail(name.begin, "unknown function with name " + GoQuote(name.text));
  }
  if (call->function->experimental && !options_.experimental_functions) {
    return Fail(name.begin, "function " + GoQuote(name.text) + " is not enabled");
  }
  return call;
}

ExprPtr SyntaxParser::AggregateOperand(const Token& op) {
  std::vector<ExprPtr> args;
  std::vector<std::string> labels;
  bool without = false;
  bool has_modifier = false;
  const auto modifier = [&] {
    const TokenType type = Peek().type;
    if (type != TokenType::kBy && type != TokenType::kWithout) return true;
    without = Take().type == TokenType::kWithout;
    has_modifier = true;
    return GroupingLabels(labels);
  };
  size_t end = 0;
  Height height;
  {
    const ContextScope scope(*this, "aggregation", "");
    if (!modifier() || !Arguments(args)) return nullptr;
    end = last_closing_;
    height = height_;
    if (!has_modifier) {
      if (!modifier()) return nullptr;
      if (has_modifier) end = last_closing_;
    }
  }
  if (failed()) return nullptr;
  height_ = height;
  return BuildAggregate(op, std::move(args), std::move(labels), without, end);
}

ExprPtr SyntaxParser::BuildAggregate(const Token& op, std::vector<ExprPtr> args,
                                     std::vector<std::string> labels, bool without, size_t end) {
  auto aggregate = std::make_unique<Aggregate>();
  aggregate->op = AsAggregateOp(op.type);
  aggregate->position = {op.begin, end};
  aggregate->grouping = std::move(labels);
  aggregate->without = without;
  if (args.empty()) return Fail(op.begin, "no arguments for aggregate expression provided");
  const bool parameter = HasParameter(aggregate->op);
  if (IsExperimental(aggregate->op) && !options_.experimental_functions) {
    return Fail(op.begin, std::string(Name(aggregate->op)) +
                              "() is experimental and must be enabled with "
                              "--enable-feature=promql-experimental-functions");
  }
  const size_t wanted = parameter ? 2 : 1;
  if (args.size() != wanted) {
    return Fail(op.begin, "wrong number of arguments for aggregate expression provided, expected " +
                              std::to_string(wanted) + ", got " + std::to_string(args.size()));
  }
  if (parameter) aggregate->parameter = std::move(args.front());
  aggregate->inner = std::move(args.back());
  return aggregate;
}

// bool, on/ignoring, group_left/group_right, fill, in this order, each optional.
bool SyntaxParser::BinaryModifiers(Binary& binary) {
  VectorMatching& matching = binary.matching.emplace();
  binary.return_bool = Accept(TokenType::kBool);
  const TokenType type = Peek().type;
  if (type == TokenType::kOn || type == TokenType::kIgnoring) {
    matching.on = Take().type == TokenType::kOn;
    if (!GroupingLabels(matching.labels)) return false;
    const TokenType group = Peek().type;
    if (group == TokenType::kGroupLeft || group == TokenType::kGroupRight) {
      Take();
      matching.cardinality = group == TokenType::kGroupLeft
                                 ? VectorMatching::Cardinality::kManyToOne
                                 : VectorMatching::Cardinality::kOneToMany;
      const TokenType next = Peek().type;
      const bool labels = next == TokenType::kLeftParen || !StartsOperand(next);
      if (labels && !GroupingLabels(matching.include)) return false;
    }
  }
  return FillModifiers(matching) && !failed();
}

bool SyntaxParser::FillModifiers(VectorMatching& matching) {
  double value = 0;
  if (Accept(TokenType::kFill)) {
    if (!FillValue(value)) return false;
    matching.fill_left = matching.fill_right = value;
    return true;
  }
  // Each side once, in either order.
  while ((Peek().type == TokenType::kFillLeft && !matching.fill_left) ||
         (Peek().type == TokenType::kFillRight && !matching.fill_right)) {
    const bool left = Take().type == TokenType::kFillLeft;
    if (!FillValue(value)) return false;
    (left ? matching.fill_left : matching.fill_right) = value;
  }
  return true;
}

bool SyntaxParser::FillValue(double& value) {
  if (!Expect(TokenType::kLeftParen)) return false;
  bool negate = false;
  if (!Accept(TokenType::kAdd)) negate = Accept(TokenType::kSub);
  const TokenType type = Peek().type;
  if (type != TokenType::kNumber && type != TokenType::kDuration) {
    Unexpected();
    return false;
  }
  const std::optional<double> number = NumberValue(Take());
  if (!number.has_value()) return false;
  value = negate ? -*number : *number;
  return Expect(TokenType::kRightParen);
}

bool SyntaxParser::GroupingLabels(std::vector<std::string>& labels) {
  constexpr std::string_view kWhere = "grouping opts";
  if (Peek().type != TokenType::kLeftParen) {
    Unexpected(kWhere, "\"(\"");
    return false;
  }
  Take();
  for (;;) {
    if (Accept(TokenType::kRightParen)) return true;
    const Token label = Peek();
    const bool quoted = label.type == TokenType::kString;
    if (!quoted && !IsLabelName(label.type)) {
      Unexpected(kWhere, "label");
      return false;
    }
    Take();
    const std::string name = quoted ? Unquote(label) : std::string(label.text);
    if (failed()) return false;
    if (name.empty() || !tsdb::IsValidUtf8(name)) {
      Fail(label.begin, "invalid label name for grouping: " + GoQuote(name));
      return false;
    }
    labels.push_back(name);
    if (Accept(TokenType::kRightParen)) return true;
    if (!Accept(TokenType::kComma)) {
      Unexpected(kWhere, "\",\" or \")\"");
      return false;
    }
  }
}

}  // namespace slowburn::query
