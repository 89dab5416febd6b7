// promqltest FILE.test…: runs files in Prometheus' test language against the query engine, in this
// process.
//
// Failures go to stdout as FILE:LINE: EXPR: REASON, the last line is "N passed, N failed", counting
// evals. Exit: 0 all passed, or at least --min-passed of them, 1 some failed, 2 a file is missing
// or malformed.
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "query/promqltest/test_runner.h"

namespace slowburn {
namespace {

constexpr std::string_view kUsage =
    "usage: promqltest [--rewrites] [--quiet] [--min-passed N] FILE.test…\n"
    "  --rewrites      also run each instant query pinned with @ at other times, and as a range "
    "query\n"
    "  --quiet         print only the last line\n"
    "  --min-passed N  succeed when at least N evals pass\n";

struct Arguments {
  query::TestOptions options;
  bool quiet = false;
  std::optional<size_t> min_passed;
  std::vector<std::string> files;
};

bool ParseCount(std::string_view text, std::optional<size_t>& count) {
  size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  count = value;
  return true;
}

bool ParseArguments(int argc, char** argv, Arguments& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--rewrites") {
      out.options.rewrites = true;
    } else if (arg == "--quiet") {
      out.quiet = true;
    } else if (arg == "--min-passed" && i + 1 < argc) {
      if (!ParseCount(argv[++i], out.min_passed)) return false;
    } else if (arg.starts_with("--")) {
      return false;
    } else {
      out.files.emplace_back(arg);
    }
  }
  return !out.files.empty();
}

// A failed eval as one line, whatever its query contains.
void PrintFailure(const std::string& file, const query::TestFailure& failure) {
  std::string text = failure.expr + ": " + failure.reason;
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  std::printf("%s:%zu: %s\n", file.c_str(), failure.line, text.c_str());
}

int Run(int argc, char** argv) {
  Arguments arguments;
  if (!ParseArguments(argc, argv, arguments)) {
    std::fputs(std::string(kUsage).c_str(), stderr);
    return 2;
  }
  size_t passed = 0;
  size_t failed = 0;
  bool broken = false;
  const query::EvaluatorFactory evaluators = query::EngineEvaluators();
  for (const std::string& file : arguments.files) {
    const absl::StatusOr<std::string> text = base::ReadFile(file);
    if (!text.ok()) {
      std::fprintf(stderr, "%s\n", std::string(text.status().message()).c_str());
      broken = true;
      continue;
    }
    const absl::StatusOr<query::TestReport> report =
        query::RunTestScript(*text, evaluators, arguments.options);
    if (!report.ok()) {
      std::fprintf(stderr, "%s:%s\n", file.c_str(), std::string(report.status().message()).c_str());
      broken = true;
      continue;
    }
    passed += report->passed;
    failed += report->failures.size();
    if (arguments.quiet) continue;
    for (const query::TestFailure& failure : report->failures) PrintFailure(file, failure);
  }
  std::printf("%zu passed, %zu failed\n", passed, failed);
  if (broken) return 2;
  if (arguments.min_passed.has_value()) return passed >= *arguments.min_passed ? 0 : 1;
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace slowburn

int main(int argc, char** argv) { return slowburn::Run(argc, argv); }
