// The ledger against brute force: random series with resets, gaps, late and repeated samples,
// markers, NaN and start timestamps, while SLIs come and go and the process is stopped and killed.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "slo/slo_metrics.h"
#include "tests/slo/pool_fixtures.h"
#include "tests/testing/random.h"

namespace slowburn::slo {
namespace {

constexpr SliceLog::Options kSlices{.keep_ms = 3 * base::kDay, .fine_ms = 3 * base::kDay};

// A pool over a World's store, restarted at will.
class Runner {
 public:
  explicit Runner(World& world)
      : world_(world), deps_(world.Deps()), options_(world.Options()), metrics_(world.registry) {
    options_.persist_interval_ms = 20 * base::kSecond;
  }
  void Open(const std::vector<Sli>& slis) {
    pool_ = std::make_unique<LedgerPool>(deps_, options_, metrics_);
    EXPECT_OK(pool_->Open());
    Apply(slis);
  }
  void Apply(const std::vector<Sli>& slis) {
    std::map<std::string, LedgerPool::Wanted> wanted;
    for (const Sli& sli : slis)
      wanted.emplace(sli.CanonicalText(), LedgerPool::Wanted{sli, kSlices});
    pool_->Apply(wanted);
  }
  void Settle() {
    for (int i = 0; i < 3; ++i) {
      while (pool_->Step()) {
      }
      world_.clock.Advance(6 * base::kMinute);  // past the pause between recounts
      pool_->Tick(world_.clock.Now());
    }
    while (pool_->Step()) {
    }
  }
  void Close() {
    pool_->Close(world_.clock.Now());
    pool_.reset();
  }
  void Kill() {
    world_.state.FailAfter(0);
    pool_.reset();
    world_.state.FailAfter(-1);
  }
  LedgerPool& pool() { return *pool_; }

