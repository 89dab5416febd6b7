#include "app/settings.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rules/spec_loader.h"
#include "slo/spec_loader.h"

namespace slowburn::app {
namespace {

// The address under which this server reaches itself.
std::string OwnAddress(const ServeFlags& flags) {
  std::string address = flags.listen_addresses.front();
  for (const std::string_view any : {"0.0.0.0:", "[::]:", ":"}) {
    if (address.starts_with(any)) return absl::StrCat("127.0.0.1:", address.substr(any.size()));
  }
  return address;
}

absl::StatusOr<PrometheusConfig> LoadPrometheus(const ServeFlags& flags) {
  if (!flags.config_file_named && access(flags.config_file.c_str(), F_OK) != 0) {
    PrometheusConfig config =
        DefaultPrometheusConfig(OwnAddress(flags), flags.route_prefix + "/metrics");
    config.warnings.push_back(
        absl::StrCat("no ", flags.config_file,
                     " here: scraping only this server (--config.file names another)"));
    return config;
  }
  return LoadPrometheusConfig(flags.config_file);
}

void Append(const std::vector<std::string>& from, std::vector<std::string>& to) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

query::ParserOptions ParserOptionsOf(const ServeFlags& flags) {
  return {.experimental_functions = flags.HasFeature("promql-experimental-functions"),
          .extended_range_selectors = flags.HasFeature("promql-extended-range-selectors"),
          .binop_fill_modifiers = flags.HasFeature("promql-binop-fill-modifiers")};
}

absl::StatusOr<Settings> LoadSettings(const ServeFlags& flags) {
  Settings settings;
  ASSIGN_OR_RETURN(settings.prometheus, LoadPrometheus(flags));
  settings.warnings = settings.prometheus.warnings;
  settings.alertmanager = notify::DefaultAlertmanagerConfig();
  if (!flags.alertmanager_config_file.empty()) {
    ASSIGN_OR_RETURN(settings.alertmanager,
                     notify::LoadAlertmanagerConfig(flags.alertmanager_config_file));
    Append(settings.alertmanager->warnings, settings.warnings);
    if (!settings.prometheus.alerting.alertmanagers.empty()) {
      settings.warnings.push_back(
          absl::StrCat(settings.prometheus.path, ": alerting.alertmanagers are notified beside ",
                       flags.alertmanager_config_file, ": pages may come twice"));
    }
  }
  if (!flags.slowburn_config_file.empty()) {
    ASSIGN_OR_RETURN(settings.own, LoadSlowburnConfig(flags.slowburn_config_file));
  }
  ASSIGN_OR_RETURN(settings.rule_groups,
                   rules::LoadRuleFiles(settings.prometheus.rule_files, ParserOptionsOf(flags),
                                        settings.warnings));
  std::vector<std::string> slo_globs = flags.slo_files;
  Append(settings.own.slo_files, slo_globs);
  slo::SloFiles slos = slo::LoadSloFiles(slo_globs);
  RETURN_IF_ERROR(slos.status());
  settings.slos = std::move(slos.specs);
  Append(slos.warnings, settings.warnings);
  return settings;
}

}  // namespace slowburn::app
