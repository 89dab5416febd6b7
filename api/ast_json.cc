#include "api/ast_json.h"

#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/number.h"
#include "query/functions/function_table.h"
#include "query/parser/deep_walk.h"

namespace slowburn::api {
namespace {

using query::DurationExpr;

std::string_view TypeName(query::ValueType type) {
  switch (type) {
    case query::ValueType::kScalar:
      return "scalar";
    case query::ValueType::kVector:
      return "vector";
    case query::ValueType::kMatrix:
      return "matrix";
    case query::ValueType::kString:
      return "string";
    case query::ValueType::kNone:
      break;
  }
  return "none";
}

std::string_view CardinalityName(query::VectorMatching::Cardinality cardinality) {
  switch (cardinality) {
    case query::VectorMatching::Cardinality::kOneToOne:
      return "one-to-one";
    case query::VectorMatching::Cardinality::kManyToOne:
      return "many-to-one";
    case query::VectorMatching::Cardinality::kOneToMany:
      return "one-to-many";
    case query::VectorMatching::Cardinality::kManyToMany:
      return "many-to-many";
  }
  return "";
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

std::string_view DurationOp(DurationExpr::Op op) {
  switch (op) {
    case DurationExpr::Op::kNumber:
    case DurationExpr::Op::kParen:
    case DurationExpr::Op::kPlus:
    case DurationExpr::Op::kAdd:
      return "+";
    case DurationExpr::Op::kSub:
    case DurationExpr::Op::kNegate:
      return "-";
    case DurationExpr::Op::kMul:
      return "*";
    case DurationExpr::Op::kDiv:
      return "/";
    case DurationExpr::Op::kMod:
      return "%";
    case DurationExpr::Op::kPow:
      return "^";
    case DurationExpr::Op::kStep:
      return "step";
    case DurationExpr::Op::kRange:
      return "range";
    case DurationExpr::Op::kMinOf:
      return "min_of";
    case DurationExpr::Op::kMaxOf:
      return "max_of";
  }
  return "";
}

// Keys in alphabetical order, as Prometheus' maps give them.
class Translator {
 public:
  explicit Translator(std::string& out) : w_(out, base::JsonEscapes::kGo) {}

  void Node(const query::Expr* expr) {
    if (expr == nullptr) {
      w_.Null();
      return;
    }
    w_.BeginObject();
    switch (expr->kind) {
      case query::NodeKind::kNumber:
        Type("numberLiteral");
        Number(static_cast<const query::NumberLiteral&>(*expr).value);
        break;
      case query::NodeKind::kString:
        Type("stringLiteral");
        w_.Field("val", static_cast<const query::StringLiteral&>(*expr).value);
        break;
      case query::NodeKind::kVectorSelector:
        Selector(static_cast<const query::VectorSelector&>(*expr), nullptr);
        break;
      case query::NodeKind::kMatrixSelector: {
        const auto& matrix = static_cast<const query::MatrixSelector&>(*expr);
        Selector(*matrix.selector, &matrix.range);
        break;
      }
      case query::NodeKind::kSubquery:
        Subquery(static_cast<const query::Subquery&>(*expr));
        break;
      case query::NodeKind::kCall:
        Call(static_cast<const query::Call&>(*expr));
        break;
      case query::NodeKind::kAggregate:
        Aggregate(static_cast<const query::Aggregate&>(*expr));
        break;
      case query::NodeKind::kBinary:
        Binary(static_cast<const query::Binary&>(*expr));
        break;
      case query::NodeKind::kUnary: {
        const auto& unary = static_cast<const query::Unary&>(*expr);
        Child("expr", unary.inner.get());
        w_.Field("op", unary.negate ? "-" : "+");
        Type("unaryExpr");
        break;
      }
      case query::NodeKind::kParen:
        Child("expr", static_cast<const query::Paren&>(*expr).inner.get());
        Type("parenExpr");
        break;
    }
    w_.EndObject();
  }

 private:
  void Type(std::string_view type) { w_.Field("type", type); }
  void Number(double value) { w_.Field("val", base::FormatFloat(value, base::FloatStyle::kFixed)); }
  void Child(std::string_view key, const query::Expr* expr) {
    w_.Key(key);
    Node(expr);
  }

  void Strings(std::string_view key, const std::vector<std::string>& values) {
    w_.Key(key);
    w_.BeginArray();
    for (const std::string& value : values) w_.String(value);
    w_.EndArray();
  }

  void Optional(std::string_view key, const std::optional<double>& value) {
    w_.Key(key);
    if (value.has_value()) {
      w_.Float(*value);
    } else {
      w_.Null();
    }
  }

  void Matchers(const tsdb::Matchers& matchers) {
    w_.Key("matchers");
    w_.BeginArray();
    for (const tsdb::Matcher& matcher : matchers) {
      w_.BeginObject();
      w_.Field("name", matcher.name());
      w_.Field("type", MatcherSymbol(matcher.op()));
      w_.Field("value", matcher.value());
      w_.EndObject();
    }
    w_.EndArray();
  }

  // KEY and KEYExpr.
  void Duration(std::string_view key, const query::DurationValue* value) {
    w_.Field(key, value == nullptr || value->expr != nullptr ? int64_t{0} : int64_t{value->ms});
    w_.Key(std::string(key) + "Expr");
    DurationNode(value == nullptr ? nullptr : value->expr.get());
  }

  // A parenthesis is a mark on what it holds; around a number it is a sum of one.
  void DurationNode(const DurationExpr* expr) {
    if (expr == nullptr) {
      w_.Null();
      return;
    }
    if (expr->op == DurationExpr::Op::kNumber) {
      w_.BeginObject();
      w_.Field("duration", expr->written_as_duration);
      Type("numberLiteral");
      Number(expr->seconds);
      w_.EndObject();
      return;
    }
    bool wrapped = false;
    while (expr->op == DurationExpr::Op::kParen && expr->left->op != DurationExpr::Op::kNumber) {
      wrapped = true;
      expr = expr->left.get();
    }
    const bool unary = expr->right == nullptr;
    wrapped = wrapped || expr->op == DurationExpr::Op::kParen;
    w_.BeginObject();
    w_.Key("lhs");
    DurationNode(unary ? nullptr : expr->left.get());
    w_.Field("op", DurationOp(expr->op));
    w_.Key("rhs");
    DurationNode(unary ? expr->left.get() : expr->right.get());
    Type("durationExpr");
    w_.Field("wrapped", wrapped);
    w_.EndObject();
  }

  void At(const std::optional<query::AtModifier>& at) {
    using Kind = query::AtModifier::Kind;
    w_.Key("startOrEnd");
    if (at.has_value() && at->kind != Kind::kTimestamp) {
      w_.String(at->kind == Kind::kStart ? "start" : "end");
    } else {
      w_.Null();
    }
  }

  void Timestamp(const std::optional<query::AtModifier>& at) {
    w_.Key("timestamp");
    if (at.has_value() && at->kind == query::AtModifier::Kind::kTimestamp) {
      w_.Int(at->t);
    } else {
      w_.Null();
    }
  }

  void Selector(const query::VectorSelector& selector, const query::DurationValue* range) {
    w_.Field("anchored", selector.mode == query::RangeMode::kAnchored);
    Matchers(selector.matchers);
    w_.Field("name", selector.name);
    Duration("offset", &selector.offset);
    if (range != nullptr) Duration("range", range);
    w_.Field("smoothed", selector.mode == query::RangeMode::kSmoothed);
    At(selector.at);
    Timestamp(selector.at);
    Type(range != nullptr ? "matrixSelector" : "vectorSelector");
  }

  void Subquery(const query::Subquery& subquery) {
    Child("expr", subquery.inner.get());
    Duration("offset", &subquery.offset);
    Duration("range", &subquery.range);
    At(subquery.at);
    Duration("step", subquery.step.has_value() ? &*subquery.step : nullptr);
    Timestamp(subquery.at);
    Type("subquery");
  }

  void Call(const query::Call& call) {
    const query::Function& f = *call.function;
    w_.Key("args");
    w_.BeginArray();
    for (const query::ExprPtr& arg : call.args) Node(arg.get());
    w_.EndArray();
    w_.Key("func");
    w_.BeginObject();
    w_.Key("argTypes");
    w_.BeginArray();
    for (const query::ValueType type : f.arg_types()) w_.String(TypeName(type));
    w_.EndArray();
    w_.Field("name", f.name);
    w_.Field("returnType", TypeName(f.return_type));
    w_.Field("variadic", int64_t{f.variadic});
    w_.EndObject();
    Type("call");
  }

  void Aggregate(const query::Aggregate& aggregate) {
    Child("expr", aggregate.inner.get());
    Strings("grouping", aggregate.grouping);
    w_.Field("op", query::Name(aggregate.op));
    Child("param", aggregate.parameter.get());
    Type("aggregation");
    w_.Field("without", aggregate.without);
  }

  void Binary(const query::Binary& binary) {
    w_.Field("bool", binary.return_bool);
    Child("lhs", binary.left.get());
    w_.Key("matching");
    if (binary.matching.has_value()) {
      Matching(*binary.matching);
    } else {
      w_.Null();
    }
    w_.Field("op", query::Symbol(binary.op));
    Child("rhs", binary.right.get());
    Type("binaryExpr");
  }

  void Matching(const query::VectorMatching& matching) {
    w_.BeginObject();
    w_.Field("card", CardinalityName(matching.cardinality));
    w_.Key("fillValues");
    w_.BeginObject();
    Optional("lhs", matching.fill_left);
    Optional("rhs", matching.fill_right);
    w_.EndObject();
    Strings("include", matching.include);
    Strings("labels", matching.labels);
    w_.Field("on", matching.on);
    w_.EndObject();
  }

  base::JsonWriter w_;
};

}  // namespace

absl::Status AppendSyntaxTree(std::string& out, const query::Expr& expr) {
  return query::WalkDeep(expr, [&] { Translator(out).Node(&expr); });
}

}  // namespace slowburn::api
