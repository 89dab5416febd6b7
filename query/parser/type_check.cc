#include "query/parser/type_check.h"

#include <algorithm>
#include <string>

#include "query/functions/function_table.h"
#include "query/parser/parser.h"
#include "query/parser/quote.h"
#include "query/parser/syntax_parser.h"

namespace slowburn::query {
namespace {

// "vector", where Describe says "instant vector": one error text wants it so.
std::string_view ShortName(ValueType type) {
  switch (type) {
    case ValueType::kVector:
      return "vector";
    case ValueType::kMatrix:
      return "matrix";
    default:
      return Describe(type);
  }
}

bool IsScalarOrVector(ValueType type) {
  return type == ValueType::kScalar || type == ValueType::kVector;
}

class TypeChecker {
 public:
  explicit TypeChecker(std::string_view query) : query_(query) {}

  ValueType Check(Expr& expr) {
    switch (expr.kind) {
      case NodeKind::kNumber:
        expr.type = ValueType::kScalar;
        break;
      case NodeKind::kString:
        expr.type = ValueType::kString;
        break;
      case NodeKind::kVectorSelector:
        CheckSelector(static_cast<VectorSelector&>(expr));
        break;
      case NodeKind::kMatrixSelector:
        expr.type = ValueType::kMatrix;
        CheckSelector(*static_cast<MatrixSelector&>(expr).selector);
        break;
      case NodeKind::kSubquery:
        CheckSubquery(static_cast<Subquery&>(expr));
        break;
      case NodeKind::kCall:
        CheckCall(static_cast<Call&>(expr));
        break;
      case NodeKind::kAggregate:
        CheckAggregate(static_cast<Aggregate&>(expr));
        break;
      case NodeKind::kBinary:
        CheckBinary(static_cast<Binary&>(expr));
        break;
      case NodeKind::kUnary:
        CheckUnary(static_cast<Unary&>(expr));
        break;
      case NodeKind::kParen:
        expr.type = Check(*static_cast<Paren&>(expr).inner);
        break;
    }
    return expr.type;
  }

  const absl::Status& status() const { return status_; }

 private:
  void Fail(size_t offset, const std::string& message) {
    if (status_.ok()) status_ = ParseError(query_, offset, message);
  }

  void Expect(Expr& expr, ValueType wanted, std::string_view where) {
    const ValueType type = Check(expr);
    if (type != wanted) FailType(expr.position.begin, wanted, where, type);
  }

  void FailType(size_t offset, ValueType wanted, std::string_view where, ValueType got) {
    Fail(offset, "expected type " + std::string(Describe(wanted)) + " in " + std::string(where) +
                     ", got " + std::string(Describe(got)));
  }

  void CheckSelector(VectorSelector& selector) {
    selector.type = ValueType::kVector;
    if (!selector.name.empty()) {
      // The last matcher is the one of the name before the braces.
      for (size_t i = 0; i + 1 < selector.matchers.size(); ++i) {
        if (selector.matchers[i].name() != tsdb::kMetricName) continue;
        Fail(selector.position.begin,
             "metric name must not be set twice: " + GoQuote(selector.name) + " or " +
                 GoQuote(selector.matchers[i].value()));
      }
      return;
    }
    if (&selector == label_selector_) return;
    const bool selective = std::any_of(selector.matchers.begin(), selector.matchers.end(),
                                       [](const tsdb::Matcher& m) { return !m.MatchesEmpty(); });
    if (!selective) {
      Fail(selector.position.begin, "vector selector must contain at least one non-empty matcher");
    }
  }

  void CheckSubquery(Subquery& subquery) {
    subquery.type = ValueType::kMatrix;
    const ValueType inner = Check(*subquery.inner);
    if (inner != ValueType::kVector) {
      Fail(subquery.position.begin, "subquery is only allowed on instant vector, got " +
                                        std::string(ShortName(inner)) + " instead");
    }
  }

  void CheckAggregate(Aggregate& aggregate) {
    aggregate.type = ValueType::kVector;
    Expect(*aggregate.inner, ValueType::kVector, "aggregation expression");
    if (aggregate.parameter == nullptr) return;
    const bool string = aggregate.op == AggregateOp::kCountValues;
    Expect(*aggregate.parameter, string ? ValueType::kString : ValueType::kScalar,
           "aggregation parameter");
  }

  void CheckUnary(Unary& unary) {
    unary.type = Check(*unary.inner);
    if (!IsScalarOrVector(unary.type)) {
      Fail(unary.position.begin,
           "unary expression only allowed on expressions of type scalar or instant vector, got " +
               GoQuote(Describe(unary.type)));
    }
  }

