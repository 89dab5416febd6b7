// RETURN_IF_ERROR and ASSIGN_OR_RETURN for absl::Status (this Abseil has neither), and Annotate to
// add context.
#ifndef SLOWBURN_BASE_STATUS_MACROS_H_
#define SLOWBURN_BASE_STATUS_MACROS_H_

#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define SLOWBURN_CONCAT_INNER_(a, b) a##b
#define SLOWBURN_CONCAT_(a, b) SLOWBURN_CONCAT_INNER_(a, b)

#define RETURN_IF_ERROR(expression)               \
  do {                                            \
    absl::Status status_macro_value_ = (expression); \
    if (!status_macro_value_.ok()) return status_macro_value_; \
  } while (false)

// ASSIGN_OR_RETURN(auto x, F()): declares x, or returns F()'s status from the enclosing function.
#define ASSIGN_OR_RETURN(lhs, expression) \
  SLOWBURN_ASSIGN_OR_RETURN_IMPL_(SLOWBURN_CONCAT_(status_or_value_, __LINE__), lhs, expression)
#define SLOWBURN_ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expression) \
  auto tmp = (expression);                                    \
  if (!tmp.ok()) return tmp.status();                         \
  lhs = std::move(tmp).value()

namespace slowburn::base {

// The same code with "context: " before the message. OK stays OK.
absl::Status Annotate(const absl::Status& status, std::string_view context);

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_STATUS_MACROS_H_
