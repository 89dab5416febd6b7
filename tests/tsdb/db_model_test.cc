// Random operations on a Db and on MemoryStorage, which must give the same answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/log.h"
#include "prometheus/registry.h"
#include "tests/testing/random.h"
#include "tests/tsdb/storage_reading.h"
#include "tests/tsdb/store_fixture.h"
#include "tsdb/memory_storage.h"

namespace slowburn::tsdb {
namespace {

constexpr DurationMs kRetention = 6 * base::kHour;
constexpr DurationMs kSweepStep =
    kRetention / 40;  // more than the store's: each call frees what it hides

struct RefPair {
  SeriesRef db{}, model{};
};

// One appender on each side, and what was found through it.
struct AppenderPair {
  std::unique_ptr<Appender> db, model;
  std::map<std::string, RefPair> resolved;
};

MemoryStorageOptions ModelOptions(const base::Clock& clock) {
  MemoryStorageOptions options;
  options.clock = &clock;
  options.retention_ms = kRetention;
  options.limits.active_series = 120;
  return options;
}

ContractOptions StoreOptions() {
  ContractOptions options;
  options.retention_ms = kRetention;
  options.max_exemplars = 100'000;
  options.limits.active_series = 120;
  return options;
}

class ModelRun {
 public:
  explicit ModelRun(uint64_t seed)
      : random_(seed), store_(StoreOptions()), model_(ModelOptions(store_.clock)) {}

