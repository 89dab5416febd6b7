// WalkDeep: runs a recursive walk over a tree, and what is made from it, with as much stack as the
// tree's height wants.
//
// `run` is called before it returns, on this thread or on one that this thread waits for.
// Threads: thread-safe. kResourceExhausted: there is no memory for the stack, and nothing ran.
#ifndef SLOWBURN_QUERY_PARSER_DEEP_WALK_H_
#define SLOWBURN_QUERY_PARSER_DEEP_WALK_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "query/parser/ast.h"

namespace slowburn::query {

absl::Status WalkDeep(const Expr& root, absl::FunctionRef<void()> run);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PARSER_DEEP_WALK_H_
