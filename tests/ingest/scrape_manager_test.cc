// Scraping from configuration to store, on a fake clock and a fake client.
#include "ingest/scrape_manager.h"

#include <filesystem>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/executor.h"
#include "base/file.h"
#include "base/metrics.h"
#include "base/status_macros.h"
#include "tests/ingest/stored_samples.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_executor.h"
#include "tests/testing/fake_http_client.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::ingest {
namespace {

using slowburn::testing::FakeClock;
using slowburn::testing::FakeExecutor;
using slowburn::testing::FakeHttpClient;
using slowburn::testing::SamplesOf;
using slowburn::testing::SeriesOf;

constexpr DurationMs kInterval = 10 * base::kSecond;

class ScrapeManagerTest : public ::testing::Test {
 protected:
  ScrapeManagerTest() { body_ = "a 1\n"; }

  absl::StatusOr<base::HttpResponse> Answer(const base::HttpRequest& request) {
    if (!failure_.ok()) return failure_;
    const auto own = bodies_.find(request.url);
    return base::HttpResponse{.status = status_,
                              .headers = {{"content-type", content_type_}},
                              .body = own == bodies_.end() ? body_ : own->second};
  }

  // `yaml`: a list of scrape configs.
  void Apply(const std::string& yaml) {
    std::vector<std::string> warnings;
    const auto root = base::ParseYaml(yaml, "f.yml");
    ASSERT_OK(root);
    std::vector<ScrapeConfig> configs;
    ScrapeGlobals globals;
    globals.scrape_interval_ms = kInterval;
    for (const base::YamlNode& node : root->items) {
      auto config = ParseScrapeConfig(node, globals, warnings);
      ASSERT_OK(config);
      configs.push_back(*std::move(config));
    }
    manager_.ApplyConfig(std::move(configs), {});
  }
  // One job `j` with the target h:1.
  void ApplyJob(const std::string& keys = "") {
    Apply(absl::StrCat("- {job_name: j, static_configs: [{targets: ['h:1']}]",
                       keys.empty() ? "" : ", ", keys, "}"));
  }

  void Scrape() { executor_.AdvanceBy(kInterval); }  // exactly one scrape of each target
  void Scrape(const std::string& body) {
    body_ = body;
    Scrape();
  }

  // The values of a series of the target h:1 of job j, without times: "1 2 stale".
  std::string Values(const std::string& name,
                     std::vector<std::pair<std::string, std::string>> labels = {}) {
    labels.insert(labels.end(), {{"__name__", name}, {"instance", "h:1"}, {"job", "j"}});
    const std::string text =
        SamplesOf(storage_, tsdb::Labels::FromPairs(std::move(labels)).ToString());
    std::string out;
    for (const auto& sample : absl::StrSplit(text, ' ')) {
      absl::StrAppend(&out, out.empty() ? "" : " ",
                      std::string(sample.substr(0, sample.find('@'))));
    }
    return out;
  }
  std::string LastError() {
    const TargetsSnapshot targets = manager_.Targets();
    return targets.active.empty() ? "no target" : targets.active[0].status.last_error;
  }
  size_t requests() const { return client_.requests().size(); }