  void Step() {
    switch (random_.Below(40)) {
      case 0:
        return Advance(random_.Between(1, 60'000));
      case 1:
        return SetWindow();
      case 2:
        return Retain();
      case 3:
        return random_.OneIn(6) ? Reopen() : Compare();
      case 4:
        return OpenAppender();
      case 5:
        return RollBack();
      case 6:
      case 7:
      case 8:
        return CommitOne();
      case 9:
        return AppendExemplar();
      case 10:
        return SetMetadata();
      case 11:
        return AppendHistogram();
      case 12:
        return Compare();
      default:
        return AppendFloat();
    }
  }

  void Compare() {
    const TimeRange range = RandomRange();
    const auto db = store_.storage().NewQuerier(range);
    const auto model = model_.NewQuerier(range);
    SelectHints hints;
    if (random_.OneIn(3)) hints.range = RandomRange();
    const Matchers matchers = RandomMatchers();
    std::string text;
    for (const Matcher& m : matchers) text += m.ToString() + " ";
    ASSERT_EQ(ReadAll(*db, matchers, hints), ReadAll(*model, matchers, hints)) << text;
    const auto all_db = store_.storage().NewQuerier({}), all_model = model_.NewQuerier({});
    ASSERT_EQ(*all_db->LabelNames(matchers, 0), *all_model->LabelNames(matchers, 0)) << text;
    for (const char* name : {"__name__", "job", "pod"}) {
      ASSERT_EQ(*all_db->LabelValues(name, matchers, 0), *all_model->LabelValues(name, matchers, 0))
          << text;
    }
    const auto exemplars_db = *db->Exemplars({matchers}, {}),
               exemplars_model = *model->Exemplars({matchers}, {});
    const auto text_of = [](const std::vector<Querier::SeriesExemplars>& found) {
      std::string out;
      for (const Querier::SeriesExemplars& one : found) {
        out += one.labels.ToString();
        for (const Exemplar& e : one.exemplars)
          absl::StrAppend(&out, " ", e.labels.ToString(), "@", e.t);
        out += "\n";
      }
      return out;
    };
    ASSERT_EQ(text_of(exemplars_db), text_of(exemplars_model));
    const auto metadata_db = store_.storage().AllMetadata(), metadata_model = model_.AllMetadata();
    ASSERT_EQ(metadata_db.size(), metadata_model.size());
    for (size_t i = 0; i < metadata_db.size(); ++i) {
      ASSERT_EQ(metadata_db[i].metric, metadata_model[i].metric);
      ASSERT_EQ(metadata_db[i].metadata, metadata_model[i].metadata);
    }
  }

  void Reopen() {
    while (!appenders_.empty()) RollBack();
    known_.clear();
    ++opened_;  // keys hold within one run
    store_.Reopen();
    model_.ApplyRetention();
    since_retention_ = 0;
    Compare();
  }

 private:
  TimestampMs Now() { return store_.clock.Now(); }

  void Advance(DurationMs by) {
    store_.clock.Advance(by);
    since_retention_ += by;
  }

  void SetWindow() {
    const DurationMs window = random_.OneIn(2) ? 0 : random_.Between(1, 2 * base::kHour);
    store_.SetOutOfOrderWindow(window);
    model_.SetOutOfOrderWindow(window);
  }

  void Retain() {
    if (random_.OneIn(3)) Advance(random_.Between(1, kRetention));
    if (since_retention_ < kSweepStep) return;
    since_retention_ = 0;
    store_.ApplyRetention();
    model_.ApplyRetention();
  }

  void OpenAppender() {
    if (appenders_.size() >= 3) return CommitOne();
    appenders_.push_back({store_.storage().NewAppender(), model_.NewAppender(), {}});
  }

  size_t PickAppender() {
    if (appenders_.empty()) OpenAppender();
    return random_.Below(appenders_.size());
  }

  void RollBack() {
    if (!appenders_.empty())
      appenders_.erase(appenders_.begin() + static_cast<std::ptrdiff_t>(PickAppender()));
  }

  void CommitOne() {
    const size_t i = PickAppender();
    AppenderPair pair = std::move(appenders_[i]);
    appenders_.erase(appenders_.begin() + static_cast<std::ptrdiff_t>(i));
    const absl::StatusOr<CommitResult> db = pair.db->Commit(), model = pair.model->Commit();
    ASSERT_OK(db);
    ASSERT_OK(model);
    ASSERT_EQ(db->samples, model->samples);
    ASSERT_EQ(db->histograms, model->histograms);
    ASSERT_EQ(db->exemplars, model->exemplars);
    ASSERT_EQ(db->new_series, model->new_series);
    ASSERT_EQ(db->rejected_exemplars, model->rejected_exemplars);
    ASSERT_EQ(db->rejected.size(), model->rejected.size());
    for (size_t k = 0; k < db->rejected.size(); ++k) {
      ASSERT_EQ(db->rejected[k].index, model->rejected[k].index);
      ASSERT_EQ(db->rejected[k].t, model->rejected[k].t);
      ASSERT_EQ(Describe(db->rejected[k].reason), Describe(model->rejected[k].reason));
    }
    // References of what exists now may be used by any later appender.
    for (const auto& [text, refs] : pair.resolved) known_[text] = refs;
  }

  Labels RandomLabels() {
    std::vector<std::pair<std::string, std::string>> pairs;
    pairs.emplace_back("__name__", "m" + std::to_string(random_.Below(4)));
    if (!random_.OneIn(3)) pairs.emplace_back("job", "j" + std::to_string(random_.Below(3)));
    pairs.emplace_back("pod", "p" + std::to_string(random_.Below(16)));
    return Labels::FromPairs(std::move(pairs));
  }

  // By key, by labels, or by a reference that was good once.
  bool Find(AppenderPair& pair, RefPair& refs) {
    if (!known_.empty() && random_.OneIn(3)) {
      auto it = known_.begin();
      std::advance(it, static_cast<std::ptrdiff_t>(random_.Below(known_.size())));
      // A series that is only reserved, by another appender, is nobody else's business.
      refs = it->second;
      return Exists(it->first) || !Reserved(it->first);
    }
    const Labels labels = RandomLabels();
    const RawKey key = HashRawKey(absl::StrCat(opened_, labels.ToString(), random_.Below(2)));
    pair.db->Lookup({&key, 1}, {&refs.db, 1});
    pair.model->Lookup({&key, 1}, {&refs.model, 1});
    EXPECT_EQ(refs.db == SeriesRef::kUnknown, refs.model == SeriesRef::kUnknown)
        << labels.ToString();
    if (refs.db != SeriesRef::kUnknown) return true;
    const RawKey* bound = random_.OneIn(3) ? nullptr : &key;
    const auto db = pair.db->Resolve(labels, bound), model = pair.model->Resolve(labels, bound);
    EXPECT_EQ(db.status(), model.status());
    if (!db.ok()) return false;
    refs = {*db, *model};
    pair.resolved[labels.ToString()] = refs;
    return true;
  }

  bool Exists(const std::string& labels) {
    const auto querier = model_.NewQuerier({});
    SelectHints hints;
    hints.samples_needed = false;
    return ReadAll(*querier, {}, hints).find(labels + "\n") != std::string::npos;
  }
  bool Reserved(const std::string& labels) {
    return std::any_of(appenders_.begin(), appenders_.end(),
                       [&](const AppenderPair& pair) { return pair.resolved.contains(labels); });
  }

  TimestampMs RandomTime() {
    switch (random_.Below(8)) {
      case 0:
        return Now() - random_.Between(0, 2 * base::kHour);
      case 1:
        return Now() - random_.Between(0, kRetention + base::kHour);
      case 2:
        return Now() + random_.Between(0, 12 * base::kMinute);
      case 3:
        return Now();
      default:
        return Now() - random_.Between(0, 20) * 1000;
    }
  }

  double RandomValue() {
    switch (random_.Below(5)) {
      case 0:
        return StaleNaN();
      case 1:
        return random_.Unit();
      case 2:
        return static_cast<double>(random_.Below(1000)) / 100;
      default:
        return static_cast<double>(random_.Below(3));
    }
  }

  void AppendFloat() {
    AppenderPair& pair = appenders_[PickAppender()];
    for (uint64_t n = 1 + random_.Below(30); n > 0; --n) {
      RefPair refs;
      if (!Find(pair, refs)) continue;
      const TimestampMs t = RandomTime(), start = random_.OneIn(8) ? t - 500 : 0;
      const double v = RandomValue();
      pair.db->Append(refs.db, t, v, start);
      pair.model->Append(refs.model, t, v, start);
    }
  }

  void AppendHistogram() {
    AppenderPair& pair = appenders_[PickAppender()];
    RefPair refs;
    if (!Find(pair, refs)) return;
    auto histogram = std::make_shared<Histogram>();
    histogram->count = static_cast<double>(random_.Below(3));
    if (random_.OneIn(4)) histogram->sum = StaleNaN();
    const TimestampMs t = RandomTime(), start = random_.OneIn(8) ? t - 500 : 0;
    pair.db->AppendHistogram(refs.db, t, histogram, start);
    pair.model->AppendHistogram(refs.model, t, histogram, start);
  }

  void AppendExemplar() {
    AppenderPair& pair = appenders_[PickAppender()];
    RefPair refs;
    if (!Find(pair, refs)) return;
    const Exemplar exemplar{Labels{{"id", std::to_string(random_.Below(3))}}, 1,
                            Now() - random_.Between(0, 10) * 1000};
    // A sample at its time, so that the series lives as long as its exemplar.
    pair.db->Append(refs.db, exemplar.t, 1);
    pair.model->Append(refs.model, exemplar.t, 1);
    pair.db->AppendExemplar(refs.db, exemplar);
    pair.model->AppendExemplar(refs.model, exemplar);
  }

  void SetMetadata() {
    AppenderPair& pair = appenders_[PickAppender()];
    const std::string metric = "m" + std::to_string(random_.Below(4));
    const Metadata metadata{MetricType::kGauge, "help " + std::to_string(random_.Below(3)), ""};
    pair.db->SetMetadata(metric, metadata);
    pair.model->SetMetadata(metric, metadata);
  }

  TimeRange RandomRange() {
    if (random_.OneIn(3)) return {};
    const TimestampMs start = Now() - random_.Between(-base::kHour, kRetention);
    return {start, start + random_.Between(0, base::kHour)};
  }

  Matchers RandomMatchers() {
    static constexpr const char* kNames[] = {"__name__", "job", "pod", "nope"};
    static constexpr const char* kValues[] = {"m1",   "j1", "p1",    "",   "m1|m2",
                                              "p1.*", ".+", "j[12]", "|j1"};
    Matchers out;
    for (uint64_t n = random_.Below(3); n > 0; --n) {
      out.push_back(*Matcher::Create(static_cast<Matcher::Op>(random_.Below(4)),
                                     kNames[random_.Below(4)],
                                     kValues[random_.Below(std::size(kValues))]));
    }
    return out;
  }

  testing::Random random_;
  DbStore store_;
  MemoryStorage model_;
  std::vector<AppenderPair> appenders_;
  std::map<std::string, RefPair> known_;  // by labels
  DurationMs since_retention_ = 0;
  int opened_ = 1;
};

TEST(DbModel, RandomOperationsGiveTheAnswersOfTheModel) {
  testing::Random random;
  for (int round = 0; round < 3; ++round) {
    ModelRun run(random.Next());
    for (int i = 0; i < 1500; ++i) {
      run.Step();
      if (::testing::Test::HasFatalFailure() || ::testing::Test::HasNonfatalFailure()) {
        FAIL() << "round " << round << " step " << i;
      }
    }
    ASSERT_NO_FATAL_FAILURE(run.Reopen());
  }
}

}  // namespace
}  // namespace slowburn::tsdb
