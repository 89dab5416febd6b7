// Settings: every file that the server reads, read and checked together. A start or a reload takes
// all of them or none.
//
// Threads: values; the parts that are shared are immutable. Errors: kInvalidArgument with
// file:line:column.
#ifndef SLOWBURN_APP_SETTINGS_H_
#define SLOWBURN_APP_SETTINGS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "app/flags.h"
#include "app/prometheus_config.h"
#include "app/slowburn_config.h"
#include "notify/config.h"
#include "query/parser/parser.h"
#include "rules/spec.h"
#include "slo/slo_spec.h"

namespace slowburn::app {

struct Settings {
  PrometheusConfig prometheus;
  notify::ConfigPtr alertmanager;
  std::vector<std::shared_ptr<const rules::GroupSpec>> rule_groups;
  std::vector<slo::SloSpec> slos;
  SlowburnConfig own;
  std::vector<std::string> warnings;  // "file:line: …" of everything that has no effect here
};

query::ParserOptions ParserOptionsOf(const ServeFlags& flags);
absl::StatusOr<Settings> LoadSettings(const ServeFlags& flags);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_SETTINGS_H_
