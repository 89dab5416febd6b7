#include "query/engine.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "query/cache_rules.h"
#include "query/concurrency_gate.h"
#include "query/exec/build_operators.h"
#include "query/exec/explain.h"
#include "query/exec/query_profile.h"
#include "query/exec/range_vector.h"
#include "query/kept_range.h"
#include "query/limits.h"
#include "query/parser/deep_walk.h"
#include "query/parser/printer.h"
#include "query/plan/build.h"
#include "query/query_log.h"
#include "query/result_cache.h"

namespace slowburn::query {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
// Samples that are older than this have usually come, from scrapes and senders that batch.
constexpr tsdb::DurationMs kUsuallyLateMs = 2 * base::kMinute;

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
        sort(Slice(r, "result_sort")),
        killed(base::AddCounter(r, "slowburn_engine_queries_killed_total",
                                "Queries that were killed through the API.")),
        slow(base::AddCounter(r, "slowburn_engine_slow_queries_total",
                              "Queries that took longer than --query.slow-log-threshold.")),
        memory(base::AddGauge(r, "slowburn_engine_query_memory_bytes",
                              "Memory that queries and their answers hold, by our estimate.")),
        over_query_limit(Refused(r, "query")),
        over_total_limit(Refused(r, "total")),
        log_enabled(
            base::AddGauge(r, "prometheus_engine_query_log_enabled", "State of the query log.")),
        log_failures(base::AddCounter(r, "prometheus_engine_query_log_failures_total",
                                      "The number of query log failures.")) {}

  static prometheus::Histogram& Slice(prometheus::Registry& r, const char* slice) {
    return base::AddHistogram(r, "prometheus_engine_query_duration_seconds",
                              "The duration of various parts of PromQL query execution.",
                              DurationBounds(), {{"slice", slice}});
  }

  static prometheus::Counter& Refused(prometheus::Registry& r, const char* limit) {
    return base::AddCounter(r, "slowburn_engine_queries_over_memory_total",
                            "Queries that ended because a limit on memory was reached.",
                            {{"limit", limit}});
  }
  void CountRefusal(const QueryMemory& memory_of_query) {
    const bool own = memory_of_query.refusal() == QueryMemory::Refusal::kQuery;
    (own ? over_query_limit : over_total_limit).Increment();
  }

  prometheus::Gauge& running;
  prometheus::Gauge& max_running;
  prometheus::Counter& samples;
  prometheus::Histogram& queue;
  prometheus::Histogram& prepare;
  prometheus::Histogram& eval;
  prometheus::Histogram& sort;
  prometheus::Counter& killed;
  prometheus::Counter& slow;
  prometheus::Gauge& memory;
  prometheus::Counter& over_query_limit;
  prometheus::Counter& over_total_limit;
  prometheus::Gauge& log_enabled;
  prometheus::Counter& log_failures;
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

void Observe(EngineMetrics& metrics, const QueryStats& stats) {
  metrics.queue.Observe(stats.queue_seconds);
  metrics.prepare.Observe(stats.parse_seconds + stats.plan_seconds);
  metrics.eval.Observe(stats.exec_seconds);
  metrics.sort.Observe(stats.sort_seconds);
}

void TakeSamples(const QueryContext& ctx, SampleCounter& counter, QueryStats& stats) {
  stats.samples_total = counter.queryable();
  stats.samples_read = counter.read();
  stats.samples_peak = ctx.peak_samples();
  stats.samples_total_at = counter.queryable_at();
  stats.samples_read_at = counter.read_at();
  stats.first_step = counter.timeline().start;
  stats.step = counter.timeline().step;
  stats.memory_peak = ctx.memory.peak();
}

}  // namespace

struct Engine::Impl {
  Impl(tsdb::Storage& s, const base::Clock& c, EngineOptions o, prometheus::Registry& registry)
      : storage(s),
        clock(c),
        options(std::move(o)),
        gate(std::max(options.max_concurrency, 1), c),
        memory(std::make_shared<MemoryPool>(options.query_memory_total_bytes)),
        running(c),
        log(c, options.slow_query_ms),
        metrics(registry) {
    const bool plain = !options.delayed_name_removal && !options.use_start_timestamps &&
                       !options.type_and_unit_labels;
    if (options.changes != nullptr && options.result_cache_bytes > 0 && plain)
      cache = std::make_unique<ResultCache>(options.result_cache_bytes, registry);
    metrics.max_running.Set(options.max_concurrency);
    if (threads > 1) helpers = std::make_unique<base::ThreadPoolExecutor>(c, int(threads) - 1);
  }

