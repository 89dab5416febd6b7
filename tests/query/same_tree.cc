#include "tests/query/same_tree.h"

#include <bit>
#include <cmath>
#include <set>
#include <string>

namespace slowburn::query {
namespace {

bool SameNumber(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

bool Same(const std::unique_ptr<DurationExpr>& a, const std::unique_ptr<DurationExpr>& b) {
  if (a == nullptr || b == nullptr) return a == b;
  return a->op == b->op && SameNumber(a->seconds, b->seconds) &&
         a->written_as_duration == b->written_as_duration && Same(a->left, b->left) &&
         Same(a->right, b->right);
}

bool Same(const DurationValue& a, const DurationValue& b) {
  return a.ms == b.ms && Same(a.expr, b.expr);
}

bool Same(const std::optional<DurationValue>& a, const std::optional<DurationValue>& b) {
  return a.has_value() == b.has_value() && (!a.has_value() || Same(*a, *b));
}

bool Same(const std::optional<AtModifier>& a, const std::optional<AtModifier>& b) {
  return a.has_value() == b.has_value() && (!a.has_value() || (a->kind == b->kind && a->t == b->t));
}

// Printing sorts matchers.
std::multiset<std::string> Texts(const tsdb::Matchers& matchers) {
  std::multiset<std::string> out;
  for (const tsdb::Matcher& m : matchers) {
    out.insert(m.name() + char('0' + int(m.op())) + m.value());
  }
  return out;
}

bool Same(const VectorSelector& a, const VectorSelector& b) {
  return a.name == b.name && Texts(a.matchers) == Texts(b.matchers) && Same(a.offset, b.offset) &&
         Same(a.at, b.at) && a.mode == b.mode;
}

bool Same(const std::optional<double>& a, const std::optional<double>& b) {
  return a.has_value() == b.has_value() && (!a.has_value() || SameNumber(*a, *b));
}

bool Same(const std::optional<VectorMatching>& a, const std::optional<VectorMatching>& b) {
  if (!a.has_value() || !b.has_value()) return a.has_value() == b.has_value();
  return a->cardinality == b->cardinality && a->on == b->on && a->labels == b->labels &&
         a->include == b->include && Same(a->fill_left, b->fill_left) &&
         Same(a->fill_right, b->fill_right);
}

bool Same(const ExprPtr& a, const ExprPtr& b) {
  if (a == nullptr || b == nullptr) return a == b;
  return SameTree(*a, *b);
}

template <typename Node>
const Node& As(const Expr& expr) {
  return static_cast<const Node&>(expr);
}

}  // namespace

bool SameTree(const Expr& a, const Expr& b) {
  if (a.kind != b.kind || a.type != b.type) return false;
  switch (a.kind) {
    case NodeKind::kNumber:
      return SameNumber(As<NumberLiteral>(a).value, As<NumberLiteral>(b).value) &&
             As<NumberLiteral>(a).written_as_duration == As<NumberLiteral>(b).written_as_duration;
    case NodeKind::kString:
      return As<StringLiteral>(a).value == As<StringLiteral>(b).value;
    case NodeKind::kVectorSelector:
      return Same(As<VectorSelector>(a), As<VectorSelector>(b));
    case NodeKind::kMatrixSelector: {
      const auto& x = As<MatrixSelector>(a);
      const auto& y = As<MatrixSelector>(b);
      return Same(*x.selector, *y.selector) && Same(x.range, y.range);
    }
    case NodeKind::kSubquery: {
      const auto& x = As<Subquery>(a);
      const auto& y = As<Subquery>(b);
      return Same(x.inner, y.inner) && Same(x.range, y.range) && Same(x.step, y.step) &&
             Same(x.offset, y.offset) && Same(x.at, y.at);
    }
    case NodeKind::kCall: {
      const auto& x = As<Call>(a);
      const auto& y = As<Call>(b);
      if (x.function != y.function || x.args.size() != y.args.size()) return false;
      for (size_t i = 0; i < x.args.size(); ++i) {
        if (!Same(x.args[i], y.args[i])) return false;
      }
      return true;
    }
    case NodeKind::kAggregate: {
      const auto& x = As<Aggregate>(a);
      const auto& y = As<Aggregate>(b);
      return x.op == y.op && x.without == y.without && x.grouping == y.grouping &&
             Same(x.inner, y.inner) && Same(x.parameter, y.parameter);
    }
    case NodeKind::kBinary: {
      const auto& x = As<Binary>(a);
      const auto& y = As<Binary>(b);
      return x.op == y.op && x.return_bool == y.return_bool && Same(x.left, y.left) &&
             Same(x.right, y.right) && Same(x.matching, y.matching);
    }
    case NodeKind::kUnary:
      return As<Unary>(a).negate == As<Unary>(b).negate &&
             Same(As<Unary>(a).inner, As<Unary>(b).inner);
    case NodeKind::kParen:
      return Same(As<Paren>(a).inner, As<Paren>(b).inner);
  }
  return false;
}

}  // namespace slowburn::query
