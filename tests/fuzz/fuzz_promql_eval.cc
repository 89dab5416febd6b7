// Any query over tiny data ends, with an answer or an error, within its limits; and asked for as a
// range of one step it gives as many series as asked for as an instant.
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "base/clock.h"
#include "prometheus/registry.h"
#include "query/engine.h"
#include "tsdb/memory_storage.h"

namespace {

using slowburn::query::Engine;
using slowburn::query::EngineOptions;
using slowburn::query::QueryResult;
using slowburn::query::ValueType;
namespace tsdb = slowburn::tsdb;

void Fill(tsdb::Storage& storage) {
  const auto appender = storage.NewAppender();
  const auto series = [&](std::string_view name, std::string_view le) {
    return *appender->Resolve(tsdb::Labels{{"__name__", name}, {"le", le}, {"job", "j"}}, nullptr);
  };
  const auto counter = series("a", ""), bucket = series("a_bucket", "1"),
             other = series("a_bucket", "+Inf"), mixed = series("h", "");
  for (int i = 0; i < 8; ++i) {
    const tsdb::TimestampMs t = i * 15'000;
    appender->Append(counter, t, i % 5);
    appender->Append(bucket, t, i);
    appender->Append(other, t, i == 3 ? tsdb::StaleNaN() : 2.0 * i);
    if (i < 2) {
      appender->Append(mixed, t, -i);
      continue;
    }
    auto h = std::make_shared<tsdb::Histogram>();
    if (i % 4 == 3) h->schema = tsdb::kCustomBucketsSchema, h->custom_values = {1, 2};
    h->positive_spans = {{0, 2}};
    h->positive_buckets = {double(i % 6), 1};
    h->count = i % 6 + 1;
    h->sum = i;
    appender->AppendHistogram(mixed, t, std::move(h));
  }
  CHECK(appender->Commit().ok());
}

struct World {
  World() { Fill(storage); }
  static EngineOptions Options() {
    EngineOptions options;
    options.max_samples = 100'000;
    options.timeout_ms = 2000;
    options.parser = {.experimental_functions = true,
                      .extended_range_selectors = true,
                      .binop_fill_modifiers = true};
    options.use_start_timestamps = true;
    return options;
  }
  tsdb::MemoryStorage storage;
  slowburn::base::RealClock clock;
  prometheus::Registry registry;
  Engine engine{storage, clock, Options(), registry};
};

// Whether the answer may depend on how the query is asked.
bool AsksForTimes(std::string_view query) {
  for (const std::string_view word : {"start", "end", "range", "step"}) {
    if (query.find(word) != query.npos) return true;
  }
  return false;
}

bool StruckByLimit(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* world = new World;
  const std::string_view query(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<QueryResult> instant = world->engine.Instant(query, 100'000);
  const absl::StatusOr<QueryResult> range = world->engine.Range(query, 100'000, 100'000, 1000);
  const bool vector = instant.ok() && instant->type == ValueType::kVector;
  if (vector && !AsksForTimes(query) && !StruckByLimit(range.status())) {
    CHECK(range.ok());
    CHECK(range->series.size() == instant->series.size());
  }
  (void)world->engine.Range(query, 0, 120'000, 17'000);
  return 0;
}