  absl::StatusOr<QueryResult> Run(std::string_view query, const Timeline& timeline, QueryKind kind,
                                  const QueryOptions& query_options);
  absl::StatusOr<PlanPtr> Plan(const Expr& expr, const Timeline& timeline, QueryKind kind,
                               const QueryOptions& query_options);
  absl::Status Execute(const Expr& expr, const PlanNode& plan, const StopSignals& stop,
                       const QueryOptions& query_options, QueryRegistry::Entry& entry, Laps& laps,
                       QueryResult& result);
  absl::Status Answer(tsdb::Querier& querier, const Expr& expr, const PlanNode& plan,
                      const StopSignals& stop, const QueryOptions& query_options,
                      QueryRegistry::Entry& entry, KeptRange* kept, Laps& laps,
                      QueryResult& result);
  absl::Status Evaluate(QueryContext& ctx, const PlanNode& plan, QueryKind kind, MemoryHold& answer,
                        QueryResult& result);
  std::optional<KeptRange> KeptFor(const Expr& expr, const Timeline& timeline, QueryKind kind,
                                   const QueryOptions& query_options);
  absl::Status EvaluateAround(QueryContext& ctx, const Expr& expr, const PlanNode& plan,
                              const QueryOptions& query_options, KeptRange& kept,
                              MemoryHold& answer, QueryResult& result);
  tsdb::DurationMs LookbackOf(const QueryOptions& query_options) const {
    const tsdb::DurationMs own = query_options.lookback_ms.value_or(options.lookback_ms);
    return own > 0 ? own : options.lookback_ms;
  }
  void Finish(const QueryRegistry::Entry& entry, const QueryStats& stats,
              const absl::Status& status);

  tsdb::Storage& storage;
  const base::Clock& clock;
  const EngineOptions options;
  ConcurrencyGate gate;
  const std::shared_ptr<MemoryPool> memory;
  QueryRegistry running;
  QueryLog log;
  EngineMetrics metrics;
  std::unique_ptr<ResultCache> cache;  // null: nothing is kept
  const size_t threads =
      std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kMaxThreadsOfQuery);
  std::unique_ptr<base::ThreadPoolExecutor> helpers;  // shared by all queries; null: none
};

absl::StatusOr<QueryResult> Engine::Impl::Run(std::string_view query, const Timeline& timeline,
                                              QueryKind kind, const QueryOptions& query_options) {
  Laps laps(clock);
  const Running counted(metrics.running);
  QueryRegistry::Entry entry(running,
                             {std::string(query), kind, timeline.start, timeline.end,
                              kind == QueryKind::kRange ? timeline.step : 0, query_options.origin});
  const tsdb::DurationMs timeout =
      std::min(query_options.timeout_ms.value_or(options.timeout_ms), options.timeout_ms);
  StopSignals stop;
  stop.deadline_ns = laps.start_ns() + timeout * kNsPerMs;
  stop.client_gone = query_options.cancelled;
  stop.killed = &entry.killed();
  QueryResult result;

  ASSIGN_OR_RETURN(const ExprPtr expr, Parse(query, options.parser));
  result.stats.parse_seconds = laps.Lap();
  absl::Status status;
  RETURN_IF_ERROR(WalkDeep(*expr, [&] {
    const absl::StatusOr<PlanPtr> plan = Plan(*expr, timeline, kind, query_options);
    result.stats.plan_seconds = laps.Lap();
    status = plan.status();
    if (!status.ok()) return;
    status = Execute(*expr, **plan, stop, query_options, entry, laps, result);
    result.stats.total_seconds = laps.Total();
    Finish(entry, result.stats, status);
  }));
  RETURN_IF_ERROR(status);
  return result;
}

absl::StatusOr<PlanPtr> Engine::Impl::Plan(const Expr& expr, const Timeline& timeline,
                                           QueryKind kind, const QueryOptions& query_options) {
  PlanOptions plan_options;
  plan_options.lookback = LookbackOf(query_options);
  plan_options.default_subquery_step = options.default_subquery_step_ms;
  ASSIGN_OR_RETURN(PlanPtr plan,
                   BuildPlan(expr, timeline, kind == QueryKind::kRange, plan_options));
  return FoldConstants(std::move(plan));
}

