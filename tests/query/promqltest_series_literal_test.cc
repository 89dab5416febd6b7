#include "query/promqltest/series_literal.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/testing/status_matchers.h"

namespace slowburn::query {
namespace {

std::string Values(std::string_view items) {
  const absl::StatusOr<SeriesLiteral> series = ParseSeriesLiteral("m " + std::string(items));
  if (!series.ok()) return std::string(series.status().message());
  std::string out;
  for (const SequenceValue& v : series->values) {
    if (!out.empty()) out += ' ';
    if (v.omitted) {
      out += '_';
    } else if (v.histogram != nullptr) {
      out += v.histogram->ToString();
    } else if (tsdb::IsStaleNaN(v.value)) {
      out += "stale";
    } else {
      out += std::to_string(v.value).substr(0, 4);
    }
  }
  return out;
}

TEST(SeriesLiteral, ExpandsSequences) {
  struct Case {
    std::string_view text, values;
  };
  constexpr Case kCases[] = {
      {"", ""},
      {"1 2.5  -3", "1.00 2.50 -3.0"},
      {"1x2", "1.00 1.00 1.00"},
      {"1+2x2", "1.00 3.00 5.00"},
      {"1-2x2", "1.00 -1.0 -3.0"},
      {"-1-1x1", "-1.0 -2.0"},
      {"_ _x3 1", "_ _ _ _ 1.00"},
      {"stale Inf -inf NaN", "stale inf -inf nan"},
      {"1e2+1e1x1", "100. 110."},
      {"0x2", "0.00 0.00 0.00"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Values(c.text), c.values) << c.text;
}

TEST(SeriesLiteral, ReadsHistograms) {
  ASSERT_OK_AND_ASSIGN(
      const SeriesLiteral series,
      ParseSeriesLiteral("m {{schema:1 count:-1.5 sum:Inf z_bucket:2 z_bucket_w:0.1 buckets:[1 2] "
                         "offset:-1 n_buckets:[3 ] n_offset:2 counter_reset_hint:gauge}}x1"));
  ASSERT_EQ(series.values.size(), 2U);
  const tsdb::Histogram& h = *series.values[1].histogram;
  EXPECT_EQ(h.schema, 1);
  EXPECT_EQ(h.count, -1.5);
  EXPECT_EQ(h.zero_count, 2);
  EXPECT_EQ(h.zero_threshold, 0.1);
  EXPECT_EQ(h.positive_buckets, (std::vector<double>{1, 2}));
  ASSERT_EQ(h.positive_spans.size(), 1U);
  EXPECT_EQ(h.positive_spans[0].offset, -1);
  EXPECT_EQ(h.negative_buckets, (std::vector<double>{3}));
  EXPECT_EQ(h.negative_spans[0].offset, 2);
  EXPECT_EQ(h.reset_hint, tsdb::Histogram::ResetHint::kGauge);
  EXPECT_TRUE(series.values[0].reset_hint_written);
  EXPECT_TRUE(h.is_float);
}

TEST(SeriesLiteral, StepsHistograms) {
  ASSERT_OK_AND_ASSIGN(
      const SeriesLiteral series,
      ParseSeriesLiteral("m {{schema:0 count:1 sum:2 buckets:[1]}}+{{schema:0 count:2 "
                         "sum:3 buckets:[1 1]}}x2 5"));
  ASSERT_EQ(series.values.size(), 4U);
  const tsdb::Histogram& last = *series.values[2].histogram;
  EXPECT_EQ(last.count, 5);
  EXPECT_EQ(last.sum, 8);
  EXPECT_FALSE(series.values[0].reset_hint_written);
  EXPECT_EQ(series.values[3].value, 5);
}

TEST(SeriesLiteral, ReadsLabels) {
  struct Case {
    std::string_view text;
    tsdb::Labels labels;
  };
  const Case cases[] = {
      {"up", {{"__name__", "up"}}},
      {"a:b{}", {{"__name__", "a:b"}}},
      {"{}", {}},
      {"up{ job = \"a\" , b='c',}", {{"__name__", "up"}, {"job", "a"}, {"b", "c"}}},
      {R"({"my.metric", "l.x"="y\n", z=`\n`})",
       {{"__name__", "my.metric"}, {"l.x", "y\n"}, {"z", "\\n"}}},
  };
  for (const Case& c : cases) {
    ASSERT_OK_AND_ASSIGN(const tsdb::Labels labels, ParseLabelsLiteral(c.text));
    EXPECT_EQ(labels, c.labels) << c.text;
  }
}

TEST(SeriesLiteral, ErrorsNameTheColumn) {
  constexpr std::pair<std::string_view, std::string_view> kCases[] = {
      {"", "column 1: expected a metric"},
      {"m{", "column 3: expected a quoted string"},
      {"m{a}", "column 4: expected '=', found '}'"},
      {"m{a=\"b\"", "column 8: expected ',', found the end"},
      {"m 1y", "column 4: expected a space between values"},
      {"m 1+2", "column 6: expected 'x', found the end"},
      {"m abc", "column 3: expected a number, found \"abc\""},
      {"m 1x", "column 5: expected a whole number"},
      {"m {{foo:1}}", "bad histogram descriptor found: \"foo\""},
      {"m {{sum:1 sum:2}}", "column 14: duplicate key \"sum\" in histogram"},
      {"m {{sum:1", "column 10: expected a histogram key"},
      {"m {{counter_reset_hint:maybe}}", "want unknown, reset, not_reset or gauge"},
      {"m 1x99999999999", "the series has more than 10000000 values"},
      {"m {{schema:-53 custom_values:[1] buckets:[1]}}+{{schema:0 sum:1}}x1", "custom buckets"},
  };
  for (const auto& [text, error] : kCases) {
    const absl::StatusOr<SeriesLiteral> series = ParseSeriesLiteral(text);
    ASSERT_FALSE(series.ok()) << text;
    EXPECT_NE(std::string(series.status().message()).find(error), std::string::npos)
        << text << ": " << series.status().message();
  }
}

}  // namespace
}  // namespace slowburn::query
