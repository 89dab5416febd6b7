#include "rules/spec_loader.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/yaml.h"
#include "query/parser/printer.h"
#include "rules/limits.h"
#include "rules/scalar_position.h"
#include "rules/template/prometheus_functions.h"

namespace slowburn::rules {
namespace {

using base::YamlNode;
using base::YamlReader;

// "3:14: rest" to 3, 14 and the rest. False when the message does not begin so.
bool SplitPosition(std::string_view message, int& line, int& column, std::string_view& rest) {
  const char* const end = message.data() + message.size();
  const auto first = std::from_chars(message.data(), end, line);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ':') return false;
  const auto second = std::from_chars(first.ptr + 1, end, column);
  if (second.ec != std::errc() || end - second.ptr < 2 || second.ptr[0] != ':') return false;
  rest = std::string_view(second.ptr + 2, static_cast<size_t>(end - second.ptr - 2));
  return true;
}

std::string Quoted(std::string_view text) { return absl::StrCat("\"", std::string(text), "\""); }

class Loader {
 public:
  Loader(std::string_view text, RuleFile& file, const query::ParserOptions& options)
      : text_(text), file_(file), options_(options) {}

  void Run() {
    absl::StatusOr<YamlNode> root = base::ParseYaml(text_, file_.path);
    if (!root.ok()) {
      file_.faults.push_back(root.status());
      return;
    }
    YamlReader reader(*root);
    const YamlNode* groups = reader.Find("groups");
    if (absl::Status s = reader.Finish("rule file"); !s.ok()) file_.faults.push_back(std::move(s));
    if (groups == nullptr) return;
    if (groups->kind != YamlNode::Kind::kSequence) {
      file_.faults.push_back(groups->Error("groups: want a list of groups"));
      return;
    }
    for (const YamlNode& node : groups->items) Group(node);
  }

 private:
  void Fault(const YamlNode& at, const std::string& message) {
    file_.faults.push_back(at.Error(message));
  }

  // A fault inside a scalar: `message` begins with a position within it, which becomes one in the
  // file.
  void FaultInside(const YamlNode& scalar, const std::string& before, std::string_view message) {
    int line = 0, column = 0;
    std::string_view rest;
    if (!SplitPosition(message, line, column, rest)) {
      Fault(scalar, absl::StrCat(before, std::string(message)));
      return;
    }
    while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
    const FilePosition p = PositionInScalar(text_, scalar, OffsetOf(scalar.scalar, line, column));
    file_.faults.push_back(absl::InvalidArgumentError(
        absl::StrCat(file_.path, ":", p.line, ":", p.column, ": ", before, std::string(rest))));
  }

  void Group(const YamlNode& node) {
    auto group = std::make_shared<GroupSpec>();
    group->file = file_.path;
    group->line = node.line;
    group->column = node.column;
    YamlReader reader(node);
    reader.String("name", group->name);
    DurationMs interval = 0, offset = 0;
    if (reader.Duration("interval", interval) && interval > 0) group->interval = interval;
    if (reader.Duration("query_offset", offset)) group->query_offset = offset;
    reader.Int("limit", group->limit);
    const YamlNode* labels = reader.Find("labels");
    const YamlNode* rules = reader.Find("rules");
    if (absl::Status s = reader.Finish("rule group"); !s.ok()) file_.faults.push_back(std::move(s));
    if (node.kind != YamlNode::Kind::kMapping) return;
    if (group->name.empty()) {
      Fault(node, "Groupname must not be empty");
    } else if (!names_.insert(group->name).second) {
      Fault(node,
            absl::StrCat("groupname: ", Quoted(group->name), " is repeated in the same file"));
    }
    LabelPairs group_labels;
    if (labels != nullptr)
      group_labels = Pairs(*labels, absl::StrCat("group ", Quoted(group->name), ": "), "label");
    if (rules != nullptr && rules->kind != YamlNode::Kind::kSequence) {
      Fault(*rules, "rules: want a list of rules");
    } else if (rules != nullptr) {
      for (size_t i = 0; i < rules->items.size(); ++i) {
        if (++file_.rules > kMaxRulesPerFile) {
          Fault(rules->items[i],
                absl::StrCat("more than ", kMaxRulesPerFile, " rules in one file"));
          return;
        }
        Rule(rules->items[i], i + 1, *group, group_labels);
      }
    }
    file_.groups.push_back(std::move(group));
  }

