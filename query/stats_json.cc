#include "query/stats_json.h"

#include "base/json.h"

namespace slowburn::query {
namespace {

void AppendSteps(base::JsonWriter& w, std::string_view key, const QueryStats& stats,
                 const std::vector<int64_t>& counts) {
  if (counts.empty()) return;
  w.Key(key);
  w.BeginArray();
  for (size_t i = 0; i < counts.size(); ++i) {
    w.BeginArray();
    w.Float(double(stats.first_step + tsdb::TimestampMs(i) * stats.step) / 1000);
    w.Int(counts[i]);
    w.EndArray();
  }
  w.EndArray();
}

}  // namespace

void AppendStatsJson(std::string& out, const QueryStats& stats) {
  base::JsonWriter w(out);
  w.BeginObject();
  w.Key("timings");
  w.BeginObject();
  w.Field("evalTotalTime", stats.plan_seconds + stats.exec_seconds + stats.sort_seconds);
  w.Field("resultSortTime", stats.sort_seconds);
  w.Field("queryPreparationTime", stats.plan_seconds);
  w.Field("innerEvalTime", stats.exec_seconds);
  w.Field("execQueueTime", stats.queue_seconds);
  w.Field("execTotalTime", stats.total_seconds);
  w.EndObject();
  w.Key("samples");
  w.BeginObject();
  AppendSteps(w, "totalQueryableSamplesPerStep", stats, stats.samples_total_at);
  w.Field("totalQueryableSamples", stats.samples_total);
  AppendSteps(w, "samplesReadPerStep", stats, stats.samples_read_at);
  w.Field("samplesRead", stats.samples_read);
  w.Field("peakSamples", stats.samples_peak);
  w.EndObject();
  w.EndObject();
}

}  // namespace slowburn::query