  std::string body_, content_type_ = "text/plain; version=0.0.4";
  std::map<std::string, std::string> bodies_;  // by URL
  int status_ = 200;
  absl::Status failure_;
  FakeClock clock_{1'700'000'000'123};
  FakeExecutor executor_{clock_};
  FakeHttpClient client_{[this](const base::HttpRequest& request) { return Answer(request); }};
  tsdb::MemoryStorage storage_{{.clock = &clock_}};
  prometheus::Registry registry_;
  ScrapeManager manager_{storage_, clock_, executor_, client_, registry_};
};

TEST_F(ScrapeManagerTest, StoresSamplesUpAndTheScrapeSeries) {
  ApplyJob();
  Scrape("# TYPE a counter\n# HELP a As.\na{x=\"1\"} 1\na{x=\"2\"} 2\n");
  EXPECT_EQ(Values("a", {{"x", "1"}}), "1");
  EXPECT_EQ(Values("up"), "1");
  EXPECT_EQ(Values("scrape_samples_scraped"), "2");
  EXPECT_EQ(Values("scrape_samples_post_metric_relabeling"), "2");
  EXPECT_EQ(Values("scrape_series_added"), "2");
  EXPECT_NE(Values("scrape_duration_seconds"), "");
  Scrape();
  EXPECT_EQ(Values("scrape_series_added"), "2 0");
  EXPECT_EQ(Values("a", {{"x", "2"}}), "2 2");
  ASSERT_EQ(storage_.AllMetadata().size(), 1u);
  EXPECT_EQ(storage_.AllMetadata()[0].metadata,
            (tsdb::Metadata{tsdb::MetricType::kCounter, "As.", ""}));
}

TEST_F(ScrapeManagerTest, ScrapesAtTheSamePlaceOfEachInterval) {
  ApplyJob();
  executor_.AdvanceBy(5 * kInterval);
  const auto samples = slowburn::testing::AllSamples(storage_)["up{instance=\"h:1\", job=\"j\"}"];
  ASSERT_EQ(samples.size(), 5u);
  for (size_t i = 1; i < samples.size(); ++i) EXPECT_EQ(samples[i].t - samples[i - 1].t, kInterval);
}

TEST_F(ScrapeManagerTest, TargetsAreSpread) {
  Apply("- {job_name: j, static_configs: [{targets: ['a:1', 'b:1', 'c:1', 'd:1', 'e:1', 'f:1']}]}");
  Scrape();
  std::map<tsdb::TimestampMs, int> times;
  for (const auto& [series, samples] : slowburn::testing::AllSamples(storage_)) {
    if (series.starts_with("up")) ++times[samples.at(0).t];
  }
  EXPECT_GT(times.size(), 3u);
}

TEST_F(ScrapeManagerTest, SendsWhatPrometheusSends) {
  ApplyJob("scrape_timeout: 2500ms, params: {x: [y]}, metrics_path: /m");
  Scrape();
  ASSERT_EQ(requests(), 1u);
  const base::HttpRequest& request = client_.requests()[0];
  EXPECT_EQ(request.url, "http://h:1/m?x=y");
  EXPECT_EQ(request.timeout_ms, 2500);
  EXPECT_TRUE(request.accept_gzip);
  const std::map<std::string, std::string> headers(request.headers.begin(), request.headers.end());
  EXPECT_EQ(headers.at("Accept"),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,text/"
            "plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2");
  EXPECT_EQ(headers.at("X-Prometheus-Scrape-Timeout-Seconds"), "2.5");
}

TEST_F(ScrapeManagerTest, VanishedSeriesBecomeStale) {
  ApplyJob();
  Scrape("a 1\nb 1\n");
  Scrape("a 2\n");
  Scrape("a 3\nb 3\n");
  EXPECT_EQ(Values("a"), "1 2 3");
  EXPECT_EQ(Values("b"), "1 stale 3");
}

TEST_F(ScrapeManagerTest, AFailedScrapeIsDownAndStale) {
  const struct {
    const char* what;
    absl::Status failure;
    int status;
    const char* body;
    const char* error;
  } kCases[] = {
      {"status", absl::OkStatus(), 500, "a 2\n",
       "server returned HTTP status 500 Internal Server Error"},
      {"no answer", absl::UnavailableError("connection refused"), 200, "",
       "Get \"http://h:1/metrics\": connection refused"},
      {"timeout", absl::DeadlineExceededError("x"), 200, "",
       "Get \"http://h:1/metrics\": context deadline exceeded"},
      {"too large", absl::ResourceExhaustedError("x"), 200, "", "body size limit exceeded"},
      {"bad text", absl::OkStatus(), 200, "a 2\nb 2\nc\n",
       "line 3: expected a value behind the series"},
  };
  ApplyJob();
  std::string want_a, want_up;
  for (const auto& c : kCases) {
    failure_ = absl::OkStatus(), status_ = 200;
    Scrape("a 1\nb 1\n");
    failure_ = c.failure, status_ = c.status;
    Scrape(c.body);
    absl::StrAppend(&want_a, want_a.empty() ? "" : " ", "1 stale");
    absl::StrAppend(&want_up, want_up.empty() ? "" : " ", "1 0");
    EXPECT_EQ(Values("a"), want_a) << c.what;
    EXPECT_EQ(Values("up"), want_up) << c.what;
    EXPECT_THAT(LastError(), ::testing::HasSubstr(c.error)) << c.what;
    EXPECT_EQ(manager_.Targets().active[0].status.health, TargetHealth::kDown);
  }
  EXPECT_EQ(SeriesOf(storage_).find("c{"), std::string::npos);
  // Down for a second time: nothing more to mark.
  failure_ = absl::UnavailableError("x");
  Scrape();
  EXPECT_EQ(Values("a"), want_a);
}

TEST_F(ScrapeManagerTest, AnEmptyAnswerIsUpAndStale) {
  ApplyJob();
  Scrape("a 1\n");
  Scrape("");
  EXPECT_EQ(Values("a"), "1 stale");
  EXPECT_EQ(Values("up"), "1 1");
}

TEST_F(ScrapeManagerTest, SampleLimitCountsWhatRelabellingLeaves) {
  ApplyJob(
      "sample_limit: 2, metric_relabel_configs: [{source_labels: [__name__], regex: drop.*, "
      "action: drop}]");
  Scrape("a 1\nb 1\ndrop1 1\ndrop2 1\n");
  EXPECT_EQ(Values("up"), "1");
  EXPECT_EQ(Values("scrape_samples_scraped"), "4");
  EXPECT_EQ(Values("scrape_samples_post_metric_relabeling"), "2");
  Scrape("a 2\nb 2\nc 2\ndrop1 1\n");
  EXPECT_EQ(Values("up"), "1 0");
  EXPECT_EQ(Values("a"), "1 stale");
  EXPECT_EQ(Values("c"), "");
  EXPECT_EQ(Values("scrape_samples_post_metric_relabeling"), "2 3");
  EXPECT_THAT(LastError(), ::testing::HasSubstr("sample limit exceeded (samples: 3, limit: 2)"));
  // One vanished series does not count against the limit.
  Scrape("a 3\nb 3\n");
  Scrape("a 4\nc 4\n");
  EXPECT_EQ(Values("up"), "1 0 1 1");
  EXPECT_EQ(Values("b"), "1 stale 3 stale");
}

TEST_F(ScrapeManagerTest, LabelLimitsFailTheScrape) {
  const struct {
    const char* keys;
    const char* ok;
    const char* bad;
    const char* error;
  } kCases[] = {
      // __name__, instance, job and two more.
      {"label_limit: 5", "a{b=\"1\",c=\"1\"} 1\n", "a{b=\"1\",c=\"1\",d=\"1\"} 1\n",
       "label_limit exceeded (metric: a, number of labels: 6, limit: 5)"},
      {"label_name_length_limit: 9", "a{bcdefghij=\"1\"} 1\n", "a{bcdefghijk=\"1\"} 1\n",
       "label_name_length_limit exceeded (metric: a, label name: bcdefghijk, length: 10, limit: "
       "9)"},
      {"label_value_length_limit: 4", "a{b=\"1234\"} 1\n", "a{b=\"12345\"} 1\n",
       "label_value_length_limit exceeded (metric: a, label name: b, value: \"12345\", length: 5, "
       "limit: 4)"},
  };
  for (const auto& c : kCases) {
    ApplyJob(c.keys);
    Scrape(c.ok);
    EXPECT_EQ(LastError(), "") << c.keys;
    Scrape(c.bad);
    EXPECT_THAT(LastError(), ::testing::HasSubstr(c.error));
  }
}

TEST_F(ScrapeManagerTest, TargetLabelsWinAndPushAside) {
  ApplyJob();
  Scrape("a{job=\"x\",exported_job=\"y\",instance=\"z\"} 1\n");
  EXPECT_EQ(SamplesOf(storage_,
                      "a{exported_exported_job=\"x\", exported_instance=\"z\", exported_job=\"y\", "
                      "instance=\"h:1\", job=\"j\"}"),
            absl::StrCat("1@", manager_.Targets().active[0].status.last_scrape));
}

TEST_F(ScrapeManagerTest, HonorLabelsKeepsWhatIsExposed) {
  ApplyJob("honor_labels: true");
  Scrape("a{job=\"x\"} 1\nb{job=\"\"} 1\n");
  EXPECT_THAT(SeriesOf(storage_), ::testing::HasSubstr("a{instance=\"h:1\", job=\"x\"}"));
  EXPECT_THAT(SeriesOf(storage_), ::testing::HasSubstr("up{instance=\"h:1\", job=\"j\"}"));
}

TEST_F(ScrapeManagerTest, ExplicitTimestampsAreKeptAndNotMarkedStale) {
  ApplyJob();
  Scrape(absl::StrCat("a 1 ", clock_.Now() - 1000, "\n"));
  Scrape("b 1\n");
  EXPECT_EQ(Values("a"), "1");
  EXPECT_THAT(SamplesOf(storage_, "a{instance=\"h:1\", job=\"j\"}"),
              ::testing::HasSubstr("@1699999999123"));
}

TEST_F(ScrapeManagerTest, ExplicitTimestampsCanBeTracked) {
  ApplyJob("track_timestamps_staleness: true");
  Scrape(absl::StrCat("a 1 ", clock_.Now() - 1000, "\n"));
  Scrape("b 1\n");
  EXPECT_EQ(Values("a"), "1 stale");
}

TEST_F(ScrapeManagerTest, ExplicitTimestampsCanBeIgnored) {
  ApplyJob("honor_timestamps: false");
  Scrape("a 1 5\n");
  Scrape("b 1\n");
  EXPECT_EQ(Values("a"), "1 stale");
}

TEST_F(ScrapeManagerTest, TheFirstOfDuplicatesWins) {
  ApplyJob();
  Scrape("a 1\na 2\nb 1\n");
  Scrape("a 3\na 4\n");
  EXPECT_EQ(Values("a"), "1 3");
  EXPECT_EQ(Values("up"), "1 1");
  EXPECT_EQ(Values("scrape_samples_scraped"), "3 2");
  EXPECT_THAT(base::ExposeText(registry_),
              ::testing::HasSubstr("prometheus_target_scrapes_sample_duplicate_timestamp_total 2"));
}

TEST_F(ScrapeManagerTest, TwoTextsOfOneSeriesAreOneSeries) {
  ApplyJob();
  Scrape("a{b=\"1\",c=\"2\"} 1\n");
  Scrape("a{c=\"2\",b=\"1\"} 2\n");  // another order: no staleness marker may win over the sample
  EXPECT_EQ(Values("a", {{"b", "1"}, {"c", "2"}}), "1 2");
}

TEST_F(ScrapeManagerTest, ARefusedSampleCostsOnlyItself) {
  ApplyJob();
  const std::string late = absl::StrCat("a 1 ", clock_.Now(), "\n");
  Scrape(late + "b 1\n");
  Scrape(absl::StrCat("a 2 ", clock_.Now() - 60'000, "\nb 2\n"));
  EXPECT_EQ(Values("a"), "1");
  EXPECT_EQ(Values("b"), "1 2");
  EXPECT_EQ(Values("up"), "1 1");
  EXPECT_THAT(base::ExposeText(registry_),
              ::testing::HasSubstr("prometheus_target_scrapes_sample_out_of_order_total 1"));
  Scrape(absl::StrCat("c 1 ", clock_.Now() + 11 * base::kMinute, "\nb 3\n"));
  EXPECT_THAT(base::ExposeText(registry_),
              ::testing::HasSubstr("prometheus_target_scrapes_sample_out_of_bounds_total 1"));
  Scrape("c 2\n");
  EXPECT_EQ(Values("c"), "2");
}

TEST_F(ScrapeManagerTest, OpenMetricsWithExemplars) {
  content_type_ = "application/openmetrics-text; version=1.0.0; charset=utf-8";
  ApplyJob();
  Scrape("# TYPE h histogram\nh_bucket{le=\"1\"} 1 # {trace_id=\"abc\"} 0.5\nh_sum 0.5\n# EOF\n");
  EXPECT_EQ(Values("h_bucket", {{"le", "1.0"}}), "1");
  EXPECT_THAT(SeriesOf(storage_),
              ::testing::HasSubstr("h_bucket{instance=\"h:1\", job=\"j\", le=\"1.0\"}"));
  const auto exemplars =
      storage_.NewQuerier({})->Exemplars({{tsdb::Matcher::Equal("__name__", "h_bucket")}}, {});
  ASSERT_OK(exemplars);
  ASSERT_EQ(exemplars->size(), 1u);
  EXPECT_EQ((*exemplars)[0].exemplars.at(0).labels.ToString(), "{trace_id=\"abc\"}");
  EXPECT_EQ((*exemplars)[0].exemplars.at(0).t, manager_.Targets().active[0].status.last_scrape);
}

TEST_F(ScrapeManagerTest, BlankContentTypeNeedsAFallback) {
  content_type_ = "";
  ApplyJob();
  Scrape();
  EXPECT_THAT(LastError(), ::testing::HasSubstr("blank Content-Type"));
  ApplyJob("fallback_scrape_protocol: PrometheusText0.0.4");
  Scrape();
  EXPECT_EQ(LastError(), "");
}

TEST_F(ScrapeManagerTest, ExtraMetricsWhenAskedFor) {
  ApplyJob("extra_scrape_metrics: true, sample_limit: 7");
  Scrape("a 1\n");
  EXPECT_EQ(Values("scrape_timeout_seconds"), "10");
  EXPECT_EQ(Values("scrape_sample_limit"), "7");
  EXPECT_EQ(Values("scrape_body_size_bytes"), "4");
  failure_ = absl::ResourceExhaustedError("x");
  Scrape();
  EXPECT_EQ(Values("scrape_body_size_bytes"), "4 -1");
}

TEST_F(ScrapeManagerTest, AGoneTargetIsMarkedStaleTwoIntervalsLater) {
  ApplyJob();
  Scrape();
  Apply("- {job_name: j, static_configs: [{targets: ['other:1']}]}");
  const tsdb::TimestampMs last =
      slowburn::testing::AllSamples(storage_)["a{instance=\"h:1\", job=\"j\"}"].at(0).t;
  executor_.AdvanceTo(last + 2 * kInterval + kInterval / 10 - 1);
  EXPECT_EQ(Values("a"), "1");
  executor_.AdvanceBy(1);
  EXPECT_EQ(Values("a"), "1 stale");
  EXPECT_EQ(Values("up"), "1 stale");
  EXPECT_EQ(Values("scrape_duration_seconds").substr(Values("scrape_duration_seconds").size() - 5),
            "stale");
  const auto samples = slowburn::testing::AllSamples(storage_)["a{instance=\"h:1\", job=\"j\"}"];
  EXPECT_EQ(samples[1].t - samples[0].t, kInterval) << "as of when the next scrape would have been";
}

TEST_F(ScrapeManagerTest, ATargetThatComesBackInTimeIsNotMarkedStale) {
  ApplyJob();
  Scrape();
  Apply("- {job_name: j, static_configs: [{targets: ['other:1']}]}");
  executor_.AdvanceBy(kInterval / 2);
  ApplyJob();
  executor_.AdvanceBy(5 * kInterval);
  EXPECT_EQ(Values("a").find("stale"), std::string::npos) << Values("a");
  EXPECT_EQ(Values("up").find("stale"), std::string::npos);
}

TEST_F(ScrapeManagerTest, AGoneJobIsMarkedStale) {
  ApplyJob();
  Scrape();
  Apply("[]");
  executor_.AdvanceBy(3 * kInterval);
  EXPECT_EQ(Values("a"), "1 stale");
  EXPECT_EQ(requests(), 1u);
}

TEST_F(ScrapeManagerTest, StoppingMarksNothing) {
  ApplyJob();
  Scrape();
  manager_.Stop();
  executor_.AdvanceBy(5 * kInterval);
  EXPECT_EQ(Values("a"), "1");
  EXPECT_EQ(requests(), 1u);
}

TEST_F(ScrapeManagerTest, AnswersAfterStopTouchNothing) {
  ApplyJob();
  client_.Hold();
  Scrape();
  EXPECT_EQ(requests(), 1u);
  manager_.Stop();
  client_.Release();
  executor_.RunPosted();
  EXPECT_EQ(SeriesOf(storage_), "");
}

TEST_F(ScrapeManagerTest, AReloadLeavesUnchangedJobsAlone) {
  ApplyJob();
  Scrape("a 1\n");
  const size_t timers = executor_.timers();
  // The same, laid out differently.
  Apply("- job_name: j\n  static_configs:\n  - targets: ['h:1']\n");
  EXPECT_EQ(executor_.timers(), timers);
  Scrape("a 2\n");
  const auto samples = slowburn::testing::AllSamples(storage_)["a{instance=\"h:1\", job=\"j\"}"];
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[1].t - samples[0].t, kInterval);
  EXPECT_EQ(Values("scrape_series_added"), "1 0");
}

TEST_F(ScrapeManagerTest, AChangedJobRestartsAndKeepsWhatItKnowsOfSeries) {
  ApplyJob();
  Scrape("a 1\n");
  ApplyJob("sample_limit: 100");
  EXPECT_EQ(manager_.Targets().active[0].status.health, TargetHealth::kUp)
      << "what was seen last stays visible";
  Scrape("b 1\n");
  EXPECT_EQ(Values("a"), "1 stale") << "the new loop knows what the old one saw";
  EXPECT_EQ(requests(), 2u);
  executor_.AdvanceBy(5 * kInterval);
  EXPECT_EQ(Values("up").find("stale"), std::string::npos);
}

TEST_F(ScrapeManagerTest, AChangeOfLabelsMarksTheOldSeriesStale) {
  ApplyJob();
  Scrape("a 1\n");
  ApplyJob("metric_relabel_configs: [{target_label: x, replacement: y}]");
  executor_.AdvanceBy(3 * kInterval);
  EXPECT_EQ(Values("a"), "1 stale");
  EXPECT_EQ(SamplesOf(storage_, "a{instance=\"h:1\", job=\"j\", x=\"y\"}").find("stale"),
            std::string::npos);
}

TEST_F(ScrapeManagerTest, AReloadWaitsForTheScrapeUnderWay) {
  ApplyJob();
  client_.Hold();
  Scrape();
  ApplyJob("sample_limit: 100");
  executor_.AdvanceBy(kInterval / 2);
  client_.Release();
  executor_.RunPosted();
  EXPECT_EQ(Values("a"), "1") << "the answer of the old loop is stored";
  Scrape("a 2\n");
  EXPECT_EQ(Values("a"), "1 2");
}

TEST_F(ScrapeManagerTest, ASlowScrapeDelaysTheNextOne) {
  ApplyJob();
  client_.Hold();
  executor_.AdvanceBy(kInterval);
  EXPECT_EQ(requests(), 1u);
  executor_.AdvanceBy(3 * kInterval);
  EXPECT_EQ(requests(), 1u) << "one scrape of a target at a time";
  client_.Release();
  executor_.RunPosted();
  EXPECT_EQ(requests(), 2u) << "the missed one follows at once";
  executor_.AdvanceBy(kInterval);
  EXPECT_EQ(requests(), 3u);
}

TEST_F(ScrapeManagerTest, TargetLimitFailsAllTargets) {
  Apply("- {job_name: j, target_limit: 1, static_configs: [{targets: ['h:1', 'h:2']}]}");
  Scrape();
  EXPECT_EQ(requests(), 0u);
  EXPECT_EQ(Values("up"), "0");
  EXPECT_EQ(LastError(), "target_limit exceeded (number of targets: 2, limit: 1)");
  Apply("- {job_name: j, target_limit: 1, static_configs: [{targets: ['h:1']}]}");
  Scrape();
  EXPECT_EQ(Values("up"), "0 1");
}

TEST_F(ScrapeManagerTest, DroppedTargetsAreListedUpToALimit) {
  Apply(
      "- {job_name: j, keep_dropped_targets: 1, static_configs: [{targets: ['h:1', 'h:2', "
      "'h:3']}], "
      "relabel_configs: [{source_labels: [__address__], regex: 'h:[23]', action: drop}]}");
  const TargetsSnapshot targets = manager_.Targets();
  EXPECT_EQ(targets.active.size(), 1u);
  ASSERT_EQ(targets.dropped.size(), 1u);
  EXPECT_EQ(targets.dropped[0].discovered.Get("__address__"), "h:2");
  EXPECT_EQ(targets.dropped_counts.at("j"), 2u);
}

TEST_F(ScrapeManagerTest, EqualTargetsAreOne) {
  Apply("- {job_name: j, static_configs: [{targets: ['h:1', 'h:1']}, {targets: ['h:1']}]}");
  EXPECT_EQ(manager_.Targets().active.size(), 1u);
  Scrape();
  EXPECT_EQ(requests(), 1u);
}

TEST_F(ScrapeManagerTest, FileDiscoveryIsFollowed) {
  const std::string file = ::testing::TempDir() + "/scrape_manager_targets.json";
  ASSERT_OK(base::WriteFileAtomic(file, R"([{"targets": ["h:1"], "labels": {"env": "a"}}])"));
  Apply("- {job_name: j, file_sd_configs: [{files: ['" + file + "']}]}");
  ASSERT_EQ(manager_.Targets().active.size(), 1u);
  EXPECT_EQ(manager_.Targets().active[0].discovered.Get("__meta_filepath"), file);
  Scrape();
  ASSERT_OK(
      base::WriteFileAtomic(file, R"([{"targets": ["h:1", "h:22"], "labels": {"env": "a"}}])"));
  executor_.AdvanceBy(5 * base::kSecond);
  EXPECT_EQ(manager_.Targets().active.size(), 2u);
  ASSERT_OK(base::WriteFileAtomic(file, "broken"));
  executor_.AdvanceBy(5 * base::kSecond);
  EXPECT_EQ(manager_.Targets().active.size(), 2u) << "the last good list stays";
  std::filesystem::remove(file);
  executor_.AdvanceBy(5 * base::kSecond);
  EXPECT_EQ(manager_.Targets().active.size(), 0u);
}

TEST_F(ScrapeManagerTest, RelabellingToNothingIsAFault) {
  ApplyJob("metric_relabel_configs: [{regex: __name__, action: labeldrop}]");
  Scrape();
  EXPECT_EQ(LastError(), "missing metric name (__name__ label)");
}

TEST_F(ScrapeManagerTest, LegacyNamesCanBeWanted) {
  ApplyJob("metric_name_validation_scheme: legacy");
  Scrape("{\"a.b\"} 1\n");
  EXPECT_THAT(LastError(), ::testing::HasSubstr("invalid metric name or label names"));
  ApplyJob();
  Scrape("{\"a.b\"} 1\n");
  EXPECT_EQ(LastError(), "");
}

TEST_F(ScrapeManagerTest, ManyFailingScrapesDoNotFillMemory) {
  ApplyJob();
  for (int i = 0; i < 30; ++i) {
    std::string body;
    for (int k = 0; k < 100; ++k) absl::StrAppend(&body, "m", i, "_", k, " 1\n");
    Scrape(body + "broken\n");
  }
  EXPECT_THAT(base::ExposeText(registry_),
              ::testing::Not(::testing::HasSubstr("cache_flush_forced_total 0\n")));
}

TEST_F(ScrapeManagerTest, MetadataIsOfTheTarget) {
  ApplyJob();
  Scrape("# TYPE a counter\n# HELP a As.\na 1\n");
  const ActiveTarget target = manager_.Targets().active.at(0);
  ASSERT_EQ(target.metadata->AllMetadata().size(), 1u);
  EXPECT_EQ(target.metadata->MetadataOf("a")->help, "As.");
  EXPECT_FALSE(target.metadata->MetadataOf("b").has_value());
}

// Answers at once, on the thread that asks.
class InstantClient final : public base::HttpClient {
 public:
  void Start(base::HttpRequest, Callback done) override {
    done(base::HttpResponse{
        .status = 200, .headers = {{"content-type", "text/plain"}}, .body = "a 1\nb 2\n"});
  }
};

// For ThreadSanitizer: scraping, reloading, looking and stopping at the same time, on real threads.
TEST(ScrapeManagerThreads, ReloadsWhileScraping) {
  const base::RealClock clock;
  tsdb::MemoryStorage storage({.clock = &clock});
  prometheus::Registry registry;
  base::ThreadPoolExecutor executor(clock, 4);
  InstantClient client;
  ScrapeManager manager(storage, clock, executor, client, registry);
  size_t looked = 0;
  for (int round = 0; round < 60; ++round) {
    const std::string yaml = absl::StrCat(
        "{job_name: j, scrape_interval: 4ms, scrape_timeout: 4ms, sample_limit: ", 10 + round % 3,
        ", static_configs: [{targets: ['a:1', 'b:1', 'c:", round % 4, "']}]}");
    ASSERT_OK_AND_ASSIGN(const base::YamlNode node, base::ParseYaml(yaml, "f.yml"));
    std::vector<std::string> warnings;
    std::vector<ScrapeConfig> configs;
    ASSERT_OK_AND_ASSIGN(ScrapeConfig config, ParseScrapeConfig(node, {}, warnings));
    configs.push_back(std::move(config));
    manager.ApplyConfig(std::move(configs), {});
    const size_t before =
        slowburn::testing::AllSamples(storage)["up{instance=\"a:1\", job=\"j\"}"].size();
    // Until something new is stored: progress, not time.
    while (slowburn::testing::AllSamples(storage)["up{instance=\"a:1\", job=\"j\"}"].size() ==
           before) {
      looked += manager.Targets().active.size();
    }
  }
  manager.Stop();
  EXPECT_GT(looked, 0u);
  const std::string at_stop = SamplesOf(storage, "up{instance=\"a:1\", job=\"j\"}");
  executor.Stop();
  EXPECT_EQ(SamplesOf(storage, "up{instance=\"a:1\", job=\"j\"}"), at_stop)
      << "nothing is stored after Stop";
}

}  // namespace
}  // namespace slowburn::ingest
