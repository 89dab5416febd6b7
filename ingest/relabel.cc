#include "ingest/relabel.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "ingest/letter_case.h"
#include "ingest/md5.h"

namespace slowburn::ingest {
namespace {

constexpr std::string_view kDefaultRegex = "(.*)";
constexpr std::string_view kDefaultReplacement = "$1";

constexpr std::array<std::string_view, 11> kNames = {
    "replace",  "keep",      "drop",      "keepequal", "dropequal", "hashmod",
    "labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase"};

base::Regex DefaultRegex() {
  static const base::Regex* const regex = [] {
    auto compiled = base::Regex::Compile(kDefaultRegex);
    CHECK(compiled.ok());
    return new base::Regex(*std::move(compiled));
  }();
  return *regex;
}

bool HasVariable(std::string_view text) { return text.find('$') != std::string_view::npos; }
bool IsValidName(std::string_view name) { return !name.empty() && tsdb::IsValidUtf8(name); }

// Where the key stands, or the rule itself when the key is absent.
absl::Status ErrorAt(const base::YamlNode& rule, std::string_view key, const std::string& message) {
  const base::YamlNode* node = rule.Find(key);
  return (node == nullptr ? rule : *node).Error(message);
}

// A key with nothing behind it is the empty string here, as in go-yaml, not the default.
bool ReadText(base::YamlReader& reader, std::string_view key, std::string& out) {
  const base::YamlNode* raw = reader.node().Find(key);
  if (raw != nullptr && raw->IsNull()) {
    reader.Find(key);
    out.clear();
    return true;
  }
  return reader.String(key, out);
}

absl::StatusOr<RelabelAction> ActionOf(const base::YamlNode& node, const std::string& text) {
  std::string lower = text;
  absl::AsciiStrToLower(&lower);
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (lower == kNames[i]) return static_cast<RelabelAction>(i);
  }
  if (text.empty()) return ErrorAt(node, "action", "relabel action cannot be empty");
  return ErrorAt(node, "action", absl::StrCat("unknown relabel action \"", text, "\""));
}

absl::Status ValidateTarget(const base::YamlNode& node, const RelabelRule& rule) {
  using enum RelabelAction;
  const std::string name(RelabelActionName(rule.action));
  const bool wants_target = rule.action == kReplace || rule.action == kHashMod ||
                            rule.action == kLowercase || rule.action == kUppercase ||
                            rule.action == kKeepEqual || rule.action == kDropEqual;
  if (!wants_target) return absl::OkStatus();
  if (rule.target_label.empty()) {
    return ErrorAt(
        node, "target_label",
        absl::StrCat("relabel configuration for ", name, " action requires 'target_label' value"));
  }
  if (!IsValidName(rule.target_label)) {
    return ErrorAt(node, "target_label",
                   absl::StrCat("\"", rule.target_label, "\" is invalid 'target_label' for ", name,
                                " action"));
  }
  return absl::OkStatus();
}

absl::Status Validate(const base::YamlNode& node, const RelabelRule& rule) {
  using enum RelabelAction;
  const std::string name(RelabelActionName(rule.action));
  const bool regex_set = rule.regex.pattern() != kDefaultRegex;
  const bool separator_set = rule.separator != ";";
  const bool replacement_set = rule.replacement != kDefaultReplacement;
  if (rule.action == kHashMod && rule.modulus == 0) {
    return ErrorAt(node, "modulus", "relabel configuration for hashmod requires non-zero modulus");
  }
  RETURN_IF_ERROR(ValidateTarget(node, rule));
  const bool no_replacement = rule.action == kLowercase || rule.action == kUppercase ||
                              rule.action == kKeepEqual || rule.action == kDropEqual;
  if (no_replacement && replacement_set) {
    return ErrorAt(node, "replacement",
                   absl::StrCat("'replacement' can not be set for ", name, " action"));
  }
  if (rule.action == kLabelMap && !IsValidName(rule.replacement)) {
    return ErrorAt(
        node, "replacement",
        absl::StrCat("\"", rule.replacement, "\" is invalid 'replacement' for labelmap action"));
  }
  if ((rule.action == kKeepEqual || rule.action == kDropEqual) &&
      (regex_set || rule.modulus != 0 || separator_set)) {
    return node.Error(absl::StrCat(
        name, " action requires only 'source_labels' and `target_label`, and no other fields"));
  }
  if ((rule.action == kLabelDrop || rule.action == kLabelKeep) &&
      (!rule.source_labels.empty() || !rule.target_label.empty() || rule.modulus != 0 ||
       separator_set || replacement_set)) {
    return node.Error(absl::StrCat(name, " action requires only 'regex', and no other fields"));
  }
  return absl::OkStatus();
}

absl::StatusOr<RelabelRule> ParseRule(const base::YamlNode& node) {
  RelabelRule rule;
  base::YamlReader reader(node);
  std::string action = "replace", pattern(kDefaultRegex);
  reader.Strings("source_labels", rule.source_labels);
  ReadText(reader, "separator", rule.separator);
  const bool has_regex = ReadText(reader, "regex", pattern);
  int64_t modulus = 0;
  reader.Int("modulus", modulus);
  ReadText(reader, "target_label", rule.target_label);
  ReadText(reader, "replacement", rule.replacement);
  ReadText(reader, "action", action);
  RETURN_IF_ERROR(reader.Finish("relabel rule"));
  if (modulus < 0)
    return ErrorAt(node, "modulus", absl::StrCat("modulus ", modulus, " is negative"));
  rule.modulus = static_cast<uint64_t>(modulus);
  ASSIGN_OR_RETURN(rule.action, ActionOf(node, action));
  if (has_regex) {
    auto regex = base::Regex::Compile(pattern);
    if (!regex.ok()) return ErrorAt(node, "regex", std::string(regex.status().message()));
    rule.regex = *std::move(regex);
  }
  for (const std::string& label : rule.source_labels) {
    if (!IsValidName(label)) {
      return ErrorAt(node, "source_labels",
                     absl::StrCat("\"", label, "\" is not a valid label name"));
    }
  }
  RETURN_IF_ERROR(Validate(node, rule));
  return rule;
}

std::string SourceValue(const RelabelRule& rule, const tsdb::LabelsBuilder& labels) {
  std::string value;
  for (size_t i = 0; i < rule.source_labels.size(); ++i) {
    if (i > 0) value += rule.separator;
    value += labels.Get(rule.source_labels[i]);
  }
  return value;
}

void Replace(const RelabelRule& rule, const std::string& value, tsdb::LabelsBuilder& labels) {
  const std::optional<std::string> result = rule.regex.Expand(value, rule.replacement);
  if (!result.has_value()) return;
  std::string target = rule.target_label;
  if (HasVariable(target)) {
    target = rule.regex.Expand(value, rule.target_label).value_or("");
    if (!IsValidName(target)) return;
  }
  labels.Set(target, *result);  // an empty result deletes
}

void HashMod(const RelabelRule& rule, const std::string& value, tsdb::LabelsBuilder& labels) {
  const std::array<uint8_t, 16> digest = Md5(value);
  uint64_t hash = 0;
  for (size_t i = 8; i < 16; ++i) hash = hash << 8 | digest[i];
  labels.Set(rule.target_label, absl::StrCat(hash % rule.modulus));
}

// The three actions that look at names. Sorted, so that two names that map to one give the same
// result each time.
void ForEachName(const RelabelRule& rule, tsdb::LabelsBuilder& labels) {
  std::vector<std::string> names = labels.Names();
  std::sort(names.begin(), names.end());
  std::vector<std::pair<std::string, std::string>> copies;
  for (const std::string& name : names) {
    const bool matches = rule.regex.Matches(name);
    if (rule.action == RelabelAction::kLabelMap) {
      if (!matches) continue;
      std::string target = rule.regex.Expand(name, rule.replacement).value_or("");
      if (!target.empty()) copies.emplace_back(std::move(target), std::string(labels.Get(name)));
    } else if (matches == (rule.action == RelabelAction::kLabelDrop)) {
      labels.Del(name);
    }
  }
  for (const auto& [name, value] : copies) labels.Set(name, value);
}

bool Apply(const RelabelRule& rule, tsdb::LabelsBuilder& labels) {
  const std::string value = SourceValue(rule, labels);
  switch (rule.action) {
    case RelabelAction::kKeep:
      return rule.regex.Matches(value);
    case RelabelAction::kDrop:
      return !rule.regex.Matches(value);
    case RelabelAction::kKeepEqual:
      return labels.Get(rule.target_label) == value;
    case RelabelAction::kDropEqual:
      return labels.Get(rule.target_label) != value;
    case RelabelAction::kReplace:
      Replace(rule, value, labels);
      return true;
    case RelabelAction::kHashMod:
      HashMod(rule, value, labels);
      return true;
    case RelabelAction::kLabelMap:
    case RelabelAction::kLabelDrop:
    case RelabelAction::kLabelKeep:
      ForEachName(rule, labels);
      return true;
    case RelabelAction::kLowercase:
      labels.Set(rule.target_label, ToLowerUtf8(value));
      return true;
    case RelabelAction::kUppercase:
      labels.Set(rule.target_label, ToUpperUtf8(value));
      return true;
  }
  return true;
}

}  // namespace

