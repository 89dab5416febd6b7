#include "query/parser/printer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <vector>

#include "base/number.h"
#include "query/functions/function_table.h"
#include "query/parser/deep_walk.h"
#include "query/parser/quote.h"

namespace slowburn::query {
namespace {

constexpr size_t kLineLength = 100;
constexpr std::string_view kIndent = "  ";
// A deep query of many lines is no longer indented beyond this, or a megabyte of it would become a
// gigabyte.
constexpr size_t kMaxIndentBytes = 1 << 20;

void AppendLabels(std::string& out, const std::vector<std::string>& labels) {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (i > 0) out += ", ";
    out += tsdb::IsLegacyLabelName(labels[i]) ? labels[i] : GoQuote(labels[i]);
  }
}

void AppendSeconds(std::string& out, double seconds, bool as_duration) {
  if (!as_duration) {
    base::AppendFloat(out, seconds, base::FloatStyle::kFixed);
    return;
  }
  if (seconds < 0) out += '-';
  out += base::FormatDuration(tsdb::DurationMs(std::round(std::abs(seconds) * 1000)));
}

void AppendDuration(std::string& out, const DurationExpr& expr) {
  const auto binary = [&](std::string_view op) {
    AppendDuration(out, *expr.left);
    out += op;
    AppendDuration(out, *expr.right);
  };
  const auto call = [&](std::string_view name) {
    out += name;
    binary(", ");
    out += ')';
  };
  switch (expr.op) {
    case DurationExpr::Op::kNumber:
      AppendSeconds(out, expr.seconds, expr.written_as_duration);
      break;
    case DurationExpr::Op::kAdd:
      binary(" + ");
      break;
    case DurationExpr::Op::kSub:
      binary(" - ");
      break;
    case DurationExpr::Op::kMul:
      binary(" * ");
      break;
    case DurationExpr::Op::kDiv:
      binary(" / ");
      break;
    case DurationExpr::Op::kMod:
      binary(" % ");
      break;
    case DurationExpr::Op::kPow:
      binary(" ^ ");
      break;
    case DurationExpr::Op::kMinOf:
      call("min_of(");
      break;
    case DurationExpr::Op::kMaxOf:
      call("max_of(");
      break;
    case DurationExpr::Op::kStep:
      out += "step()";
      break;
    case DurationExpr::Op::kRange:
      out += "range()";
      break;
    case DurationExpr::Op::kPlus:
      AppendDuration(out, *expr.left);
      break;
    case DurationExpr::Op::kNegate:
      out += '-';
      AppendDuration(out, *expr.left);
      break;
    case DurationExpr::Op::kParen:
      out += '(';
      AppendDuration(out, *expr.left);
      out += ')';
      break;
  }
}

void AppendOffset(std::string& out, const DurationValue& offset) {
  if (offset.expr == nullptr && offset.ms == 0) return;
  out += " offset ";
  out += PrintDuration(offset);
}

// Whether an operator behind the offset would be taken as part of it: `x offset (5m) + y` is one
// offset.
bool IsOpenEnded(const DurationValue& offset) {
  const DurationExpr* first = offset.expr.get();
  if (first == nullptr) return false;
  if (first->op == DurationExpr::Op::kNegate) return first->left->op == DurationExpr::Op::kNegate;
  while (first->op >= DurationExpr::Op::kAdd && first->op <= DurationExpr::Op::kPow) {
    first = first->left.get();
  }
  return first->op == DurationExpr::Op::kParen || first->op == DurationExpr::Op::kNegate;
}

void AppendAt(std::string& out, const std::optional<AtModifier>& at) {
  if (!at.has_value()) return;
  switch (at->kind) {
    case AtModifier::Kind::kStart:
      out += " @ start()";
      return;
    case AtModifier::Kind::kEnd:
      out += " @ end()";
      return;
    case AtModifier::Kind::kTimestamp:
      break;
  }
  // Exact for every millisecond: 3 decimals of a 64-bit integer.
  const bool negative = at->t < 0;
  const uint64_t ms = negative ? -uint64_t(at->t) : uint64_t(at->t);
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, " @ %s%llu.%03llu", negative ? "-" : "",
                static_cast<unsigned long long>(ms / 1000),
                static_cast<unsigned long long>(ms % 1000));
  out += buffer;
}

