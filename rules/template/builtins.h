// Go's built-in template functions: call html index slice js len not print printf println urlquery
// eq ne lt le gt ge. `and` and `or` are here by name only: they stop at the first operand that
// decides, so the evaluator runs them.
#ifndef SLOWBURN_RULES_TEMPLATE_BUILTINS_H_
#define SLOWBURN_RULES_TEMPLATE_BUILTINS_H_

#include <string>
#include <string_view>

#include "rules/template/value.h"

namespace slowburn::rules {

const TemplateFunctions& BuiltinTemplateFunctions();

std::string EscapeHtml(std::string_view text);

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_TEMPLATE_BUILTINS_H_
