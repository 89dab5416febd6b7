#include "query/parser/printer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

#include "base/file.h"
#include "query/parser/parser.h"
#include "query/promqltest/test_script.h"
#include "tests/query/random_query.h"
#include "tests/query/same_tree.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::query {
namespace {

constexpr ParserOptions kAll{
    .experimental_functions = true, .extended_range_selectors = true, .binop_fill_modifiers = true};

struct Case {
  std::string_view query, text;
};

constexpr Case kLines[] = {
#include "tests/query/printer_lines.inc"
};

constexpr Case kPretty[] = {
#include "tests/query/printer_pretty.inc"
};

TEST(Printer, PrintsAsPrometheus) {
  for (const Case& c : kLines) {
    ASSERT_OK_AND_ASSIGN(const ExprPtr expr, Parse(c.query, kAll));
    EXPECT_EQ(Print(*expr), c.text) << c.query;
  }
}

TEST(Printer, FormatsAsPrometheus) {
  for (const Case& c : kPretty) {
    ASSERT_OK_AND_ASSIGN(const ExprPtr expr, Parse(c.query, kAll));
    EXPECT_EQ(Pretty(*expr), c.text) << c.query;
  }
  for (const Case& c : kLines) {
    ASSERT_OK_AND_ASSIGN(const ExprPtr expr, Parse(c.query, kAll));
    EXPECT_EQ(Pretty(*expr), c.text) << c.query;
  }
}

TEST(Printer, PrintsWhatOnlyNewerVersionsKnow) {
  constexpr Case kCases[] = {
      {"foo</5", "foo </ 5"},
      {"foo >/ on(a) bar", "foo >/ on (a) bar"},
      {"foo + fill(0) bar", "foo + fill (0) bar"},
      {"foo + on(a) fill_right(-1e30) fill_left(NaN) bar",
       "foo + on (a) fill_left (NaN) fill_right (-1e+30) bar"},
      {"rate(foo[5m] smoothed)", "rate(foo[5m] smoothed)"},
      {"foo anchored offset 5m @ 3", "foo @ 3.000 anchored offset 5m"},
      {"foo[step()+5m*2]", "foo[step() + 5m * 2]"},
      {"foo[(5m)]", "foo[(5m)]"},
      {"foo[min_of(1m,-STEP()):max_of(range(),1)]", "foo[min_of(1m, -step()):max_of(range(), 1)]"},
      {"foo offset -(5m*2)", "foo offset -(5m * 2)"},
      {"foo offset +step()", "foo offset step()"},
      {"foo offset (5m) @ 1 + bar", "foo offset (5m) @ 1.000 + bar"},
      {"foo offset -(5m) @ 1 + bar", "foo @ 1.000 offset -(5m) + bar"},
      {"foo[5m] offset --5m + 3 anchored", "foo[5m] offset (5m + 3) anchored"},
      {"sum by (\"a:b\") (foo)", "sum by (\"a:b\") (foo)"},
      {"info(foo, {})", "info(foo, {})"},
      {"Inf ^ 2", "Inf ^ 2"},
      {"(Inf) ^ 2", "(+Inf) ^ 2"},
  };
  for (const Case& c : kCases) {
    ASSERT_OK_AND_ASSIGN(const ExprPtr expr, Parse(c.query, kAll));
    EXPECT_EQ(Print(*expr), c.text) << c.query;
    ASSERT_OK_AND_ASSIGN(const ExprPtr again, Parse(Print(*expr), kAll));
    EXPECT_TRUE(SameTree(*expr, *again)) << c.query << " became " << Print(*expr);
  }
}

void ExpectLaw(std::string_view query) {
  const absl::StatusOr<ExprPtr> expr = Parse(query, kAll);
  ASSERT_OK(expr) << query;
  for (const std::string& text : {Print(**expr), Pretty(**expr)}) {
    const absl::StatusOr<ExprPtr> again = Parse(text, kAll);
    ASSERT_OK(again) << query << "\nbecame\n" << text;
    EXPECT_TRUE(SameTree(**expr, **again)) << query << "\nbecame\n" << text;
  }
}

TEST(Printer, ParsingWhatWasPrintedGivesTheTreeBack) {
  testing::Random random;
  int parsed = 0;
  constexpr int kQueries = 3000;
  for (int i = 0; i < kQueries; ++i) {
    const std::string query = RandomQuery(random, int(random.Below(5)));
    if (!Parse(query, kAll).ok()) continue;  // an operator took the wrong operand
    ++parsed;
    ExpectLaw(query);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(parsed, kQueries / 2);
}

TEST(Printer, LawHoldsForTheConformanceCorpus) {
  const std::filesystem::path folder = "../shared/conformance/promqltest";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".test") continue;
    ASSERT_OK_AND_ASSIGN(const std::string text, base::ReadFile(entry.path().string()));
    ASSERT_OK_AND_ASSIGN(const TestScript script, ParseTestScript(text));
    for (const TestCommand& command : script.commands) {
      const auto* eval = std::get_if<EvalCommand>(&command.command);
      if (eval != nullptr) ExpectLaw(eval->expr);
    }
  }
}

}  // namespace
}  // namespace slowburn::query
