// OpenMetrics text 1.0: exemplars, units, timestamps in float seconds, a mandatory "# EOF". See
// exposition.h.
#ifndef SLOWBURN_INGEST_OPENMETRICS_PARSER_H_
#define SLOWBURN_INGEST_OPENMETRICS_PARSER_H_

#include <memory>
#include <string_view>

#include "ingest/exposition.h"

namespace slowburn::ingest {

std::unique_ptr<ExpositionParser> NewOpenMetricsParser(std::string_view body);

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_OPENMETRICS_PARSER_H_
