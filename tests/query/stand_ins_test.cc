// Functions of range vectors, over a storage that hands out summaries wherever it can and over the
// same storage without them: every bit of every answer is the same.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "prometheus/registry.h"
#include "query/engine.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"
#include "tsdb/memory_storage.h"

namespace slowburn::query {
namespace {

using tsdb::TimestampMs;

// Counts the runs of which it hands out the summary, or hides that there are any.
class CountingSamples final : public tsdb::SampleIterator {
 public:
  CountingSamples(std::unique_ptr<SampleIterator> samples, size_t* count)
      : samples_(std::move(samples)), count_(count) {}
  bool Next(tsdb::SampleBatch& out) override { return samples_->Next(out); }
  Run NextRun(IsEnough is_enough, tsdb::SampleBatch& batch, tsdb::SampleSummary& out) override {
    if (count_ == nullptr) return SampleIterator::NextRun(is_enough, batch, out);
    const Run run = samples_->NextRun(is_enough, batch, out);
    *count_ += run == Run::kSummary;
    return run;
  }
  absl::Status status() const override { return samples_->status(); }

 private:
  const std::unique_ptr<SampleIterator> samples_;
  size_t* const count_;
};

class CountingSet final : public tsdb::SeriesSet {
 public:
  CountingSet(std::unique_ptr<SeriesSet> set, size_t* count)
      : set_(std::move(set)), count_(count) {}
  bool Next() override { return set_->Next(); }
  const tsdb::Labels& labels() const override { return set_->labels(); }
  tsdb::SeriesRef ref() const override { return set_->ref(); }
  std::unique_ptr<tsdb::SampleIterator> samples() override {
    return std::make_unique<CountingSamples>(set_->samples(), count_);
  }
  absl::Status status() const override { return set_->status(); }

 private:
  const std::unique_ptr<SeriesSet> set_;
  size_t* const count_;
};

class CountingQuerier final : public tsdb::Querier {
 public:
  CountingQuerier(std::unique_ptr<Querier> querier, size_t* count)
      : querier_(std::move(querier)), count_(count) {}
  absl::StatusOr<std::unique_ptr<tsdb::SeriesSet>> Select(const tsdb::Matchers& matchers,
                                                          const tsdb::SelectHints& hints) override {
    absl::StatusOr<std::unique_ptr<tsdb::SeriesSet>> set = querier_->Select(matchers, hints);
    if (!set.ok()) return set.status();
    return std::make_unique<CountingSet>(*std::move(set), count_);
  }
  absl::StatusOr<std::vector<std::string>> LabelNames(const tsdb::Matchers& matchers,
                                                      size_t limit) override {
    return querier_->LabelNames(matchers, limit);
  }
  absl::StatusOr<std::vector<std::string>> LabelValues(std::string_view name,
                                                       const tsdb::Matchers& matchers,
                                                       size_t limit) override {
    return querier_->LabelValues(name, matchers, limit);
  }
  absl::StatusOr<std::vector<SeriesExemplars>> Exemplars(const std::vector<tsdb::Matchers>& any_of,
                                                         tsdb::TimeRange range) override {
    return querier_->Exemplars(any_of, range);
  }

 private:
  const std::unique_ptr<Querier> querier_;
  size_t* const count_;
};

class CountingStorage final : public tsdb::Storage {
 public:
  CountingStorage(Storage& storage, size_t* count) : storage_(storage), count_(count) {}
  std::unique_ptr<tsdb::Appender> NewAppender() override { return storage_.NewAppender(); }
  std::unique_ptr<tsdb::Querier> NewQuerier(tsdb::TimeRange range) override {
    return std::make_unique<CountingQuerier>(storage_.NewQuerier(range), count_);
  }
  std::vector<tsdb::MetricMetadata> AllMetadata() const override { return storage_.AllMetadata(); }

