// The SLO API is a contract: exact keys, exact counts.
#include "api/slo_handler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "slo/spec_loader.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_executor.h"
#include "tests/testing/memory_state_store.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr base::TimestampMs kT0 = 1'700'006'400'000;

class NullSink final : public rules::AlertSink {
 public:
  absl::Status Send(std::vector<rules::Alert>) override { return absl::OkStatus(); }
};

class SloHandler : public ::testing::Test {
 protected:
  SloHandler() {
    slo::SloFiles files;
    slo::LoadSloText(
        "kind: SLO\nname: availability\nservice: Check Out\nlabels: {team: pay}\n"
        "sli: {events: {bad: 'r_total{code=\"500\"}', total: r_total}}\n"
        "objective: {target: \"99.9\", period: 30d}\n"
        "---\nkind: SLO\nname: silent\nservice: x\nsli: {events: {good: g, total: t}}\n"
        "objective: {target: 99.50, period: 7d}\nalerting: {tiers: []}\n",
        "f.yml", files);
    EXPECT_THAT(files.errors, ::testing::IsEmpty());
    EXPECT_OK(manager_.Start(files.specs));
    executor_.RunPosted();
    RegisterSloApi(router_, manager_, clock_);
  }

  void Serve(int steps, double good, double bad) {
    for (int i = 0; i < steps; ++i) {
      const auto appender = storage_.NewAppender();
      const auto append = [&](const char* code, double& count, double more) {
        const auto ref = appender->Resolve({{"__name__", "r_total"}, {"code", code}}, nullptr);
        appender->Append(*ref, next_, count += more);
      };
      append("200", good_, good), append("500", bad_, bad);
      EXPECT_OK(appender->Commit());
      executor_.AdvanceTo(next_);
      next_ += 10'000;
    }
  }

  Response Get(const std::string& path, const std::string& query = "") {
    Request request;
    request.method = "GET";
    request.path = path;
    request.params = request.url_params = Params::Parse(query);
    return router_.Route(request);
  }
  base::JsonValue Data(const std::string& path, const std::string& query = "") {
    const Response response = Get(path, query);
    EXPECT_EQ(response.status, 200) << response.body;
    auto json = base::ParseJson(response.body);
    EXPECT_OK(json);
    EXPECT_EQ(json->StringAt("status"), "success");
    return *json->Find("data");
  }

  testing::FakeClock clock_{kT0 - 1};
  testing::FakeExecutor executor_{clock_};
  tsdb::MemoryStorage storage_;
  testing::MemoryStateStore state_;
  NullSink sink_;
  prometheus::Registry registry_;
  slo::SloManager manager_{{.storage = storage_,
                            .add_tap = [this](tsdb::CommitTap* tap) { storage_.AddTap(tap); },
                            .remove_tap = [this](tsdb::CommitTap* tap) { storage_.RemoveTap(tap); },
                            .oldest_time = nullptr,
                            .state = state_,
                            .executor = executor_,
                            .clock = clock_,
                            .sink = sink_,
                            .registry = registry_},
                           {}};
  Router router_;
  base::TimestampMs next_ = kT0;
  double good_ = 0, bad_ = 0;
};

TEST_F(SloHandler, WritesExactlyTheContract) {
  Serve(361, 999, 1);  // an hour, at exactly the budget
  Serve(6, 0, 1000);
  const Response response = Get("/api/slo/v1/slos/check-out-availability");
  EXPECT_EQ(response.content_type, "application/json");
  // 366 steps after the first sample: 360·1000 + 6·1000 events, 360 + 6000 of them bad.
  const std::string wanted_start =
      R"({"status":"success","data":{"id":"check-out-availability","name":"availability","service":"Check Out",)"
      R"("description":"","labels":{"team":"pay"},"objective":"99.9","period":"30d","state":"exhausted",)"
      R"("sli":{"good":359640,"bad":6360,"total":366000,"ratio":0.9826229508196721,"from":1697418060,"to":1700010060,)";
  EXPECT_THAT(response.body, HasSubstr(wanted_start));
  EXPECT_THAT(response.body,
              HasSubstr(R"("budget":{"allowed_bad":366,"remaining_ratio":-16.37704918032787})"));
  EXPECT_THAT(
      response.body,
      HasSubstr(
          R"("seconds_to_exhaustion":0,"alerts":[{"tier":"fast","severity":"P0","state":"firing",)"
          R"("since":1700010050,"long":"1h","short":"5m","factor":14.4,)"));
  const base::JsonValue data = Data("/api/slo/v1/slos/check-out-availability");
  std::vector<std::string> windows;
  for (const auto& [window, burn] : data.Find("burn_rates")->members) windows.push_back(window);
  EXPECT_THAT(windows, ElementsAre("5m", "30m", "1h", "2h", "6h", "1d", "3d"));
  EXPECT_NEAR(data.Find("burn_rates")->Find("5m")->number, (24 * 1.0 + 6000) / 30000 * 1000, 1e-9);
  EXPECT_NEAR(data.Find("sli")->Find("coverage")->number, 3670.0 / (30 * 86400), 1e-12);
  EXPECT_FALSE(data.Find("filling")->boolean);
}

