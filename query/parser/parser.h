// Parse: PromQL text to a type-checked tree.
//
// Errors are kInvalidArgument with Prometheus' words: "1:5: parse error: unexpected …" (line:column
// of the start). Depth and length are limited (limits.h), so no query can exhaust the stack.
// Threads: stateless.
#ifndef SLOWBURN_QUERY_PARSER_PARSER_H_
#define SLOWBURN_QUERY_PARSER_PARSER_H_

#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "query/parser/ast.h"

namespace slowburn::query {

// Switched on by --enable-feature, as in Prometheus.
struct ParserOptions {
  bool experimental_functions = false;    // promql-experimental-functions
  bool extended_range_selectors = false;  // promql-extended-range-selectors
  bool binop_fill_modifiers = false;      // promql-binop-fill-modifiers
};

absl::StatusOr<ExprPtr> Parse(std::string_view query, const ParserOptions& options = {});

// `up{job="a"}`, `{__name__=~"x.*"}`: for match[] parameters. Unless any selector will do, at least
// one matcher must not match "".
enum class Selecting { kSomething, kAnything };
absl::StatusOr<tsdb::Matchers> ParseSelector(std::string_view text, Selecting what = Selecting::kSomething);

// "1:5" for a byte offset, columns in bytes from 1, as annotations print it.
std::string LineColumn(std::string_view query, size_t offset);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PARSER_PARSER_H_
