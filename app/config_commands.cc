#include "app/config_commands.h"

#include "app/prometheus_config.h"
#include "base/file.h"
#include "rules/spec_loader.h"

namespace slowburn::app {
namespace {

// Every feature is allowed: which ones are on is the server's flags' business.
constexpr query::ParserOptions kAllFeatures{
    .experimental_functions = true, .extended_range_selectors = true, .binop_fill_modifiers = true};

void Print(std::FILE* to, const char* kind, const std::string& text) {
  std::fprintf(to, "%s%s\n", kind, text.c_str());
}

bool CheckOne(const std::string& file, std::FILE* out, std::FILE* err) {
  const absl::StatusOr<PrometheusConfig> config = LoadPrometheusConfig(file);
  if (!config.ok()) {
    Print(err, "", std::string(config.status().message()));
    return false;
  }
  for (const std::string& warning : config->warnings) Print(err, "warning: ", warning);
  bool good = true;
  size_t rules = 0;
  for (const std::string& glob : config->rule_files) {
    const std::vector<std::string> paths = base::Glob(glob);
    if (paths.empty() && base::HasWildcard(glob)) {
      Print(err, "warning: ", file + ": no rule file matches " + glob);
    } else if (paths.empty()) {
      Print(err, "", file + ": the rule file " + glob + " does not exist");
      good = false;
    }
    for (const std::string& path : paths) {
      const rules::RuleFile rule_file = rules::LoadRuleFile(path, kAllFeatures);
      for (const absl::Status& fault : rule_file.faults)
        Print(err, "", std::string(fault.message()));
      for (const std::string& warning : rule_file.warnings) Print(err, "warning: ", warning);
      good = good && rule_file.faults.empty();
      rules += rule_file.rules;
    }
  }
  if (good)
    std::fprintf(out, "%s: good, %zu jobs, %zu rules\n", file.c_str(),
                 config->scrape_configs.size(), rules);
  return good;
}

}  // namespace

int RunCheckConfig(const std::vector<std::string>& files, std::FILE* out, std::FILE* err) {
  bool good = true;
  for (const std::string& file : files) good = CheckOne(file, out, err) && good;
  return good ? 0 : 1;
}

}  // namespace slowburn::app
