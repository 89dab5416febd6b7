// Print: a tree back to PromQL text in one line, Pretty: over several lines as `promtool promql
// format` breaks them.
// Law: Parse(Print(e)) equals e. Threads: stateless.
// The text is empty where there is no memory for the stack that a deep tree wants.
#ifndef SLOWBURN_QUERY_PARSER_PRINTER_H_
#define SLOWBURN_QUERY_PARSER_PRINTER_H_

#include <string>

#include "query/parser/ast.h"

namespace slowburn::query {

std::string Print(const Expr& expr);
std::string Pretty(const Expr& expr);
// The plain prefix of a tree's root for annotations and tests, e.g. `rate(x[5m])`.
std::string PrintDuration(const DurationValue& duration);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PARSER_PRINTER_H_