absl::Status Engine::Impl::Execute(const Expr& expr, const PlanNode& plan, const StopSignals& stop,
                                   const QueryOptions& query_options, QueryRegistry::Entry& entry,
                                   Laps& laps, QueryResult& result) {
  const absl::Status turn = gate.Enter(stop);
  result.stats.queue_seconds = laps.Lap();
  RETURN_IF_ERROR(turn);
  const Place place(gate);
  entry.SetRunning();

  if (stop.cancelled()) return absl::CancelledError("query was canceled in query execution");
  if (clock.MonotonicNs() >= stop.deadline_ns) {
    return absl::DeadlineExceededError("query timed out in query execution");
  }
  std::optional<KeptRange> kept =
      KeptFor(expr, plan.timeline, entry.description().kind, query_options);
  const std::unique_ptr<tsdb::Querier> querier = storage.NewQuerier(DataExtent(plan));
  if (kept && !kept->Look()) kept.reset();
  RETURN_IF_ERROR(Answer(*querier, expr, plan, stop, query_options, entry, kept ? &*kept : nullptr,
                         laps, result));
  if (!kept) return absl::OkStatus();
  const Annotations& notes = result.annotations;
  if (notes.warnings.empty() && notes.infos.empty()) {
    kept->Keep(result.series);
    return absl::OkStatus();
  }
  kept->NoteAnnotations();
  if (!kept->has_kept()) return absl::OkStatus();
  // Only the whole range says what annotations it has.
  return Answer(*querier, expr, plan, stop, query_options, entry, nullptr, laps, result);
}

std::optional<KeptRange> Engine::Impl::KeptFor(const Expr& expr, const Timeline& timeline,
                                               QueryKind kind, const QueryOptions& query_options) {
  constexpr size_t kLongestText = 16 << 10;
  const bool may = cache != nullptr && kind == QueryKind::kRange && query_options.use_kept &&
                   !query_options.explain && !query_options.per_step_stats &&
                   KeptRange::IsAligned(timeline) && expr.height <= kMaxParseDepth;
  if (!may) return std::nullopt;
  const tsdb::DurationMs lookback = LookbackOf(query_options);
  std::optional<ReadsByMetric> reads = KeepableReads(expr, lookback);
  if (!reads) return std::nullopt;
  std::string id = Print(expr);
  if (id.size() > kLongestText) return std::nullopt;
  absl::StrAppend(&id, " step ", timeline.step, " lookback ", lookback);
  const tsdb::TimestampMs newest = std::min(options.changes->settled(), clock.Now());
  if (newest < kUsuallyLateMs) return std::nullopt;  // there is nothing yet
  return std::optional<KeptRange>(std::in_place, *cache, *options.changes, std::move(id),
                                  *std::move(reads), timeline, newest - kUsuallyLateMs);
}

absl::Status Engine::Impl::Answer(tsdb::Querier& querier, const Expr& expr, const PlanNode& plan,
                                  const StopSignals& stop, const QueryOptions& query_options,
                                  QueryRegistry::Entry& entry, KeptRange* kept, Laps& laps,
                                  QueryResult& result) {
  result.memory = std::make_shared<QueryMemory>(memory, options.query_memory_bytes);
  const bool each_step = options.per_step_stats && query_options.per_step_stats;
  SampleCounter counter(plan.timeline,
                        each_step ? SampleCounter::Detail::kSteps : SampleCounter::Detail::kTotals);
  QueryContext ctx(
      querier, clock, *result.memory, counter,
      {options.delayed_name_removal, options.use_start_timestamps, options.type_and_unit_labels});
  ctx.set_stop(stop);
  ctx.set_max_samples(options.max_samples);
  ctx.set_entry(&entry);
  // Their stacks are too small for a very deep tree.
  if (expr.height <= kMaxParseDepth) ctx.set_helpers(helpers.get(), threads);
  QueryProfile profile;
  if (query_options.explain) ctx.profile = &profile;
  MemoryHold answer(*result.memory);
  const QueryDescription& description = entry.description();
  const absl::Status status =
      kept != nullptr ? EvaluateAround(ctx, expr, plan, query_options, *kept, answer, result)
                      : Evaluate(ctx, plan, description.kind, answer, result);
  result.stats.exec_seconds = laps.Lap();
  TakeSamples(ctx, counter, result.stats);
  if (result.memory->refusal() != QueryMemory::Refusal::kNone) metrics.CountRefusal(*result.memory);
  RETURN_IF_ERROR(status);
  answer.Leave();

  if (result.type == ValueType::kMatrix) {
    std::ranges::sort(result.series, {}, &Series::labels);
  }
  result.stats.sort_seconds = laps.Lap();
  result.annotations = ctx.notes.Render(description.query);
  for (std::string& warning : querier.Warnings()) {
    result.annotations.warnings.push_back(std::move(warning));
  }
  if (query_options.explain) {
    result.explained = std::make_shared<const ExplainedNode>(Explain(plan, profile));
  }
  return absl::OkStatus();
}

