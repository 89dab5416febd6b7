#include "rules/template/template.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rules/template/builtins.h"
#include "rules/template/evaluator.h"
#include "rules/template/parser.h"

namespace slowburn::rules {

absl::StatusOr<Template> Template::Parse(std::string_view text, std::string_view name,
                                         const TemplateFunctions& functions,
                                         std::vector<std::string> variables) {
  Template result(name, std::move(variables));
  RETURN_IF_ERROR(result.Add(text, name, functions));
  return result;
}

absl::Status Template::Add(std::string_view text, std::string_view name,
                           const TemplateFunctions& functions) {
  TemplateParseOptions options;
  options.variables = variables_;
  options.has_function = [&functions](std::string_view function) {
    return functions.find(function) != functions.end() ||
           BuiltinTemplateFunctions().find(function) != BuiltinTemplateFunctions().end();
  };
  ASSIGN_OR_RETURN(TemplateTrees trees, ParseTemplate(text, name, options));
  for (auto& [tree_name, tree] : trees) {
    const auto old = trees_.find(tree_name);
    if (old == trees_.end()) {
      trees_.emplace(tree_name, std::move(tree));
    } else if (!IsEmptyTree(*tree->root)) {
      old->second = std::move(tree);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Template> Template::With(std::string_view text, std::string_view name,
                                        const TemplateFunctions& functions) const {
  Template result = *this;
  result.name_ = std::string(name);
  result.trees_.erase(result.name_);
  RETURN_IF_ERROR(result.Add(text, name, functions));
  return result;
}

absl::StatusOr<std::string> Template::Execute(const TemplateValue& data,
                                              const TemplateFunctions& functions,
                                              std::span<const TemplateValue> values) const {
  const auto tree = trees_.find(name_);
  if (tree == trees_.end()) {
    return absl::NotFoundError(absl::StrCat("template ", name_, " is not defined"));
  }
  return TemplateEvaluator(trees_, functions).Run(*tree->second, data, variables_, values);
}

}  // namespace slowburn::rules
