// What several SLO tests need: a spec from YAML, and counters fed to a ledger step by step.
#ifndef SLOWBURN_TESTS_SLO_SLO_FIXTURES_H_
#define SLOWBURN_TESTS_SLO_SLO_FIXTURES_H_

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rules/alert_sink.h"
#include "slo/sli_ledger.h"
#include "slo/slo_spec.h"
#include "slo/spec_loader.h"

namespace slowburn::slo {

// A grid time with whole hours behind it.
inline constexpr TimestampMs kT0 = 1'700'006'400'000;

inline SloSpec SpecOf(const std::string& objective = "99.9", const std::string& period = "30d",
                      const std::string& alerting = "{preset: google-30d}",
                      const std::string& name = "availability", const std::string& more = "") {
  SloFiles files;
  LoadSloText(
      absl::StrCat("kind: SLO\nname: ", name, "\nservice: checkout\n", "labels: {team: pay}\n",
                   "sli: {events: {bad: 'requests_total{code=\"500\"}', ",
                   "total: 'requests_total'}}\n", "objective: {target: \"", objective,
                   "\", period: ", period, "}\n", "alerting: ", alerting, "\n", more),
      "test.yml", files);
  EXPECT_TRUE(files.errors.empty()) << files.errors.front();
  return files.specs.empty() ? SloSpec{} : files.specs.front();
}

// Two series, good (code 200) and bad (code 500), advanced together.
class Traffic {
 public:
  explicit Traffic(SliLedger& ledger) : ledger_(ledger) {
    const tsdb::Labels good{{"__name__", "requests_total"}, {"code", "200"}};
    const tsdb::Labels bad{{"__name__", "requests_total"}, {"code", "500"}};
    good_ = ledger.TrackOf(tsdb::SeriesRef(1), good, ledger.sli().RolesOf(good),
                           SliLedger::Origin::kNew);
    bad_ =
        ledger.TrackOf(tsdb::SeriesRef(2), bad, ledger.sli().RolesOf(bad), SliLedger::Origin::kNew);
  }
  // Samples of time t: so many more events than at the sample before.
  void Step(TimestampMs t, double good, double bad) {
    good_count_ += good;
    bad_count_ += bad;
    const SliLedger::Arrival arrivals[] = {{good_, {t, good_count_, 0}, true},
                                           {bad_, {t, bad_count_, 0}, true}};
    ledger_.Add(arrivals);
  }

 private:
  SliLedger& ledger_;
  SliLedger::Track* good_;
  SliLedger::Track* bad_;
  double good_count_ = 0, bad_count_ = 0;
};

class RecordingSink final : public rules::AlertSink {
 public:
  absl::Status Send(std::vector<rules::Alert> sent) override {
    if (fail) return absl::UnavailableError("the sink is full");
    ++sends;
    for (rules::Alert& alert : sent) alerts.push_back(std::move(alert));
    return absl::OkStatus();
  }
  bool fail = false;
  int sends = 0;
  std::vector<rules::Alert> alerts;
};

inline std::string LabelOf(const rules::Alert& alert, std::string_view name) {
  for (const auto& [key, value] : alert.labels) {
    if (key == name) return value;
  }
  return "";
}

}  // namespace slowburn::slo

#endif  // SLOWBURN_TESTS_SLO_SLO_FIXTURES_H_
