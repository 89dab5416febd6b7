// Composing: libyaml's events become a tree. What a node means (bool, number, duration) is decided
// when it is asked for; that half is in yaml_reader.cc.
#include "base/yaml.h"

#include <yaml.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"

namespace slowburn::base {
namespace {

constexpr int kMaxYamlDepth = 200;
// Nodes that aliases may add to one stream. A file of honest anchors stays far below; a
// billion-laughs file passes it in a few lines.
constexpr size_t kMaxAliasedNodes = 250'000;

absl::string_view Absl(std::string_view s) { return {s.data(), s.size()}; }

// One event of libyaml, freed on destruction.
class Event {
 public:
  Event() = default;
  ~Event() { yaml_event_delete(&event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  yaml_event_t* get() { return &event_; }
  yaml_event_type_t type() const { return event_.type; }
  const yaml_event_t& operator*() const { return event_; }
  int line() const { return static_cast<int>(event_.start_mark.line) + 1; }
  int column() const { return static_cast<int>(event_.start_mark.column) + 1; }

 private:
  yaml_event_t event_ = {};
};

std::string_view Text(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

bool IsNullText(std::string_view s) {
  return s.empty() || s == "~" || s == "null" || s == "Null" || s == "NULL";
}

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

class Composer {
 public:
  Composer(std::string_view text, std::string_view file_name)
      : text_(text), file_(std::make_shared<const std::string>(file_name)) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  ~Composer() { yaml_parser_delete(&parser_); }
  Composer(const Composer&) = delete;
  Composer& operator=(const Composer&) = delete;

  absl::StatusOr<std::vector<YamlNode>> Documents();
  YamlNode EmptyDocument() const;

 private:
  struct Anchor {
    YamlNode node;
    size_t nodes = 0;  // in its tree
    bool complete = false;
  };

  absl::Status Next(Event& event);
  absl::Status ErrorAt(int line, int column, std::string_view message) const;
  absl::Status ParserError() const;
  absl::StatusOr<YamlNode> Node(const Event& event, int depth);
  absl::StatusOr<YamlNode> Scalar(const Event& event);
  absl::StatusOr<YamlNode> Alias(const Event& event);
  absl::StatusOr<YamlNode> Sequence(const Event& event, int depth);
  absl::StatusOr<YamlNode> Mapping(const Event& event, int depth);
  absl::Status Merge(const YamlNode& value, std::vector<const YamlNode*>& sources) const;
  YamlNode At(const Event& event) const;

  const std::string_view text_;
  const std::shared_ptr<const std::string> file_;
  yaml_parser_t parser_ = {};
  std::map<std::string, Anchor, std::less<>> anchors_;
  size_t nodes_ = 0;          // composed so far, copies included
  size_t aliased_nodes_ = 0;  // of them copies
};

YamlNode Composer::EmptyDocument() const {
  YamlNode node;
  node.line = node.column = 1;
  node.file = file_;
  return node;
}

YamlNode Composer::At(const Event& event) const {
  YamlNode node;
  node.line = event.line();
  node.column = event.column();
  node.file = file_;
  return node;
}

absl::Status Composer::ErrorAt(int line, int column, std::string_view message) const {
  return absl::InvalidArgumentError(
      absl::StrCat(*file_, ":", line, ":", column, ": ", Absl(message)));
}

absl::Status Composer::ParserError() const {
  if (parser_.error == YAML_MEMORY_ERROR)
    return absl::ResourceExhaustedError("YAML parser is out of memory");
  std::string message = parser_.problem == nullptr ? "not valid YAML" : parser_.problem;
  if (parser_.error == YAML_READER_ERROR) {  // carries an offset instead of a mark
    const std::string_view before = text_.substr(0, std::min(parser_.problem_offset, text_.size()));
    const size_t newline = before.rfind('\n');
    const auto line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1;
    const size_t column =
        newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
    return ErrorAt(line, static_cast<int>(column) + 1, message);
  }
  if (parser_.context != nullptr && parser_.context_mark.line != parser_.problem_mark.line) {
    absl::StrAppend(&message, " (", parser_.context, " that begins at line ",
                    parser_.context_mark.line + 1, ")");
  }
  return ErrorAt(static_cast<int>(parser_.problem_mark.line) + 1,
                 static_cast<int>(parser_.problem_mark.column) + 1, message);
}

absl::Status Composer::Next(Event& event) {
  yaml_event_delete(event.get());
  if (yaml_parser_parse(&parser_, event.get()) == 0) return ParserError();
  return absl::OkStatus();
}

absl::StatusOr<std::vector<YamlNode>> Composer::Documents() {
  std::vector<YamlNode> documents;
  Event event;
  for (;;) {
    RETURN_IF_ERROR(Next(event));
    switch (event.type()) {
      case YAML_STREAM_END_EVENT:
      case YAML_NO_EVENT:
        return documents;
      case YAML_STREAM_START_EVENT:
      case YAML_DOCUMENT_END_EVENT:
        break;
      case YAML_DOCUMENT_START_EVENT:
        anchors_.clear();
        break;
      default: {
        ASSIGN_OR_RETURN(YamlNode node, Node(event, 0));
        documents.push_back(std::move(node));
      }
    }
  }
}

absl::StatusOr<YamlNode> Composer::Node(const Event& event, int depth) {
  if (depth > kMaxYamlDepth) {
    return ErrorAt(event.line(), event.column(),
                   absl::StrCat("nested deeper than ", kMaxYamlDepth, " levels"));
  }
  if (event.type() == YAML_ALIAS_EVENT) return Alias(event);
  const yaml_event_t& e = *event;
  std::string anchor;
  if (event.type() == YAML_SCALAR_EVENT) anchor = Text(e.data.scalar.anchor);
  if (event.type() == YAML_SEQUENCE_START_EVENT) anchor = Text(e.data.sequence_start.anchor);
  if (event.type() == YAML_MAPPING_START_EVENT) anchor = Text(e.data.mapping_start.anchor);
  if (!anchor.empty()) anchors_[anchor] = Anchor{};
  const size_t before = nodes_++;
  absl::StatusOr<YamlNode> node = event.type() == YAML_SCALAR_EVENT ? Scalar(event)
                                  : event.type() == YAML_SEQUENCE_START_EVENT
                                      ? Sequence(event, depth)
                                      : Mapping(event, depth);
  if (node.ok() && !anchor.empty()) anchors_[anchor] = Anchor{*node, nodes_ - before, true};
  return node;
}

absl::StatusOr<YamlNode> Composer::Alias(const Event& event) {
  const std::string_view name = Text((*event).data.alias.anchor);
  const auto it = anchors_.find(name);
  if (it == anchors_.end()) {
    return ErrorAt(event.line(), event.column(),
                   absl::StrCat("unknown anchor \"", Absl(name), "\""));
  }
  const Anchor& anchor = it->second;
  if (!anchor.complete) {
    return ErrorAt(event.line(), event.column(),
                   absl::StrCat("anchor \"", Absl(name), "\" contains itself"));
  }
  aliased_nodes_ += anchor.nodes;
  nodes_ += anchor.nodes;
  if (aliased_nodes_ > kMaxAliasedNodes) {
    return ErrorAt(event.line(), event.column(),
                   absl::StrCat("document contains excessive aliasing: more than ",
                                kMaxAliasedNodes, " nodes come from aliases"));
  }
  return anchor.node;
}

absl::StatusOr<YamlNode> Composer::Scalar(const Event& event) {
  const auto& scalar = (*event).data.scalar;
  YamlNode node = At(event);
  node.kind = YamlNode::Kind::kScalar;
  node.scalar.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
  node.quoted = scalar.style != YAML_PLAIN_SCALAR_STYLE;
  std::string_view tag = Text(scalar.tag);
  if (tag == "!") node.quoted = true;
  if (tag.starts_with(kTagPrefix)) {
    tag.remove_prefix(kTagPrefix.size());
    node.quoted = tag == "str" || tag == "binary";
    if (tag == "binary") {
      std::string decoded;
      if (!absl::Base64Unescape(node.scalar, &decoded)) {
        return ErrorAt(node.line, node.column, "!!binary is not base64");
      }
      node.scalar = std::move(decoded);
    }
  }
  if (!node.quoted && IsNullText(node.scalar)) node.kind = YamlNode::Kind::kNull;
  return node;
}

absl::StatusOr<YamlNode> Composer::Sequence(const Event& event, int depth) {
  YamlNode node = At(event);
  node.kind = YamlNode::Kind::kSequence;
  for (;;) {
    Event next;
    RETURN_IF_ERROR(Next(next));
    if (next.type() == YAML_SEQUENCE_END_EVENT) return node;
    ASSIGN_OR_RETURN(YamlNode item, Node(next, depth + 1));
    node.items.push_back(std::move(item));
  }
}

// Mappings that a merge value names: itself, or the items of a list.
absl::Status Composer::Merge(const YamlNode& value, std::vector<const YamlNode*>& sources) const {
  const auto fits = [](const YamlNode& n) { return n.kind == YamlNode::Kind::kMapping; };
  if (fits(value)) {
    sources.push_back(&value);
    return absl::OkStatus();
  }
  if (value.kind == YamlNode::Kind::kSequence &&
      std::all_of(value.items.begin(), value.items.end(), fits)) {
    for (const YamlNode& item : value.items) sources.push_back(&item);
    return absl::OkStatus();
  }
  return ErrorAt(value.line, value.column,
                 "map merge requires a mapping or a list of mappings as the value");
}

absl::StatusOr<YamlNode> Composer::Mapping(const Event& event, int depth) {
  YamlNode node = At(event);
  node.kind = YamlNode::Kind::kMapping;
  std::unordered_map<std::string, int> lines;  // of the keys written here
  std::vector<YamlNode> merges;
  for (;;) {
    Event next;
    RETURN_IF_ERROR(Next(next));
    if (next.type() == YAML_MAPPING_END_EVENT) break;
    ASSIGN_OR_RETURN(YamlNode key, Node(next, depth + 1));
    Event value_event;
    RETURN_IF_ERROR(Next(value_event));
    ASSIGN_OR_RETURN(YamlNode value, Node(value_event, depth + 1));
    if (key.kind == YamlNode::Kind::kSequence || key.kind == YamlNode::Kind::kMapping) {
      return ErrorAt(key.line, key.column, "a mapping's key must be a scalar");
    }
    if (!key.quoted && key.scalar == "<<") {
      merges.push_back(std::move(value));
      continue;
    }
    const auto [it, fresh] = lines.emplace(key.scalar, key.line);
    if (!fresh) {
      return ErrorAt(
          key.line, key.column,
          absl::StrCat("mapping key \"", key.scalar, "\" already defined at line ", it->second));
    }
    node.entries.emplace_back(std::move(key), std::move(value));
  }
  // What is written here wins over what is merged, what is merged first wins over the rest.
  std::vector<const YamlNode*> sources;
  for (const YamlNode& merge : merges) RETURN_IF_ERROR(Merge(merge, sources));
  for (const YamlNode* source : sources) {
    for (const auto& entry : source->entries) {
      if (lines.emplace(entry.first.scalar, entry.first.line).second) node.entries.push_back(entry);
    }
  }
  return node;
}

}  // namespace

absl::StatusOr<YamlNode> ParseYaml(std::string_view text, std::string_view file_name) {
  Composer composer(text, file_name);
  ASSIGN_OR_RETURN(std::vector<YamlNode> documents, composer.Documents());
  if (documents.empty()) return composer.EmptyDocument();
  if (documents.size() > 1)
    return documents[1].Error("a second document begins here, want one in this file");
  return std::move(documents[0]);
}

absl::StatusOr<std::vector<YamlNode>> ParseYamlStream(std::string_view text,
                                                      std::string_view file_name) {
  return Composer(text, file_name).Documents();
}

}  // namespace slowburn::base
