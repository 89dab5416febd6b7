// A query's syntax tree as JSON: what /api/v1/parse_query answers, in Prometheus' form.
//
// Threads: stateless.
#ifndef SLOWBURN_API_AST_JSON_H_
#define SLOWBURN_API_AST_JSON_H_

#include <string>

#include "absl/status/status.h"
#include "query/parser/ast.h"

namespace slowburn::api {

// kResourceExhausted: the tree is deep and there is no stack for it.
absl::Status AppendSyntaxTree(std::string& out, const query::Expr& expr);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_AST_JSON_H_