void AppendMode(std::string& out, RangeMode mode) {
  if (mode == RangeMode::kAnchored) out += " anchored";
  if (mode == RangeMode::kSmoothed) out += " smoothed";
}

// What comes first of @ and anchored/smoothed.
enum class ModifierOrder { kAtFirst, kModeFirst };

void AppendModifiers(std::string& out, const DurationValue& offset,
                     const std::optional<AtModifier>& at, RangeMode mode, ModifierOrder order) {
  const bool offset_first = IsOpenEnded(offset);
  if (offset_first) AppendOffset(out, offset);
  if (order == ModifierOrder::kModeFirst) AppendMode(out, mode);
  AppendAt(out, at);
  if (order == ModifierOrder::kAtFirst) AppendMode(out, mode);
  if (!offset_first) AppendOffset(out, offset);
}

std::string_view MatcherSymbol(tsdb::Matcher::Op op) {
  switch (op) {
    case tsdb::Matcher::Op::kEqual:
      return "=";
    case tsdb::Matcher::Op::kNotEqual:
      return "!=";
    case tsdb::Matcher::Op::kRegex:
      return "=~";
    case tsdb::Matcher::Op::kNotRegex:
      return "!~";
  }
  return "";
}

// name{a="b",c=~"d"}, the matchers in order of their text.
void AppendSelector(std::string& out, const VectorSelector& selector) {
  std::vector<std::string> matchers;
  for (const tsdb::Matcher& m : selector.matchers) {
    const bool is_name = m.name() == tsdb::kMetricName && m.op() == tsdb::Matcher::Op::kEqual &&
                         m.value() == selector.name && !m.value().empty();
    if (is_name) continue;
    std::string text = tsdb::IsLegacyLabelName(m.name()) ? m.name() : GoQuote(m.name());
    text += MatcherSymbol(m.op());
    text += GoQuote(m.value());
    matchers.push_back(std::move(text));
  }
  std::sort(matchers.begin(), matchers.end());
  out += selector.name;
  if (matchers.empty() && !selector.name.empty()) return;
  out += '{';
  for (size_t i = 0; i < matchers.size(); ++i) {
    if (i > 0) out += ',';
    out += matchers[i];
  }
  out += '}';
}

// Printed once for every node. With `breaks` a node whose one line would be too long is spread over
// several.
class Printer {
 public:
  std::string Line(const Expr& expr) const {
    std::string out;
    AppendLine(out, expr);
    return out;
  }

