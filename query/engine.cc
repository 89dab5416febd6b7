#include "query/engine.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "query/concurrency_gate.h"
#include "query/exec/build_operators.h"
#include "query/exec/range_vector.h"
#include "query/plan/build.h"

namespace slowburn::query {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

double Seconds(int64_t ns) { return double(ns) / 1e9; }

const std::vector<double>& DurationBounds() {
  static const auto* bounds =
      new std::vector<double>{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120};
  return *bounds;
}

struct EngineMetrics {
  explicit EngineMetrics(prometheus::Registry& r)
      : running(base::AddGauge(r, "prometheus_engine_queries",
                               "The current number of queries being executed or waiting.")),
        max_running(base::AddGauge(r, "prometheus_engine_queries_concurrent_max",
                                   "The max number of concurrent queries.")),
        samples(base::AddCounter(r, "prometheus_engine_query_samples_total",
                                 "The total number of samples loaded by all queries.")),
        queue(Slice(r, "queue_time")),
        prepare(Slice(r, "prepare_time")),
        eval(Slice(r, "inner_eval")),
        sort(Slice(r, "result_sort")) {}

  static prometheus::Histogram& Slice(prometheus::Registry& r, const char* slice) {
    return base::AddHistogram(r, "prometheus_engine_query_duration_seconds",
                              "The duration of various parts of PromQL query execution.",
                              DurationBounds(), {{"slice", slice}});
  }

