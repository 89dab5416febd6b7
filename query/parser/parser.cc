#include "query/parser/parser.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "query/limits.h"
#include "query/parser/deep_walk.h"
#include "query/parser/syntax_parser.h"
#include "query/parser/type_check.h"

namespace slowburn::query {
namespace {

absl::Status CheckLength(std::string_view query) {
  if (query.size() <= kMaxQueryBytes) return absl::OkStatus();
  return absl::InvalidArgumentError("the query is " + std::to_string(query.size()) +
                                    " bytes long, the limit is " + std::to_string(kMaxQueryBytes));
}

}  // namespace

absl::StatusOr<ExprPtr> Parse(std::string_view query, const ParserOptions& options) {
  RETURN_IF_ERROR(CheckLength(query));
  SyntaxParser parser(query, options);
  ExprPtr expr = parser.Query();
  if (!parser.status().ok()) return parser.status();
  absl::Status types;
  RETURN_IF_ERROR(WalkDeep(*expr, [&] { types = CheckTypes(*expr, query); }));
  RETURN_IF_ERROR(types);
  return expr;
}

absl::StatusOr<tsdb::Matchers> ParseSelector(std::string_view text, Selecting what) {
  RETURN_IF_ERROR(CheckLength(text));
  SyntaxParser parser(text, {});
  std::unique_ptr<VectorSelector> selector = parser.Selector();
  if (!parser.status().ok()) return parser.status();
  const bool selective = std::any_of(selector->matchers.begin(), selector->matchers.end(),
                                     [](const tsdb::Matcher& m) { return !m.MatchesEmpty(); });
  if (!selective && what == Selecting::kSomething) {
    return absl::InvalidArgumentError("match[] must contain at least one non-empty matcher");
  }
  return std::move(selector->matchers);
}

std::string LineColumn(std::string_view query, size_t offset) {
  if (query.empty()) return "unknown position";
  const std::string_view before = query.substr(0, std::min(offset, query.size()));
  const size_t line = size_t(std::count(before.begin(), before.end(), '\n')) + 1;
  const size_t last_break = before.rfind('\n');
  const size_t column = last_break == before.npos ? before.size() + 1 : before.size() - last_break;
  return std::to_string(line) + ":" + std::to_string(column);
}

}  // namespace slowburn::query