  // The pairs of a labels or annotations mapping, names checked.
  LabelPairs Pairs(const YamlNode& node, const std::string& where, const std::string& what) {
    absl::StatusOr<LabelPairs> pairs = node.AsStringMap();
    if (!pairs.ok()) {
      file_.faults.push_back(pairs.status());
      return {};
    }
    for (const auto& [key, value] : node.entries) {
      const bool bad = key.scalar.empty() || !tsdb::IsValidUtf8(key.scalar) ||
                       (what == "label" && key.scalar == tsdb::kMetricName);
      if (bad) Fault(key, absl::StrCat(where, "invalid ", what, " name: ", key.scalar));
    }
    std::sort(pairs->begin(), pairs->end());
    return *std::move(pairs);
  }

  void Rule(const YamlNode& node, size_t number, GroupSpec& group, const LabelPairs& group_labels) {
    auto rule = std::make_shared<RuleSpec>();
    rule->line = node.line;
    rule->column = node.column;
    YamlReader reader(node);
    std::string record, alert, expr;
    const bool has_record = reader.String("record", record) && !record.empty();
    const bool has_alert = reader.String("alert", alert) && !alert.empty();
    reader.String("expr", expr);
    reader.Duration("for", rule->hold);
    reader.Duration("keep_firing_for", rule->keep_firing);
    const YamlNode* labels = reader.Find("labels");
    const YamlNode* annotations = reader.Find("annotations");
    rule->kind = has_alert ? RuleKind::kAlerting : RuleKind::kRecording;
    rule->name = has_alert ? alert : record;
    const std::string where = absl::StrCat("group ", Quoted(group.name), ", rule ", number, ", ",
                                           Quoted(rule->name), ": ");
    if (absl::Status s = reader.Finish("rule"); !s.ok()) {
      file_.faults.push_back(std::move(s));
      if (node.kind != YamlNode::Kind::kMapping) return;
    }
    if (has_record && has_alert)
      Fault(node, where + "only one of 'record' and 'alert' must be set");
    if (!has_record && !has_alert) Fault(node, where + "one of 'record' or 'alert' must be set");
    if (has_record && !has_alert) CheckRecording(node, where, *rule, annotations);
    Expression(node, where, expr, *rule);

    LabelPairs own;
    if (labels != nullptr) own = Pairs(*labels, where, "label");
    if (annotations != nullptr) rule->annotations = Pairs(*annotations, where, "annotation");
    // The rule's own win: they come last.
    std::vector<std::pair<std::string, std::string>> all = group_labels;
    all.insert(all.end(), own.begin(), own.end());
    rule->labels = tsdb::Labels::FromPairs(all);
    CompileLabels(all, labels, where, *rule);
    for (const auto& [name, text] : rule->annotations) {
      rule->annotation_templates.push_back(
          Compile(name, text, annotations, where + "annotation ", *rule));
    }
    for (const auto& other : group.rules) {
      if (SameIdentity(*other, *rule)) {
        file_.warnings.push_back(
            absl::StrCat(file_.path, ":", node.line, ":", node.column, ": ", where,
                         "the same name and labels as the rule in line ", other->line));
        break;
      }
    }
    group.rules.push_back(std::move(rule));
  }

  void CheckRecording(const YamlNode& node, const std::string& where, const RuleSpec& rule,
                      const YamlNode* annotations) {
    const auto at = [&](std::string_view key) -> const YamlNode& { return *node.Find(key); };
    if (annotations != nullptr && !annotations->entries.empty()) {
      Fault(*annotations, where + "invalid field 'annotations' in recording rule");
    }
    if (rule.hold != 0) Fault(at("for"), where + "invalid field 'for' in recording rule");
    if (rule.keep_firing != 0) {
      Fault(at("keep_firing_for"), where + "invalid field 'keep_firing_for' in recording rule");
    }
    if (rule.name.find_first_of("{}") != std::string::npos) {
      Fault(at("record"),
            absl::StrCat(
                where,
                "braces present in the recording rule name; should it be in expr?: ", rule.name));
    } else if (!tsdb::IsValidUtf8(rule.name)) {
      Fault(at("record"), absl::StrCat(where, "invalid recording rule name: ", rule.name));
    }
  }

