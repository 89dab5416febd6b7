// Parser of Go's template language.
#ifndef SLOWBURN_RULES_TEMPLATE_PARSER_H_
#define SLOWBURN_RULES_TEMPLATE_PARSER_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/template/node.h"

namespace slowburn::rules {

struct TemplateParseOptions {
  std::function<bool(std::string_view)> has_function;
  std::vector<std::string> variables;  // "$labels": defined from outside
};

// The tree named `name`, and one for each define and block inside. kInvalidArgument with the text
// "template: NAME:LINE:COLUMN: reason", from 1, columns in bytes.
absl::StatusOr<TemplateTrees> ParseTemplate(std::string_view text, std::string_view name,
                                            const TemplateParseOptions& options);

// True when there is nothing but blank text and definitions: such a tree never replaces another.
bool IsEmptyTree(const TemplateNode& node);

// "LINE:COLUMN" of a byte offset, from 1.
std::string TemplatePosition(std::string_view text, size_t offset);

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_TEMPLATE_PARSER_H_
