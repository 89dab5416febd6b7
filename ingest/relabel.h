// Relabelling: Prometheus' eleven actions on sets of labels.
//
//   ASSIGN_OR_RETURN(RelabelRules rules, ParseRelabelRules(node, "metric relabeling rule"));
//   LabelsBuilder b(labels);
//   if (!Relabel(rules, b)) …dropped…
//
// Threads: rules are immutable after parsing.
#ifndef SLOWBURN_INGEST_RELABEL_H_
#define SLOWBURN_INGEST_RELABEL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/regex.h"
#include "base/yaml.h"
#include "tsdb/labels.h"

namespace slowburn::ingest {

enum class RelabelAction : uint8_t {
  kReplace,
  kKeep,
  kDrop,
  kKeepEqual,
  kDropEqual,
  kHashMod,
  kLabelMap,
  kLabelDrop,
  kLabelKeep,
  kLowercase,
  kUppercase
};
std::string_view RelabelActionName(RelabelAction action);

struct RelabelRule {
  RelabelRule();  // the defaults

  RelabelAction action = RelabelAction::kReplace;
  std::vector<std::string> source_labels;
  std::string separator = ";";
  base::Regex regex;  // (.*)
  uint64_t modulus = 0;
  std::string target_label;
  std::string replacement = "$1";
};
using RelabelRules = std::vector<RelabelRule>;

// kInvalidArgument with file:line:column. `what` names the list in errors about empty entries. A
// null node is no rules.
absl::StatusOr<RelabelRules> ParseRelabelRules(const base::YamlNode& node, std::string_view what);

// Applies the rules in order. False: dropped; the builder is then in between.
bool Relabel(const RelabelRules& rules, tsdb::LabelsBuilder& labels);
// nullopt: dropped.
std::optional<tsdb::Labels> Relabel(const RelabelRules& rules, const tsdb::Labels& labels);

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_RELABEL_H_