TEST_F(SloHandler, NullStandsForNoTraffic) {
  const Response response = Get("/api/slo/v1/slos/x-silent");
  EXPECT_THAT(
      response.body,
      HasSubstr(
          R"("objective":"99.50","period":"7d","state":"no_data","sli":{"good":0,"bad":0,"total":0,"ratio":null,)"));
  EXPECT_THAT(
      response.body,
      HasSubstr(R"("coverage":0},"budget":{"allowed_bad":0,"remaining_ratio":1},"burn_rates":{},)"
                R"("seconds_to_exhaustion":null,"alerts":[])"));
  EXPECT_THAT(
      Get("/api/slo/v1/slos/check-out-availability").body,
      HasSubstr(
          R"("burn_rates":{"5m":null,"30m":null,"1h":null,"2h":null,"6h":null,"1d":null,"3d":null})"));
}

TEST_F(SloHandler, ListsAllInTheOrderOfTheFiles) {
  const base::JsonValue data = Data("/api/slo/v1/slos");
  ASSERT_EQ(data.Find("slos")->items.size(), 2u);
  EXPECT_EQ(data.Find("slos")->items[0].StringAt("id"), "check-out-availability");
  EXPECT_EQ(data.Find("slos")->items[1].StringAt("id"), "x-silent");
}

TEST_F(SloHandler, TellsOfThePast) {
  Serve(100, 999, 1);
  Serve(100, 1000, 0);
  const auto bad = [&](const std::string& query) {
    return Data("/api/slo/v1/slos/check-out-availability", query).Find("sli")->Find("bad")->number;
  };
  EXPECT_EQ(bad(""), 99);
  EXPECT_EQ(bad("time=1700006400"), 0);
  EXPECT_EQ(bad("time=1700006450"), 5);
  EXPECT_EQ(bad("time=2023-11-15T00:00:50Z"), 5);
  EXPECT_EQ(Data("/api/slo/v1/slos", "time=1700006450")
                .Find("slos")
                ->items[0]
                .Find("sli")
                ->Find("to")
                ->number,
            1700006450);
}

TEST_F(SloHandler, PlotsTheHistory) {
  Serve(61, 998, 2);
  const std::string path = "/api/slo/v1/slos/check-out-availability/history";
  const Response response = Get(path, "start=1700006400&end=1700007000&step=300");
  EXPECT_THAT(
      response.body,
      HasSubstr(
          R"({"step":300,"burn_window":"1h","times":[1700006400,1700006700,1700007000],)"
          R"("good":[0,29940,29940],"bad":[0,60,60],"remaining_ratio":[null,-1,-1],"burn_rate":[null,2,2]})"));
  EXPECT_EQ(Get(path, "start=1700006400&end=1700007000&step=5m").body, response.body);
  // Without parameters: the period before now, in 500 steps.
  EXPECT_EQ(Data(path).Find("times")->items.size(), 501u);
}

TEST_F(SloHandler, RefusesWhatItCannotRead) {
  const struct {
    const char *path, *query;
    int status;
    const char* error;
  } cases[] = {
      {"/api/slo/v1/slos", "time=yesterday", 400, "cannot parse"},
      {"/api/slo/v1/slos", "time=1e300", 400, "cannot parse"},
      {"/api/slo/v1/slos/nobody", "", 404, "there is no SLO with the id"},
      {"/api/slo/v1/slos/x-silent", "time=NaN", 400, "cannot parse"},
      {"/api/slo/v1/slos/nobody/history", "", 404, "there is no SLO"},
      {"/api/slo/v1/slos/x-silent/history", "start=x", 400, "\\\"start\\\""},
      {"/api/slo/v1/slos/x-silent/history", "end=x", 400, "\\\"end\\\""},
      {"/api/slo/v1/slos/x-silent/history", "step=-1", 400, "\\\"step\\\""},
      {"/api/slo/v1/slos/x-silent/history", "step=1", 400, "wanted at least 10s"},
      {"/api/slo/v1/slos/x-silent/history", "start=2000000000", 400, "end is before start"},
      {"/api/slo/v1/slos/x-silent/history", "start=0&step=10", 400, "more than 11000 points"},
  };
  for (const auto& c : cases) {
    const Response response = Get(c.path, c.query);
    EXPECT_EQ(response.status, c.status) << c.path << "?" << c.query;
    EXPECT_THAT(response.body, HasSubstr(c.error)) << c.path << "?" << c.query;
    EXPECT_THAT(response.body, HasSubstr("\"status\":\"error\""));
  }
}

}  // namespace
}  // namespace slowburn::api
