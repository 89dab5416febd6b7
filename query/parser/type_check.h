// CheckTypes: the second half of Parse. Sets every node's type and refuses what is grammatical but
// makes no sense. Internal to query/parser. Threads: stateless.
#ifndef SLOWBURN_QUERY_PARSER_TYPE_CHECK_H_
#define SLOWBURN_QUERY_PARSER_TYPE_CHECK_H_

#include <string_view>

#include "absl/status/status.h"
#include "query/parser/ast.h"

namespace slowburn::query {

// kInvalidArgument: as Parse. The first fault in depth-first order is told.
absl::Status CheckTypes(Expr& root, std::string_view query);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PARSER_TYPE_CHECK_H_