// What no tile has, and the tiles.
absl::Status Engine::Impl::EvaluateAround(QueryContext& ctx, const Expr& expr, const PlanNode& plan,
                                          const QueryOptions& query_options, KeptRange& kept,
                                          MemoryHold& answer, QueryResult& result) {
  RETURN_IF_ERROR(answer.Add(kept.kept_bytes()));
  for (const Timeline& piece : kept.pieces()) {
    PlanPtr of_piece;
    if (piece != plan.timeline) {
      ASSIGN_OR_RETURN(of_piece, Plan(expr, piece, QueryKind::kRange, query_options));
    }
    RETURN_IF_ERROR(Evaluate(ctx, of_piece ? *of_piece : plan, QueryKind::kRange, answer, result));
    kept.Add(std::move(result.series));
  }
  result.type = ValueType::kMatrix;
  result.series = kept.TakeSeries();
  return absl::OkStatus();
}

absl::Status Engine::Impl::Evaluate(QueryContext& ctx, const PlanNode& plan, QueryKind kind,
                                    MemoryHold& answer, QueryResult& result) {
  result.type = kind == QueryKind::kRange ? ValueType::kMatrix : plan.type;
  if (plan.kind == PlanKind::kString) {
    result.string = As<StringNode>(plan).value;
    result.scalar.t = plan.timeline.start;
    return absl::OkStatus();
  }
  if (plan.type == ValueType::kMatrix && plan.kind == PlanKind::kSelector) {
    ASSIGN_OR_RETURN(result.series, ReadRangeVector(ctx, As<SelectorNode>(plan), answer));
    return absl::OkStatus();
  }
  if (plan.kind == PlanKind::kSubquery) {
    // All of it becomes the answer of the query's only step.
    const PlanNode& inner = *As<SubqueryNode>(plan).inner;
    SampleCounter counter(inner.timeline, SampleCounter::Detail::kTotals);
    {
      const CountInto scope(ctx.samples, counter);
      ASSIGN_OR_RETURN(const OperatorPtr op, BuildOperators(ctx, inner));
      ASSIGN_OR_RETURN(result.series, CollectSeries(ctx, *op, answer));
    }
    ctx.samples->Add(0, counter.queryable(), counter.read());
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const OperatorPtr op, BuildOperators(ctx, plan));
  if (result.type == ValueType::kScalar) {
    ASSIGN_OR_RETURN(const Column column, ReadScalar(*op));
    result.scalar = {plan.timeline.start, column.values[0]};
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(result.series, CollectSeries(ctx, *op, answer));
  return absl::OkStatus();
}

void Engine::Impl::Finish(const QueryRegistry::Entry& entry, const QueryStats& stats,
                          const absl::Status& status) {
  metrics.samples.Increment(double(stats.samples_total));
  metrics.memory.Set(double(memory->held()));
  if (status.ok()) Observe(metrics, stats);
  if (entry.killed().load(std::memory_order_relaxed)) metrics.killed.Increment();
  if (log.IsSlow(stats)) metrics.slow.Increment();
  log.Add({entry.description(), stats, status});
  metrics.log_failures.Increment(double(log.failures()) - metrics.log_failures.Value());
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

std::shared_ptr<QueryMemory> Engine::NewMemory() {
  return std::make_shared<QueryMemory>(impl_->memory, impl_->options.query_memory_bytes);
}

QueryRegistry& Engine::running() { return impl_->running; }

absl::Status Engine::SetQueryLogFile(const std::string& path) {
  const absl::Status status = impl_->log.SetFile(path);
  impl_->metrics.log_enabled.Set(impl_->log.has_file() ? 1 : 0);
  return status;
}

}  // namespace slowburn::query
