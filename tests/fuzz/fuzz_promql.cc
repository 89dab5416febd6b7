// Any bytes parse or fail cleanly, and what parses prints to text that parses to the same tree.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/check.h"
#include "query/limits.h"
#include "query/parser/parser.h"
#include "query/parser/printer.h"
#include "query/promqltest/series_literal.h"
#include "tests/query/same_tree.h"

namespace {

using slowburn::query::ExprPtr;
using slowburn::query::Parse;
using slowburn::query::ParserOptions;

constexpr ParserOptions kAll{
    .experimental_functions = true, .extended_range_selectors = true, .binop_fill_modifiers = true};

// A range below a millisecond prints as 0s, which is refused: the one text that may not parse
// again.
bool HasEmptyDuration(const std::string& text) {
  return text.find("[0s") != std::string::npos || text.find(":0s]") != std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)slowburn::query::ParseSelector(text);
  if (size < 4096) (void)slowburn::query::ParseSeriesLiteral(text);
  const absl::StatusOr<ExprPtr> expr = Parse(text, kAll);
  if (!expr.ok()) return 0;
  const std::string printed = Print(**expr);
  if (HasEmptyDuration(printed)) return 0;
  const absl::StatusOr<ExprPtr> again = Parse(printed, kAll);
  CHECK(again.ok());
  CHECK(slowburn::query::SameTree(**expr, **again));
  CHECK(Print(**again) == printed);
  const std::string lines = Pretty(**expr);
  if (lines.size() > slowburn::query::kMaxQueryBytes) return 0;  // by its indentation
  const absl::StatusOr<ExprPtr> pretty = Parse(lines, kAll);
  CHECK(pretty.ok());
  CHECK(slowburn::query::SameTree(**expr, **pretty));
  CHECK(Print(**pretty) == printed);
  return 0;
}
