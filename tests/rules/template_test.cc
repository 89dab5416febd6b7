#include "rules/template/template.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "rules/template/format.h"
#include "rules/template/limits.h"
#include "rules/template/prometheus_functions.h"
#include "rules/template/time_value.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::rules {
namespace {

using testing::IsCode;

absl::StatusOr<std::string> Expand(const std::string& text, const TemplateValue& data = {}) {
  absl::StatusOr<Template> parsed = Template::Parse(text, "t", PrometheusFunctionNames());
  if (!parsed.ok()) return parsed.status();
  return parsed->Execute(data, PrometheusFunctionNames());
}

TEST(Template, ErrorsOfParsingNameLineAndColumn) {
  EXPECT_THAT(Expand("a\nbc {{ foo }}"),
              IsCode(absl::StatusCode::kInvalidArgument, "template: t:2:7: function \"foo\""));
  EXPECT_THAT(
      Expand("{{ if 1 }}\n\n{{ $x }}{{ end }}"),
      IsCode(absl::StatusCode::kInvalidArgument, "template: t:3:4: undefined variable \"$x\""));
}

TEST(Template, ErrorsOfExecutingNameTheNode) {
  EXPECT_THAT(
      Expand("x\n {{ humanize \"q\" }}"),
      IsCode(absl::StatusCode::kInvalidArgument,
             "template: t:2:5: executing \"t\" at <humanize \"q\">: error calling humanize"));
}

TEST(Template, ALoopThatNeverEndsIsStopped) {
  EXPECT_THAT(Expand("{{ range 100000000 }}{{ end }}"),
              IsCode(absl::StatusCode::kInvalidArgument, "steps"));
  EXPECT_THAT(Expand("{{ define \"r\" }}{{ template \"r\" }}{{ end }}{{ template \"r\" }}"),
              IsCode(absl::StatusCode::kInvalidArgument, "maximum template depth"));
}

TEST(Template, OutputIsBounded) {
  EXPECT_THAT(
      Expand("{{ $x := \"aaaaaaaa\" }}{{ range 40 }}{{ $x = print $x $x }}{{ end }}{{ len $x }}"),
      IsCode(absl::StatusCode::kInvalidArgument, "longer than"));
  EXPECT_THAT(Expand("{{ range 5 }}{{ printf \"%999999d\" 1 }}{{ end }}"),
              IsCode(absl::StatusCode::kInvalidArgument, "longer than"));
  EXPECT_THAT(Expand("{{ $x := args 1 }}{{ range 200 }}{{ $x = args $x }}{{ end }}"),
              IsCode(absl::StatusCode::kInvalidArgument, "nest deeper"));
  EXPECT_THAT(
      Expand("{{ $x := args 1 2 3 }}{{ range 30 }}{{ $x = args $x $x $x }}{{ end }}{{ $x }}"),
      IsCode(absl::StatusCode::kInvalidArgument, "longer than"));
}

TEST(Template, NestingIsBoundedAndOneLevelLessIsFine) {
  const auto nested = [](int n) {
    std::string text;
    for (int i = 0; i < n; ++i) text += "{{ if 1 }}";
    text += "x";
    for (int i = 0; i < n; ++i) text += "{{ end }}";
    return text;
  };
  ASSERT_OK_AND_ASSIGN(const std::string text, Expand(nested(100)));
  EXPECT_EQ(text, "x");
  EXPECT_THAT(Expand(nested(10'000)), IsCode(absl::StatusCode::kInvalidArgument, "nest deeper"));
  EXPECT_THAT(Expand("{{ " + std::string(10'000, '(') + "1" + std::string(10'000, ')') + " }}"),
              IsCode(absl::StatusCode::kInvalidArgument, "nest deeper"));
}

TEST(Template, TextIsBounded) {
  EXPECT_OK(Expand(std::string(kMaxTemplateBytes, 'a')));
  EXPECT_THAT(Expand(std::string(kMaxTemplateBytes + 1, 'a')),
              IsCode(absl::StatusCode::kResourceExhausted, "longer"));
}

TEST(Template, FilesOfDefinitionsAreShared) {
  const TemplateFunctions& functions = PrometheusFunctionNames();
  ASSERT_OK_AND_ASSIGN(Template set, Template::Parse("", "", functions));
  ASSERT_OK(set.Add("{{ define \"a\" }}A{{ end }}{{ define \"b\" }}B{{ template \"a\" }}{{ end }}",
                    "one.tmpl", functions));
  ASSERT_OK(set.Add("{{ define \"a\" }}A2{{ . }}{{ end }}", "two.tmpl", functions));
  ASSERT_OK_AND_ASSIGN(
      const Template title,
      set.With("<{{ template \"b\" }}|{{ template \"a\" 5 }}>", "title", functions));
  ASSERT_OK_AND_ASSIGN(const std::string text, title.Execute({}, functions));
  EXPECT_EQ(text, "<BA2<no value>|A25>");
  EXPECT_TRUE(set.Defines("b"));
  EXPECT_FALSE(set.Defines("title"));
}

TEST(Template, MethodsAndStringers) {
  static const TemplateType kAlerts{
      .name = "template.Alerts",
      .zero_is_string = false,
      .methods =
          {{"Firing",
            {"",
             [](TemplateArgs a) { return TemplateValue::List({a[0].items()[0]}, a[0].type()); }}},
           {"Take",
            {"i",
             [](TemplateArgs a) { return a[0].items()[static_cast<size_t>(a[1].int_value())]; }}}},
      .print = nullptr};
  const TemplateValue data = TemplateValue::Struct(
      {{"Alerts",
        TemplateValue::List({TemplateValue::String("x"), TemplateValue::String("y")}, &kAlerts)},
       {"StartsAt", TimeValue(1435065584128)}});
  const std::pair<const char*, const char*> cases[] = {
      {"{{ len .Alerts }} {{ len .Alerts.Firing }} {{ .Alerts.Take 1 }} {{ range .Alerts.Firing "
       "}}{{ . }}{{ end }}",
       "2 1 y x"},
      {"{{ .StartsAt }}", "2015-06-23 13:19:44.128 +0000 UTC"},
      {"{{ .StartsAt.Format \"02 Jan 2006 15:04\" }}", "23 Jun 2015 13:19"},
      {"{{ (.StartsAt.Sub .StartsAt).Seconds }} {{ .StartsAt.After .StartsAt }}", "0 false"},
      {"{{ 1 | .Alerts.Take }}", "y"},
  };
  for (const auto& [text, expected] : cases) {
    SCOPED_TRACE(text);
    ASSERT_OK_AND_ASSIGN(const std::string got, Expand(text, data));
    EXPECT_EQ(got, expected);
  }
  EXPECT_THAT(Expand("{{ .Alerts.Take }}", data),
              IsCode(absl::StatusCode::kInvalidArgument, "want 1 got 0"));
  EXPECT_THAT(Expand("{{ .Alerts.Nope }}", data),
              IsCode(absl::StatusCode::kInvalidArgument, "in type template.Alerts"));
}

TEST(Template, DurationsPrintAsGoPrintsThem) {
  const std::pair<int64_t, const char*> cases[] = {{0, "0s"},
                                                   {1, "1ns"},
                                                   {1'100, "1.1µs"},
                                                   {2'200'000, "2.2ms"},
                                                   {3'300'000'000, "3.3s"},
                                                   {245'000'000'000, "4m5s"},
                                                   {3'600'000'000'000, "1h0m0s"},
                                                   {-90'000'000'000, "-1m30s"},
                                                   {100'000'000, "100ms"}};
  for (const auto& [ns, expected] : cases) EXPECT_EQ(FormatGoDuration(ns), expected);
}

TEST(Template, HistogramsPrintTheirBuckets) {
  query::Series series;
  auto h = std::make_shared<tsdb::Histogram>();
  h->count = 3;
  h->sum = 4.5;
  h->positive_spans = {{0, 2}};
  h->positive_buckets = {1, 2};
  series.histograms.push_back({0, h});
  const TemplateValue data = TemplateValue::Struct({{"Value", SampleValue(series)}});
  ASSERT_OK_AND_ASSIGN(const std::string text,
                       Expand("{{ .Value }} {{ .Value.Count }} {{ .Value.Sum }}", data));
  EXPECT_EQ(text, "{count:3, sum:4.5, (0.5,1]:1, (1,2]:2} 3 4.5");
}

// Random text from the language's own pieces: nothing may crash, and what parses may run.
TEST(Template, RandomTemplatesNeverCrash) {
  testing::Random random;
  const char* const pieces[] = {
      "{{",   "}}",        "{{-",     " -}}",       " ",     ".",        "$x",    ":=",   "=",
      "if ",  "else ",     "end",     "range ",     "with ", "\"a\"",    "1",     "1.5",  "|",
      "(",    ")",         "printf ", "\"%d%v%s\"", "len ",  "index ",   "nil",   "true", "eq ",
      "and ", "template ", "define ", "block ",     "break", "continue", ".a.b",  "x",    "\n",
      "/*",   "*/",        "args ",   "humanize ",  ",",     "query ",   "first "};
  const TemplateValue data =
      TemplateValue::Map({{"a", TemplateValue::Map({{"b", TemplateValue::Int(1)}})}});
  int ran = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (uint64_t n = random.Below(12) + 1; n > 0; --n)
      text += pieces[random.Below(std::size(pieces))];
    if (random.OneIn(2)) text = absl::StrCat("{{ ", text, " }}");
    if (Expand(text, data).ok()) ++ran;
  }
  EXPECT_GT(ran, 100);
}

}  // namespace
}  // namespace slowburn::rules
