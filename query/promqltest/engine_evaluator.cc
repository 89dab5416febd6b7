#include "prometheus/registry.h"
#include "query/engine.h"
#include "query/promqltest/test_runner.h"

namespace slowburn::query {
namespace {

EngineOptions TestEngineOptions() {
  EngineOptions options;
  options.lookback_ms = 5 * base::kMinute;
  options.timeout_ms = 100 * base::kSecond;
  options.default_subquery_step_ms = base::kMinute;
  options.max_samples = 10'000;
  options.parser = {.experimental_functions = true,
                    .extended_range_selectors = true,
                    .binop_fill_modifiers = true};
  options.delayed_name_removal = true;
  options.use_start_timestamps = true;
  options.type_and_unit_labels = false;
  return options;
}

class EngineEvaluator final : public Evaluator {
 public:
  explicit EngineEvaluator(tsdb::Storage& storage)
      : engine_(storage, clock_, TestEngineOptions(), registry_) {}

  absl::StatusOr<QueryResult> Instant(std::string_view query, tsdb::TimestampMs at) override {
    return engine_.Instant(query, at);
  }
  absl::StatusOr<QueryResult> Range(std::string_view query, tsdb::TimestampMs start,
                                    tsdb::TimestampMs end, tsdb::DurationMs step) override {
    return engine_.Range(query, start, end, step);
  }

 private:
  base::RealClock clock_;
  prometheus::Registry registry_;
  Engine engine_;
};

}  // namespace

EvaluatorFactory EngineEvaluators() {
  return [](tsdb::Storage& storage) { return std::make_unique<EngineEvaluator>(storage); };
}

}  // namespace slowburn::query
