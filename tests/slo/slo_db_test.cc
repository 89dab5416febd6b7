// The engine over the real store, closed and opened again.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "slo/slo_manager.h"
#include "tests/slo/pool_fixtures.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_executor.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/db.h"

namespace slowburn::slo {
namespace {

struct Server {
  Server(const std::string& path, testing::FakeClock& clock) : executor(clock) {
    tsdb::DbOptions options;
    options.path = path;
    options.background = false;
    auto opened = tsdb::Db::Open(options, clock, registry);
    EXPECT_OK(opened);
    db = *std::move(opened);
    manager = std::make_unique<SloManager>(SloManager::DepsOf(*db, clock, executor, sink, registry),
                                           SloManagerOptions{});
    EXPECT_OK(manager->Start({SpecOf()}));
    executor.RunPosted();
  }
  ~Server() { manager.reset(); }

  testing::FakeExecutor executor;
  RecordingSink sink;
  prometheus::Registry registry;
  std::unique_ptr<tsdb::Db> db;
  std::unique_ptr<SloManager> manager;
};

TEST(SloOverDb, CountsSurviveARestart) {
  const std::string path = ::testing::TempDir() + "/slo_db_test";
  std::filesystem::remove_all(path);
  testing::FakeClock clock(kT0 + base::kHour);
  auto server = std::make_unique<Server>(path, clock);
  double good = 0, bad = 0;
  TimestampMs t = kT0;
  const auto serve = [&](int steps) {
    for (int i = 0; i < steps; ++i, t += 10'000) {
      if (clock.Now() < t) server->executor.AdvanceTo(t);
      EXPECT_EQ(
          Commit(*server->db, {{Requests("200"), t, good += 99}, {Requests("500"), t, bad += 1}}),
          2u);
    }
  };
  serve(500);
  for (int restart = 0; restart < 3; ++restart) {
    server->executor.AdvanceTo(std::max(clock.Now(), t));
    const SloStatus before = *server->manager->Status("checkout-availability", std::nullopt);
    const BruteForce by_hand = CountByHand(SpecOf().sli, *server->db);
    EXPECT_EQ(before.period.total, by_hand.total);
    EXPECT_EQ(before.period.bad, by_hand.part);
    server.reset();
    server = std::make_unique<Server>(path, clock);
    const SloStatus after = *server->manager->Status("checkout-availability", std::nullopt);
    EXPECT_EQ(after.period.total, before.period.total);
    EXPECT_EQ(after.period.bad, before.period.bad);
    EXPECT_EQ(after.coverage, before.coverage);
    EXPECT_EQ(after.burn_rates, before.burn_rates);
    serve(200);
  }
  server.reset();
  std::filesystem::remove_all(path);
}

// Series whose samples were sealed, that left the store's memory, and came back.
TEST(SloOverDb, SealedSeriesCountExactly) {
  const std::string path = ::testing::TempDir() + "/slo_sealed_test";
  std::filesystem::remove_all(path);
  testing::FakeClock clock(kT0 + base::kHour);
  auto server = std::make_unique<Server>(path, clock);
  std::map<std::string, double> counts;
  TimestampMs t = kT0;
  const auto serve = [&](const std::vector<std::string>& codes, DurationMs length) {
    for (const TimestampMs end = t + length; t < end; t += 60'000) {
      if (clock.Now() < t) server->executor.AdvanceTo(t);
      const auto appender = server->db->NewAppender();
      for (const std::string& code : codes)
        appender->Append(*appender->Resolve(Requests(code), nullptr), t, counts[code] += 7);
      ASSERT_OK(appender->Commit());
    }
    server->executor.AdvanceTo(std::max(clock.Now(), t));
  };
  const auto check = [&](const char* what) {
    SCOPED_TRACE(what);
    server->executor.AdvanceTo(clock.Now() + base::kMinute);
    const SloStatus status = *server->manager->Status("checkout-availability", std::nullopt);
    const BruteForce by_hand = CountByHand(SpecOf().sli, *server->db);
    EXPECT_EQ(status.period.total, by_hand.total);
    EXPECT_EQ(status.period.bad, by_hand.part);
  };
  const auto seal = [&] {
    ASSERT_OK(server->db->Seal(tsdb::Db::SealWhat::kAll, tsdb::Db::OldReaders::kWait));
  };
  serve({"200", "500", "404", "301"}, base::kHour);
  seal();
  check("sealed");
  serve({"200"}, 4 * base::kHour);
  seal();
  EXPECT_EQ(server->db->Stats(0).series, 1u) << "the others have left";
  check("gone");
  serve({"200", "500"}, base::kHour);
  check("one is back");
  // Without what the ledger had written down: all is counted from the store, most of it from series
  // that nobody writes to.
  server.reset();
  std::filesystem::remove_all(path + "/state");
  server = std::make_unique<Server>(path, clock);
  check("counted anew");
  serve({"200", "500", "404", "301"}, base::kHour);
  check("all are back");
  server.reset();
  std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace slowburn::slo
