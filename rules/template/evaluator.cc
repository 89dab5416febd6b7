#include "rules/template/evaluator.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rules/template/builtins.h"
#include "rules/template/format.h"
#include "rules/template/limits.h"
#include "rules/template/parser.h"

namespace slowburn::rules {
namespace {

using NodeKind = TemplateNode::Kind;
using Kind = TemplateValue::Kind;

constexpr size_t kMaxShown = 200;  // bytes of a node in an error

std::string_view WantedName(char parameter) {
  switch (parameter) {
    case 's':
      return "string";
    case 'i':
      return "int";
    case 'l':
      return "list";
    case 'o':
      return "struct";
    default:
      return "any";
  }
}

bool Fits(char parameter, const TemplateValue& value) {
  switch (parameter) {
    case 's':
      return value.kind() == Kind::kString;
    case 'i':
      return value.kind() == Kind::kInt;
    case 'l':
      return value.kind() == Kind::kList;
    case 'o':
      return value.kind() == Kind::kStruct;
    default:
      return true;
  }
}

}  // namespace

struct TemplateEvaluator::Depth {
  explicit Depth(TemplateEvaluator& e) : evaluator(e) { ++evaluator.depth_; }
  ~Depth() { --evaluator.depth_; }
  TemplateEvaluator& evaluator;
};

absl::Status TemplateEvaluator::Error(const TemplateNode& at, std::string_view message) const {
  std::string shown = ToString(at);
  if (shown.size() > kMaxShown) shown = shown.substr(0, kMaxShown) + "...";
  return absl::InvalidArgumentError(absl::StrCat(
      "template: ", tree_->parse_name, ":", TemplatePosition(*tree_->text, at.offset),
      ": executing ", QuoteGo(tree_->name), " at <", shown, ">: ", std::string(message)));
}

absl::Status TemplateEvaluator::Step(const TemplateNode& at) {
  if (++steps_ > kMaxTemplateSteps)
    return Error(at, absl::StrCat("more than ", kMaxTemplateSteps, " steps"));
  if (depth_ > 2 * kMaxTemplateDepth) return Error(at, "exceeded maximum template depth");
  return absl::OkStatus();
}

absl::StatusOr<std::string> TemplateEvaluator::Run(const TemplateTree& tree,
                                                   const TemplateValue& data,
                                                   std::span<const std::string> names,
                                                   std::span<const TemplateValue> values) {
  tree_ = &tree;
  variables_.emplace_back("$", data);
  for (size_t i = 0; i < names.size() && i < values.size(); ++i)
    variables_.emplace_back(names[i], values[i]);
  Flow flow = Flow::kOn;
  RETURN_IF_ERROR(Walk(*tree.root, data, flow));
  return std::move(out_);
}

TemplateValue* TemplateEvaluator::Variable(std::string_view name) {
  for (size_t i = variables_.size(); i-- > frame_;) {
    if (variables_[i].first == name) return &variables_[i].second;
  }
  return nullptr;
}

absl::Status TemplateEvaluator::Walk(const TemplateNode& node, const TemplateValue& dot,
                                     Flow& flow) {
  Depth depth(*this);
  RETURN_IF_ERROR(Step(node));
  switch (node.kind) {
    case NodeKind::kText:
      out_ += node.text;
      return out_.size() > kMaxTemplateOutputBytes
                 ? Error(node, absl::StrCat("template output is longer than ",
                                            kMaxTemplateOutputBytes, " bytes"))
                 : absl::OkStatus();
    case NodeKind::kAction: {
      ASSIGN_OR_RETURN(const TemplateValue value, Pipe(*node.pipe, dot));
      if (!node.pipe->names.empty()) return absl::OkStatus();
      if (absl::Status s = AppendAction(out_, value); !s.ok())
        return Error(node, std::string(s.message()));
      return absl::OkStatus();
    }
    case NodeKind::kIf:
    case NodeKind::kWith:
      return WalkIfOrWith(node, dot, flow);
    case NodeKind::kRange:
      return WalkRange(node, dot, flow);
    case NodeKind::kTemplate:
      return WalkTemplate(node, dot);
    case NodeKind::kBreak:
      flow = Flow::kBreak;
      return absl::OkStatus();
    case NodeKind::kContinue:
      flow = Flow::kContinue;
      return absl::OkStatus();
    case NodeKind::kList:
      for (const TemplateNodePtr& child : node.children) {
        RETURN_IF_ERROR(Walk(*child, dot, flow));
        if (flow != Flow::kOn) break;
      }
      return absl::OkStatus();
    default:
      return Error(node, "unexpected node");
  }
}

absl::Status TemplateEvaluator::WalkIfOrWith(const TemplateNode& node, const TemplateValue& dot,
                                             Flow& flow) {
  const size_t mark = variables_.size();
  ASSIGN_OR_RETURN(const TemplateValue value, Pipe(*node.pipe, dot));
  absl::Status status;
  if (value.Truth()) {
    status = Walk(*node.body, node.kind == NodeKind::kWith ? value : dot, flow);
  } else if (node.otherwise != nullptr) {
    status = Walk(*node.otherwise, dot, flow);
  }
  variables_.resize(mark);
  return status;
}

absl::Status TemplateEvaluator::Turn(const TemplateNode& node, const TemplateValue& index,
                                     const TemplateValue& item, bool& again) {
  const std::vector<std::string>& names = node.pipe->names;
  const size_t mark = variables_.size();
  const TemplateValue& first = names.size() > 1 ? index : item;
  if (node.pipe->assigns) {
    if (TemplateValue* v = names.empty() ? nullptr : Variable(names[0])) *v = first;
    if (TemplateValue* v = names.size() < 2 ? nullptr : Variable(names[1])) *v = item;
  } else {
    if (!names.empty()) variables_.emplace_back(names[0], first);
    if (names.size() > 1) variables_.emplace_back(names[1], item);
  }
  Flow flow = Flow::kOn;
  RETURN_IF_ERROR(Walk(*node.body, item, flow));
  variables_.resize(mark);
  again = flow != Flow::kBreak;
  return absl::OkStatus();
}

absl::Status TemplateEvaluator::WalkRange(const TemplateNode& node, const TemplateValue& dot,
                                          Flow& flow) {
  const size_t mark = variables_.size();
  ASSIGN_OR_RETURN(const TemplateValue value, Pipe(*node.pipe, dot));
  bool again = true, any = false;
  switch (value.kind()) {
    case Kind::kNil:
      break;
    case Kind::kList:
      for (size_t i = 0; i < value.items().size() && again; ++i) {
        any = true;
        RETURN_IF_ERROR(
            Turn(node, TemplateValue::Int(static_cast<int64_t>(i)), value.items()[i], again));
      }
      break;
    case Kind::kMap:
      for (const auto& [name, item] : value.entries()) {
        any = true;
        RETURN_IF_ERROR(Turn(node, TemplateValue::String(name), item, again));
        if (!again) break;
      }
      break;
    case Kind::kInt:
      if (node.pipe->names.size() > 1) {
        return Error(*node.pipe, absl::StrCat("can't use ", value.int_value(),
                                              " to iterate over more than one variable"));
      }
      for (int64_t i = 0; i < value.int_value() && again; ++i) {
        any = true;
        RETURN_IF_ERROR(Turn(node, TemplateValue::Int(i), TemplateValue::Int(i), again));
      }
      break;
    default: {
      ASSIGN_OR_RETURN(const std::string text, Sprint(TemplateArgs(&value, 1)));
      return Error(*node.pipe, absl::StrCat("range can't iterate over ", text));
    }
  }
  absl::Status status;
  if (!any && node.otherwise != nullptr) status = Walk(*node.otherwise, dot, flow);
  variables_.resize(mark);
  return status;
}

absl::Status TemplateEvaluator::WalkTemplate(const TemplateNode& node, const TemplateValue& dot) {
  const auto found = trees_.find(node.text);
  if (found == trees_.end())
    return Error(node, absl::StrCat("template ", QuoteGo(node.text), " not defined"));
  TemplateValue data;
  if (node.pipe != nullptr) {
    ASSIGN_OR_RETURN(data, Pipe(*node.pipe, dot));
  }
  const TemplateTree* const outer = std::exchange(tree_, found->second.get());
  const size_t frame = std::exchange(frame_, variables_.size());
  variables_.emplace_back("$", data);
  Flow flow = Flow::kOn;
  absl::Status status = Walk(*tree_->root, data, flow);
  variables_.resize(frame_);
  frame_ = frame;
  tree_ = outer;
  return status;
}

TemplateEvaluator::Result TemplateEvaluator::Pipe(const TemplateNode& pipe,
                                                  const TemplateValue& dot) {
  Depth depth(*this);
  std::optional<TemplateValue> value;
  for (const TemplateNodePtr& command : pipe.children) {
    RETURN_IF_ERROR(Step(*command));
    ASSIGN_OR_RETURN(TemplateValue next, Command(*command, dot, value ? &*value : nullptr));
    value = std::move(next);
  }
  for (const std::string& name : pipe.names) {
    if (pipe.assigns) {
      TemplateValue* variable = Variable(name);
      if (variable == nullptr) return Error(pipe, absl::StrCat("undefined variable: ", name));
      *variable = *value;
    } else {
      variables_.emplace_back(name, *value);
    }
  }
  return *std::move(value);
}

absl::Status TemplateEvaluator::NoArguments(const TemplateNode& node, Operands args,
                                            const TemplateValue* last) const {
  if (args.size() <= 1 && last == nullptr) return absl::OkStatus();
  return Error(node, absl::StrCat("can't give argument to non-function ", ToString(node)));
}

TemplateEvaluator::Result TemplateEvaluator::Command(const TemplateNode& command,
                                                     const TemplateValue& dot,
                                                     const TemplateValue* last) {
  const Operands args(command.children);
  const TemplateNode& first = *args[0];
  switch (first.kind) {
    case NodeKind::kField:
      return Fields(first, dot, first.names, dot, args, last);
    case NodeKind::kChain: {
      ASSIGN_OR_RETURN(TemplateValue receiver, Operand(*first.pipe, dot));
      return Fields(first, std::move(receiver), first.names, dot, args, last);
    }
    case NodeKind::kIdentifier:
      return Function(first, command, dot, args, last);
    case NodeKind::kVariable: {
      const TemplateValue* variable = Variable(first.names[0]);
      if (variable == nullptr)
        return Error(first, absl::StrCat("undefined variable: ", first.names[0]));
      if (first.names.size() > 1) {
        return Fields(first, *variable, std::span(first.names).subspan(1), dot, args, last);
      }
      RETURN_IF_ERROR(NoArguments(first, args, last));
      return *variable;
    }
    case NodeKind::kNil:
      return Error(first, "nil is not a command");
    default:
      RETURN_IF_ERROR(NoArguments(first, args, last));
      return Operand(first, dot);
  }
}

TemplateEvaluator::Result TemplateEvaluator::Number(const TemplateNode& node) const {
  const bool hex_integer = node.text.size() > 2 && node.text[0] == '0' &&
                           (node.text[1] | 0x20) == 'x' &&
                           node.text.find_first_of("pP") == std::string::npos;
  const bool rune = node.text[0] == '\'';
  if (!hex_integer && !rune && node.text.find_first_of(".eEpP") != std::string::npos) {
    return TemplateValue::Float(node.number);
  }
  return TemplateValue::Int(node.integer);
}

TemplateEvaluator::Result TemplateEvaluator::Operand(const TemplateNode& node,
                                                     const TemplateValue& dot) {
  Depth depth(*this);
  RETURN_IF_ERROR(Step(node));
  switch (node.kind) {
    case NodeKind::kDot:
      return dot;
    case NodeKind::kNil:
      return TemplateValue();
    case NodeKind::kBool:
      return TemplateValue::Bool(node.boolean);
    case NodeKind::kNumber:
      return Number(node);
    case NodeKind::kString:
      return TemplateValue::String(node.value);
    case NodeKind::kField:
      return Fields(node, dot, node.names, dot, {}, nullptr);
    case NodeKind::kVariable: {
      const TemplateValue* variable = Variable(node.names[0]);
      if (variable == nullptr)
        return Error(node, absl::StrCat("undefined variable: ", node.names[0]));
      return Fields(node, *variable, std::span(node.names).subspan(1), dot, {}, nullptr);
    }
    case NodeKind::kChain: {
      if (node.pipe->kind == NodeKind::kNil) return Error(node, "indirection through explicit nil");
      ASSIGN_OR_RETURN(TemplateValue receiver, Operand(*node.pipe, dot));
      return Fields(node, std::move(receiver), node.names, dot, {}, nullptr);
    }
    case NodeKind::kIdentifier:
      return Function(node, node, dot, {}, nullptr);
    case NodeKind::kPipe:
      return Pipe(node, dot);
    default:
      return Error(node, absl::StrCat("can't handle ", ToString(node), " as an argument"));
  }
}

TemplateEvaluator::Result TemplateEvaluator::Fields(const TemplateNode& node,
                                                    TemplateValue receiver,
                                                    std::span<const std::string> names,
                                                    const TemplateValue& dot, Operands args,
                                                    const TemplateValue* last) {
  for (size_t i = 0; i < names.size(); ++i) {
    const bool is_last = i + 1 == names.size();
    ASSIGN_OR_RETURN(receiver, Field(node, receiver, names[i], dot, is_last ? args : Operands(),
                                     is_last ? last : nullptr));
  }
  return receiver;
}

TemplateEvaluator::Result TemplateEvaluator::Field(const TemplateNode& node,
                                                   const TemplateValue& receiver,
                                                   const std::string& name,
                                                   const TemplateValue& dot, Operands args,
                                                   const TemplateValue* last) {
  if (receiver.type() != nullptr) {
    const auto method = receiver.type()->methods.find(name);
    if (method != receiver.type()->methods.end()) {
      return Call(node, node, name, method->second, &receiver, dot, args, last);
    }
  }
  const bool has_arguments = args.size() > 1 || last != nullptr;
  switch (receiver.kind()) {
    case Kind::kNil:
      return Error(node, absl::StrCat("nil pointer evaluating interface {}.", name));
    case Kind::kMap: {
      if (has_arguments)
        return Error(node, absl::StrCat(name, " is not a method but has arguments"));
      const TemplateValue* entry = receiver.Find(name);
      return entry != nullptr ? *entry : receiver.MissingEntry();
    }
    case Kind::kStruct:
      if (const TemplateValue* field = receiver.Find(name)) {
        if (has_arguments)
          return Error(node,
                       absl::StrCat(name, " has arguments but cannot be invoked as function"));
        return *field;
      }
      [[fallthrough]];
    default:
      return Error(node,
                   absl::StrCat("can't evaluate field ", name, " in type ", receiver.TypeName()));
  }
}

TemplateEvaluator::Result TemplateEvaluator::Function(const TemplateNode& node,
                                                      const TemplateNode& whole,
                                                      const TemplateValue& dot, Operands args,
                                                      const TemplateValue* last) {
  auto it = functions_.find(node.text);
  if (it == functions_.end()) {
    const TemplateFunctions& builtins = BuiltinTemplateFunctions();
    it = builtins.find(node.text);
    if (it == builtins.end())
      return Error(node, absl::StrCat(QuoteGo(node.text), " is not a defined function"));
  }
  if (it->second.call == nullptr) return AndOr(node, dot, args, last);
  return Call(node, whole, node.text, it->second, nullptr, dot, args, last);
}

TemplateEvaluator::Result TemplateEvaluator::AndOr(const TemplateNode& node,
                                                   const TemplateValue& dot, Operands args,
                                                   const TemplateValue* last) {
  const bool decides = node.text == "or";
  if (args.size() <= 1 && last == nullptr) {
    return Error(node,
                 absl::StrCat("wrong number of args for ", node.text, ": want at least 1 got 0"));
  }
  TemplateValue value;
  for (size_t i = 1; i < args.size(); ++i) {
    ASSIGN_OR_RETURN(value, Operand(*args[i], dot));
    if (value.Truth() == decides) return value;
  }
  return last != nullptr ? *last : value;
}

absl::Status TemplateEvaluator::CheckKind(const TemplateNode& at, char parameter,
                                          const TemplateValue& value) const {
  if (Fits(parameter, value)) return absl::OkStatus();
  const std::string wanted(WantedName(parameter));
  const NodeKind kind = at.kind;
  if (kind == NodeKind::kNumber || kind == NodeKind::kString || kind == NodeKind::kBool ||
      kind == NodeKind::kNil) {
    if (kind == NodeKind::kNil) return Error(at, absl::StrCat("cannot assign nil to ", wanted));
    return Error(at, absl::StrCat("expected ", wanted, "; found ", ToString(at)));
  }
  if (value.is_nil()) return Error(at, absl::StrCat("invalid value; expected ", wanted));
  return Error(at,
               absl::StrCat("wrong type for value; expected ", wanted, "; got ", value.TypeName()));
}

TemplateEvaluator::Result TemplateEvaluator::Call(const TemplateNode& node,
                                                  const TemplateNode& whole, std::string_view name,
                                                  const TemplateFunction& function,
                                                  const TemplateValue* receiver,
                                                  const TemplateValue& dot, Operands args,
                                                  const TemplateValue* last) {
  std::string_view parameters = function.parameters;
  const bool variadic = !parameters.empty() && parameters.back() == '*';
  if (variadic) parameters.remove_suffix(1);
  const size_t fixed = parameters.size() - (variadic ? 1 : 0);
  const size_t given = (args.empty() ? 0 : args.size() - 1) + (last != nullptr ? 1 : 0);
  if (given < fixed || (!variadic && given > fixed)) {
    return Error(node, absl::StrCat("wrong number of args for ", std::string(name), ": want ",
                                    variadic ? "at least " : "", fixed, " got ", given));
  }
  std::vector<TemplateValue> values;
  values.reserve(given + 1);
  if (receiver != nullptr) values.push_back(*receiver);
  const auto parameter = [&](size_t i) {
    return i < parameters.size() ? parameters[i] : parameters.back();
  };
  for (size_t i = 1; i < args.size(); ++i) {
    ASSIGN_OR_RETURN(TemplateValue value, Operand(*args[i], dot));
    RETURN_IF_ERROR(CheckKind(*args[i], parameter(i - 1), value));
    values.push_back(std::move(value));
  }
  if (last != nullptr) {
    RETURN_IF_ERROR(CheckKind(node, parameter(given - 1), *last));
    values.push_back(*last);
  }
  Result result = function.call(values);
  if (!result.ok()) {
    return Error(whole, absl::StrCat("error calling ", std::string(name), ": ",
                                     std::string(result.status().message())));
  }
  if (result->kind() == Kind::kString && result->string_value().size() > kMaxTemplateOutputBytes) {
    return Error(whole, absl::StrCat("error calling ", std::string(name), ": a string of ",
                                     result->string_value().size(), " bytes is longer than ",
                                     kMaxTemplateOutputBytes));
  }
  if (result->depth() > kMaxValueDepth) {
    return Error(whole, absl::StrCat("error calling ", std::string(name),
                                     ": values nest deeper than ", kMaxValueDepth));
  }
  return result;
}

}  // namespace slowburn::rules
