// The JSON of query results, exactly as Prometheus writes it.
//
//   std::string body = BeginSuccess();
//   AppendQueryData(body, result, WithStats::kNo);      // {"resultType":"vector","result":[…]}
//   return EndSuccess(std::move(body), result.annotations.warnings, result.annotations.infos);
//
// resultType comes before result, so that streaming readers know what follows. Times are seconds
// with at most three decimals, values are strings. Threads: stateless.
#ifndef SLOWBURN_API_RESULT_JSON_H_
#define SLOWBURN_API_RESULT_JSON_H_

#include <cstddef>
#include <string>

#include "query/value.h"
#include "tsdb/histogram.h"
#include "tsdb/labels.h"
#include "tsdb/sample.h"
#include "tsdb/storage.h"

namespace slowburn::api {

enum class WithStats { kNo, kYes };
void AppendQueryData(std::string& out, const query::QueryResult& result, WithStats stats);
// How long that becomes, roughly; too high rather than too low.
size_t BytesOfQueryData(const query::QueryResult& result);
// {"node":"…","series":…,"points":…,"samples":…,"seconds":…,"selfSeconds":…,"children":[…]}
void AppendExplained(std::string& out, const query::ExplainedNode& node);

void AppendLabels(std::string& out, const tsdb::Labels& labels);  // {"__name__":"up",…}
void AppendTimestamp(std::string& out, tsdb::TimestampMs t);      // 1435781451.781
void AppendValue(std::string& out, double v);                     // "1.5", "NaN", "+Inf"
// {"count":…,"sum":…,"buckets":[…]}
void AppendHistogram(std::string& out, const tsdb::Histogram& histogram);
void AppendExemplars(std::string& out, const tsdb::Querier::SeriesExemplars& series);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_RESULT_JSON_H_
