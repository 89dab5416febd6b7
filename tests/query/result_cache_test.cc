// Kept answers of range queries: which may be kept, and that they are equal to fresh ones to the
// last bit, whatever is written late, deleted, sealed or forgotten in between.
#include "query/result_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "prometheus/registry.h"
#include "query/cache_rules.h"
#include "query/engine.h"
#include "query/parser/parser.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/temp_directory.h"
#include "tsdb/db.h"

namespace slowburn::query {
namespace {

using base::kHour;
using base::kMinute;
using base::kSecond;

std::optional<ReadsByMetric> Reads(const std::string& query) {
  ParserOptions all;
  all.experimental_functions = all.extended_range_selectors = all.binop_fill_modifiers = true;
  const absl::StatusOr<ExprPtr> expr = Parse(query, all);
  EXPECT_OK(expr) << query;
  return expr.ok() ? KeepableReads(**expr, 5 * kMinute) : std::nullopt;
}

TEST(CacheRules, KnowWhatAStepReads) {
  const auto reads =
      Reads("rate(a[10m]) / b offset 1m + on(x) max_over_time(sum(c)[1h:1m] offset -2m)");
  ASSERT_TRUE(reads.has_value());
  ASSERT_EQ(reads->size(), 3u);
  EXPECT_EQ(reads->at("a").first, -10 * kMinute);
  EXPECT_EQ(reads->at("a").last, 0);
  EXPECT_EQ(reads->at("b").first, -6 * kMinute);
  EXPECT_EQ(reads->at("b").last, -kMinute);
  EXPECT_EQ(reads->at("c").first, 2 * kMinute - kHour - 5 * kMinute);
  EXPECT_EQ(reads->at("c").last, 2 * kMinute);
  const auto twice = Reads("a + a offset 1h");
  ASSERT_TRUE(twice.has_value());
  EXPECT_EQ(twice->at("a").first, -kHour - 5 * kMinute);
  EXPECT_EQ(twice->at("a").last, 0);
}

TEST(CacheRules, RefuseWhatDependsOnMoreThanTheStep) {
  for (const char* query : {"1",
                            "time()",
                            "vector(1)",  // nothing is read
                            "a @ 5",
                            "a @ start()",
                            "rate(a[5m] @ end())",  // fixed times
                            "a + start()",
                            "a + end()",
                            "a + range()",
                            "a + step()",  // the range
                            "rate(a[5m + 1m])",
                            "a offset (step())",  // durations that are computed
                            "{x='y'}",
                            "rate({__name__=~'a|b'}[5m])",  // names that are not known
                            "sum(sum by (x) (a))",
                            "topk(2, sum by (x) (a))",  // the order of groups
                            "avg(a or b)",
                            "stddev(a * on(x) group_left b)",  // the order of what is joined
                            "rate((a or b)[5m:])",
                            "-(a or b)",
                            "abs(a or b)",  // names that meet when they go
                            "rate(label_replace(a, '__name__', 'b', 'x', '.*')[5m:])",  //
                            "sort(a)",
                            "sort_by_label(a, 'x')",
                            "limitk(1, a)",
                            "limit_ratio(0.5, a)",
                            "info(a)",
                            "a + fill(1) b",
                            "rate(a[5m] anchored)",
                            "a smoothed"}) {
    EXPECT_FALSE(Reads(query).has_value()) << query;
  }
  for (const char* query : {"a",
                            "{__name__='a'}",
                            "{'a', x='y'}",
                            "-a",
                            "sum(a)",
                            "sum by (x) (rate(a[5m]))",
                            "topk(3, a)",
                            "a or b",
                            "histogram_quantile(0.9, sum by (le) (rate(a[5m])))",
                            "max(sum by (x) (a))",
                            "count(sum by (x) (a))",
                            "sum(a) / sum(b)",
                            "a > 3",
                            "a and b",
                            "a unless on(x) b",
                            "a * on(x) group_left b",
                            "absent(a)",
                            "scalar(a)",
                            "label_replace(a, 'y', '$1', 'x', '(.*)')",
                            "quantile(0.5, a)",
                            "avg_over_time(a[5m:1m])",
                            "timestamp(a)",
                            "a + time()",
                            "sum_over_time(sum by (x) (a)[5m:])",
                            "last_over_time(a[5m])",
                            "a * 2 > bool 1"}) {
    EXPECT_TRUE(Reads(query).has_value()) << query;
  }
}

ResultTile Tile(size_t bytes) {
  ResultTile tile;
  tile.bytes = bytes;
  return tile;
}

TEST(ResultCache, ForgetsWhatWasNotAskedForLongest) {
  prometheus::Registry registry;
  ResultCache cache(10'000, registry);
  for (int64_t i = 0; i < 4; ++i) cache.Put("q", i, Tile(2'000));
  EXPECT_LE(cache.bytes(), 10'000u);
  EXPECT_NE(cache.Find("q", 0), nullptr);  // now 1 is the oldest
  cache.Put("q", 4, Tile(2'000));
  EXPECT_NE(cache.Find("q", 0), nullptr);
  EXPECT_EQ(cache.Find("q", 1), nullptr);
  cache.Put("q", 5, Tile(20'000));  // larger than all there is
  EXPECT_EQ(cache.Find("q", 5), nullptr);
  EXPECT_NE(cache.Find("q", 4), nullptr);
  cache.Put("q", 4, Tile(10));
  EXPECT_LE(cache.bytes(), 9'000u);
  EXPECT_EQ(cache.Find("p", 4), nullptr);
}

// Bits count; of NaN, that it is one.
std::string Text(const absl::StatusOr<QueryResult>& result) {
  if (!result.ok()) return result.status().ToString();
  std::string out;
  for (const Series& series : result->series) {
    absl::StrAppend(&out, series.labels.ToString(), "\n");
    for (const tsdb::Sample& s : series.floats) {
      absl::StrAppend(&out, " ", s.t, "=", s.v != s.v ? 0 : std::bit_cast<uint64_t>(s.v),
                      s.v != s.v ? "NaN" : "", "\n");
    }
    for (const HistogramPoint& point : series.histograms) {
      absl::StrAppend(&out, " ", point.t, "=", point.h->count, " ", point.h->sum, " ",
                      point.h->zero_count, "\n");
    }
  }
  for (const std::string& text : result->annotations.warnings) absl::StrAppend(&out, text, "\n");
  for (const std::string& text : result->annotations.infos) absl::StrAppend(&out, text, "\n");
  return out;
}

class KeptAnswers : public ::testing::Test {
 protected:
  KeptAnswers() { base::SetLogLevel(base::LogLevel::kError); }

  void Open(tsdb::DurationMs late) {
    tsdb::DbOptions options;
    options.path = directory_.path();
    options.background = false;
    options.wal_sync = tsdb::WalSync::kOs;
    options.retention_ms = 12 * kHour;
    options.out_of_order_window_ms = late;
    ASSERT_OK_AND_ASSIGN(db_, tsdb::Db::Open(options, clock_, registry_));
    EngineOptions engine;
    engine.changes = &db_->changes();
    engine.result_cache_bytes = 1 << 20;
    engine_ = std::make_unique<Engine>(*db_, clock_, engine, registry_);
  }

  void Append(const tsdb::Labels& labels, tsdb::TimestampMs t, double v) {
    const auto appender = db_->NewAppender();
    const auto ref = appender->Resolve(labels, nullptr);
    ASSERT_OK(ref);
    appender->Append(*ref, t, v);
    ASSERT_OK(appender->Commit());
  }

  std::string Ask(const std::string& query, tsdb::TimestampMs start, tsdb::TimestampMs end,
                  tsdb::DurationMs step, bool use_kept) {
    QueryOptions options;
    options.use_kept = use_kept;
    return Text(engine_->Range(query, start, end, step, options));
  }

  double Metric(const std::string& name) const {
    const std::string text = base::ExposeText(registry_);
    const size_t at = text.find("\n" + name + " ");
    EXPECT_NE(at, text.npos) << name;
    return at == text.npos ? 0 : std::stod(text.substr(at + name.size() + 2));
  }
  double kept_steps() const { return Metric("slowburn_query_cache_steps_total{source=\"cache\"}"); }
  double evaluated_steps() const {
    return Metric("slowburn_query_cache_steps_total{source=\"evaluation\"}");
  }

  testing::FakeClock clock_{1'700'000'000'000 / kHour * kHour};
  tsdb::TempDirectory directory_;
  prometheus::Registry registry_;
  std::unique_ptr<tsdb::Db> db_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(KeptAnswers, OnlyWhatIsNewIsEvaluated) {
  Open(0);
  const tsdb::TimestampMs begin = clock_.Now();
  clock_.Set(begin + 4 * kHour);
  for (tsdb::TimestampMs t = begin; t <= begin + 4 * kHour; t += 15 * kSecond)
    Append({{"__name__", "a_total"}}, t, double(t % 7919));
  const auto ask = [&](tsdb::TimestampMs start, tsdb::TimestampMs end, bool kept = true) {
    return Ask("rate(a_total[5m])", start, end, kMinute, kept);
  };
  const std::string first = ask(begin, clock_.Now());
  EXPECT_EQ(kept_steps(), 0);
  EXPECT_EQ(evaluated_steps(), 241);
  EXPECT_EQ(ask(begin, clock_.Now()), first);
  const double per_repeat = kept_steps();
  EXPECT_GE(per_repeat, 241 - 2 * ResultCache::kTileSteps - 5);
  EXPECT_EQ(evaluated_steps() + per_repeat, 2 * 241);
  // A part of the first tile and of the last.
  EXPECT_EQ(ask(begin + 90 * kMinute, begin + 100 * kMinute),
            ask(begin + 90 * kMinute, begin + 100 * kMinute, false));
  EXPECT_EQ(kept_steps(), per_repeat + 11);
  // Another step, another phase, other times.
  const double before = kept_steps();
  Ask("rate(a_total[5m])", begin, clock_.Now(), 2 * kMinute, true);
  ask(begin + kSecond, clock_.Now());
  Ask("rate(a_total[6m])", begin, clock_.Now(), kMinute, true);
  EXPECT_EQ(kept_steps(), before);
}

TEST_F(KeptAnswers, LateSamplesOutdateTheTilesThatReadThem) {
  Open(0);
  const tsdb::TimestampMs begin = clock_.Now();
  clock_.Set(begin + 8 * kHour);
  for (tsdb::TimestampMs t = begin; t <= begin + 8 * kHour; t += 30 * kSecond) {
    Append({{"__name__", "a"}}, t, double(t % 101));
    Append({{"__name__", "b"}}, t, double(t % 103));
  }
  const auto ask = [&](const char* query, bool kept = true) {
    return Ask(query, begin, clock_.Now(), kMinute, kept);
  };
  ask("a"), ask("b");
  Append({{"__name__", "a"}, {"x", "late"}}, begin + 5 * kHour, 1);  // a new series: in order
  const double before = kept_steps();
  EXPECT_EQ(ask("b"), ask("b", false));
  const double of_b = kept_steps() - before;
  EXPECT_GT(of_b, 300);
  EXPECT_EQ(ask("a"), ask("a", false));
  EXPECT_LT(kept_steps() - before - of_b, of_b);
  EXPECT_GT(Metric("slowburn_query_cache_outdated_tiles_total"), 0);
  // All of them are new again.
  const double again = kept_steps();
  ask("a");
  EXPECT_EQ(kept_steps() - again, of_b);
  ASSERT_OK(
      db_->Delete({{tsdb::Matcher::Equal("__name__", "b")}}, {begin + kHour, begin + 2 * kHour}));
  EXPECT_EQ(ask("b"), ask("b", false));
  EXPECT_EQ(kept_steps() - again, of_b);
}

TEST_F(KeptAnswers, AnnotationsAreToldOfTheWholeRange) {
  Open(0);
  const tsdb::TimestampMs begin = clock_.Now();
  clock_.Set(begin + 4 * kHour);
  for (tsdb::TimestampMs t = begin; t <= begin + 4 * kHour; t += 30 * kSecond) {
    if (t > begin + 200 * kMinute) Append({{"__name__", "a"}, {"le", "x"}}, t, 1);
    Append({{"__name__", "a"}, {"le", "1"}}, t, 1);
    Append({{"__name__", "a"}, {"le", "+Inf"}}, t, 2);
  }
  const char* query = "histogram_quantile(0.5, a)";
  const auto ask = [&](tsdb::TimestampMs end, bool kept) {
    return Ask(query, begin, end, kMinute, kept);
  };
  EXPECT_EQ(ask(begin + 190 * kMinute, true), ask(begin + 190 * kMinute, false));
  EXPECT_EQ(ask(clock_.Now(), true), ask(clock_.Now(), false));
  EXPECT_THAT(ask(clock_.Now(), true), ::testing::HasSubstr("bucket label"));
  const double before = kept_steps();
  EXPECT_EQ(ask(begin + 190 * kMinute, true), ask(begin + 190 * kMinute, false));
  EXPECT_EQ(kept_steps(), before);
}

// Everything at once.

const std::vector<std::string>& Queries() {
  static const auto* queries = new std::vector<std::string>{
      "g", "c_total", "rate(c_total[5m])", "sum(rate(c_total[2m]))",
      "sum by (zone) (rate(c_total[5m]))", "g{zone='1'} offset 10m", "avg_over_time(g[10m])",
      "max_over_time(g[3m])", "sum_over_time(g[30m:1m])", "topk(2, g)", "g > 0.5", "g and c_total",
      "g or c_total", "c_total - c_total offset 1h", "absent(g{zone='9'})", "count by (zone) (g)",
      "avg(g)", "stddev(g)", "quantile(0.3, g)", "changes(g[20m])", "g * on(zone, host) c_total",
      "histogram_quantile(0.9, sum by (le) (rate(h_bucket[5m])))", "h_bucket",
      "max(sum by (zone) (g))", "scalar(g{zone='1',host='1'})", "deriv(g[15m])", "timestamp(g)",
      "irate(c_total[5m])", "increase(c_total[1h])", "-g",
      "label_replace(g, 'n', '$1', 'host', '(.*)')", "g unless c_total > 50",
      // Not kept, and equal all the same.
      "sum(sum by (zone) (g))", "g @ end()", "rate(g[5m])", "{zone='2'}", "sort(g)",
      "rate({__name__=~'c_.*|g'}[5m])"};
  return *queries;
}

class Life {
 public:
  Life(testing::Random& random, testing::FakeClock& clock, tsdb::Db& db)
      : random_(random), clock_(clock), db_(db), begin_(clock.Now()) {}

  void Scrape() {
    clock_.Advance(random_.Between(5, 40) * kSecond);
    const auto appender = db_.NewAppender();
    for (int i = 0; i < 6; ++i) {
      if (random_.OneIn(15)) continue;  // a gap
      const std::string zone = std::to_string(i % 3), host = std::to_string(i / 2);
      Put(*appender, {{"__name__", "g"}, {"zone", zone}, {"host", host}}, clock_.Now(), Gauge());
      counters_[i] = random_.OneIn(50) ? 0 : counters_[i] + random_.Unit();
      Put(*appender, {{"__name__", "c_total"}, {"zone", zone}, {"host", host}}, clock_.Now(),
          counters_[i]);
      const char* bounds[] = {"0.1", "1", "10", "20", "30", "+Inf"};
      buckets_ += random_.OneIn(3) ? 1 : 0;
      Put(*appender, {{"__name__", "h_bucket"}, {"le", bounds[i]}}, clock_.Now(),
          double(buckets_ * (i + 1)));
    }
    ASSERT_OK(appender->Commit());
  }

  void WriteLate() {
    const auto appender = db_.NewAppender();
    const bool fresh = random_.OneIn(3);
    const std::string host =
        fresh ? absl::StrCat("late", random_.Below(1000)) : std::to_string(random_.Below(3));
    const char* name = random_.OneIn(2) ? "g" : "c_total";
    tsdb::TimestampMs t = random_.Between(std::max(begin_, clock_.Now() - 5 * kHour), clock_.Now());
    for (uint64_t n = random_.Between(1, 20); n > 0; --n, t += 15 * kSecond) {
      Put(*appender,
          {{"__name__", name}, {"zone", std::to_string(random_.Below(3))}, {"host", host}}, t,
          Gauge());
    }
    ASSERT_OK(appender->Commit());  // whatever is refused
  }

  void Housekeeping() {
    switch (random_.Below(5)) {
      case 0: {
        const tsdb::TimestampMs from = random_.Between(begin_, clock_.Now());
        const char* name = random_.OneIn(2) ? "g" : "h_bucket";
        EXPECT_OK(db_.Delete({{tsdb::Matcher::Equal("__name__", name)}},
                             {from, from + random_.Between(1, 60) * kMinute}));
        break;
      }
      case 1:
        EXPECT_OK(db_.Seal(random_.OneIn(2) ? tsdb::Db::SealWhat::kAll : tsdb::Db::SealWhat::kDue,
                           tsdb::Db::OldReaders::kWait));
        break;
      case 2:
        EXPECT_OK(db_.ApplyRetention());
        break;
      case 3:
        EXPECT_OK(db_.CleanTombstones());
        break;
      default:
        EXPECT_OK(db_.RewriteBlocks());
    }
  }

 private:
  double Gauge() {
    switch (random_.Below(12)) {
      case 0:
        return tsdb::StaleNaN();
      case 1:
        return double(random_.Between(-5, 5));
      default:
        return random_.Unit();
    }
  }
  static void Put(tsdb::Appender& appender, const tsdb::Labels& labels, tsdb::TimestampMs t,
                  double v) {
    const auto ref = appender.Resolve(labels, nullptr);
    ASSERT_OK(ref);
    appender.Append(*ref, t, v);
  }

  testing::Random& random_;
  testing::FakeClock& clock_;
  tsdb::Db& db_;
  const tsdb::TimestampMs begin_;
  double counters_[6] = {};
  int64_t buckets_ = 0;
};

TEST_F(KeptAnswers, AreEqualToFreshOnesWhateverHappens) {
  testing::Random random;
  Open(random.OneIn(2) ? 0 : kHour);
  Life life(random, clock_, *db_);
  for (int i = 0; i < 500; ++i) life.Scrape();
  for (int round = 0; round < 600; ++round) {
    for (uint64_t n = random.Below(4); n > 0; --n) life.Scrape();
    if (random.OneIn(4)) life.WriteLate();
    if (random.OneIn(40)) life.Housekeeping();
    const std::string& query = Queries()[random.Below(Queries().size())];
    const tsdb::DurationMs step = random.OneIn(2) ? 15 * kSecond : kMinute;
    const tsdb::TimestampMs end =
        clock_.Now() / step * step - random.Below(3) * random.Below(100) * step;
    const tsdb::TimestampMs start = end - random.Between(1, 400) * step;
    const std::string kept = Ask(query, start, end, step, true);
    ASSERT_EQ(kept, Ask(query, start, end, step, false))
        << query << " [" << start << ", " << end << "] step " << step << ", round " << round
        << ", SLOWBURN_SEED=" << random.seed();
  }
  // Usually a tenth; with unlucky seeds much becomes outdated.
  EXPECT_GT(kept_steps(), 0.01 * evaluated_steps()) << "hardly anything was kept";
  std::printf("%.0f steps kept, %.0f evaluated, %.0f tiles outdated\n", kept_steps(),
              evaluated_steps(), Metric("slowburn_query_cache_outdated_tiles_total"));
}

}  // namespace
}  // namespace slowburn::query
