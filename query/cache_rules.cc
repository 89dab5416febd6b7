#include "query/cache_rules.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "query/functions/function_table.h"

namespace slowburn::query {
namespace {

constexpr size_t kMaxMetrics = 64;

// What is known about the series of an expression, whatever the range.
struct Traits {
  // The names that they have.
  enum class Names { kNone, kOne, kMixed } names = Names::kNone;
  // Of two series the same one comes first, whichever others there are.
  bool ordered = true;
};
using Names = Traits::Names;

bool AsksForRangeOrOrder(FunctionId id) {
  switch (id) {
    case FunctionId::kStart:
    case FunctionId::kEnd:
    case FunctionId::kRange:
    case FunctionId::kStep:
    case FunctionId::kInfo:
    case FunctionId::kSort:
    case FunctionId::kSortDesc:
    case FunctionId::kSortByLabel:
    case FunctionId::kSortByLabelDesc:
      return true;
    default:
      return false;
  }
}

bool AddsInOrder(AggregateOp op) {
  switch (op) {
    case AggregateOp::kMin:
    case AggregateOp::kMax:
    case AggregateOp::kGroup:
    case AggregateOp::kCount:
    case AggregateOp::kCountValues:
    case AggregateOp::kQuantile:
      return false;
    default:
      return true;
  }
}

bool Picks(AggregateOp op) { return op == AggregateOp::kTopk || op == AggregateOp::kBottomk; }

bool MentionsName(const std::vector<std::string>& labels) {
  return std::ranges::find(labels, tsdb::kMetricName) != labels.end();
}

class Walk {
 public:
  explicit Walk(tsdb::DurationMs lookback) : lookback_(lookback) {}

  // Nothing: not to be kept. The expression is evaluated at times [t + first, t + last] for a step
  // at t.
  std::optional<Traits> Visit(const Expr& e, StepReads at) {
    switch (e.kind) {
      case NodeKind::kNumber:
      case NodeKind::kString:
        return Traits{};
      case NodeKind::kParen:
        return Visit(*static_cast<const Paren&>(e).inner, at);
      case NodeKind::kVectorSelector:
        return Selector(static_cast<const VectorSelector&>(e), lookback_, at);
      case NodeKind::kMatrixSelector: {
        const auto& matrix = static_cast<const MatrixSelector&>(e);
        if (matrix.range.expr) return std::nullopt;
        return Selector(*matrix.selector, matrix.range.ms, at);
      }
      case NodeKind::kSubquery:
        return VisitSubquery(static_cast<const Subquery&>(e), at);
      case NodeKind::kCall:
        return VisitCall(static_cast<const Call&>(e), at);
      case NodeKind::kAggregate:
        return VisitAggregate(static_cast<const Aggregate&>(e), at);
      case NodeKind::kBinary:
        return VisitBinary(static_cast<const Binary&>(e), at);
      case NodeKind::kUnary: {
        const std::optional<Traits> inner = Visit(*static_cast<const Unary&>(e).inner, at);
        if (!inner || inner->names == Names::kMixed) return std::nullopt;
        return Traits{Names::kNone, inner->ordered};
      }
    }
    return std::nullopt;
  }

  ReadsByMetric& reads() { return reads_; }

 private:
  std::optional<Traits> Selector(const VectorSelector& selector, tsdb::DurationMs window,
                                 StepReads at) {
    if (selector.at || selector.offset.expr || selector.mode != RangeMode::kPlain)
      return std::nullopt;
    const std::string* name = nullptr;
    for (const tsdb::Matcher& matcher : selector.matchers) {
      if (matcher.name() != tsdb::kMetricName || matcher.op() != tsdb::Matcher::Op::kEqual)
        continue;
      if (name == nullptr) name = &matcher.value();
    }
    if (name == nullptr || name->empty()) return std::nullopt;
    const tsdb::DurationMs offset = selector.offset.ms;
    const StepReads read{at.first - offset - window, at.last - offset};
    const auto [entry, fresh] = reads_.try_emplace(*name, read);
    if (!fresh) {
      entry->second.first = std::min(entry->second.first, read.first);
      entry->second.last = std::max(entry->second.last, read.last);
    }
    if (reads_.size() > kMaxMetrics) return std::nullopt;
    return Traits{Names::kOne, true};
  }

