// The functions that Prometheus gives to templates of alerting rules, on top of Go's built-ins:
//
//   query first label value strvalue sortByLabel args
//   humanize humanize1024 humanizeDuration humanizePercentage humanizeTimestamp toTime toDuration
//     now parseDuration
//   title toUpper toLower match reReplaceAll stripPort stripDomain urlQueryEscape graphLink
//     tableLink
//   safeHtml externalURL pathPrefix
#ifndef SLOWBURN_RULES_TEMPLATE_PROMETHEUS_FUNCTIONS_H_
#define SLOWBURN_RULES_TEMPLATE_PROMETHEUS_FUNCTIONS_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "query/value.h"
#include "rules/template/value.h"

namespace slowburn::rules {

struct TemplateContext {
  // At `now`; null: refuses.
  std::function<absl::StatusOr<query::QueryResult>(std::string_view expr)> query;
  std::string external_url;
  base::TimestampMs now = 0;
};

TemplateFunctions PrometheusTemplateFunctions(TemplateContext context);
// The same table, for parsing only.
const TemplateFunctions& PrometheusFunctionNames();

// A query's answer as templates see it: a list of {Labels, Value}.
TemplateValue QueryResultValue(const query::QueryResult& result);
// A float, or a histogram that prints like Prometheus'.
TemplateValue SampleValue(const query::Series& series);

// "/graph?g0.expr=EXPR&g0.tab=1", the path of the page that shows an expression's values.
std::string TableLink(std::string_view expr);

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_TEMPLATE_PROMETHEUS_FUNCTIONS_H_
