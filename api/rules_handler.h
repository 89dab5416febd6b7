// /api/v1/rules, /api/v1/alerts and /api/v1/alertmanagers, as Prometheus 3.5 answers them.
//
//   rules: type=alert|record rule_name[] rule_group[] file[] match[] exclude_alerts group_limit
//          group_next_token
//
// `type`, `exclude_alerts`, `group_limit` and `group_next_token` are read from the URL only. A page
// ends with the token of the group that comes next; a token whose group is gone is a 400.
// Threads: thread-safe. Lifetimes: the manager, and what the function borrows, outlive the router.
#ifndef SLOWBURN_API_RULES_HANDLER_H_
#define SLOWBURN_API_RULES_HANDLER_H_

#include <functional>
#include <string>
#include <vector>

#include "api/http.h"
#include "rules/rule_status.h"

namespace slowburn::rules {
class RuleManager;
}

namespace slowburn::api {

using RuleGroupsSource = std::function<std::vector<rules::GroupStatus>()>;
using AlertmanagerUrlsSource = std::function<std::vector<std::string>()>;

void RegisterRulesApi(Router& router, RuleGroupsSource groups,
                      AlertmanagerUrlsSource alertmanager_urls);
void RegisterRulesApi(Router& router, const rules::RuleManager& manager,
                      AlertmanagerUrlsSource alertmanager_urls);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_RULES_HANDLER_H_
