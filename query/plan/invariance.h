// Which parts of a query have the same value at every step.
#ifndef SLOWBURN_QUERY_PLAN_INVARIANCE_H_
#define SLOWBURN_QUERY_PLAN_INVARIANCE_H_

#include <unordered_set>

#include "query/parser/ast.h"

namespace slowburn::query {

// Law: an expression is in the set if no selector in it moves with the evaluation time and no
// function in it asks for that time.
class InvariantParts {
 public:
  explicit InvariantParts(const Expr& root) { Visit(root); }
  bool Contains(const Expr& e) const { return parts_.contains(&e); }

 private:
  bool Visit(const Expr& e);
  bool VisitCall(const Call& call);
  std::unordered_set<const Expr*> parts_;
};

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PLAN_INVARIANCE_H_
