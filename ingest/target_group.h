// TargetGroup: targets that share labels, as static_configs and file_sd files list them.
#ifndef SLOWBURN_INGEST_TARGET_GROUP_H_
#define SLOWBURN_INGEST_TARGET_GROUP_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/yaml.h"

namespace slowburn::ingest {

struct TargetGroup {
  std::string source;                // for messages: the file and the index, or the index
  std::vector<std::string> targets;  // addresses
  std::vector<std::pair<std::string, std::string>> labels;
};

// A list of {targets: […], labels: {…}}; any other key is an error. Errors carry file:line:column.
absl::StatusOr<std::vector<TargetGroup>> ParseTargetGroups(const base::YamlNode& node);

// The same as JSON. Errors carry the file's name.
absl::StatusOr<std::vector<TargetGroup>> ParseTargetGroupsJson(std::string_view text,
                                                               const std::string& file);

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_TARGET_GROUP_H_
