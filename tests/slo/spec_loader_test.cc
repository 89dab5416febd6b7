#include "slo/spec_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "slo/limits.h"
#include "tests/slo/slo_fixtures.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::slo {
namespace {

using ::testing::HasSubstr;

constexpr const char* kGood =
    "kind: SLO\n"
    "name: availability\n"
    "service: checkout\n"
    "sli: {events: {bad: 'x_total{code=\"500\"}', total: x_total}}\n"
    "objective: {target: \"99.9\", period: 30d}\n";

SloFiles Load(const std::string& text) {
  SloFiles files;
  LoadSloText(text, "f.yml", files);
  return files;
}

std::string Replaced(std::string_view what, std::string_view by) {
  std::string text = kGood;
  const size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

TEST(SpecLoader, ReadsTheSmallestFile) {
  const SloFiles files = Load(kGood);
  ASSERT_THAT(files.errors, ::testing::IsEmpty());
  ASSERT_EQ(files.specs.size(), 1u);
  const SloSpec& spec = files.specs[0];
  EXPECT_EQ(spec.id, "checkout-availability");
  EXPECT_EQ(spec.objective, "99.9");
  EXPECT_EQ(spec.budget, (Ratio{1, 1000}));
  EXPECT_EQ(spec.period_ms, 30 * base::kDay);
  EXPECT_EQ(spec.where, "f.yml:1:1");
  // google-30d is the default: an SLO that nobody hears of is none.
  ASSERT_EQ(spec.tiers.size(), 4u);
  const struct {
    const char *name, *severity;
    Ratio factor, threshold;
  } tiers[] = {{"fast", "P0", {72, 5}, {9, 625}},
               {"medium", "P1", {6, 1}, {3, 500}},
               {"slow", "P2", {3, 1}, {3, 1000}},
               {"longterm", "P2", {1, 1}, {1, 1000}}};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(spec.tiers[i].name, tiers[i].name);
    EXPECT_EQ(spec.tiers[i].severity, tiers[i].severity);
    EXPECT_EQ(spec.tiers[i].factor, tiers[i].factor);
    EXPECT_EQ(spec.tiers[i].threshold, tiers[i].threshold);
    EXPECT_EQ(spec.tiers[i].short_ms * 12, spec.tiers[i].long_ms);
  }
  EXPECT_EQ(spec.Windows().size(), 7u);
  EXPECT_EQ(spec.FastWindow(), base::kHour);
}

TEST(SpecLoader, FactorsFollowThePeriodButNeverBelowOne) {
  const struct {
    const char* period;
    std::vector<double> factors;
  } cases[] = {{"28d", {13.44, 5.6, 2.8, 1}},  // 0.9333 without the floor
               {"14d", {6.72, 2.8, 1.4, 1}},
               {"7d", {3.36, 1.4, 1, 1}},
               {"90d", {43.2, 18, 9, 3}},
               {"2d", {1, 1, 1}},  // the tier of 3d is left out
               {"1h", {1}}};
  for (const auto& c : cases) {
    const SloFiles files = Load(Replaced("30d", c.period));
    ASSERT_EQ(files.specs.size(), 1u) << c.period;
    std::vector<double> factors;
    for (const Tier& tier : files.specs[0].tiers) factors.push_back(tier.factor.ToDouble());
    EXPECT_EQ(factors, c.factors) << c.period;
    EXPECT_EQ(files.warnings.size(), 4 - c.factors.size()) << c.period;
  }
}

TEST(SpecLoader, TiersThatCanNeverFireAreNamed) {
  const SloFiles files = Load(Replaced("\"99.9\"", "90"));
  ASSERT_THAT(files.errors, ::testing::IsEmpty());
  ASSERT_EQ(files.warnings.size(), 1u);
  EXPECT_THAT(files.warnings[0],
              HasSubstr("f.yml:1:1: slo checkout-availability: tier fast can never fire"));
  EXPECT_THAT(files.warnings[0], HasSubstr("144%"));
  EXPECT_EQ(Load(Replaced("\"99.9\"", "95")).warnings.size(), 0u);
}

TEST(SpecLoader, ReadsEveryKey) {
  const SloFiles files =
      Load(absl::StrCat(Replaced("bad: 'x_total{code=\"500\"}'", "good: 'x_total{code!=\"500\"}'"),
                        "description: what for\n"
                        "labels: {team: pay, tier: \"1\", empty: ''}\n"
                        "annotations: {runbook: there}\n"
                        "budgeting: occurrences\nmissing: gap\nempty: neutral\n"
                        "alerting:\n"
                        "  preset: custom\n  comparator: '>='\n  mode: live\n"
                        "  tiers:\n"
                        "  - {name: a, severity: page, long: 1h, short: 5m, budget: 2%}\n"
                        "  - {name: b, severity: P3, long: 2h, short: 90s, factor: 1.5, weight: "
                        "traffic, min_bad: 7}\n"));
  ASSERT_THAT(files.errors, ::testing::IsEmpty());
  const SloSpec& spec = files.specs.at(0);
  EXPECT_EQ(spec.sli.part_kind, Sli::Part::kGood);
  EXPECT_EQ(spec.labels, (LabelPairs{{"team", "pay"}, {"tier", "1"}}));
  EXPECT_EQ(spec.comparator, Comparator::kGreaterOrEqual);
  ASSERT_EQ(spec.tiers.size(), 2u);
  EXPECT_EQ(spec.tiers[0].factor, (Ratio{72, 5}));
  EXPECT_EQ(spec.tiers[1].factor, (Ratio{3, 2}));
  EXPECT_EQ(spec.tiers[1].fraction, (Ratio{1, 240}));
  EXPECT_EQ(spec.tiers[1].weight, Weight::kTraffic);
  EXPECT_EQ(spec.tiers[1].min_bad, 7);
}

TEST(SpecLoader, FaultsSayWhere) {
  const struct {
    std::string text;
    const char* error;
  } cases[] = {
      {"kind: [", "f.yml:"},
      {"hello", "f.yml:1:1: an SLO document is a mapping"},
      {"name: x", "f.yml:1:1: a document needs `kind: SLO`"},
      {"kind: Service", "f.yml:1:7: `kind: Service` is not known"},
      {"version: prometheus/v1\nservice: x\n", "f.yml:1:1: this looks like a Sloth document"},
      {"apiVersion: pyrra.dev/v1alpha1\nkind: ServiceLevelObjective\n",
       "f.yml:2:7: this looks like a Pyrra, OpenSLO"},
      {Replaced("name: availability\n", ""), "f.yml:1:1: an SLO needs `name`"},
      {Replaced("availability", "''"), "f.yml:2:7: `name` is empty"},
      {Replaced("availability", std::string(129, 'a')),
       "f.yml:2:7: `name` has 129 bytes, at most 128"},
      {Replaced("name: availability\nservice: checkout", "name: '!'\nservice: '?'"),
       "no letter and no digit"},
      {Replaced("service:", "servce:"), "f.yml:1:1: an SLO needs `service`"},
      {absl::StrCat(kGood, "lables: {a: b}\n"), "f.yml:6:1: field lables not found in the SLO"},
      {absl::StrCat(kGood, "labels: {0a: b}\n"), "f.yml:6:10: \"0a\" is not a name for `labels`"},
      {absl::StrCat(kGood, "labels: {__a: b}\n"), "f.yml:6:10: \"__a\" is not a name"},
      {absl::StrCat(kGood, "labels: [a]\n"), "f.yml:6:9: "},
      {Replaced("sli: {events: {bad: 'x_total{code=\"500\"}', total: x_total}}", "sli: {}"),
       "f.yml:4:6: an SLI needs"},
      {Replaced("total: x_total", "ttl: x"), "f.yml:4:15: an event SLI needs `total`"},
      {Replaced("bad:", "good: y, bad:"),
       "f.yml:4:15: an event SLI needs `total` and either `bad` or `good`"},
      {Replaced("total: x_total", "total: 'rate(x[5m])'"),
       "f.yml:4:51: `total` wants a series selector"},
      {Replaced("total: x_total", "total: '{a=~\"*\"}'"),
       "f.yml:4:51: `total` wants a series selector"},
      {Replaced("total: x_total", "total: '{}'"), "f.yml:4:51: `total` wants a series selector"},
      {Replaced("\"99.9\"", "100"),
       "f.yml:5:21: `target` is 100 percent, wanted more than 0 and less than 100"},
      {Replaced("\"99.9\"", "0.0"), "f.yml:5:21: `target` is 0.0 percent"},
      {Replaced("\"99.9\"", "99.9%"), "f.yml:5:21: `target`: \"99.9%\" is not a decimal number"},
      {Replaced("\"99.9\"", "[1]"), "f.yml:5:21: "},
      {Replaced("target: \"99.9\", ", ""), "f.yml:5:12: an objective needs `target`"},
      {Replaced(", period: 30d", ""), "f.yml:5:12: an objective needs `period`"},
      {Replaced("30d", "{calendar: month}"), "calendar periods are not built yet"},
      {Replaced("30d", "30 days"), "f.yml:5:37: "},
      {Replaced("30d", "59m"), "f.yml:5:37: `period` is 59m, wanted whole minutes from 1h"},
      {Replaced("30d", "90m1s"), "`period` is 1h30m1s"},
      {Replaced("30d", "367d"), "`period` is 367d"},
      {absl::StrCat(kGood, "exclusions: [{duration: 1h}]\n"),
       "f.yml:6:1: `exclusions` of an SLO is not built yet"},
      {absl::StrCat(kGood, "missing: bad\n"),
       "f.yml:6:10: `missing: bad` is not built yet: only gap is"},
      {Replaced("sli: {", "sli: {group_by: [route], "),
       "f.yml:4:7: `group_by` of sli is not built yet"},
      {absl::StrCat(kGood, "alerting: {preset: mixin}\n"),
       "f.yml:6:20: `preset: mixin` is not known"},
      {absl::StrCat(kGood, "alerting: {preset: custom}\n"),
       "f.yml:6:11: `preset: custom` needs `tiers`"},
      {absl::StrCat(kGood, "alerting: {mode: shadow}\n"),
       "f.yml:6:18: `mode: shadow` is not built yet"},
      {absl::StrCat(kGood, "alerting: {comparator: '<'}\n"), "f.yml:6:24: `comparator` is <"},
      {absl::StrCat(kGood, "alerting: {preset: google-30d, tiers: []}\n"), "exclude each other"},
      {absl::StrCat(kGood, "alerting: {tiers: [{name: a, severity: P0, long: 1h, short: 5m}]}\n"),
       "f.yml:6:20: a tier needs either `budget` (e.g. 2%) or `factor`"},
      {absl::StrCat(
           kGood, "alerting: {tiers: [{name: a, severity: P0, long: 1h, short: 5m, budget: 2}]}\n"),
       "f.yml:6:73: `budget` is 2, wanted a share of the budget such as 2%"},
      {absl::StrCat(
           kGood, "alerting: {tiers: [{name: a, severity: P0, long: 1h, short: 5m, factor: 0}]}\n"),
       "f.yml:6:73: wanted more than 0"},
      {absl::StrCat(
           kGood, "alerting: {tiers: [{name: a, severity: P0, long: 5m, short: 1h, factor: 1}]}\n"),
       "f.yml:6:20: tier a wants short < long <= period"},
      {absl::StrCat(
           kGood,
           "alerting: {tiers: [{name: a, severity: P0, long: 65s, short: 60s, factor: 1}]}\n"),
       "f.yml:6:50: `long` is 1m5s, wanted at least 1m and a multiple of 10s"},
      {absl::StrCat(kGood,
                    "alerting: {tiers: [{name: a, severity: P0, long: 1h, short: 5m, factor: 1, "
                    "for: 5m}]}\n"),
       "f.yml:6:76: `for` of a tier is not built yet"},
      {absl::StrCat(kGood, "alerting: {tiers: [{name: a, long: 1h, short: 5m, factor: 1}]}\n"),
       "f.yml:6:20: a tier needs `severity`"},
      {absl::StrCat(kGood,
                    "alerting: {tiers: [{name: a, severity: P0, long: 1h, short: 5m, factor: 1}, "
                    "{name: a, severity: P0, long: 1h, short: 5m, factor: 1}]}\n"),
       "a second tier is named a"},
      {absl::StrCat(kGood, "---\n", kGood),
       "f.yml:7:1: the id checkout-availability is taken by the SLO at f.yml:1:1"},
      {absl::StrCat(kGood, "name: again\n"), "f.yml:6:1: "},
  };
  for (const auto& c : cases) {
    const SloFiles files = Load(c.text);
    ASSERT_FALSE(files.errors.empty()) << c.text;
    EXPECT_THAT(files.errors[0], HasSubstr(c.error)) << c.text;
    EXPECT_FALSE(files.status().ok());
  }
}

TEST(SpecLoader, EveryDocumentsFaultIsReported) {
  const SloFiles files = Load("kind: A\n---\n" + std::string(kGood) + "---\nkind: B\n---\n");
  EXPECT_EQ(files.errors.size(), 2u);
  EXPECT_EQ(files.specs.size(), 1u);
}

TEST(SpecLoader, IdsAreLowerCaseLettersDigitsAndDashes) {
  EXPECT_EQ(SloId("Check Out", "p99 < 300ms"), "check-out-p99-300ms");
  EXPECT_EQ(SloId("äöü", "x"), "x");
  EXPECT_EQ(SloId("-a-", "-b-"), "a-b");
  EXPECT_EQ(SloId("?", "!"), "");
}

TEST(SpecLoader, TooManySlosAndTooLargeFilesAreRefused) {
  SloFiles files;
  files.specs.resize(kMaxSlos - 1);
  LoadSloText(kGood, "f.yml", files);
  EXPECT_TRUE(files.errors.empty());
  LoadSloText(Replaced("availability", "other"), "f.yml", files);
  ASSERT_EQ(files.errors.size(), 1u);
  EXPECT_THAT(files.errors[0], HasSubstr("more than 10000 SLOs"));
  const auto padded = [](size_t size) {
    return std::string(kGood) + std::string(size - std::string(kGood).size(), '\n');
  };
  EXPECT_TRUE(Load(padded(kMaxSloFileBytes)).errors.empty());
  EXPECT_THAT(Load(padded(kMaxSloFileBytes + 1)).errors.at(0),
              HasSubstr("at most 4194304 are allowed"));
}

TEST(SpecLoader, GlobsThatMatchNothingWarnAndMissingFilesFail) {
  const SloFiles globbed = LoadSloFiles({"examples/no-such-folder/*.yml"});
  EXPECT_TRUE(globbed.errors.empty());
  EXPECT_EQ(globbed.warnings.size(), 1u);
  const SloFiles named = LoadSloFiles({"examples/no-such-file.yml"});
  ASSERT_EQ(named.errors.size(), 1u);
  EXPECT_THAT(named.errors[0], HasSubstr("examples/no-such-file.yml"));
}

TEST(SpecLoader, TheExamplesAreRight) {
  const SloFiles files = LoadSloFiles({"examples/slo/*.yml", "examples/slo/latency.yml"});
  EXPECT_THAT(files.errors, ::testing::IsEmpty());
  EXPECT_THAT(files.warnings, ::testing::IsEmpty());
  EXPECT_EQ(files.specs.size(), 4u);
}

TEST(Sli, TextDoesNotDependOnHowItWasWritten) {
  const SloSpec a =
      Load(Replaced("total: x_total", "total: 'x_total{a=\"1\",b=\"2\"}'")).specs.at(0);
  const SloSpec b =
      Load(Replaced("total: x_total", "total: '{b=\"2\",__name__=\"x_total\",a=\"1\"}'"))
          .specs.at(0);
  EXPECT_EQ(a.sli.CanonicalText(), b.sli.CanonicalText());
  EXPECT_NE(a.sli.CanonicalText(), Load(kGood).specs.at(0).sli.CanonicalText());
}

}  // namespace
}  // namespace slowburn::slo
