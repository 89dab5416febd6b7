// Template: Go's text/template language, as alert annotations and notifications are written in it.
//
//   ASSIGN_OR_RETURN(Template t,
//                    Template::Parse("{{ .Labels.job }} is {{ $value | humanize }}", "summary",
//                                    functions, {"$value"}));
//   ASSIGN_OR_RETURN(std::string text, t.Execute(data, functions, {{TemplateValue::Float(1)}}));
//
// Go's built-in functions are always there; `functions` come on top and win. A key that a map lacks
// gives its zero value (missingkey=zero). Output, steps and depth are limited (limits.h): no
// template can hang or fill memory.
//
// Threads: immutable after Parse and Add, so one Template may run on many threads. Copies share the
// trees.
// Errors: kInvalidArgument. Parse: "template: NAME:LINE:COLUMN: reason"; Execute: "template:
//   NAME:LINE:COLUMN: executing "NAME" at <NODE>: reason", lines and columns (in bytes) from 1.
//   kResourceExhausted: a limit.
#ifndef SLOWBURN_RULES_TEMPLATE_TEMPLATE_H_
#define SLOWBURN_RULES_TEMPLATE_TEMPLATE_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/template/node.h"
#include "rules/template/value.h"

namespace slowburn::rules {

class Template {
 public:
  // `variables` ("$labels") are given their values by Execute. Of `functions` only the names are
  // looked at.
  static absl::StatusOr<Template> Parse(std::string_view text, std::string_view name,
                                        const TemplateFunctions& functions,
                                        std::vector<std::string> variables = {});

  // Takes over what `text` defines, and `text` itself as `name`: for *.tmpl files. A later
  // definition replaces an earlier one of the same name, unless it is empty.
  absl::Status Add(std::string_view text, std::string_view name,
                   const TemplateFunctions& functions);
  // As Parse, in addition to the definitions that are here already.
  absl::StatusOr<Template> With(std::string_view text, std::string_view name,
                                const TemplateFunctions& functions) const;

  // REQUIRES: as many `values` as Parse had variables.
  absl::StatusOr<std::string> Execute(const TemplateValue& data, const TemplateFunctions& functions,
                                      std::span<const TemplateValue> values = {}) const;

  const std::string& name() const { return name_; }
  bool Defines(std::string_view name) const { return trees_.find(name) != trees_.end(); }

 private:
  Template(std::string_view name, std::vector<std::string> variables)
      : name_(name), variables_(std::move(variables)) {}

  std::string name_;
  std::vector<std::string> variables_;
  TemplateTrees trees_;  // shared with copies; immutable
};

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_TEMPLATE_TEMPLATE_H_
