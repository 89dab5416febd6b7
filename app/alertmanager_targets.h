// From `alerting.alertmanagers` to the addresses that alerts are posted to: discovery and
// relabelling, as for scraping. Threads: pure; file_sd files are read at each call.
#ifndef SLOWBURN_APP_ALERTMANAGER_TARGETS_H_
#define SLOWBURN_APP_ALERTMANAGER_TARGETS_H_

#include <vector>

#include "app/prometheus_config.h"
#include "rules/alertmanager_sink.h"
#include "rules/rule_group.h"

namespace slowburn::app {

std::vector<rules::AlertmanagerTarget> AlertmanagerTargets(const AlertingConfig& alerting,
                                                           base::TimestampMs now);
// Null when there are no rules.
rules::AlertRelabel AlertRelabelOf(const ingest::RelabelRules& rules);

}  // namespace slowburn::app

#endif  // SLOWBURN_APP_ALERTMANAGER_TARGETS_H_
