// The other forms in which an instant query must give the same answer: every selector and subquery
// pinned to the evaluation time with @, evaluated at other times.
//
// Threads: stateless.
#ifndef SLOWBURN_QUERY_PROMQLTEST_REWRITES_H_
#define SLOWBURN_QUERY_PROMQLTEST_REWRITES_H_

#include <string>
#include <string_view>
#include <vector>

#include "query/parser/ast.h"
#include "tsdb/sample.h"

namespace slowburn::query {

struct Rewrite {
  std::string expr;
  tsdb::TimestampMs at = 0;
};

// Empty where a function's answer depends on the evaluation time itself. The tree is changed.
std::vector<Rewrite> AtRewrites(Expr& expr, tsdb::TimestampMs at);

// Whether the query asks for its own range or step, so that it cannot be asked as another range.
bool DependsOnRange(std::string_view expr);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PROMQLTEST_REWRITES_H_