  void AppendLine(std::string& out, const Expr& expr) const {
    if (out.size() > stop_at_) return;
    switch (expr.kind) {
      case NodeKind::kNumber: {
        const auto& number = static_cast<const NumberLiteral&>(expr);
        AppendSeconds(out, number.value, number.written_as_duration);
        break;
      }
      case NodeKind::kString:
        out += GoQuote(static_cast<const StringLiteral&>(expr).value);
        break;
      case NodeKind::kVectorSelector: {
        const auto& selector = static_cast<const VectorSelector&>(expr);
        AppendSelector(out, selector);
        AppendModifiers(out, selector.offset, selector.at, selector.mode, ModifierOrder::kAtFirst);
        break;
      }
      case NodeKind::kMatrixSelector: {
        const auto& matrix = static_cast<const MatrixSelector&>(expr);
        AppendSelector(out, *matrix.selector);
        out += '[' + PrintDuration(matrix.range) + ']';
        AppendModifiers(out, matrix.selector->offset, matrix.selector->at, matrix.selector->mode,
                        ModifierOrder::kModeFirst);
        break;
      }
      case NodeKind::kSubquery: {
        const auto& subquery = static_cast<const Subquery&>(expr);
        AppendLine(out, *subquery.inner);
        AppendSubquerySuffix(out, subquery);
        break;
      }
      case NodeKind::kCall: {
        const auto& call = static_cast<const Call&>(expr);
        out += call.function->name;
        out += '(';
        for (size_t i = 0; i < call.args.size(); ++i) {
          if (i > 0) out += ", ";
          AppendLine(out, *call.args[i]);
        }
        out += ')';
        break;
      }
      case NodeKind::kAggregate: {
        const auto& aggregate = static_cast<const Aggregate&>(expr);
        AppendAggregateHead(out, aggregate);
        out += '(';
        if (aggregate.parameter != nullptr) {
          AppendLine(out, *aggregate.parameter);
          out += ", ";
        }
        AppendLine(out, *aggregate.inner);
        out += ')';
        break;
      }
      case NodeKind::kBinary: {
        const auto& binary = static_cast<const Binary&>(expr);
        AppendLeft(out, binary);
        out += ' ';
        AppendOperator(out, binary);
        out += ' ';
        AppendLine(out, *binary.right);
        break;
      }
      case NodeKind::kUnary: {
        const auto& unary = static_cast<const Unary&>(expr);
        out += unary.negate ? '-' : '+';
        AppendLine(out, *unary.inner);
        break;
      }
      case NodeKind::kParen:
        out += '(';
        AppendLine(out, *static_cast<const Paren&>(expr).inner);
        out += ')';
        break;
    }
  }

  // Each level of nesting indents once; a node that fits into the line stays in it.
  std::string Lines(const Expr& expr, int level) {
    const std::string indent = Indent(level);
    switch (expr.kind) {
      case NodeKind::kSubquery: {
        const auto& subquery = static_cast<const Subquery&>(expr);
        if (Fits(expr)) return Line(expr);
        std::string out = Lines(*subquery.inner, level);
        AppendSubquerySuffix(out, subquery);
        return out;
      }
      case NodeKind::kUnary: {
        const auto& unary = static_cast<const Unary&>(expr);
        return indent + (unary.negate ? '-' : '+') + Trim(Lines(*unary.inner, level));
      }
      case NodeKind::kAggregate:
      case NodeKind::kBinary:
      case NodeKind::kCall:
      case NodeKind::kParen:
        if (!Fits(expr)) return Spread(expr, level);
        return indent + Line(expr);
      default:
        return indent + Line(expr);
    }
  }

 private:
  // Looks no further than the line's end.
  static bool Fits(const Expr& expr) {
    if (expr.height > int(kLineLength)) return false;  // a level is a letter at least
    Printer probe;
    probe.stop_at_ = kLineLength;
    return probe.Line(expr).size() <= kLineLength;
  }

  std::string Indent(int level) {
    std::string out;
    if (indented_ > kMaxIndentBytes) return out;
    for (int i = 0; i < level; ++i) out += kIndent;
    indented_ += out.size();
    return out;
  }

  static std::string Trim(const std::string& text) {
    const size_t first = text.find_first_not_of(" \t\n");
    if (first == std::string::npos) return "";
    return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
  }

  std::string Spread(const Expr& expr, int level) {
    const std::string indent = Indent(level);
    std::string out;
    switch (expr.kind) {
      case NodeKind::kAggregate: {
        const auto& aggregate = static_cast<const Aggregate&>(expr);
        out = indent;
        AppendAggregateHead(out, aggregate);
        out += "(\n";
        if (aggregate.parameter != nullptr) out += Lines(*aggregate.parameter, level + 1) + ",\n";
        out += Lines(*aggregate.inner, level + 1);
        out += '\n' + indent + ')';
        break;
      }
      case NodeKind::kBinary: {
        const auto& binary = static_cast<const Binary&>(expr);
        out = Lines(*binary.left, level + 1) + '\n' + indent;
        AppendOperator(out, binary);
        out += '\n' + Lines(*binary.right, level + 1);
        break;
      }
      case NodeKind::kCall: {
        const auto& call = static_cast<const Call&>(expr);
        out = indent + std::string(call.function->name) + "(\n";
        for (size_t i = 0; i < call.args.size(); ++i) {
          if (i > 0) out += ",\n";
          out += Lines(*call.args[i], level + 1);
        }
        out += '\n' + indent + ')';
        break;
      }
      default:
        out = indent + "(\n" + Lines(*static_cast<const Paren&>(expr).inner, level + 1);
        out += '\n' + indent + ')';
        break;
    }
    return out;
  }

