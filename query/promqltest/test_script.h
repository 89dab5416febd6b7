// TestScript: a file in Prometheus' test language, as commands.
//
//   load 1m                        eval instant at 5m sum(x)
//     x{a="b"}@st -1m-1mx2           expect warn msg: PromQL warning: …
//     x{a="b"}    0+1x2              {} 3
//   clear                          eval range from 0 to 5m step 1m x
//
// Lines that begin with # are blank; a blank line ends a command. Time 0 is the epoch.
// Threads: stateless. Errors: kInvalidArgument "LINE: …".
#ifndef SLOWBURN_QUERY_PROMQLTEST_TEST_SCRIPT_H_
#define SLOWBURN_QUERY_PROMQLTEST_TEST_SCRIPT_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "base/regex.h"
#include "query/promqltest/series_literal.h"
#include "tsdb/sample.h"

namespace slowburn::query {

struct ClearCommand {};

struct LoadedSample {
  tsdb::TimestampMs t = 0;
  SequenceValue value;
  tsdb::TimestampMs start = 0;  // 0: unknown
};

struct LoadCommand {
  bool with_nhcb = false;  // also convert classic histograms
  std::map<tsdb::Labels, std::vector<LoadedSample>> series;
};

// A message that must be equal, or a pattern that must be found. Neither: anything will do.
struct TextPattern {
  std::optional<std::string> message;
  std::optional<base::Regex> regex;
  bool Matches(std::string_view text) const;
  std::string ToString() const;
};

struct ExpectedSeries {
  size_t position = 0;  // from 1, in order of the file
  std::vector<SequenceValue> values;
};

struct EvalCommand {
  std::string expr;
  bool is_range = false;
  tsdb::TimestampMs at = 0;              // of an instant query
  tsdb::TimestampMs start = 0, end = 0;  // of a range query, or of an expected range vector
  tsdb::DurationMs step = 0;
  bool expects_range_vector = false;

  bool ordered = false;
  std::optional<TextPattern> fail;
  std::vector<TextPattern> warnings, infos;
  bool no_warnings = false, no_infos = false;

  // At most one of the three.
  std::optional<double> scalar;
  std::optional<std::string> string;
  std::map<tsdb::Labels, ExpectedSeries> series;
};

struct TestCommand {
  size_t line = 0;
  std::variant<ClearCommand, LoadCommand, EvalCommand> command;
};

struct TestScript {
  std::vector<TestCommand> commands;
};

absl::StatusOr<TestScript> ParseTestScript(std::string_view text);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_PROMQLTEST_TEST_SCRIPT_H_
