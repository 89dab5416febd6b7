#include "app/slowburn_config.h"

#include <cstdint>

#include "base/file.h"
#include "base/status_macros.h"
#include "base/yaml.h"

namespace slowburn::app {
namespace {

absl::Status ReadLimits(const base::YamlNode& node, SlowburnConfig& config) {
  tsdb::Limits& limits = config.limits;
  base::YamlReader reader(node);
  const auto count = [&](std::string_view key, size_t& out, int64_t least = 1) {
    int64_t value = 0;
    if (!reader.Int(key, value)) return;
    if (value < least) {
      reader.Fail(reader.Find(key)->Error(least == 0 ? "want a number" : "want a positive number"));
    } else {
      out = size_t(value);
    }
  };
  const auto bytes = [&](std::string_view key, uint64_t& out) { reader.Bytes(key, out); };
  count("active_series", limits.active_series);
  count("active_series_per_job", limits.active_series_per_job, 0);
  count("labels_per_series", limits.labels_per_series);
  bytes("label_name_bytes", limits.label_name_bytes);
  bytes("label_value_bytes", limits.label_value_bytes);
  reader.Bytes("query_memory_bytes", config.query_limits.memory_bytes);
  reader.Bytes("query_memory_total_bytes", config.query_limits.memory_total_bytes);
  bytes("head_bytes", limits.head_bytes);
  bytes("min_free_bytes", limits.min_free_bytes);
  reader.Duration("ahead_of_now", config.max_ahead_ms);
  return reader.Finish("limits");
}

}  // namespace

absl::StatusOr<SlowburnConfig> ParseSlowburnConfig(std::string_view text, const std::string& path) {
  ASSIGN_OR_RETURN(const base::YamlNode root, base::ParseYaml(text, path));
  SlowburnConfig config;
  base::YamlReader reader(root);
  reader.Strings("slo_files", config.slo_files);
  for (std::string& glob : config.slo_files) glob = base::ResolvePath(path, glob);
  if (const base::YamlNode* limits = reader.Find("limits"))
    RETURN_IF_ERROR(ReadLimits(*limits, config));
  for (const char* key : {"notify", "tenants"}) {
    if (const base::YamlNode* node = reader.Find(key)) {
      return node->Error(std::string(key) +
                         " is not built yet; take it out, so that nobody relies on it");
    }
  }
  RETURN_IF_ERROR(reader.Finish("slowburn.yml"));
  return config;
}

absl::StatusOr<SlowburnConfig> LoadSlowburnConfig(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, base::ReadFile(path));
  return ParseSlowburnConfig(text, path);
}

}  // namespace slowburn::app