  std::optional<Traits> VisitSubquery(const Subquery& subquery, StepReads at) {
    const bool known = !subquery.at && !subquery.offset.expr && !subquery.range.expr &&
                       !(subquery.step && subquery.step->expr);
    if (!known) return std::nullopt;
    const tsdb::DurationMs offset = subquery.offset.ms;
    const std::optional<Traits> inner =
        Visit(*subquery.inner, {at.first - offset - subquery.range.ms, at.last - offset});
    // Above, names are dropped, and series that then are equal clash wherever in the range they
    // are.
    if (!inner || inner->names == Names::kMixed) return std::nullopt;
    return inner;
  }

  std::optional<Traits> VisitCall(const Call& call, StepReads at) {
    const FunctionId id = call.function->id;
    if (AsksForRangeOrOrder(id)) return std::nullopt;
    Traits out;
    for (const ExprPtr& arg : call.args) {
      const std::optional<Traits> traits = Visit(*arg, at);
      if (!traits) return std::nullopt;
      if (arg->type == ValueType::kVector || arg->type == ValueType::kMatrix) out = *traits;
    }
    switch (id) {
      case FunctionId::kLastOverTime:
      case FunctionId::kFirstOverTime:
        return out;
      case FunctionId::kLabelReplace:
      case FunctionId::kLabelJoin:
        return Traits{Names::kMixed, false};
      case FunctionId::kHistogramQuantile:
      case FunctionId::kHistogramQuantiles:
      case FunctionId::kHistogramFraction:
        if (out.names == Names::kMixed) return std::nullopt;
        return Traits{Names::kNone, false};
      default:
        if (out.names == Names::kMixed) return std::nullopt;
        return Traits{Names::kNone, out.ordered};
    }
  }

  std::optional<Traits> VisitAggregate(const Aggregate& aggregate, StepReads at) {
    if (aggregate.op == AggregateOp::kLimitk || aggregate.op == AggregateOp::kLimitRatio)
      return std::nullopt;
    const std::optional<Traits> inner = Visit(*aggregate.inner, at);
    if (!inner || (AddsInOrder(aggregate.op) && !inner->ordered)) return std::nullopt;
    if (aggregate.parameter && !Visit(*aggregate.parameter, at)) return std::nullopt;
    if (Picks(aggregate.op)) return Traits{inner->names, false};
    const bool may_have_names = aggregate.op == AggregateOp::kCountValues ||
                                (!aggregate.without && MentionsName(aggregate.grouping));
    return Traits{may_have_names ? Names::kMixed : Names::kNone, false};
  }

  std::optional<Traits> VisitBinary(const Binary& binary, StepReads at) {
    const std::optional<Traits> left = Visit(*binary.left, at);
    if (!left) return std::nullopt;
    const std::optional<Traits> right = Visit(*binary.right, at);
    if (!right) return std::nullopt;
    if (!binary.matching) {  // a scalar is there
      const Traits& vector = binary.left->type == ValueType::kVector ? *left : *right;
      const bool keeps_name = IsComparison(binary.op) && !binary.return_bool;
      if (keeps_name) return vector;
      if (vector.names == Names::kMixed) return std::nullopt;
      return Traits{Names::kNone, vector.ordered};
    }
    const VectorMatching& matching = *binary.matching;
    if (matching.fill_left || matching.fill_right) return std::nullopt;
    if (binary.op == BinaryOp::kAnd || binary.op == BinaryOp::kUnless) return left;
    const bool mixed = left->names == Names::kMixed || right->names == Names::kMixed;
    if (binary.op == BinaryOp::kOr) {
      const bool none = left->names == Names::kNone && right->names == Names::kNone;
      return Traits{none ? Names::kNone : Names::kMixed, false};
    }
    if (mixed) return std::nullopt;
    const bool one_to_one = matching.cardinality == VectorMatching::Cardinality::kOneToOne;
    const bool plain = one_to_one && !matching.on && matching.labels.empty();
    const bool may_have_names = (IsComparison(binary.op) && !binary.return_bool) ||
                                MentionsName(matching.include) || MentionsName(matching.labels);
    return Traits{may_have_names ? Names::kMixed : Names::kNone, left->ordered && plain};
  }

  const tsdb::DurationMs lookback_;
  ReadsByMetric reads_;
};

}  // namespace

std::optional<ReadsByMetric> KeepableReads(const Expr& query, tsdb::DurationMs lookback) {
  Walk walk(lookback);
  if (!walk.Visit(query, {}) || walk.reads().empty()) return std::nullopt;
  return std::move(walk.reads());
}

}  // namespace slowburn::query
