#include "rules/template/parser.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "rules/template/format.h"
#include "rules/template/lexer.h"
#include "rules/template/limits.h"

namespace slowburn::rules {
namespace {

using Kind = TemplateNode::Kind;
using Tok = TemplateToken;

TemplateNodePtr NewNode(Kind kind, size_t offset) {
  return std::make_unique<TemplateNode>(kind, offset);
}

// One escape of a Go string or rune literal, after the backslash. False: not a Go escape.
bool ReadEscape(std::string_view& text, char quote, std::string& out) {
  if (text.empty()) return false;
  const char c = text[0];
  text.remove_prefix(1);
  constexpr std::string_view kNames = "abfnrtv\\", kBytes = "\a\b\f\n\r\t\v\\";
  if (const size_t i = kNames.find(c); i != std::string_view::npos) {
    out += kBytes[i];
    return true;
  }
  if (c == quote) {
    out += c;
    return true;
  }
  const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : c >= '0' && c <= '7' ? 3 : 0;
  if (digits == 0) return false;
  if (digits == 3) text = std::string_view(text.data() - 1, text.size() + 1);
  if (text.size() < digits) return false;
  uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + digits, value, digits == 3 ? 8 : 16);
  if (error != std::errc() || end != text.data() + digits) return false;
  text.remove_prefix(digits);
  if (digits <= 3) {
    if (value > 255) return false;
    out += static_cast<char>(value);
    return true;
  }
  if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return false;
  AppendRune(out, value);
  return true;
}

std::optional<std::string> Unquote(std::string_view literal) {
  const char quote = literal.front();
  std::string_view text = literal.substr(1, literal.size() - 2);
  std::string out;
  if (quote == '`') {
    for (const char c : text) {
      if (c != '\r') out += c;
    }
    return out;
  }
  while (!text.empty()) {
    const char c = text[0];
    text.remove_prefix(1);
    if (c != '\\') {
      out += c;
    } else if (!ReadEscape(text, quote, out)) {
      return std::nullopt;
    }
  }
  return out;
}

// Go's integer literals: 0x, 0o, 0b, a leading 0 as octal, underscores between digits.
bool ReadInteger(std::string_view text, int64_t& out) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  std::string digits;
  if (text.size() > 1 && text[0] == '0') {
    const char c = static_cast<char>(text[1] | 0x20);
    base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
    text.remove_prefix(c == 'x' || c == 'b' || c == 'o' ? 2 : 1);
  }
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') digits += text[i];
  }
  uint64_t magnitude = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  const uint64_t most = static_cast<uint64_t>(INT64_MAX) + (negative ? 1 : 0);
  if (magnitude > most) return false;
  out = static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
  return true;
}

class Parser {
 public:
  Parser(std::string_view text, std::string_view name, const TemplateParseOptions& options)
      : text_(std::make_shared<const std::string>(text)),
        name_(name),
        options_(options),
        tokens_(LexTemplate(*text_)),
        variables_(options.variables) {
    variables_.push_back("$");
  }

  absl::StatusOr<TemplateTrees> Run() {
    TemplateNodePtr root = NewNode(Kind::kList, 0);
    while (Peek().kind != Tok::kEnd) {
      if (Peek().kind == Tok::kLeftDelim) {
        const size_t mark = at_;
        Next();
        if (NextNonSpace().kind == Tok::kDefine) {
          RETURN_IF_ERROR(Definition());
          continue;
        }
        at_ = mark;
      }
      ASSIGN_OR_RETURN(TemplateNodePtr node, TextOrAction());
      if (ends_.kind == Tok::kEndKeyword || ends_.kind == Tok::kElse) {
        return Error(ends_.offset, absl::StrCat("unexpected {{", ends_.text, "}}"));
      }
      if (node != nullptr) root->children.push_back(std::move(node));
    }
    RETURN_IF_ERROR(Add(std::string(name_), std::move(root), 0));
    return std::move(trees_);
  }

 private:
  // Nothing nests deeper than this on our own stack.
  struct Depth {
    explicit Depth(int& d) : depth(d) { ++depth; }
    ~Depth() { --depth; }
    int& depth;
  };
  absl::Status CheckDepth() const {
    if (depth_ <= kMaxTemplateDepth) return absl::OkStatus();
    return Error(tokens_[at_].offset,
                 absl::StrCat("blocks and parentheses nest deeper than ", kMaxTemplateDepth));
  }