std::string_view RelabelActionName(RelabelAction action) {
  return kNames[static_cast<size_t>(action)];
}

RelabelRule::RelabelRule() : regex(DefaultRegex()) {}

absl::StatusOr<RelabelRules> ParseRelabelRules(const base::YamlNode& node, std::string_view what) {
  RelabelRules rules;
  if (node.IsNull()) return rules;
  if (node.kind != base::YamlNode::Kind::kSequence) {
    return node.Error(absl::StrCat("expected a list of ", std::string(what), "s"));
  }
  for (const base::YamlNode& item : node.items) {
    if (item.IsNull()) return item.Error(absl::StrCat("empty or null ", std::string(what)));
    ASSIGN_OR_RETURN(RelabelRule rule, ParseRule(item));
    rules.push_back(std::move(rule));
  }
  return rules;
}

bool Relabel(const RelabelRules& rules, tsdb::LabelsBuilder& labels) {
  return std::all_of(rules.begin(), rules.end(),
                     [&](const RelabelRule& rule) { return Apply(rule, labels); });
}

std::optional<tsdb::Labels> Relabel(const RelabelRules& rules, const tsdb::Labels& labels) {
  tsdb::LabelsBuilder builder(labels);
  if (!Relabel(rules, builder)) return std::nullopt;
  return builder.Build();
}

}  // namespace slowburn::ingest
