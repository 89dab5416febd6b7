#include "query/promqltest/test_runner.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "base/clock.h"
#include "base/status_macros.h"
#include "query/parser/parser.h"
#include "query/parser/quote.h"
#include "query/promqltest/classic_to_native.h"
#include "query/promqltest/comparison.h"
#include "query/promqltest/reset_hints.h"
#include "query/promqltest/rewrites.h"
#include "query/promqltest/test_script.h"
#include "tsdb/memory_storage.h"

namespace slowburn::query {
namespace {

std::string Message(const absl::Status& status) { return std::string(status.message()); }

absl::Status Append(tsdb::Storage& storage, const LoadedSeries& series) {
  const std::unique_ptr<tsdb::Appender> appender = storage.NewAppender();
  for (const auto& [labels, samples] : series) {
    ASSIGN_OR_RETURN(const tsdb::SeriesRef ref, appender->Resolve(labels, nullptr));
    StoredResetHints hints;
    for (const LoadedSample& sample : samples) {
      const tsdb::HistogramPtr histogram = hints.Next(sample.value.histogram);
      if (histogram == nullptr) {
        appender->Append(ref, sample.t, sample.value.value, sample.start);
        continue;
      }
      if (!sample.value.histogram->is_stale()) RETURN_IF_ERROR(sample.value.histogram->Validate());
      appender->AppendHistogram(ref, sample.t, histogram, sample.start);
    }
  }
  ASSIGN_OR_RETURN(const tsdb::CommitResult result, appender->Commit());
  if (result.rejected.empty()) return absl::OkStatus();
  const tsdb::RejectedSample& first = result.rejected.front();
  return absl::InvalidArgumentError("the sample at " + std::to_string(first.t) +
                                    " was refused: " + std::string(tsdb::Describe(first.reason)));
}

// The values of the middle step of a range query, as an instant query would give them.
QueryResult At(const QueryResult& range, tsdb::TimestampMs t, ValueType type) {
  QueryResult out;
  out.type = type;
  for (const Series& series : range.series) {
    Series element;
    element.labels = series.labels;
    for (const tsdb::Sample& s : series.floats) {
      if (s.t == t) element.floats.push_back(s);
    }
    for (const HistogramPoint& p : series.histograms) {
      if (p.t == t) element.histograms.push_back(p);
    }
    if (element.floats.empty() && element.histograms.empty()) continue;
    if (type == ValueType::kScalar && !element.floats.empty()) out.scalar = element.floats.front();
    out.series.push_back(std::move(element));
  }
  return out;
}

class Runner {
 public:
  Runner(const EvaluatorFactory& evaluators, const TestOptions& options)
      : evaluators_(evaluators), options_(options) {
    Clear();
  }

  absl::Status Run(const TestCommand& command) {
    if (std::holds_alternative<ClearCommand>(command.command)) {
      Clear();
    } else if (const auto* load = std::get_if<LoadCommand>(&command.command)) {
      return Load(*load);
    } else if (const auto* eval = std::get_if<EvalCommand>(&command.command)) {
      std::string problem = Eval(*eval);
      if (problem.empty()) {
        ++report_.passed;
      } else {
        report_.failures.push_back({command.line, eval->expr, std::move(problem)});
      }
    }
    return absl::OkStatus();
  }

  TestReport TakeReport() { return std::move(report_); }

 private:
  void Clear() {
    evaluator_.reset();
    storage_ = std::make_unique<tsdb::MemoryStorage>();
    evaluator_ = evaluators_(*storage_);
  }

  absl::Status Load(const LoadCommand& load) {
    RETURN_IF_ERROR(Append(*storage_, load.series));
    if (!load.with_nhcb) return absl::OkStatus();
    ASSIGN_OR_RETURN(const LoadedSeries native, ClassicToNative(load.series));
    return Append(*storage_, native);
  }

  // "" if all is as expected.
  std::string Eval(const EvalCommand& eval) {
    if (eval.is_range) {
      return Judge(eval, evaluator_->Range(eval.expr, eval.start, eval.end, eval.step));
    }
    std::string problem = Instant(eval, {eval.expr, eval.at});
    if (!options_.rewrites || !problem.empty()) return problem;
    absl::StatusOr<ExprPtr> tree = Parse(eval.expr, {.experimental_functions = true,
                                                     .extended_range_selectors = true,
                                                     .binop_fill_modifiers = true});
    if (!tree.ok()) return Message(tree.status());
    for (const Rewrite& rewrite : AtRewrites(**tree, eval.at)) {
      problem = Instant(eval, rewrite);
      if (!problem.empty())
        return "rewritten as " + rewrite.expr + " at " + std::to_string(rewrite.at) +
               " ms: " + problem;
    }
    return "";
  }

  std::string Instant(const EvalCommand& eval, const Rewrite& form) {
    const absl::StatusOr<QueryResult> result = evaluator_->Instant(form.expr, form.at);
    std::string problem = Judge(eval, result);
    const bool only_instant = eval.expects_range_vector || eval.string.has_value() ||
                              eval.ordered || DependsOnRange(form.expr);
    if (!problem.empty() || !options_.rewrites || !result.ok() || only_instant) return problem;
    const absl::StatusOr<QueryResult> range = evaluator_->Range(
        form.expr, form.at - base::kMinute, form.at + base::kMinute, base::kMinute);
    if (!range.ok()) return "as a range query: " + Message(range.status());
    problem = CompareResult(eval, At(*range, form.at, result->type));
    return problem.empty() ? "" : "as a range query: " + problem;
  }

  static std::string Judge(const EvalCommand& eval, const absl::StatusOr<QueryResult>& result) {
    if (!result.ok()) {
      if (!eval.fail.has_value()) return "error: " + Message(result.status());
      if (eval.fail->Matches(Message(result.status()))) return "";
      return "expected the error " + GoQuote(eval.fail->ToString()) + ", but got " +
             GoQuote(Message(result.status()));
    }
    if (eval.fail.has_value()) return "expected an error but got none";
    std::string problem = CompareAnnotations(eval, result->annotations);
    return problem.empty() ? CompareResult(eval, *result) : problem;
  }

  const EvaluatorFactory& evaluators_;
  const TestOptions options_;
  std::unique_ptr<tsdb::MemoryStorage> storage_;
  std::unique_ptr<Evaluator> evaluator_;
  TestReport report_;
};

}  // namespace

absl::StatusOr<TestReport> RunTestScript(std::string_view text, const EvaluatorFactory& evaluators,
                                         const TestOptions& options) {
  ASSIGN_OR_RETURN(const TestScript script, ParseTestScript(text));
  Runner runner(evaluators, options);
  for (const TestCommand& command : script.commands) {
    const absl::Status status = runner.Run(command);
    if (!status.ok()) {
      return absl::InvalidArgumentError(std::to_string(command.line) + ": " + Message(status));
    }
  }
  return runner.TakeReport();
}

}  // namespace slowburn::query