  absl::Status Error(size_t offset, std::string_view message) const {
    return absl::InvalidArgumentError(absl::StrCat("template: ", std::string(name_), ":",
                                                   TemplatePosition(*text_, offset), ": ",
                                                   std::string(message)));
  }
  absl::Status Unexpected(const Token& token, std::string_view context) const {
    if (token.kind == Tok::kError) return Error(token.offset, token.text);
    return Error(token.offset,
                 absl::StrCat("unexpected ", Describe(token), " in ", std::string(context)));
  }

  const Token& Peek() const { return tokens_[at_]; }
  const Token& Next() {  // stays on the last token, which is kEnd or kError
    const Token& token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  const Token& NextNonSpace() {
    while (Peek().kind == Tok::kSpace) Next();
    return Next();
  }
  const Token& PeekNonSpace() {
    while (Peek().kind == Tok::kSpace) Next();
    return Peek();
  }
  absl::Status Expect(Tok kind, std::string_view context) {
    const Token& token = NextNonSpace();
    return token.kind == kind ? absl::OkStatus() : Unexpected(token, context);
  }

  absl::Status Add(std::string name, TemplateNodePtr root, size_t offset) {
    const auto it = trees_.find(name);
    if (it != trees_.end() && !IsEmptyTree(*it->second->root)) {
      if (IsEmptyTree(*root)) return absl::OkStatus();
      return Error(offset, absl::StrCat("multiple definition of template ", QuoteGo(name)));
    }
    auto tree = std::make_shared<TemplateTree>();
    tree->name = name;
    tree->parse_name = std::string(name_);
    tree->text = text_;
    tree->root = std::move(root);
    trees_[std::move(name)] = std::move(tree);
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Name(std::string_view context) {
    const Token& token = NextNonSpace();
    if (token.kind != Tok::kString && token.kind != Tok::kRawString)
      return Unexpected(token, context);
    std::optional<std::string> name = Unquote(token.text);
    if (!name) return Error(token.offset, absl::StrCat("invalid syntax: ", token.text));
    return *std::move(name);
  }

  // A body with a scope of its own, up to {{end}}.
  absl::StatusOr<TemplateNodePtr> OwnBody(std::string_view context) {
    std::vector<std::string> outer(1, "$");
    outer.swap(variables_);
    const int ranges = std::exchange(ranges_, 0);
    auto body = List();
    ranges_ = ranges;
    outer.swap(variables_);
    if (!body.ok()) return body.status();
    if (ends_.kind != Tok::kEndKeyword) {
      return Error(ends_.offset,
                   absl::StrCat("unexpected {{", ends_.text, "}} in ", std::string(context)));
    }
    ends_ = Token{};
    return body;
  }

  absl::Status Definition() {
    const size_t offset = Peek().offset;
    ASSIGN_OR_RETURN(std::string name, Name("define clause"));
    RETURN_IF_ERROR(Expect(Tok::kRightDelim, "define clause"));
    ASSIGN_OR_RETURN(TemplateNodePtr body, OwnBody("define clause"));
    return Add(std::move(name), std::move(body), offset);
  }

  // Statements until {{end}} or {{else}}, which is left in ends_.
  absl::StatusOr<TemplateNodePtr> List() {
    Depth depth(depth_);
    RETURN_IF_ERROR(CheckDepth());
    TemplateNodePtr list = NewNode(Kind::kList, PeekNonSpace().offset);
    while (PeekNonSpace().kind != Tok::kEnd) {
      ASSIGN_OR_RETURN(TemplateNodePtr node, TextOrAction());
      if (ends_.kind != Tok::kEnd) return list;
      list->children.push_back(std::move(node));
    }
    return Error(Peek().offset, "unexpected EOF");
  }

  // ends_ is the {{end}} or {{else}} token when it was one of these; the result is null then.
  absl::StatusOr<TemplateNodePtr> TextOrAction() {
    ends_ = Token{};
    const Token& token = NextNonSpace();
    if (token.kind == Tok::kText) {
      TemplateNodePtr node = NewNode(Kind::kText, token.offset);
      node->text = token.text;
      return node;
    }
    if (token.kind != Tok::kLeftDelim) return Unexpected(token, "input");
    return Action();
  }

  absl::StatusOr<TemplateNodePtr> Action() {
    const size_t mark = at_;
    const Token token = NextNonSpace();
    switch (token.kind) {
      case Tok::kBlock:
        return Block(token.offset);
      case Tok::kBreak:
      case Tok::kContinue: {
        const bool is_break = token.kind == Tok::kBreak;
        if (const Token& close = NextNonSpace(); close.kind != Tok::kRightDelim) {
          return Unexpected(close, absl::StrCat("{{", token.text, "}}"));
        }
        if (ranges_ == 0)
          return Error(token.offset, absl::StrCat("{{", token.text, "}} outside {{range}}"));
        return NewNode(is_break ? Kind::kBreak : Kind::kContinue, token.offset);
      }
      case Tok::kElse:
        // {{else if x}} and {{else with x}} stay for the control that reads them.
        if (PeekNonSpace().kind != Tok::kIf && Peek().kind != Tok::kWith) {
          RETURN_IF_ERROR(Expect(Tok::kRightDelim, "else"));
        }
        ends_ = token;
        return TemplateNodePtr();
      case Tok::kEndKeyword:
        RETURN_IF_ERROR(Expect(Tok::kRightDelim, "end"));
        ends_ = token;
        return TemplateNodePtr();
      case Tok::kIf:
        return Control(Kind::kIf, "if", token.offset);
      case Tok::kRange:
        return Control(Kind::kRange, "range", token.offset);
      case Tok::kWith:
        return Control(Kind::kWith, "with", token.offset);
      case Tok::kTemplate:
        return TemplateCall(token.offset);
      case Tok::kDefine:
        return Error(token.offset, "unexpected {{define}}: definitions stand at the top level");
      default:
        break;
    }
    at_ = mark;
    TemplateNodePtr node = NewNode(Kind::kAction, token.offset);
    ASSIGN_OR_RETURN(node->pipe, Pipeline("command", Tok::kRightDelim));
    return node;
  }

  absl::StatusOr<TemplateNodePtr> Control(Kind kind, std::string_view context, size_t offset) {
    Depth depth(depth_);
    RETURN_IF_ERROR(CheckDepth());
    const size_t scope = variables_.size();
    TemplateNodePtr node = NewNode(kind, offset);
    ASSIGN_OR_RETURN(node->pipe, Pipeline(context, Tok::kRightDelim));
    if (kind == Kind::kRange) ++ranges_;
    ASSIGN_OR_RETURN(node->body, List());
    if (kind == Kind::kRange) --ranges_;
    if (ends_.kind == Tok::kElse) {
      const Tok chained = kind == Kind::kIf ? Tok::kIf : Tok::kWith;
      if (kind != Kind::kRange && PeekNonSpace().kind == chained) {
        const size_t at = Next().offset;
        node->otherwise = NewNode(Kind::kList, at);
        ASSIGN_OR_RETURN(TemplateNodePtr nested, Control(kind, context, at));
        node->otherwise->children.push_back(std::move(nested));
      } else if (Peek().kind == Tok::kIf || Peek().kind == Tok::kWith) {
        return Unexpected(Peek(), "else");
      } else {
        ASSIGN_OR_RETURN(node->otherwise, List());
        if (ends_.kind != Tok::kEndKeyword)
          return Error(ends_.offset, "expected end; found {{else}}");
      }
    }
    ends_ = Token{};
    variables_.resize(scope);
    return node;
  }

  absl::StatusOr<TemplateNodePtr> Block(size_t offset) {
    TemplateNodePtr call = NewNode(Kind::kTemplate, offset);
    ASSIGN_OR_RETURN(call->text, Name("block clause"));
    ASSIGN_OR_RETURN(call->pipe, Pipeline("block clause", Tok::kRightDelim));
    ASSIGN_OR_RETURN(TemplateNodePtr body, OwnBody("block clause"));
    RETURN_IF_ERROR(Add(call->text, std::move(body), offset));
    return call;
  }

  absl::StatusOr<TemplateNodePtr> TemplateCall(size_t offset) {
    TemplateNodePtr call = NewNode(Kind::kTemplate, offset);
    ASSIGN_OR_RETURN(call->text, Name("template clause"));
    if (PeekNonSpace().kind == Tok::kRightDelim) {
      Next();
    } else {
      ASSIGN_OR_RETURN(call->pipe, Pipeline("template clause", Tok::kRightDelim));
    }
    return call;
  }

  // $x := …, $x = …, and in a range $i, $x := …
  absl::Status Declarations(std::string_view context, TemplateNode& pipe) {
    while (PeekNonSpace().kind == Tok::kVariable) {
      const size_t mark = at_;
      const Token variable = Next();
      const Token& next = PeekNonSpace();
      if (next.kind == Tok::kAssign || next.kind == Tok::kDeclare) {
        pipe.assigns = next.kind == Tok::kAssign;
        Next();
        pipe.names.push_back(variable.text);
        variables_.insert(variables_.end(), pipe.names.begin(), pipe.names.end());
        return absl::OkStatus();
      }
      if (next.kind == Tok::kChar && next.text == "," &&
          (context == "range" || !pipe.names.empty())) {
        Next();
        pipe.names.push_back(variable.text);
        if (context != "range" || pipe.names.size() > 1) {
          return Error(variable.offset,
                       absl::StrCat("too many declarations in ", std::string(context)));
        }
        if (PeekNonSpace().kind != Tok::kVariable) {
          return Error(Peek().offset, "range can only initialize variables");
        }
        continue;
      }
      at_ = mark;
      if (!pipe.names.empty()) return Error(variable.offset, "range can only initialize variables");
      return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  absl::StatusOr<TemplateNodePtr> Pipeline(std::string_view context, Tok end) {
    Depth depth(depth_);
    RETURN_IF_ERROR(CheckDepth());
    TemplateNodePtr pipe = NewNode(Kind::kPipe, PeekNonSpace().offset);
    RETURN_IF_ERROR(Declarations(context, *pipe));
    while (true) {
      const Token& token = PeekNonSpace();
      if (token.kind == end) {
        Next();
        RETURN_IF_ERROR(CheckPipeline(*pipe, context, token.offset));
        return pipe;
      }
      if (!StartsOperand(token.kind)) return Unexpected(token, context);
      ASSIGN_OR_RETURN(TemplateNodePtr command, Command());
      pipe->children.push_back(std::move(command));
    }
  }

  static bool StartsOperand(Tok kind) {
    return (kind >= Tok::kBool && kind <= Tok::kNil) || kind == Tok::kLeftParen;
  }

  absl::Status CheckPipeline(const TemplateNode& pipe, std::string_view context,
                             size_t offset) const {
    if (pipe.children.empty())
      return Error(offset, absl::StrCat("missing value for ", std::string(context)));
    for (size_t i = 1; i < pipe.children.size(); ++i) {
      const Kind first = pipe.children[i]->children[0]->kind;
      if (first == Kind::kBool || first == Kind::kDot || first == Kind::kNil ||
          first == Kind::kNumber || first == Kind::kString) {
        return Error(pipe.children[i]->offset,
                     absl::StrCat("non executable command in pipeline stage ", i + 1));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<TemplateNodePtr> Command() {
    TemplateNodePtr command = NewNode(Kind::kCommand, PeekNonSpace().offset);
    while (true) {
      PeekNonSpace();
      ASSIGN_OR_RETURN(TemplateNodePtr operand, Operand());
      if (operand != nullptr) command->children.push_back(std::move(operand));
      const Token& token = Peek();
      if (token.kind == Tok::kSpace) {
        Next();
        continue;
      }
      if (token.kind == Tok::kPipe) {
        Next();
      } else if (token.kind != Tok::kRightDelim && token.kind != Tok::kRightParen) {
        return Unexpected(token, "operand");
      }
      break;
    }
    if (command->children.empty()) return Error(command->offset, "empty command");
    return command;
  }

  // A term and the fields behind it.
  absl::StatusOr<TemplateNodePtr> Operand() {
    ASSIGN_OR_RETURN(TemplateNodePtr node, Term());
    if (node == nullptr || Peek().kind != Tok::kField) return node;
    const size_t offset = Peek().offset;
    std::vector<std::string> path;
    while (Peek().kind == Tok::kField) path.push_back(Next().text.substr(1));
    switch (node->kind) {
      case Kind::kField:
      case Kind::kVariable:
        node->names.insert(node->names.end(), path.begin(), path.end());
        return node;
      case Kind::kBool:
      case Kind::kString:
      case Kind::kNumber:
      case Kind::kNil:
      case Kind::kDot:
        return Error(offset, absl::StrCat("unexpected . after term ", QuoteGo(ToString(*node))));
      default:
        break;
    }
    TemplateNodePtr chain = NewNode(Kind::kChain, offset);
    chain->pipe = std::move(node);
    chain->names = std::move(path);
    return chain;
  }

  absl::Status CheckVariable(std::string_view name, size_t offset) const {
    for (const std::string& known : variables_) {
      if (known == name) return absl::OkStatus();
    }
    return Error(offset, absl::StrCat("undefined variable ", QuoteGo(name)));
  }

  absl::StatusOr<TemplateNodePtr> Term() {
    const Token& token = Peek();
    TemplateNodePtr node;
    switch (token.kind) {
      case Tok::kIdentifier:
        if (!options_.has_function(token.text)) {
          return Error(token.offset,
                       absl::StrCat("function ", QuoteGo(token.text), " not defined"));
        }
        node = NewNode(Kind::kIdentifier, token.offset);
        node->text = token.text;
        break;
      case Tok::kDot:
        node = NewNode(Kind::kDot, token.offset);
        break;
      case Tok::kNil:
        node = NewNode(Kind::kNil, token.offset);
        break;
      case Tok::kVariable:
        RETURN_IF_ERROR(CheckVariable(token.text, token.offset));
        node = NewNode(Kind::kVariable, token.offset);
        node->names.push_back(token.text);
        break;
      case Tok::kField:
        node = NewNode(Kind::kField, token.offset);
        node->names.push_back(token.text.substr(1));
        break;
      case Tok::kBool:
        node = NewNode(Kind::kBool, token.offset);
        node->boolean = token.text == "true";
        break;
      case Tok::kCharConstant:
      case Tok::kNumber: {
        ASSIGN_OR_RETURN(node, Number(token));
        break;
      }
      case Tok::kLeftParen:
        Next();
        return Pipeline("parenthesized pipeline", Tok::kRightParen);
      case Tok::kString:
      case Tok::kRawString: {
        std::optional<std::string> value = Unquote(token.text);
        if (!value) return Error(token.offset, absl::StrCat("invalid syntax: ", token.text));
        node = NewNode(Kind::kString, token.offset);
        node->text = token.text;
        node->value = *std::move(value);
        break;
      }
      case Tok::kError:
        return Error(token.offset, token.text);
      default:
        return TemplateNodePtr();
    }
    Next();
    return node;
  }

  absl::StatusOr<TemplateNodePtr> Number(const Token& token) const {
    TemplateNodePtr node = NewNode(Kind::kNumber, token.offset);
    node->text = token.text;
    if (token.kind == Tok::kCharConstant) {
      const std::optional<std::string> rune = Unquote(token.text);
      if (!rune || rune->empty() || DecodeRune(*rune).length != rune->size()) {
        return Error(token.offset, absl::StrCat("malformed character constant: ", token.text));
      }
      node->is_int = node->is_float = true;
      node->integer = DecodeRune(*rune).rune;
      node->number = static_cast<double>(node->integer);
      return node;
    }
    if (ReadInteger(token.text, node->integer)) {
      node->is_int = node->is_float = true;
      node->number = static_cast<double>(node->integer);
      return node;
    }
    std::string plain;
    std::copy_if(token.text.begin(), token.text.end(), std::back_inserter(plain),
                 [](char c) { return c != '_'; });
    // A number without . e or p is an integer that is malformed or too large.
    if (plain.find_first_of(".eEpP") == std::string::npos ||
        !base::ParseFloat(plain, node->number) || std::isinf(node->number)) {
      return Error(token.offset, plain.find_first_not_of("+-0123456789") == std::string::npos
                                     ? absl::StrCat("integer overflow: ", QuoteGo(token.text))
                                     : absl::StrCat("bad number syntax: ", QuoteGo(token.text)));
    }
    node->is_float = true;
    if (std::trunc(node->number) == node->number && std::fabs(node->number) < 9.2e18) {
      node->is_int = true;
      node->integer = static_cast<int64_t>(node->number);
    }
    return node;
  }

  const std::shared_ptr<const std::string> text_;
  const std::string_view name_;
  const TemplateParseOptions& options_;
  const std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  int ranges_ = 0;                      // ranges around here
  std::vector<std::string> variables_;  // in scope
  Token ends_;                          // what ended the last list
  TemplateTrees trees_;
};

void AppendNames(std::string& out, const std::vector<std::string>& names, size_t from) {
  for (size_t i = from; i < names.size(); ++i) absl::StrAppend(&out, ".", names[i]);
}

}  // namespace

absl::StatusOr<TemplateTrees> ParseTemplate(std::string_view text, std::string_view name,
                                            const TemplateParseOptions& options) {
  if (text.size() > kMaxTemplateBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("template: ", std::string(name), ": text of ",
                                                     text.size(), " bytes is longer than ",
                                                     kMaxTemplateBytes));
  }
  return Parser(text, name, options).Run();
}

bool IsEmptyTree(const TemplateNode& node) {
  if (node.kind == Kind::kText) return node.text.find_first_not_of(" \t\r\n") == std::string::npos;
  if (node.kind != Kind::kList) return false;
  return std::all_of(node.children.begin(), node.children.end(),
                     [](const TemplateNodePtr& child) { return IsEmptyTree(*child); });
}

std::string TemplatePosition(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const size_t newline = before.rfind('\n');
  const size_t column =
      newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
  return absl::StrCat(1 + std::count(before.begin(), before.end(), '\n'), ":", column + 1);
}

std::string ToString(const TemplateNode& node) {
  std::string out;
  switch (node.kind) {
    case Kind::kPipe:
      for (size_t i = 0; i < node.names.size(); ++i)
        absl::StrAppend(&out, i > 0 ? ", " : "", node.names[i]);
      if (!node.names.empty()) out += node.assigns ? " = " : " := ";
      for (size_t i = 0; i < node.children.size(); ++i) {
        absl::StrAppend(&out, i > 0 ? " | " : "", ToString(*node.children[i]));
      }
      return out;
    case Kind::kCommand:
      for (size_t i = 0; i < node.children.size(); ++i) {
        const std::string operand = ToString(*node.children[i]);
        const bool pipe = node.children[i]->kind == Kind::kPipe;
        absl::StrAppend(&out, i > 0 ? " " : "", pipe ? "(" : "", operand, pipe ? ")" : "");
      }
      return out;
    case Kind::kAction:
      return absl::StrCat("{{", ToString(*node.pipe), "}}");
    case Kind::kTemplate:
      return absl::StrCat("{{template ", QuoteGo(node.text), node.pipe != nullptr ? " " : "",
                          node.pipe != nullptr ? ToString(*node.pipe) : "", "}}");
    case Kind::kDot:
      return ".";
    case Kind::kNil:
      return "nil";
    case Kind::kBool:
      return node.boolean ? "true" : "false";
    case Kind::kNumber:
    case Kind::kString:
    case Kind::kIdentifier:
    case Kind::kText:
      return node.text;
    case Kind::kField:
      AppendNames(out, node.names, 0);
      return out;
    case Kind::kVariable:
      out = node.names[0];
      AppendNames(out, node.names, 1);
      return out;
    case Kind::kChain:
      out = ToString(*node.pipe);
      if (node.pipe->kind == Kind::kPipe) out = absl::StrCat("(", out, ")");
      AppendNames(out, node.names, 0);
      return out;
    case Kind::kBreak:
      return "{{break}}";
    case Kind::kContinue:
      return "{{continue}}";
    case Kind::kIf:
      return absl::StrCat("{{if ", ToString(*node.pipe), "}}");
    case Kind::kRange:
      return absl::StrCat("{{range ", ToString(*node.pipe), "}}");
    case Kind::kWith:
      return absl::StrCat("{{with ", ToString(*node.pipe), "}}");
    case Kind::kList:
      return "";
  }
  return out;
}

}  // namespace slowburn::rules