 private:
  World& world_;
  SloManager::Deps deps_;
  SloManagerOptions options_;
  SloMetrics metrics_;
  std::unique_ptr<LedgerPool> pool_;
};

// Slice by slice, with coverage, of two ledgers.
void ExpectSame(const SliLedger& a, const SliLedger& b, TimestampMs from, TimestampMs to) {
  std::vector<TimestampMs> edges;
  for (TimestampMs t = FloorToSlice(from); t <= to; t += kSliceMs) edges.push_back(t);
  const auto x = a.CumulativeAt(edges), y = b.CumulativeAt(edges);
  for (size_t i = 0; i < edges.size(); ++i) {
    ASSERT_EQ(x[i].bad, y[i].bad) << edges[i];
    ASSERT_EQ(x[i].total, y[i].total) << edges[i];
    ASSERT_EQ(x[i].covered_ms, y[i].covered_ms) << edges[i];
  }
}

void ExpectLaw(const SliLedger& ledger, tsdb::Storage& storage, TimestampMs from, TimestampMs to,
               testing::Random& random) {
  const BruteForce by_hand = CountByHand(ledger.sli(), storage);
  for (int i = 0; i < 30; ++i) {
    const DurationMs length = random.Between(1, (to - from) / kSliceMs) * kSliceMs;
    const TimestampMs end = FloorToSlice(from + random.Between(0, to - from));
    const WindowCount window = ledger.Window(end, length);
    const auto [part, total] = by_hand.Window(window.from, window.to);
    ASSERT_EQ(window.total, total) << "seed " << random.seed();
    const EventCount bad = ledger.sli().part_kind == Sli::Part::kBad ? part : total - part;
    ASSERT_EQ(window.bad, std::clamp(bad, EventCount(), total)) << "seed " << random.seed();
  }
}

struct Series {
  tsdb::Labels labels;
  double value = 0;
  bool fractional = false;
  TimestampMs started = 0;  // sent with each sample when not 0
};

// One commit of random rows around `now`.
std::vector<Row> RandomRows(std::vector<Series>& series, TimestampMs now, DurationMs late,
                            testing::Random& random) {
  std::vector<Row> rows;
  for (Series& s : series) {
    if (random.OneIn(6)) continue;  // a gap
    if (random.OneIn(40)) s.value = 0;
    if (random.OneIn(60))
      s.value = double(random.Below(50)), s.started = s.started != 0 ? now - 1000 : 0;
    s.value += s.fractional ? random.Unit() * 10 : double(random.Below(20));
    Row row{s.labels, now - random.Between(0, 4000), s.value, s.started};
    if (random.OneIn(30)) row.v = random.OneIn(2) ? tsdb::StaleNaN() : std::nan("");
    rows.push_back(row);
    if (late > 0 && random.OneIn(8)) {
      Row other = row;
      other.t = now - random.Between(5000, late);
      other.v = double(random.Below(200));
      rows.push_back(other);
    }
    if (random.OneIn(15)) rows.push_back(row);  // a retry
  }
  return rows;
}

void RunModel(uint64_t seed, DurationMs late) {
  testing::Random random(seed);
  World world(late);
  Runner runner(world);
  std::vector<Series> series;
  for (int i = 0; i < 12; ++i) {
    Series s{Requests(i % 3 == 0 ? "500" : "200", absl::StrCat(i)), double(random.Below(100))};
    s.fractional = i >= 9;
    s.started = i % 4 == 0 ? kT0 - 1000 : 0;
    series.push_back(s);
  }
  const Sli first = SpecOf().sli;
  Sli second = first;
  second.part_kind = Sli::Part::kGood;
  second.part = {tsdb::Matcher::Equal("__name__", "requests_total"),
                 tsdb::Matcher::Equal("code", "200")};
  std::vector<Sli> slis = {first};
  TimestampMs now = kT0;
  runner.Open(slis);
  for (int i = 0; i < 400; ++i) {
    now += random.OneIn(50) ? random.Between(1, 3) * base::kHour : random.Between(5000, 20000);
    world.clock.Set(std::max(now, world.clock.Now()));
    Commit(world.storage, RandomRows(series, now, late, random));
    if (random.OneIn(4)) runner.pool().Step();
    if (random.OneIn(3)) runner.pool().Tick(world.clock.Now());
    if (random.OneIn(60)) {
      slis = random.OneIn(2) ? std::vector<Sli>{first, second} : std::vector<Sli>{first};
      runner.Apply(slis);
    }
    if (random.OneIn(60)) {
      random.OneIn(2) ? runner.Kill() : runner.Close();
      if (random.OneIn(2)) Commit(world.storage, RandomRows(series, now += 5000, late, random));
      runner.Open(slis);
    }
    if (!random.OneIn(40)) continue;
    runner.Settle();
    for (const Sli& sli : slis) {
      const auto ledger = runner.pool().LedgerOf(sli.CanonicalText());
      ASSERT_TRUE(runner.pool().Ready(sli.CanonicalText()));
      ExpectLaw(*ledger, world.storage, kT0 - base::kHour, now + base::kMinute, random);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

// Seeds that once found something.
TEST(LedgerModel, EqualsBruteForceWhereItOnceDidNot) {
  RunModel(15830624594987188350u, 10 * base::kMinute);  // only NaN in what a restart reads
}

TEST(LedgerModel, EqualsBruteForceInOrder) {
  testing::Random seeds;
  for (int round = 0; round < 6 && !HasFatalFailure(); ++round) RunModel(seeds.Next(), 0);
}

TEST(LedgerModel, EqualsBruteForceWithLateSamples) {
  testing::Random seeds;
  for (int round = 0; round < 6 && !HasFatalFailure(); ++round)
    RunModel(seeds.Next(), 10 * base::kMinute);
}

// One pool runs through, the other is killed and restarted: not a bit may differ, fractions and
// coverage included.
TEST(LedgerModel, AKilledLedgerIsIdenticalToOneThatRanThrough) {
  testing::Random random;
  World world;
  World other;  // only its state store and clock are used
  Runner through(world), killed(world);
  const Sli sli = SpecOf().sli;
  // Two pools over one storage, each with a state store of its own.
  SloManager::Deps deps = world.Deps();
  SloManager::Deps deps_other{.storage = world.storage,
                              .add_tap = deps.add_tap,
                              .remove_tap = deps.remove_tap,
                              .oldest_time = nullptr,
                              .state = other.state,
                              .executor = world.executor,
                              .clock = world.clock,
                              .sink = world.sink,
                              .registry = world.registry};
  const SloManagerOptions options = world.Options();
  SloMetrics metrics(world.registry);
  const std::map<std::string, LedgerPool::Wanted> wanted = {{sli.CanonicalText(), {sli, kSlices}}};
  LedgerPool live(deps, options, metrics);
  ASSERT_OK(live.Open());
  live.Apply(wanted);
  while (live.Step()) {
  }
  auto mortal = std::make_unique<LedgerPool>(deps_other, options, metrics);
  ASSERT_OK(mortal->Open());
  mortal->Apply(wanted);
  while (mortal->Step()) {
  }
  std::vector<Series> series;
  for (int i = 0; i < 10; ++i)
    series.push_back({Requests(i < 3 ? "500" : "200", absl::StrCat(i)), 0, i % 2 == 0});
  TimestampMs now = kT0;
  for (int i = 0; i < 1500; ++i) {
    now += random.OneIn(200) ? base::kHour : random.Between(5000, 20000);
    world.clock.Set(now);
    Commit(world.storage, RandomRows(series, now, 0, random));
    live.Tick(now);
    mortal->Tick(now);
    if (!random.OneIn(100)) continue;
    other.state.FailAfter(0);
    mortal.reset();
    other.state.FailAfter(-1);
    Commit(world.storage, RandomRows(series, now += 5000, 0, random));  // nobody listens
    mortal = std::make_unique<LedgerPool>(deps_other, options, metrics);
    ASSERT_OK(mortal->Open());
    mortal->Apply(wanted);
    Commit(world.storage, RandomRows(series, now += 5000, 0, random));  // both are told of
    while (mortal->Step()) {
    }
    world.clock.Set(now);
    // Finds out what came before the samples of idle series, and begins the recount.
    mortal->Tick(now);
    live.Tick(now);
    const std::string text = sli.CanonicalText();
    ExpectSame(*live.LedgerOf(text), *mortal->LedgerOf(text), kT0 - base::kHour,
               now + base::kMinute);
    if (HasFatalFailure()) return;
    while (mortal->Step()) {
    }
    ExpectSame(*live.LedgerOf(text), *mortal->LedgerOf(text), kT0 - base::kHour,
               now + base::kMinute);
    if (HasFatalFailure()) return;
  }
}

// Samples arrive from several threads while SLIs come and go: none may be lost, none count twice.
TEST(LedgerModel, ConcurrentCommitsAreCountedOnce) {
  World world;
  Runner runner(world);
  const Sli first = SpecOf().sli;
  Sli second = first;
  second.part = {tsdb::Matcher::Equal("__name__", "requests_total"),
                 tsdb::Matcher::Equal("pod", "1")};
  runner.Open({first});
  std::vector<std::thread> writers;
  constexpr int kThreads = 3, kCommits = 1200;
  for (int thread = 0; thread < kThreads; ++thread) {
    writers.emplace_back([&, thread] {
      double good = 0, bad = 0;
      for (int i = 0; i < kCommits; ++i) {
        const TimestampMs t = kT0 + i * 5000;
        // New series all the time.
        const std::string pod = absl::StrCat(thread, "-", i / 100);
        Commit(world.storage, {{Requests("200", absl::StrCat(thread)), t, good += 7},
                               {Requests("500", absl::StrCat(thread)), t, bad += 1},
                               {Requests("500", pod), t, double(i % 100)}});
      }
    });
  }
  for (int i = 0; i < 30; ++i) {
    runner.Apply(i % 2 == 0 ? std::vector<Sli>{first, second} : std::vector<Sli>{first});
    while (runner.pool().Step()) {
    }
    runner.pool().Tick(world.clock.Now());
    runner.pool().LedgerOf(first.CanonicalText())->Window(kT0 + base::kHour, base::kHour);
  }
  runner.Apply({first, second});
  for (std::thread& writer : writers) writer.join();
  runner.Settle();
  for (const Sli& sli : {first, second}) {
    const BruteForce by_hand = CountByHand(sli, world.storage);
    const WindowCount all =
        runner.pool().LedgerOf(sli.CanonicalText())->Window(kT0 + base::kDay, 2 * base::kDay);
    EXPECT_EQ(all.total, by_hand.total);
    EXPECT_EQ(all.bad, by_hand.part);
    EXPECT_GT(all.total, EventCount::FromInt(kThreads * kCommits * 7));
  }
}

// What retention took from the store stays in the ledger, also through a recount.
TEST(LedgerModel, SlicesOutliveTheSamples) {
  World world;
  const Sli sli = SpecOf().sli;
  TimestampMs oldest = tsdb::kMinTime;
  SloManager::Deps deps = world.Deps();
  deps.oldest_time = [&] { return oldest; };
  const SloManagerOptions options = world.Options();
  SloMetrics metrics(world.registry);
  const std::map<std::string, LedgerPool::Wanted> wanted = {{sli.CanonicalText(), {sli, kSlices}}};
  const auto run = [&](const SloManager::Deps& with) {
    auto pool = std::make_unique<LedgerPool>(with, options, metrics);
    EXPECT_OK(pool->Open());
    pool->Apply(wanted);
    while (pool->Step()) {
    }
    return pool;
  };
  auto pool = run(deps);
  double good = 0, bad = 0;
  TimestampMs t = kT0;
  for (; t < kT0 + 10 * base::kHour; t += 10'000) {
    world.clock.Set(t);
    Commit(world.storage, {{Requests("200"), t, good += 10}, {Requests("500"), t, bad += 1}});
    if (t % base::kMinute == 0) pool->Tick(t);
  }
  const WindowCount before = pool->LedgerOf(sli.CanonicalText())->Window(t, base::kDay);
  // A second store that begins two hours before the end, as retention would leave it.
  tsdb::MemoryStorage rest;
  const TimestampMs cut = t - 2 * base::kHour;
  for (TimestampMs at = cut; at < t; at += 10'000) {
    const double n = double((at - kT0) / 10'000 + 1);
    Commit(rest, {{Requests("200"), at, n * 10}, {Requests("500"), at, n}});
  }
  world.state.FailAfter(0);
  pool.reset();
  world.state.FailAfter(-1);
  oldest = cut;
  SloManager::Deps with_rest{.storage = rest,
                             .add_tap = [&](tsdb::CommitTap* tap) { rest.AddTap(tap); },
                             .remove_tap = [&](tsdb::CommitTap* tap) { rest.RemoveTap(tap); },
                             .oldest_time = deps.oldest_time,
                             .state = world.state,
                             .executor = world.executor,
                             .clock = world.clock,
                             .sink = world.sink,
                             .registry = world.registry};
  pool = run(with_rest);
  const auto window = [&] { return pool->LedgerOf(sli.CanonicalText())->Window(t, base::kDay); };
  EXPECT_EQ(window().total, before.total);
  EXPECT_EQ(window().bad, before.bad);
  EXPECT_EQ(window().covered_ms, before.covered_ms);
  pool->Tick(t);  // after a kill everything in the store is counted anew
  EXPECT_TRUE(pool->filling());
  while (pool->Step()) {
  }
  EXPECT_EQ(window().total, before.total);
  EXPECT_EQ(window().bad, before.bad);
  EXPECT_EQ(window().covered_ms, before.covered_ms);
  pool.reset();  // before the store that it reads
}

}  // namespace
}  // namespace slowburn::slo
