// The tree of a template. Built by the parser, walked by the evaluator; immutable in between.
#ifndef SLOWBURN_RULES_TEMPLATE_NODE_H_
#define SLOWBURN_RULES_TEMPLATE_NODE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace slowburn::rules {

struct TemplateNode {
  enum class Kind : uint8_t {
    // Statements.
    kList,
    kText,
    kAction,
    kIf,
    kRange,
    kWith,
    kTemplate,
    kBreak,
    kContinue,
    // Expressions.
    kPipe,
    kCommand,
    kDot,
    kNil,
    kBool,
    kNumber,
    kString,
    kField,
    kVariable,
    kChain,
    kIdentifier,
  };

  TemplateNode(Kind k, size_t at) : kind(k), offset(at) {}

  const Kind kind;
  const size_t offset;  // into the text of its tree
  std::string text;     // kText; kString and kNumber as written; name of kTemplate and kIdentifier
  std::string value;    // kString: unquoted
  // kField, kVariable ($x first), kChain: the path; kPipe: declared variables.
  std::vector<std::string> names;
  bool assigns = false;                   // kPipe: $x = …, not :=
  bool boolean = false;                   // kBool
  bool is_int = false, is_float = false;  // kNumber: it can be read as
  int64_t integer = 0;
  double number = 0;
  // kAction, kIf, kRange, kWith, kTemplate (may be null); kChain: its operand.
  std::unique_ptr<TemplateNode> pipe;
  std::unique_ptr<TemplateNode> body, otherwise;  // kIf, kRange, kWith
  // kList: statements; kPipe: commands; kCommand: operands.
  std::vector<std::unique_ptr<TemplateNode>> children;
};
using TemplateNodePtr = std::unique_ptr<TemplateNode>;

// One named template: {{define "name"}}, or the text given to Parse.
struct TemplateTree {
  std::string name;        // its own
  std::string parse_name;  // of the text it stands in
  std::shared_ptr<const std::string> text;
  TemplateNodePtr root;  // kList
};
using TemplateTrees = std::map<std::string, std::shared_ptr<const TemplateTree>, std::less<>>;

// As errors show it: <.Labels.job>, <humanize $value>.
std::string ToString(const TemplateNode& node);

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_TEMPLATE_NODE_H_
