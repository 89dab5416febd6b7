// alertmanager.yml: never a crash; what loads can be asked for routes and shows itself as readable
// YAML.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/yaml.h"
#include "notify/config.h"
#include "notify/route_tree.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = slowburn::notify::ParseAlertmanagerConfig(text, "fuzz.yml");
  if (!config.ok()) return 0;
  const slowburn::notify::RouteTree tree((*config)->route);
  CHECK(!tree.Match({{"alertname", "A"}, {"severity", "page"}}).empty());
  CHECK(slowburn::base::ParseYaml((*config)->original, "again.yml").ok());
  for (const auto& interval : (*config)->time_intervals) (void)interval.Contains(1'767'225'600'000);
  return 0;
}
