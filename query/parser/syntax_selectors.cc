// SyntaxParser's selectors, and what may follow an operand: offset, @, ranges, anchored, smoothed.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "query/parser/quote.h"
#include "query/parser/syntax_parser.h"
#include "query/parser/syntax_scope.h"

namespace slowburn::query {
namespace {

// The parts of a selector or subquery that offset and @ change; null for any other node.
struct TimeModifiers {
  DurationValue* offset = nullptr;
  std::optional<AtModifier>* at = nullptr;
};

TimeModifiers ModifiersOf(Expr& expr) {
  switch (expr.kind) {
    case NodeKind::kVectorSelector: {
      auto& selector = static_cast<VectorSelector&>(expr);
      return {&selector.offset, &selector.at};
    }
    case NodeKind::kMatrixSelector: {
      auto& matrix = static_cast<MatrixSelector&>(expr);
      return {&matrix.selector->offset, &matrix.selector->at};
    }
    case NodeKind::kSubquery: {
      auto& subquery = static_cast<Subquery&>(expr);
      return {&subquery.offset, &subquery.at};
    }
    default:
      return {};
  }
}

bool IsSet(const DurationValue& offset) { return offset.ms != 0 || offset.expr != nullptr; }

tsdb::Matcher::Op AsMatcherOp(TokenType type) {
  switch (type) {
    case TokenType::kNe:
      return tsdb::Matcher::Op::kNotEqual;
    case TokenType::kRegexMatch:
      return tsdb::Matcher::Op::kRegex;
    case TokenType::kRegexNotMatch:
      return tsdb::Matcher::Op::kNotRegex;
    default:
      return tsdb::Matcher::Op::kEqual;
  }
}

bool IsMatchOp(TokenType type) {
  return type == TokenType::kAssign || type == TokenType::kNe || type == TokenType::kRegexMatch ||
         type == TokenType::kRegexNotMatch;
}

// %f of Go.
std::string FormatSeconds(double seconds) {
  if (std::isnan(seconds)) return "NaN";
  if (std::isinf(seconds)) return seconds > 0 ? "+Inf" : "-Inf";
  return absl::StrFormat("%f", seconds);
}

constexpr std::string_view kWhatIsADuration = "number, duration, step(), or range()";

}  // namespace

std::unique_ptr<VectorSelector> SyntaxParser::VectorSelectorOperand() {
  auto selector = std::make_unique<VectorSelector>();
  const Token first = Peek();
  selector->position = first.position();
  if (IsMetricName(first.type)) {
    selector->name = std::string(Take().text);
  } else if (first.type != TokenType::kLeftBrace) {
    return Unexpected();
  }
  if (Peek().type == TokenType::kLeftBrace) {
    if (!Braces(*selector)) return nullptr;
    selector->position.end = last_closing_;
  }
  if (failed()) return nullptr;
  if (!selector->name.empty()) {
    selector->matchers.push_back(tsdb::Matcher::Equal(tsdb::kMetricName, selector->name));
  }
  return selector;
}

bool SyntaxParser::Braces(VectorSelector& selector) {
  Take();
  if (Accept(TokenType::kRightBrace)) return true;
  for (;;) {
    if (!LabelMatcher(selector.matchers)) return false;
    if (Accept(TokenType::kRightBrace)) return true;
    if (!Accept(TokenType::kComma)) {
      Unexpected("label matching", "\",\" or \"}\"");
      return false;
    }
    if (Accept(TokenType::kRightBrace)) return true;
  }
}

// a="b", "a b"=~"c", or "metric.name" alone.
bool SyntaxParser::LabelMatcher(tsdb::Matchers& matchers) {
  constexpr std::string_view kWhere = "label matching";
  const Token label = Peek();
  const bool quoted = label.type == TokenType::kString;
  if (!quoted && label.type != TokenType::kIdentifier) {
    Unexpected(kWhere, "identifier or \"}\"");
    return false;
  }
  Take();
  const std::string name = quoted ? Unquote(label) : std::string(label.text);
  if (failed()) return false;
  if (!IsMatchOp(Peek().type)) {
    if (!quoted) {
      Unexpected(kWhere, "label matching operator");
      return false;
    }
    matchers.push_back(tsdb::Matcher::Equal(tsdb::kMetricName, name));
    return !failed();
  }
  const TokenType op = Take().type;
  if (Peek().type != TokenType::kString) {
    Unexpected(kWhere, "string");
    return false;
  }
  const std::string value = Unquote(Take());
  if (failed()) return false;
  absl::StatusOr<tsdb::Matcher> matcher = tsdb::Matcher::Create(AsMatcherOp(op), name, value);
  if (!matcher.ok()) {
    const auto message = matcher.status().message();
    Fail(label.begin, std::string_view(message.data(), message.size()));
    return false;
  }
  matchers.push_back(*std::move(matcher));
  return true;
}

ExprPtr SyntaxParser::Suffixes(ExprPtr operand) {
  while (operand != nullptr && !failed()) {
    bool ok = true;
    const Height height = height_;
    switch (Peek().type) {
      case TokenType::kOffset:
        ok = OffsetSuffix(*operand);
        break;
      case TokenType::kAt:
        ok = AtSuffix(*operand);
        break;
      case TokenType::kAnchored:
      case TokenType::kSmoothed:
        ok = ModeSuffix(*operand, Take());
        break;
      case TokenType::kLeftBracket:
        operand = BracketSuffix(std::move(operand));
        break;
      default:
        return failed() ? nullptr : std::move(operand);
    }
    if (!ok) return nullptr;
    height_ = Higher(height, height_);
  }
  return nullptr;
}

bool SyntaxParser::OffsetSuffix(Expr& operand) {
  Take();
  std::optional<DurationValue> value;
  {
    const ContextScope scope(*this, "offset", kWhatIsADuration);
    value = OffsetDuration();
  }
  if (!value.has_value() || failed()) return false;
  const TimeModifiers modifiers = ModifiersOf(operand);
  if (modifiers.offset == nullptr) {
    Fail(operand.position,
         "offset modifier must be preceded by an instant vector selector or range vector selector "
         "or a subquery");
    return false;
  }
  if (IsSet(*modifiers.offset)) {
    Fail(operand.position, "offset may not be set multiple times");
    return false;
  }
  *modifiers.offset = *std::move(value);
  operand.position.end = last_closing_;
  return true;
}

bool SyntaxParser::AtSuffix(Expr& operand) {
  Take();
  const ContextScope scope(*this, "@", "timestamp");
  AtModifier at;
  const TokenType type = Peek().type;
  double seconds = 0;
  if (type == TokenType::kStart || type == TokenType::kEnd) {
    Take();
    at.kind = type == TokenType::kStart ? AtModifier::Kind::kStart : AtModifier::Kind::kEnd;
    if (!Expect(TokenType::kLeftParen) || !Expect(TokenType::kRightParen)) return false;
  } else {
    const bool negate = type == TokenType::kSub;
    if (negate || type == TokenType::kAdd) Take();
    if (Peek().type != TokenType::kNumber && Peek().type != TokenType::kDuration) {
      Unexpected();
      return false;
    }
    const std::optional<double> value = NumberValue(Take());
    if (!value.has_value()) return false;
    seconds = negate ? -*value : *value;
    // The bounds are those of seconds; what of them does not fit into milliseconds is refused as
    // well.
    constexpr double kLimit = double(std::numeric_limits<int64_t>::max()) / 1000;
    if (!(seconds < kLimit && seconds > -kLimit)) {
      Fail(operand.position, "timestamp out of bounds for @ modifier: " + FormatSeconds(seconds));
      return false;
    }
    at.t = std::llround(seconds * 1000);
  }
  const TimeModifiers modifiers = ModifiersOf(operand);
  if (modifiers.at == nullptr) {
    Fail(operand.position,
         "@ modifier must be preceded by an instant vector selector or range vector selector or a "
         "subquery");
    return false;
  }
  if (modifiers.at->has_value()) {
    Fail(operand.position, "@ <timestamp> may not be set multiple times");
    return false;
  }
  *modifiers.at = at;
  operand.position.end = last_closing_;
  return true;
}

bool SyntaxParser::ModeSuffix(Expr& operand, const Token& word) {
  const bool anchored = word.type == TokenType::kAnchored;
  const std::string name = anchored ? "anchored" : "smoothed";
  const auto refuse = [&](std::string_view why) {
    Fail(operand.position, name + std::string(why));
    return false;
  };
  if (!options_.extended_range_selectors)
    return refuse(" modifier is experimental and not enabled");
  VectorSelector* selector = nullptr;
  switch (operand.kind) {
    case NodeKind::kVectorSelector:
      selector = static_cast<VectorSelector*>(&operand);
      break;
    case NodeKind::kMatrixSelector:
      selector = static_cast<MatrixSelector&>(operand).selector.get();
      break;
    case NodeKind::kSubquery:
      return refuse(" modifier is not supported for subqueries");
    default:
      return refuse(" modifier not implemented");
  }
  const RangeMode mode = anchored ? RangeMode::kAnchored : RangeMode::kSmoothed;
  if (selector->mode != RangeMode::kPlain && selector->mode != mode) {
    Fail(operand.position, "anchored and smoothed modifiers cannot be used together");
    return false;
  }
  selector->mode = mode;
  return true;
}

// [5m] and [5m:1m].
ExprPtr SyntaxParser::BracketSuffix(ExprPtr operand) {
  const Height height = height_;
  const Token bracket = Take();
  std::optional<DurationValue> range;
  {
    const ContextScope scope(*this, "subquery or range selector", kWhatIsADuration);
    range = PositiveDuration();
  }
  if (!range.has_value()) return nullptr;
  if (Accept(TokenType::kRightBracket)) {
    return BuildMatrix(std::move(operand), bracket, *std::move(range));
  }
  if (!Accept(TokenType::kColon)) return Unexpected("subquery or range", "\":\" or \"]\"");
  auto subquery = std::make_unique<Subquery>();
  subquery->range = *std::move(range);
  if (Peek().type != TokenType::kRightBracket) {
    const ContextScope scope(*this, "subquery selector",
                             "number, duration, step(), range(), or \"]\"");
    subquery->step = PositiveDuration();
    if (!subquery->step.has_value()) return nullptr;
  }
  if (Peek().type != TokenType::kRightBracket) return Unexpected("subquery selector", "\"]\"");
  Take();
  subquery->position = {operand->position.begin, last_closing_};
  subquery->inner = std::move(operand);
  if (!CheckHeight(height.Above(), bracket.begin)) return nullptr;
  return subquery;
}

ExprPtr SyntaxParser::BuildMatrix(ExprPtr operand, const Token& bracket, DurationValue range) {
  if (operand->kind != NodeKind::kVectorSelector) {
    return Fail(bracket.begin, "ranges only allowed for vector selectors");
  }
  auto* selector = static_cast<VectorSelector*>(operand.get());
  if (IsSet(selector->offset)) {
    return Fail(bracket.begin, "no offset modifiers allowed before range");
  }
  if (selector->at.has_value()) return Fail(bracket.begin, "no @ modifiers allowed before range");
  auto matrix = std::make_unique<MatrixSelector>();
  matrix->position = {operand->position.begin, last_closing_};
  matrix->range = std::move(range);
  operand.release();
  matrix->selector.reset(selector);
  return matrix;
}

}  // namespace slowburn::query
