#include "ingest/target_group.h"

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/status_macros.h"
#include "tsdb/labels.h"

namespace slowburn::ingest {
namespace {

using base::JsonValue;
using base::YamlNode;

bool IsValidName(std::string_view name) { return !name.empty() && tsdb::IsValidUtf8(name); }

absl::Status JsonError(const std::string& file, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(file, ": ", what));
}

absl::StatusOr<TargetGroup> GroupFromJson(const JsonValue& value, const std::string& file) {
  TargetGroup group;
  if (value.kind != JsonValue::Kind::kObject) {
    return JsonError(file, "expected each target group to be an object");
  }
  for (const auto& [key, member] : value.members) {
    if (key == "targets") {
      for (const JsonValue& item : member.items) {
        if (item.kind != JsonValue::Kind::kString) {
          return JsonError(file, "expected targets to be a list of strings");
        }
        group.targets.push_back(item.string);
      }
    } else if (key == "labels") {
      for (const auto& [name, label] : member.members) {
        if (label.kind != JsonValue::Kind::kString) {
          return JsonError(file, absl::StrCat("expected label \"", name, "\" to be a string"));
        }
        if (!IsValidName(name))
          return JsonError(file, absl::StrCat("\"", name, "\" is not a valid label name"));
        group.labels.emplace_back(name, label.string);
      }
    } else {
      return JsonError(file, absl::StrCat("unknown field \"", key, "\" in a target group"));
    }
  }
  return group;
}

}  // namespace

absl::StatusOr<std::vector<TargetGroup>> ParseTargetGroups(const YamlNode& node) {
  std::vector<TargetGroup> groups;
  if (node.IsNull()) return groups;
  if (node.kind != YamlNode::Kind::kSequence) return node.Error("expected a list of target groups");
  for (const YamlNode& item : node.items) {
    if (item.IsNull()) return item.Error("empty or null section in static_config");
    TargetGroup& group = groups.emplace_back();
    group.source = absl::StrCat(groups.size() - 1);
    base::YamlReader reader(item);
    reader.Strings("targets", group.targets);
    reader.StringMap("labels", group.labels);
    RETURN_IF_ERROR(reader.Finish("target group"));
    for (size_t i = 0; i < group.labels.size(); ++i) {
      if (IsValidName(group.labels[i].first)) continue;
      return item.Find("labels")->entries[i].first.Error(
          absl::StrCat("\"", group.labels[i].first, "\" is not a valid label name"));
    }
  }
  return groups;
}

absl::StatusOr<std::vector<TargetGroup>> ParseTargetGroupsJson(std::string_view text,
                                                               const std::string& file) {
  const absl::StatusOr<JsonValue> root = base::ParseJson(text);
  if (!root.ok()) return JsonError(file, std::string(root.status().message()));
  std::vector<TargetGroup> groups;
  if (root->IsNull()) return groups;
  if (root->kind != JsonValue::Kind::kArray)
    return JsonError(file, "expected a list of target groups");
  for (const JsonValue& item : root->items) {
    if (item.IsNull()) return JsonError(file, "nil target group item found");
    ASSIGN_OR_RETURN(TargetGroup group, GroupFromJson(item, file));
    group.source = absl::StrCat(groups.size());
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace slowburn::ingest
