// Compares syntax trees node by node, without positions.
#ifndef SLOWBURN_TESTS_QUERY_SAME_TREE_H_
#define SLOWBURN_TESTS_QUERY_SAME_TREE_H_

#include "query/parser/ast.h"

namespace slowburn::query {

bool SameTree(const Expr& a, const Expr& b);

}  // namespace slowburn::query

#endif  // SLOWBURN_TESTS_QUERY_SAME_TREE_H_
