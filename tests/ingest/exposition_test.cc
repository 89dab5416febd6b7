// The two text formats, by tables: what goes in, what comes out, entry by entry.
#include "ingest/exposition.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "ingest/openmetrics_parser.h"
#include "ingest/text_parser.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::ingest {
namespace {

using slowburn::testing::IsCode;
using Kind = ExpositionEntry::Kind;

std::string LabelsText(const LabelScratch& scratch) {
  return tsdb::Labels::FromViews(scratch.labels).ToString();
}

// One line an entry: the labels, the value, @time, # exemplar; or TYPE, HELP, UNIT.
absl::StatusOr<std::string> Describe(ExpositionParser& parser) {
  std::string out;
  ExpositionEntry e;
  LabelScratch scratch;
  while (parser.Next(e)) {
    switch (e.kind) {
      case Kind::kComment:
        absl::StrAppend(&out, "comment\n");
        break;
      case Kind::kType:
        absl::StrAppend(&out, "TYPE ", std::string(e.family), " ", static_cast<int>(e.type), "\n");
        break;
      case Kind::kHelp:
        absl::StrAppend(&out, "HELP ", std::string(e.family), " ", std::string(e.text), "\n");
        break;
      case Kind::kUnit:
        absl::StrAppend(&out, "UNIT ", std::string(e.family), " ", std::string(e.text), "\n");
        break;
      case Kind::kSample:
        RETURN_IF_ERROR(parser.ParseLabels(e, scratch));
        absl::StrAppend(&out, LabelsText(scratch), " ", base::FormatFloat(e.value));
        if (e.has_timestamp) absl::StrAppend(&out, " @", e.t);
        if (e.has_exemplar) {
          RETURN_IF_ERROR(parser.ParseExemplarLabels(e, scratch));
          absl::StrAppend(&out, " # ", LabelsText(scratch), " ",
                          base::FormatFloat(e.exemplar_value));
          if (e.exemplar_has_timestamp) absl::StrAppend(&out, " @", e.exemplar_t);
        }
        out += "\n";
    }
  }
  RETURN_IF_ERROR(parser.status());
  return out;
}

absl::StatusOr<std::string> Text(const std::string& body) { return Describe(*NewTextParser(body)); }
absl::StatusOr<std::string> OpenMetrics(const std::string& body) {
  return Describe(*NewOpenMetricsParser(body));
}

struct Case {
  const char* what;
  std::string body;
  std::string want;  // entries; for the tables of faults: a part of the error
};

TEST(TextParser, Accepts) {
  const Case kCases[] = {
      {"empty", "", ""},
      {"blank lines", "\n  \n\t\n", ""},
      {"bare metric", "up 1", "up 1\n"},
      {"labels", "a{b=\"c\",d=\"e\"} 1\n", "a{b=\"c\", d=\"e\"} 1\n"},
      {"trailing comma", "a{b=\"c\",} 1\n", "a{b=\"c\"} 1\n"},
      {"blanks everywhere", " a \t{ b = \"c\" , d=\"e\" }  1   5\n", "a{b=\"c\", d=\"e\"} 1 @5\n"},
      {"no comma", "a{b=\"c\" d=\"e\"} 1\n", "a{b=\"c\", d=\"e\"} 1\n"},
      {"empty braces", "a{} 1\n", "a 1\n"},
      {"empty value", "a{b=\"\"} 1\n", "a 1\n"},
      {"colons", "job:x:rate5m 1\n", "job:x:rate5m 1\n"},
      {"escapes", "a{b=\"x\\\"y\\\\z\\nw\\q\"} 1\n", "a{b=\"x\\\"y\\\\z\\nw\\\\q\"} 1\n"},
      {"brace in value", "a{b=\"}{,=\"} 1\n", "a{b=\"}{,=\"} 1\n"},
      {"newline in value", "a{b=\"x\ny\"} 1\nb 2\n", "a{b=\"x\\ny\"} 1\nb 2\n"},
      {"floats", "a 1e3\nb -2.5E-1\nc +Inf\nd -Inf\ne NaN\nf .5\ng 5.\nh +7\ni nan\nj inf\n",
       "a 1000\nb -0.25\nc +Inf\nd -Inf\ne NaN\nf 0.5\ng 5\nh 7\ni NaN\nj +Inf\n"},
      {"underflow", "a 1e-999\n", "a 0\n"},
      {"comments", "# hello\n#hello\n#\n# HELPX x y\n", "comment\ncomment\ncomment\ncomment\n"},
      {"metadata", "# HELP a It's \\\\ a\\ntext \\\" here\n#\tTYPE\ta\tcounter\n",
       "HELP a It's \\ a\ntext \\\" here\nTYPE a 1\n"},
      {"empty help", "# HELP a \n# HELP b\n", "HELP a \nHELP b \n"},
      {"types", "# TYPE a gauge\n# TYPE b histogram\n# TYPE c summary\n# TYPE d untyped\n",
       "TYPE a 2\nTYPE b 3\nTYPE c 5\nTYPE d 0\n"},
      {"le is a float",
       "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"1e6\"} 1\n"
       "h_bucket{le=\"+Inf\"} 1\nh_bucket{le=\"x\"} 1\n",
       "TYPE h 3\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"1e+06\"} 1\n"
       "h_bucket{le=\"+Inf\"} 1\nh_bucket{le=\"x\"} 1\n"},
      {"quantile is a float",
       "# TYPE s summary\ns{quantile=\"0\"} 1\ns{quantile=\"0.99\"} 1\ns{le=\"1\"} 1\n",
       "TYPE s 5\ns{quantile=\"0.0\"} 1\ns{quantile=\"0.99\"} 1\ns{le=\"1\"} 1\n"},
      {"le of a gauge stays", "# TYPE g gauge\ng{le=\"1\"} 1\n", "TYPE g 2\ng{le=\"1\"} 1\n"},
      {"quoted name", "{\"a.b\"} 1\n", "{\"a.b\"} 1\n"},
      {"quoted name and labels", "{\"a.b\",\"l.x\"=\"y\",c=\"d\"} 1 7\n",
       "{\"a.b\", c=\"d\", \"l.x\"=\"y\"} 1 @7\n"},
      {"quoted name last", "{c=\"d\",\"a.b\"} 1\n", "{\"a.b\", c=\"d\"} 1\n"},
      {"quoted label only", "a{\"l.x\"=\"y\"} 1\n", "a{\"l.x\"=\"y\"} 1\n"},
      {"quoted help", "# HELP \"a.b\" text\n", "HELP a.b text\n"},
      {"utf-8", "a{b=\"日本\"} 1\n", "a{b=\"日本\"} 1\n"},
  };
  for (const Case& c : kCases) {
    const auto got = Text(c.body);
    EXPECT_OK(got) << c.what;
    if (got.ok()) {
      EXPECT_EQ(*got, c.want) << c.what;
    }
  }
}

TEST(TextParser, RefusesWithLineAndReason) {
  const Case kCases[] = {
      {"no value", "a\n", "line 1: expected a value behind the series, got the end of the line"},
      {"not a number", "b 1\na x\n",
       "line 2: expected a value behind the series (a decimal number, NaN or Inf), got \"x\""},
      {"hex", "a 0x1p2\n", "line 1: expected a value"},
      {"underscore", "a 1_000\n", "line 1: expected a value"},
      {"overflow", "a 1e999\n", "line 1: expected a value"},
      {"carriage return", "a 1\r\n", "line 1: expected a value"},
      {"bad start", "7up 1\n", "line 1: expected a metric name, got \"7up 1\""},
      {"bad timestamp", "a 1 x\n",
       "line 1: expected a timestamp or the end of the line, got \"x\""},
      {"float timestamp", "a 1 1.5\n", "line 1: expected the end of the line behind the timestamp"},
      {"huge timestamp", "a 1 99999999999999999999\n",
       "line 1: expected a timestamp in milliseconds"},
      {"rest", "a 1 5 6\n", "line 1: expected the end of the line behind the timestamp, got \"6\""},
      {"open brace", "a{b=\"c\" 1\n", "line 1: labels without a closing brace"},
      {"open quote", "a{b=\"c} 1\n", "line 1: labels without a closing brace or quote"},
      {"no equal", "a{b} 1\n", "line 1: expected = behind the label name"},
      {"bare identifier", "{b} 1\n", "line 1: expected = behind the label name, got \"}\""},
      {"no label value", "a{b=} 1\n", "line 1: expected a quoted label value"},
      {"comma first", "a{,b=\"c\"} 1\n", "line 1: expected a label name"},
      {"two commas", "a{b=\"c\",,} 1\n", "line 1: expected a label name"},
      {"no name", "{b=\"c\"} 1\n", "line 1: metric name not set"},
      {"two names", "a{\"b\"} 1\n", "line 1: metric name already set"},
      {"two quoted names", "{\"a\",\"b\"} 1\n", "line 1: metric name already set"},
      {"empty name", "{\"\"} 1\n", "line 1: no metric name"},
      {"twice", "a{b=\"1\",b=\"2\"} 1\n", "line 1: label name \"b\" is not unique"},
      {"bad utf-8", "a{b=\"\xff\"} 1\n", "line 1: value of label \"b\" is not valid UTF-8"},
      {"bad help", "# HELP a \xff\n", "line 1: help text is not valid UTF-8"},
      {"bad type", "# TYPE a countr\n", "line 1: expected counter, gauge"},
      {"no metadata name", "x 1\n# TYPE {} counter\n",
       "line 2: expected a metric name in the metadata"},
      {"line after newline in value", "a{b=\"x\ny\"} 1\nz\n", "line 3: expected a value"},
  };
  for (const Case& c : kCases) {
    EXPECT_THAT(Text(c.body), IsCode(absl::StatusCode::kInvalidArgument, c.want)) << c.what;
  }
}

TEST(OpenMetricsParser, Accepts) {
  const Case kCases[] = {
      {"empty", "# EOF", ""},
      {"empty with newline", "# EOF\n", ""},
      {"sample", "a 1\n# EOF\n", "a 1\n"},
      {"labels", "a{b=\"c\",d=\"e\"} 1\n# EOF\n", "a{b=\"c\", d=\"e\"} 1\n"},
      {"float seconds", "a 1 1.5\nb 2 -3\nc 3 1e3\n# EOF\n",
       "a 1 @1500\nb 2 @-3000\nc 3 @1000000\n"},
      {"exemplar", "a_bucket{le=\"1\"} 1 # {trace_id=\"x\"} 0.5 1.25\n# EOF\n",
       "a_bucket{le=\"1\"} 1 # {trace_id=\"x\"} 0.5 @1250\n"},
      {"exemplar behind timestamp", "a 1 2 # {} 3\n# EOF\n", "a 1 @2000 # {} 3\n"},
      {"metadata",
       "# HELP a b \\\"c\\\" \\\\ \\n\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# EOF\n",
       "HELP a b \"c\" \\ \n\nTYPE a_seconds 1\nUNIT a_seconds seconds\n"},
      {"types",
       "# TYPE a gaugehistogram\n# TYPE b info\n# TYPE c stateset\n# TYPE d unknown\n# EOF\n",
       "TYPE a 4\nTYPE b 6\nTYPE c 7\nTYPE d 0\n"},
      {"created", "# TYPE a counter\na_total 1\na_created 5\n# EOF\n",
       "TYPE a 1\na_total 1\na_created 5\n"},
      {"le", "# TYPE h histogram\nh_bucket{le=\"1\"} 2\n# EOF\n",
       "TYPE h 3\nh_bucket{le=\"1.0\"} 2\n"},
      {"quoted", "{\"a.b\",\"c.d\"=\"e\"} 1\n# EOF\n", "{\"a.b\", \"c.d\"=\"e\"} 1\n"},
      {"empty unit", "# UNIT a \n# EOF\n", "UNIT a \n"},
  };
  for (const Case& c : kCases) {
    const auto got = OpenMetrics(c.body);
    EXPECT_OK(got) << c.what;
    if (got.ok()) {
      EXPECT_EQ(*got, c.want) << c.what;
    }
  }
}

TEST(OpenMetricsParser, RefusesWithLineAndReason) {
  const Case kCases[] = {
      {"no end", "a 1\n", "line 2: data does not end with # EOF"},
      {"nothing", "", "line 1: data does not end with # EOF"},
      {"cut line", "a 1", "line 1: data does not end with # EOF"},
      {"data behind the end", "# EOF\na 1\n", "line 1: unexpected data after # EOF"},
      {"comment", "# hello\n# EOF\n", "line 1: expected # HELP, # TYPE, # UNIT or # EOF"},
      {"two blanks", "a  1\n# EOF\n", "line 1: expected a value behind the series"},
      {"blank before brace", "a {b=\"c\"} 1\n# EOF\n",
       "line 1: expected a value behind the series"},
      {"blank in labels", "a{b=\"c\", d=\"e\"} 1\n# EOF\n", "line 1: expected a label name"},
      {"no comma", "a{b=\"c\"d=\"e\"} 1\n# EOF\n", "line 1: expected a comma or a closing brace"},
      {"blank line", "a 1\n\n# EOF\n", "line 2: expected a metric name"},
      {"no value", "a\n# EOF\n", "line 1: expected a blank and a value"},
      {"bad unit", "# UNIT a_bytes seconds\n# EOF\n",
       "line 1: expected a unit that is a suffix of metric \"a_bytes\""},
      {"bad type", "# TYPE a untyped\n# EOF\n", "line 1: expected counter, gauge"},
      {"no type", "# TYPE a\n# EOF\n", "line 1: expected a blank and a text behind the name"},
      {"NaN timestamp", "a 1 NaN\n# EOF\n", "line 1: invalid timestamp"},
      {"huge timestamp", "a 1 1e300\n# EOF\n", "line 1: invalid timestamp"},
      {"exemplar without labels", "a 1 # 3\n# EOF\n", "line 1: expected the labels of an exemplar"},
      {"exemplar without value", "a 1 # {}\n# EOF\n",
       "line 1: expected a blank and the exemplar's value"},
      {"exemplar with a name", "a 1 # {\"x\"} 1\n# EOF\n",
       "line 1: expected = behind the label name"},
      {"hex", "a 0x1p2\n# EOF\n", "line 1: expected a value"},
  };
  for (const Case& c : kCases) {
    EXPECT_THAT(OpenMetrics(c.body), IsCode(absl::StatusCode::kInvalidArgument, c.want)) << c.what;
  }
}

TEST(Exposition, NaNIsTheCanonicalOne) {
  for (const char* text : {"NaN", "nan", "-NaN"}) {
    const std::string body = absl::StrCat("a ", text, "\n");
    const auto parser = NewTextParser(body);
    ExpositionEntry e;
    if (!parser->Next(e)) continue;  // a sign is not for every reader
    EXPECT_EQ(std::bit_cast<uint64_t>(e.value), tsdb::kNormalNaNBits) << text;
  }
}

TEST(Exposition, TheSeriesTextIsItsIdentity) {
  const std::string body = "a{b=\"c\"}  1\na {b=\"c\"} 2\nup 3\n";
  const auto parser = NewTextParser(body);
  ExpositionEntry e;
  ASSERT_TRUE(parser->Next(e));
  EXPECT_EQ(e.series, "a{b=\"c\"}");
  EXPECT_EQ(e.series.data(), body.data());
  ASSERT_TRUE(parser->Next(e));
  EXPECT_EQ(e.series, "a {b=\"c\"}");
  ASSERT_TRUE(parser->Next(e));
  EXPECT_EQ(e.series, "up");
}

TEST(Exposition, FloatsOfLabels) {
  const std::pair<double, const char*> kCases[] = {{1, "1.0"},
                                                   {0, "0.0"},
                                                   {-1, "-1.0"},
                                                   {0.5, "0.5"},
                                                   {100000, "100000.0"},
                                                   {1e6, "1e+06"},
                                                   {1e-5, "1e-05"},
                                                   {INFINITY, "+Inf"},
                                                   {-INFINITY, "-Inf"},
                                                   {NAN, "NaN"},
                                                   {12345678, "1.2345678e+07"}};
  for (const auto& [value, text] : kCases) EXPECT_EQ(OpenMetricsFloat(value), text);
}

TEST(Exposition, ContentTypePicksTheParser) {
  const struct {
    const char* content_type;
    const char* fallback;
    const char* want;  // "text", "openmetrics", or a part of the error
  } kCases[] = {
      {"text/plain; version=0.0.4; charset=utf-8", "", "text"},
      {"Text/Plain", "", "text"},
      {"application/openmetrics-text; version=1.0.0; charset=utf-8", "", "openmetrics"},
      {"", "text/plain", "text"},
      {"application/json", "application/openmetrics-text", "openmetrics"},
      {"", "", "sending blank Content-Type and no fallback_scrape_protocol"},
      {"text/html; charset=utf-8", "",
       "received unsupported Content-Type \"text/html; charset=utf-8\""},
      {"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily", "", "protobuf"},
  };
  for (const auto& c : kCases) {
    const std::string body = "# EOF\n";
    const auto parser = NewExpositionParser(body, c.content_type, c.fallback);
    if (!parser.ok()) {
      EXPECT_THAT(std::string(parser.status().message()), ::testing::HasSubstr(c.want));
      continue;
    }
    ExpositionEntry e;
    EXPECT_EQ((*parser)->Next(e) ? "text" : "openmetrics", std::string(c.want)) << c.content_type;
  }
}

TEST(Exposition, SurvivesTruncationAndFlips) {
  slowburn::testing::Random random;
  const std::string seed =
      "# HELP a b\\n\n# TYPE a histogram\na_bucket{le=\"1\",b=\"c\\\"\"} 1 "
      "5\n{\"x.y\",\"z\"=\"w\"} NaN\n"
      "# UNIT a_s s\na 1 2.5 # {t=\"u\"} 3 4\n# EOF\n";
  for (int i = 0; i < 20000; ++i) {
    std::string body = seed.substr(0, random.Below(seed.size()) + 1);
    for (uint64_t flips = random.Below(4); flips > 0; --flips) {
      body[random.Below(body.size())] = "\"{}\\\n #,=x1"[random.Below(11)];
    }
    (void)Text(body);
    (void)OpenMetrics(body);
  }
}

}  // namespace
}  // namespace slowburn::ingest