  void Expression(const YamlNode& node, const std::string& where, const std::string& expr,
                  RuleSpec& rule) {
    const YamlNode* scalar = node.Find("expr");
    if (scalar == nullptr || expr.empty()) {
      Fault(scalar != nullptr ? *scalar : node, where + "field 'expr' must be set in rule");
      return;
    }
    absl::StatusOr<query::ExprPtr> parsed = query::Parse(expr, options_);
    if (!parsed.ok()) {
      FaultInside(
          *scalar, where + "could not parse expression: ",
          std::string_view(parsed.status().message().data(), parsed.status().message().size()));
      return;
    }
    rule.expr = query::Print(**parsed);
  }

  // Of equal names the last wins: it is the rule's own.
  void CompileLabels(const LabelPairs& all, const YamlNode* own, const std::string& where,
                     RuleSpec& rule) {
    for (size_t i = 0; i < all.size(); ++i) {
      const auto same = [&](const auto& other) { return other.first == all[i].first; };
      if (std::any_of(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end(), same)) continue;
      rule.label_templates.push_back(
          Compile(all[i].first, all[i].second, own, where + "label ", rule));
    }
    std::sort(rule.label_templates.begin(), rule.label_templates.end(),
              [](const TemplatedPair& a, const TemplatedPair& b) { return a.name < b.name; });
  }

  TemplatedPair Compile(const std::string& name, const std::string& text, const YamlNode* mapping,
                        const std::string& where, const RuleSpec& rule) {
    TemplatedPair pair{name, text, std::nullopt};
    if (rule.kind != RuleKind::kAlerting || text.find("{{") == std::string::npos) return pair;
    const std::string title = AlertTemplateName(rule.name);
    absl::StatusOr<Template> compiled =
        Template::Parse(text, title, PrometheusFunctionNames(), AlertTemplateVariables());
    if (compiled.ok()) {
      pair.compiled = *std::move(compiled);
      return pair;
    }
    // "template: TITLE:LINE:COLUMN: reason"
    std::string message(compiled.status().message());
    const std::string prefix = absl::StrCat("template: ", title, ":");
    if (message.rfind(prefix, 0) == 0) message.erase(0, prefix.size());
    const YamlNode* scalar = mapping != nullptr ? mapping->Find(name) : nullptr;
    if (scalar != nullptr) {
      FaultInside(*scalar, absl::StrCat(where, Quoted(name), ": template: "), message);
    } else {
      file_.faults.push_back(absl::InvalidArgumentError(
          absl::StrCat(file_.path, ":", rule.line, ":", rule.column, ": ", where, Quoted(name),
                       ": template: ", message)));
    }
    return pair;
  }

  const std::string_view text_;
  RuleFile& file_;
  const query::ParserOptions& options_;
  std::set<std::string> names_;
};

}  // namespace

std::string AlertTemplateName(std::string_view alert) {
  return absl::StrCat("__alert_", std::string(alert));
}

const std::vector<std::string>& AlertTemplateVariables() {
  static const std::vector<std::string>* const names =
      new std::vector<std::string>{"$labels", "$externalLabels", "$externalURL", "$value"};
  return *names;
}

RuleFile ParseRuleFile(std::string_view text, std::string_view path,
                       const query::ParserOptions& options) {
  RuleFile file;
  file.path = std::string(path);
  if (text.size() > kMaxRuleFileBytes) {
    file.faults.push_back(absl::InvalidArgumentError(absl::StrCat(
        file.path, ":1:1: the file has ", text.size(), " bytes, more than ", kMaxRuleFileBytes)));
    return file;
  }
  Loader(text, file, options).Run();
  return file;
}

RuleFile LoadRuleFile(const std::string& path, const query::ParserOptions& options) {
  absl::StatusOr<std::string> text = base::ReadFile(path);
  if (!text.ok()) {
    RuleFile file;
    file.path = path;
    file.faults.push_back(text.status());
    return file;
  }
  return ParseRuleFile(*text, path, options);
}

absl::StatusOr<std::vector<std::shared_ptr<const GroupSpec>>> LoadRuleFiles(
    const std::vector<std::string>& globs, const query::ParserOptions& options,
    std::vector<std::string>& warnings) {
  std::vector<std::shared_ptr<const GroupSpec>> groups;
  std::set<std::string> seen;
  for (const std::string& pattern : globs) {
    for (const std::string& path : base::Glob(pattern)) {
      if (!seen.insert(path).second) continue;
      RuleFile file = LoadRuleFile(path, options);
      RETURN_IF_ERROR(file.status());
      groups.insert(groups.end(), file.groups.begin(), file.groups.end());
      warnings.insert(warnings.end(), file.warnings.begin(), file.warnings.end());
    }
  }
  return groups;
}

}  // namespace slowburn::rules