 private:
  Storage& storage_;
  size_t* const count_;
};

double NextValue(testing::Random& random, int kind, double before) {
  if (random.OneIn(60)) return std::bit_cast<double>(tsdb::kStaleNaNBits);
  if (random.OneIn(90)) return std::nan("");
  switch (kind) {
    case 0:  // a counter
      return random.OneIn(15) ? double(random.Below(3)) : before + double(random.Below(10));
    case 1:  // one of fractions
      return random.OneIn(15) ? 0.1 : before + 0.1 * double(random.Below(10));
    case 2:  // a gauge
      return double(random.Between(-5, 5)) * 0.7;
    case 3:  // whole, and so large that sums are rounded in the end
      return double(random.Between(-3, 3)) * 0x1p50;
    default:  // zeros of both signs, and ones
      return random.OneIn(2) ? 1 : random.OneIn(2) ? 0.0 : -0.0;
  }
}

void Fill(testing::Random& random, tsdb::Storage& storage, int series) {
  const auto appender = storage.NewAppender();
  for (int i = 0; i < series; ++i) {
    const auto ref =
        appender->Resolve({{"__name__", "m_total"}, {"i", std::to_string(i)}}, nullptr);
    ASSERT_OK(ref);
    const bool histograms = random.OneIn(6);
    double v = 0;
    for (TimestampMs t = random.Between(0, 30'000); t < 1'800'000;
         t += random.OneIn(30) ? 200'000 : random.Between(9'000, 11'000)) {
      if (histograms && random.OneIn(10)) {
        auto h = std::make_shared<tsdb::Histogram>();
        h->count = v;
        h->zero_count = v;
        appender->AppendHistogram(*ref, t, std::move(h));
        continue;
      }
      const double next = NextValue(random, i % 5, v);
      appender->Append(*ref, t, next);
      if (!std::isnan(next)) v = next;
    }
  }
  ASSERT_OK(appender->Commit());
}

std::string Text(const QueryResult& result) {
  std::string out;
  for (const Series& series : result.series) {
    absl::StrAppend(&out, series.labels.ToString());
    for (const tsdb::Sample& s : series.floats) {
      absl::StrAppend(&out, " ", s.t, ":", absl::Hex(std::bit_cast<uint64_t>(s.v)));
    }
    for (const auto& h : series.histograms) absl::StrAppend(&out, " ", h.t, ":", h.h->ToString());
    out += '\n';
  }
  for (const std::string& text : result.annotations.warnings) absl::StrAppend(&out, text, "\n");
  for (const std::string& text : result.annotations.infos) absl::StrAppend(&out, text, "\n");
  absl::StrAppend(&out, result.stats.samples_total, " ", result.stats.samples_read, "\n");
  return out;
}

TEST(StandIns, NoBitOfAnAnswerTellsThem) {
  constexpr const char* kFunctions[] = {"avg_over_time",
                                        "count_over_time",
                                        "delta",
                                        "first_over_time",
                                        "increase",
                                        "last_over_time",
                                        "max_over_time",
                                        "min_over_time",
                                        "present_over_time",
                                        "rate",
                                        "sum_over_time",
                                        "ts_of_first_over_time",
                                        "ts_of_last_over_time",
                                        "absent_over_time",
                                        "changes",
                                        "stddev_over_time"};
  testing::Random random;
  testing::FakeClock clock;
  tsdb::MemoryStorage storage;
  Fill(random, storage, 30);
  size_t summaries = 0;
  CountingStorage with(storage, &summaries), without(storage, nullptr);
  EngineOptions options;
  options.parser.experimental_functions = true;
  prometheus::Registry a, b;
  Engine fast(with, clock, options, a), full(without, clock, options, b);
  for (int i = 0; i < 600; ++i) {
    const std::string query = absl::StrCat(
        kFunctions[random.Below(std::size(kFunctions))], "(m_total[", random.Between(1, 1500), "s]",
        random.OneIn(3) ? absl::StrCat(" offset ", random.Between(-200, 200), "s") : "",
        random.OneIn(6) ? absl::StrCat(" @ ", random.Between(0, 2000)) : "", ")");
    const TimestampMs start = random.Between(0, 1'900'000);
    const TimestampMs end = random.OneIn(3) ? start : start + random.Between(0, 900'000);
    const tsdb::DurationMs step = random.Between(1, 200'000);
    const auto got = fast.Range(query, start, end, step, {});
    const auto want = full.Range(query, start, end, step, {});
    ASSERT_OK(got) << query;
    ASSERT_OK(want) << query;
    ASSERT_EQ(Text(*got), Text(*want)) << query << " " << start << " " << end << " " << step;
  }
  EXPECT_GT(summaries, 1000u);
}

}  // namespace
}  // namespace slowburn::query
