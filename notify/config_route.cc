// Routes and inhibition rules of alertmanager.yml.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "notify/config_parse.h"
#include "notify/limits.h"

namespace slowburn::notify {
namespace {

using base::YamlNode;
using base::YamlReader;

absl::Status ReadGroupBy(YamlReader& reader, RouteConfig& route) {
  const YamlNode* node = reader.Find("group_by");
  if (node == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> names, node->AsStrings());
  std::vector<std::string> labels;
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (name == "...") {
      route.group_by_all = true;
      continue;
    }
    if (!IsLabelName(name))
      return node->Error(absl::StrCat("invalid label name ", GoQuote(name), " in group_by list"));
    if (!seen.insert(name).second)
      return node->Error(absl::StrCat("duplicated label \"", name, "\" in group_by"));
    labels.push_back(name);
  }
  if (route.group_by_all && !labels.empty()) {
    return node->Error("cannot have wildcard group_by (`...`) and other labels at the same time");
  }
  if (!route.group_by_all) route.group_by = std::move(labels);
  return absl::OkStatus();
}

void ReadTimer(YamlReader& reader, std::string_view key, std::optional<base::DurationMs>& out) {
  base::DurationMs value = 0;
  if (reader.Duration(key, value)) out = value;
}

absl::Status ReadTimers(YamlReader& reader, RouteConfig& route) {
  ReadTimer(reader, "group_wait", route.group_wait);
  ReadTimer(reader, "group_interval", route.group_interval);
  ReadTimer(reader, "repeat_interval", route.repeat_interval);
  if (route.group_interval == 0) return reader.node().Error("group_interval cannot be zero");
  if (route.repeat_interval == 0) return reader.node().Error("repeat_interval cannot be zero");
  return absl::OkStatus();
}

absl::Status ReadRouteLabels(YamlReader& reader, RouteConfig& route) {
  std::vector<std::pair<std::string, std::string>> labels;
  reader.StringMap("labels", labels);
  for (const auto& [name, value] : labels) {
    if (!IsLabelName(name)) {
      return reader.node().Error(
          absl::StrCat("invalid label name ", GoQuote(name), " in route labels"));
    }
    if (value.find("{{") != std::string::npos) {
      return reader.node().Error(
          absl::StrCat("route label \"", name, "\": templates in route labels are not built"));
    }
  }
  route.labels = MakeLabelSet(std::move(labels));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<const YamlNode*>> ReadItems(YamlReader& reader, std::string_view key) {
  std::vector<const YamlNode*> items;
  const YamlNode* node = reader.Find(key);
  if (node == nullptr) return items;
  if (node->kind != YamlNode::Kind::kSequence)
    return node->Error(absl::StrCat(std::string(key), ": want a list"));
  for (const YamlNode& item : node->items) items.push_back(&item);
  return items;
}

absl::Status ReadMatcherList(YamlReader& reader, std::string_view key, Matchers& out) {
  ASSIGN_OR_RETURN(const std::vector<const YamlNode*> items, ReadItems(reader, key));
  for (const YamlNode* item : items) {
    ASSIGN_OR_RETURN(const std::string text, item->AsString());
    absl::StatusOr<Matchers> matchers = ParseMatchers(text);
    if (!matchers.ok()) {
      return item->Error(
          std::string_view(matchers.status().message().data(), matchers.status().message().size()));
    }
    out.insert(out.end(), matchers->begin(), matchers->end());
  }
  return absl::OkStatus();
}

absl::Status ReadMatchMap(YamlReader& reader, std::string_view key, Matcher::Op op, Matchers& out) {
  const YamlNode* node = reader.Find(key);
  if (node == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto pairs, node->AsStringMap());
  for (const auto& [name, value] : pairs) {
    if (!IsLegacyLabelName(name)) {
      return node->Error(
          absl::StrCat("invalid label name ", GoQuote(name), " in ", std::string(key)));
    }
    // A regex keeps its anchors: they are part of the route's key.
    const bool regex = op == Matcher::Op::kRegex;
    if (const YamlNode* given = node->Find(name); regex && given != nullptr && given->IsNull()) {
      return given->Error(absl::StrCat("invalid regexp value for ", GoQuote(name)));
    }
    absl::StatusOr<Matcher> matcher =
        Matcher::Create(op, name, regex ? absl::StrCat("^(?:", value, ")$") : value);
    if (!matcher.ok()) {
      return node->Error(
          std::string_view(matcher.status().message().data(), matcher.status().message().size()));
    }
    out.push_back(std::move(*matcher));
  }
  return absl::OkStatus();
}

absl::StatusOr<RouteConfig> ParseRoute(const YamlNode& node, int depth) {
  if (depth > kMaxRouteDepth)
    return node.Error(absl::StrCat("routes are nested deeper than ", kMaxRouteDepth));
  RouteConfig route;
  YamlReader reader(node);
  reader.String("receiver", route.receiver);
  RETURN_IF_ERROR(ReadGroupBy(reader, route));
  RETURN_IF_ERROR(ReadTimers(reader, route));
  RETURN_IF_ERROR(ReadMatchMap(reader, "match", Matcher::Op::kEqual, route.matchers));
  RETURN_IF_ERROR(ReadMatchMap(reader, "match_re", Matcher::Op::kRegex, route.matchers));
  RETURN_IF_ERROR(ReadMatcherList(reader, "matchers", route.matchers));
  std::sort(route.matchers.begin(), route.matchers.end());
  reader.Bool("continue", route.continue_matching);
  reader.Strings("mute_time_intervals", route.mute_time_intervals);
  reader.Strings("active_time_intervals", route.active_time_intervals);
  RETURN_IF_ERROR(ReadRouteLabels(reader, route));
  ASSIGN_OR_RETURN(const std::vector<const YamlNode*> children, ReadItems(reader, "routes"));
  RETURN_IF_ERROR(reader.Finish("route"));
  for (const YamlNode* child : children) {
    ASSIGN_OR_RETURN(RouteConfig parsed, ParseRoute(*child, depth + 1));
    route.routes.push_back(std::move(parsed));
  }
  return route;
}

absl::StatusOr<InhibitRuleConfig> ParseInhibitRule(const YamlNode& node) {
  InhibitRuleConfig rule;
  YamlReader reader(node);
  reader.String("name", rule.name);
  RETURN_IF_ERROR(ReadMatchMap(reader, "source_match", Matcher::Op::kEqual, rule.source));
  RETURN_IF_ERROR(ReadMatchMap(reader, "source_match_re", Matcher::Op::kRegex, rule.source));
  RETURN_IF_ERROR(ReadMatcherList(reader, "source_matchers", rule.source));
  RETURN_IF_ERROR(ReadMatchMap(reader, "target_match", Matcher::Op::kEqual, rule.target));
  RETURN_IF_ERROR(ReadMatchMap(reader, "target_match_re", Matcher::Op::kRegex, rule.target));
  RETURN_IF_ERROR(ReadMatcherList(reader, "target_matchers", rule.target));
  reader.Strings("equal", rule.equal);
  RETURN_IF_ERROR(reader.Finish("inhibit rule"));
  for (const std::string& name : rule.equal) {
    if (!IsLabelName(name))
      return node.Error(absl::StrCat("invalid label name ", GoQuote(name), " in equal list"));
  }
  return rule;
}

}  // namespace slowburn::notify