  // +Inf ^ 2 would read as +(Inf ^ 2).
  void AppendLeft(std::string& out, const Binary& binary) const {
    const Expr& left = *binary.left;
    const bool infinite = binary.op == BinaryOp::kPow && left.kind == NodeKind::kNumber &&
                          std::isinf(static_cast<const NumberLiteral&>(left).value);
    if (infinite) {
      out += "Inf";
    } else {
      AppendLine(out, left);
    }
  }

  static void AppendSubquerySuffix(std::string& out, const Subquery& subquery) {
    out += '[' + PrintDuration(subquery.range) + ':';
    if (subquery.step.has_value() && (subquery.step->expr != nullptr || subquery.step->ms != 0)) {
      out += PrintDuration(*subquery.step);
    }
    out += ']';
    AppendModifiers(out, subquery.offset, subquery.at, RangeMode::kPlain, ModifierOrder::kAtFirst);
  }

  static void AppendAggregateHead(std::string& out, const Aggregate& aggregate) {
    out += Name(aggregate.op);
    if (!aggregate.without && aggregate.grouping.empty()) return;
    out += aggregate.without ? " without (" : " by (";
    AppendLabels(out, aggregate.grouping);
    out += ") ";
  }

  static void AppendOperator(std::string& out, const Binary& binary) {
    out += Symbol(binary.op);
    if (binary.return_bool) out += " bool";
    if (!binary.matching.has_value()) return;
    const VectorMatching& matching = *binary.matching;
    const bool many_to_one = matching.cardinality == VectorMatching::Cardinality::kManyToOne;
    const bool one_to_many = matching.cardinality == VectorMatching::Cardinality::kOneToMany;
    if (!matching.labels.empty() || matching.on || many_to_one || one_to_many) {
      out += matching.on ? " on (" : " ignoring (";
      AppendLabels(out, matching.labels);
      out += ')';
    }
    if (many_to_one || one_to_many) {
      out += many_to_one ? " group_left (" : " group_right (";
      AppendLabels(out, matching.include);
      out += ')';
    }
    AppendFill(out, matching);
  }

  static void AppendFill(std::string& out, const VectorMatching& matching) {
    const auto fill = [&](std::string_view name, double value) {
      out += name;
      base::AppendFloat(out, value, base::FloatStyle::kGeneral);
      out += ')';
    };
    if (matching.fill_left && matching.fill_right && *matching.fill_left == *matching.fill_right) {
      fill(" fill (", *matching.fill_left);
      return;
    }
    if (matching.fill_left) fill(" fill_left (", *matching.fill_left);
    if (matching.fill_right) fill(" fill_right (", *matching.fill_right);
  }

  size_t stop_at_ = std::string::npos;
  size_t indented_ = 0;
};

}  // namespace

std::string Print(const Expr& expr) {
  std::string out;
  WalkDeep(expr, [&] { out = Printer().Line(expr); }).IgnoreError();  // see the header
  return out;
}

std::string Pretty(const Expr& expr) {
  std::string out;
  WalkDeep(expr, [&] { out = Printer().Lines(expr, 0); }).IgnoreError();
  return out;
}

std::string PrintDuration(const DurationValue& duration) {
  std::string out;
  if (duration.expr != nullptr) {
    AppendDuration(out, *duration.expr);
  } else {
    if (duration.ms < 0) out += '-';
    out += base::FormatDuration(duration.ms < 0 ? -duration.ms : duration.ms);
  }
  return out;
}

}  // namespace slowburn::query
