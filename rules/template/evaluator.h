// Evaluator: runs one template once.
#ifndef SLOWBURN_RULES_TEMPLATE_EVALUATOR_H_
#define SLOWBURN_RULES_TEMPLATE_EVALUATOR_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "rules/template/node.h"
#include "rules/template/value.h"

namespace slowburn::rules {

// Borrows everything it is given. One Run per object.
class TemplateEvaluator {
 public:
  TemplateEvaluator(const TemplateTrees& trees, const TemplateFunctions& functions)
      : trees_(trees), functions_(functions) {}

  absl::StatusOr<std::string> Run(const TemplateTree& tree, const TemplateValue& data,
                                  std::span<const std::string> names,
                                  std::span<const TemplateValue> values);

 private:
  using Result = absl::StatusOr<TemplateValue>;
  using Operands = std::span<const TemplateNodePtr>;  // of a command, the callee first
  enum class Flow { kOn, kBreak, kContinue };
  struct Depth;

  absl::Status Error(const TemplateNode& at, std::string_view message) const;
  absl::Status Step(const TemplateNode& at);

  absl::Status Walk(const TemplateNode& node, const TemplateValue& dot, Flow& flow);
  absl::Status WalkIfOrWith(const TemplateNode& node, const TemplateValue& dot, Flow& flow);
  absl::Status WalkRange(const TemplateNode& node, const TemplateValue& dot, Flow& flow);
  absl::Status WalkTemplate(const TemplateNode& node, const TemplateValue& dot);
  // One turn of a range. False in `again`: a break.
  absl::Status Turn(const TemplateNode& node, const TemplateValue& index, const TemplateValue& item,
                    bool& again);

  Result Pipe(const TemplateNode& pipe, const TemplateValue& dot);
  Result Command(const TemplateNode& command, const TemplateValue& dot, const TemplateValue* last);
  // An operand by itself, as an argument.
  Result Operand(const TemplateNode& node, const TemplateValue& dot);
  Result Number(const TemplateNode& node) const;
  // Follows `names` from `receiver`; arguments go to the last of them.
  Result Fields(const TemplateNode& node, TemplateValue receiver,
                std::span<const std::string> names, const TemplateValue& dot, Operands args,
                const TemplateValue* last);
  Result Field(const TemplateNode& node, const TemplateValue& receiver, const std::string& name,
               const TemplateValue& dot, Operands args, const TemplateValue* last);
  // `whole` is what errors of the callee show: the command with its operands.
  Result Function(const TemplateNode& node, const TemplateNode& whole, const TemplateValue& dot,
                  Operands args, const TemplateValue* last);
  Result Call(const TemplateNode& node, const TemplateNode& whole, std::string_view name,
              const TemplateFunction& function, const TemplateValue* receiver,
              const TemplateValue& dot, Operands args, const TemplateValue* last);
  Result AndOr(const TemplateNode& node, const TemplateValue& dot, Operands args,
               const TemplateValue* last);
  absl::Status CheckKind(const TemplateNode& at, char parameter, const TemplateValue& value) const;
  absl::Status NoArguments(const TemplateNode& node, Operands args,
                           const TemplateValue* last) const;

  TemplateValue* Variable(std::string_view name);

  const TemplateTrees& trees_;
  const TemplateFunctions& functions_;
  const TemplateTree* tree_ = nullptr;  // being run
  std::string out_;
  std::vector<std::pair<std::string, TemplateValue>> variables_;
  size_t frame_ = 0;  // where the variables of the current tree begin
  int64_t steps_ = 0;
  int depth_ = 0;
};

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_TEMPLATE_EVALUATOR_H_
