// TestRunner: runs a file in Prometheus' test language (test_script.h) over an in-memory store.
//
//   ASSIGN_OR_RETURN(TestReport report, RunTestScript(text, EngineEvaluators(clock), {}));
//   for (const TestFailure& f : report.failures) … f.line, f.reason
//
// The store begins empty, loads add to it, `clear` replaces it. Each eval counts once, however many
// queries it takes. Threads: stateless. Errors: kInvalidArgument "LINE: …" when the file is
// malformed or cannot be loaded; what a query gets wrong is a failure in the report.
#ifndef SLOWBURN_QUERY_PROMQLTEST_TEST_RUNNER_H_
#define SLOWBURN_QUERY_PROMQLTEST_TEST_RUNNER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "query/value.h"
#include "tsdb/storage.h"

namespace slowburn::query {

// What is tested: an engine over one store.
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  virtual absl::StatusOr<QueryResult> Instant(std::string_view query, tsdb::TimestampMs at) = 0;
  virtual absl::StatusOr<QueryResult> Range(std::string_view query, tsdb::TimestampMs start,
                                            tsdb::TimestampMs end, tsdb::DurationMs step) = 0;
};
using EvaluatorFactory = std::function<std::unique_ptr<Evaluator>(tsdb::Storage&)>;

// Engines with every feature on, 10,000 samples at most, a lookback of 5m and a subquery step of
// 1m.
EvaluatorFactory EngineEvaluators();

struct TestOptions {
  // Also run each instant query pinned with @ at other times, and each as a range query.
  bool rewrites = false;
};

struct TestFailure {
  size_t line = 0;
  std::string expr, reason;
};

struct TestReport {
  size_t passed = 0;
  std::vector<TestFailure> failures;
};

absl::StatusOr<TestReport> RunTestScript(std::string_view text, const EvaluatorFactory& evaluators,
                                         const TestOptions& options);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PROMQLTEST_TEST_RUNNER_H_