  void CheckArgumentCount(const Call& call) {
    const Function& f = *call.function;
    const size_t got = call.args.size();
    const auto fail = [&](std::string_view how, size_t wanted) {
      Fail(call.position.begin, "expected " + std::string(how) + std::to_string(wanted) +
                                    " argument(s) in call to " + GoQuote(f.name) + ", got " +
                                    std::to_string(got));
    };
    if (f.variadic == 0) {
      if (got != f.arg_count) fail("", f.arg_count);
      return;
    }
    const size_t most = f.min_args() + size_t(std::max(f.variadic, 0));
    if (got < f.min_args()) {
      fail("at least ", f.min_args());
    } else if (f.variadic > 0 && got > most) {
      fail("at most ", most);
    }
  }

  // info's second argument is not a selector of series but a list of label matchers.
  void CheckInfoSelector(const Call& call) {
    Expr& selector = *call.args[1];
    if (selector.kind != NodeKind::kVectorSelector) {
      const ValueType type = Check(selector);
      if (type != ValueType::kVector) {
        FailType(call.position.begin, ValueType::kVector, "call to function \"info\"", type);
      }
      Fail(selector.position.begin, "expected label selectors only");
    } else if (!static_cast<VectorSelector&>(selector).name.empty()) {
      Fail(selector.position.begin, "expected label selectors only, got vector selector instead");
    } else {
      label_selector_ = static_cast<VectorSelector*>(&selector);
    }
  }

  void CheckCall(Call& call) {
    const Function& f = *call.function;
    call.type = f.return_type;
    CheckArgumentCount(call);
    if (f.id == FunctionId::kInfo && call.args.size() > 1) CheckInfoSelector(call);
    for (size_t i = 0; i < call.args.size(); ++i) {
      if (i >= f.arg_count && f.variadic == 0) break;
      const ValueType wanted = f.arg_type_list[std::min<size_t>(i, f.arg_count - 1)];
      const ValueType type = Check(*call.args[i]);
      if (type != wanted) {
        FailType(call.args[i]->position.begin, wanted, "call to function " + GoQuote(f.name), type);
      }
    }
  }

  void CheckBinary(Binary& binary) {
    const ValueType left = Check(*binary.left);
    const ValueType right = Check(*binary.right);
    const bool scalars = left == ValueType::kScalar && right == ValueType::kScalar;
    binary.type = scalars ? ValueType::kScalar : ValueType::kVector;
    const size_t at_op = binary.op_position.begin;
    if (binary.return_bool && !IsComparison(binary.op)) {
      Fail(at_op, "bool modifier can only be used on comparison operators");
    }
    if (IsComparison(binary.op) && !binary.return_bool && scalars) {
      Fail(at_op, "comparisons between scalars must use BOOL modifier");
    }
    VectorMatching& matching = *binary.matching;
    for (const std::string& label : matching.labels) {
      const bool both = std::find(matching.include.begin(), matching.include.end(), label) !=
                        matching.include.end();
      if (both && matching.on) {
        Fail(at_op, "label " + GoQuote(label) + " must not occur in ON and GROUP clause at once");
      }
    }
    constexpr std::string_view kWrongOperand =
        "binary expression must contain only scalar and instant vector types";
    if (!IsScalarOrVector(left)) Fail(binary.left->position.begin, std::string(kWrongOperand));
    if (!IsScalarOrVector(right)) Fail(binary.right->position.begin, std::string(kWrongOperand));
    if (left == ValueType::kVector && right == ValueType::kVector) {
      if (IsSetOp(binary.op)) CheckSetOp(binary, matching);
    } else {
      CheckNoMatching(binary, matching);
      binary.matching.reset();
    }
    if (IsSetOp(binary.op) && (left == ValueType::kScalar || right == ValueType::kScalar)) {
      Fail(binary.position.begin, "set operator " + GoQuote(Symbol(binary.op)) +
                                      " not allowed in binary scalar expression");
    }
  }

  void CheckSetOp(const Binary& binary, VectorMatching& matching) {
    if (matching.cardinality != VectorMatching::Cardinality::kOneToOne) {
      Fail(binary.position.begin,
           "no grouping allowed for " + GoQuote(Symbol(binary.op)) + " operation");
    }
    matching.cardinality = VectorMatching::Cardinality::kManyToMany;
    if (matching.fill_left || matching.fill_right) {
      Fail(binary.position.begin, "filling in missing series not allowed for set operators");
    }
  }

  void CheckNoMatching(const Binary& binary, const VectorMatching& matching) {
    if (!matching.labels.empty()) {
      Fail(binary.position.begin, "vector matching only allowed between instant vectors");
    }
    if (matching.fill_left || matching.fill_right) {
      Fail(binary.position.begin, "filling in missing series only allowed between instant vectors");
    }
  }

  const std::string_view query_;
  const VectorSelector* label_selector_ = nullptr;  // may match everything
  absl::Status status_;
};

}  // namespace

absl::Status CheckTypes(Expr& root, std::string_view query) {
  TypeChecker checker(query);
  checker.Check(root);
  return checker.status();
}

}  // namespace slowburn::query