  prometheus::Gauge& running;
  prometheus::Gauge& max_running;
  prometheus::Counter& samples;
  prometheus::Histogram& queue;
  prometheus::Histogram& prepare;
  prometheus::Histogram& eval;
  prometheus::Histogram& sort;
};

// Counts a query in for as long as it lives.
class Running {
 public:
  explicit Running(prometheus::Gauge& gauge) : gauge_(gauge) { gauge_.Increment(); }
  ~Running() { gauge_.Decrement(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  prometheus::Gauge& gauge_;
};

class Place {
 public:
  explicit Place(ConcurrencyGate& gate) : gate_(gate) {}
  ~Place() { gate_.Leave(); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  ConcurrencyGate& gate_;
};

// Measures one slice after another.
class Laps {
 public:
  explicit Laps(const base::Clock& clock)
      : clock_(clock), start_(clock.MonotonicNs()), last_(start_) {}
  double Lap() {
    const int64_t now = clock_.MonotonicNs();
    return Seconds(now - std::exchange(last_, now));
  }
  double Total() const { return Seconds(clock_.MonotonicNs() - start_); }
  int64_t start_ns() const { return start_; }

 private:
  const base::Clock& clock_;
  const int64_t start_;
  int64_t last_;
};

enum class QueryKind { kInstant, kRange };

}  // namespace

struct Engine::Impl {
  Impl(tsdb::Storage& s, const base::Clock& c, EngineOptions o, prometheus::Registry& registry)
      : storage(s),
        clock(c),
        options(std::move(o)),
        gate(std::max(options.max_concurrency, 1), c),
        metrics(registry) {
    metrics.max_running.Set(options.max_concurrency);
  }

  absl::StatusOr<QueryResult> Run(std::string_view query, const Timeline& timeline, QueryKind kind,
                                  const QueryOptions& query_options);
  absl::Status Evaluate(QueryContext& ctx, const PlanNode& plan, QueryKind kind,
                        QueryResult& result);

  tsdb::Storage& storage;
  const base::Clock& clock;
  const EngineOptions options;
  ConcurrencyGate gate;
  EngineMetrics metrics;
};

absl::StatusOr<QueryResult> Engine::Impl::Run(std::string_view query, const Timeline& timeline,
                                              QueryKind kind, const QueryOptions& query_options) {
  Laps laps(clock);
  const Running running(metrics.running);
  const tsdb::DurationMs timeout =
      std::min(query_options.timeout_ms.value_or(options.timeout_ms), options.timeout_ms);
  const int64_t deadline_ns = laps.start_ns() + timeout * kNsPerMs;
  QueryResult result;

  ASSIGN_OR_RETURN(const ExprPtr expr, Parse(query, options.parser));
  result.stats.parse_seconds = laps.Lap();

  PlanOptions plan_options;
  plan_options.lookback = query_options.lookback_ms.value_or(options.lookback_ms);
  if (plan_options.lookback <= 0) plan_options.lookback = options.lookback_ms;
  plan_options.default_subquery_step = options.default_subquery_step_ms;
  ASSIGN_OR_RETURN(PlanPtr plan,
                   BuildPlan(*expr, timeline, kind == QueryKind::kRange, plan_options));
  plan = FoldConstants(std::move(plan));
  result.stats.plan_seconds = laps.Lap();

  RETURN_IF_ERROR(gate.Enter(deadline_ns, query_options.cancelled));
  const Place place(gate);
  result.stats.queue_seconds = laps.Lap();

  const std::unique_ptr<tsdb::Querier> querier = storage.NewQuerier(DataExtent(*plan));
  QueryContext ctx(
      *querier, clock,
      {options.delayed_name_removal, options.use_start_timestamps, options.type_and_unit_labels});
  ctx.set_deadline_ns(deadline_ns);
  ctx.set_cancelled(query_options.cancelled);
  ctx.set_max_samples(options.max_samples);
  const absl::Status status = Evaluate(ctx, *plan, kind, result);
  result.stats.exec_seconds = laps.Lap();
  metrics.samples.Increment(double(ctx.samples_read));
  RETURN_IF_ERROR(status);

  if (result.type == ValueType::kMatrix) {
    std::ranges::sort(result.series, {}, &Series::labels);
  }
  result.stats.sort_seconds = laps.Lap();
  result.annotations = ctx.notes.Render(query);
  result.stats.samples_total = ctx.samples_read;
  result.stats.samples_peak = ctx.peak_samples();
  result.stats.total_seconds = laps.Total();
  metrics.queue.Observe(result.stats.queue_seconds);
  metrics.prepare.Observe(result.stats.parse_seconds + result.stats.plan_seconds);
  metrics.eval.Observe(result.stats.exec_seconds);
  metrics.sort.Observe(result.stats.sort_seconds);
  return result;
}

absl::Status Engine::Impl::Evaluate(QueryContext& ctx, const PlanNode& plan, QueryKind kind,
                                    QueryResult& result) {
  result.type = kind == QueryKind::kRange ? ValueType::kMatrix : plan.type;
  if (plan.kind == PlanKind::kString) {
    result.string = As<StringNode>(plan).value;
    result.scalar.t = plan.timeline.start;
    return absl::OkStatus();
  }
  if (plan.type == ValueType::kMatrix && plan.kind == PlanKind::kSelector) {
    ASSIGN_OR_RETURN(result.series, ReadRangeVector(ctx, As<SelectorNode>(plan)));
    return absl::OkStatus();
  }
  const PlanNode& root = plan.kind == PlanKind::kSubquery ? *As<SubqueryNode>(plan).inner : plan;
  ASSIGN_OR_RETURN(const OperatorPtr op, BuildOperators(ctx, root));
  if (result.type == ValueType::kScalar) {
    ASSIGN_OR_RETURN(const Column column, ReadScalar(*op));
    result.scalar = {plan.timeline.start, column.values[0]};
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(result.series, CollectSeries(ctx, *op));
  return absl::OkStatus();
}

Engine::Engine(tsdb::Storage& storage, const base::Clock& clock, EngineOptions options,
               prometheus::Registry& registry)
    : impl_(std::make_unique<Impl>(storage, clock, std::move(options), registry)) {}

Engine::~Engine() = default;

absl::StatusOr<QueryResult> Engine::Instant(std::string_view query, tsdb::TimestampMs t,
                                            const QueryOptions& options) {
  const Timeline timeline{Bounded(t), Bounded(t), 1};
  return impl_->Run(query, timeline, QueryKind::kInstant, options);
}

absl::StatusOr<QueryResult> Engine::Range(std::string_view query, tsdb::TimestampMs start,
                                          tsdb::TimestampMs end, tsdb::DurationMs step,
                                          const QueryOptions& options) {
  if (step <= 0) {
    return absl::InvalidArgumentError(
        "zero or negative query resolution step widths are not accepted. Try a positive integer");
  }
  if (end < start) {
    return absl::InvalidArgumentError("end timestamp must not be before start time");
  }
  const Timeline timeline{Bounded(start), Bounded(end), step};
  return impl_->Run(query, timeline, QueryKind::kRange, options);
}

const EngineOptions& Engine::options() const { return impl_->options; }

}  // namespace slowburn::query
