// Random operations on a Db and on MemoryStorage, which must give the same answers.
//
// SLOWBURN_LONG=1 runs ten million operations, in some minutes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
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
// More than the store's: each call frees what it hides.
constexpr DurationMs kSweepStep = kRetention / 40;

struct RefPair {
  SeriesRef db{}, model{};
  friend bool operator==(const RefPair&, const RefPair&) = default;
};

// One appender on each side, and what was found through it.
struct AppenderPair {
  struct Found {
    std::string labels;  // empty: of an exemplar, which does not count
    RefPair refs;
    bool made = false;  // by this appender, if it commits
  };
  std::unique_ptr<Appender> db, model;
  std::vector<Found> calls;  // in order

  void Append(const Found& found, TimestampMs t, double v, TimestampMs start) {
    db->Append(found.refs.db, t, v, start);
    model->Append(found.refs.model, t, v, start);
    calls.push_back(found);
  }
};
using Found = AppenderPair::Found;

// Without seals the limit on series counts the same ones on both sides.
// With blocks on disk, labels of samples that are deleted or too old may be seen as long as the
// block is there.
enum class Seals { kNone, kIntoFake, kIntoBlocks };

Limits LimitsOf(Seals seals) {
  Limits limits;
  if (seals == Seals::kNone) limits.active_series = 120;
  return limits;
}

MemoryStorageOptions ModelOptions(const base::Clock& clock, Seals seals) {
  MemoryStorageOptions options;
  options.clock = &clock;
  options.retention_ms = kRetention;
  options.limits = LimitsOf(seals);
  return options;
}

ContractOptions StoreOptions(Seals seals) {
  ContractOptions options;
  options.retention_ms = kRetention;
  options.max_exemplars = 100'000;
  options.limits = LimitsOf(seals);
  return options;
}

class ModelRun {
 public:
  ModelRun(uint64_t seed, Seals seals)
      : random_(seed),
        seals_(seals),
        store_(StoreOptions(seals),
               seals == Seals::kIntoFake ? DbStore::Blocks::kFake : DbStore::Blocks::kDisk),
        model_(ModelOptions(store_.clock, seals)) {}

  uint64_t operations() const { return operations_; }

  void Step() {
    ++operations_;
    if (seals_ != Seals::kNone && random_.OneIn(60)) return Keep();
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
    CompareTexts(*all_db->LabelNames(matchers, 0), *all_model->LabelNames(matchers, 0), text);
    for (const char* name : {"__name__", "job", "pod"}) {
      CompareTexts(*all_db->LabelValues(name, matchers, 0),
                   *all_model->LabelValues(name, matchers, 0), text);
    }
    const auto exemplars_db = *db->Exemplars({matchers}, {}),
               exemplars_model = *model->Exemplars({matchers}, {});
    const auto text_of = [this](const std::vector<Querier::SeriesExemplars>& found) {
      std::string out;
      for (const Querier::SeriesExemplars& one : found) {
        const std::string labels = one.labels.ToString();
        for (const Exemplar& e : one.exemplars) {
          if (alone_.contains(absl::StrCat(labels, "@", e.t))) continue;
          absl::StrAppend(&out, labels, " ", e.labels.ToString(), "@", e.t, "\n");
        }
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
    ++opened_;  // keys hold within one run
    store_.Reopen();
    model_.ApplyRetention();
    since_retention_ = 0;
    seen_.clear();
    KeepTheLiving();
    Compare();
  }

 private:
  void CompareTexts(const std::vector<std::string>& db, const std::vector<std::string>& model,
                    const std::string& text) {
    if (seals_ == Seals::kIntoBlocks) {
      ASSERT_TRUE(std::includes(db.begin(), db.end(), model.begin(), model.end())) << text;
    } else {
      ASSERT_EQ(db, model) << text;
    }
  }

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

  // Seal, delete, rewrite.
  void Keep() {
    const auto readers = random_.OneIn(2) ? Db::OldReaders::kWait : Db::OldReaders::kLeave;
    switch (random_.Below(6)) {
      case 0:
        Delete();
        break;
      case 1:
        ASSERT_OK(store_.db->RewriteBlocks());
        break;
      case 2:
      case 3:
        ASSERT_OK(store_.db->Seal(Db::SealWhat::kDue, readers));
        break;
      default:
        ASSERT_OK(store_.db->Seal(Db::SealWhat::kAll, readers));
    }
    KeepTheLiving();
  }

  void Delete() {
    std::vector<Matchers> any_of;
    for (uint64_t n = 1 + random_.Below(2); n > 0; --n) {
      any_of.push_back(RandomMatchers());
      any_of.back().push_back(Matcher::Equal("pod", "p" + std::to_string(random_.Below(16))));
    }
    const TimeRange range = RandomRange();
    ASSERT_OK(store_.db->Delete(any_of, range));
    model_.Delete(any_of, range);
  }

  static std::map<std::string, SeriesRef> ReferencesOf(Storage& storage) {
    std::map<std::string, SeriesRef> refs;
    const auto querier = storage.NewQuerier({});
    auto set = *querier->Select({}, {});
    while (set->Next()) refs[set->labels().ToString()] = set->ref();
    return refs;
  }

  // References and keys are hints: a series that got nothing for long may leave the memory of the
  // Db, and the model drops one with its last sample. Those that both still have are used further,
  // and an appender that has others is rolled back.
  void KeepTheLiving() {
    const std::map<std::string, SeriesRef> db = ReferencesOf(store_.storage()),
                                           model = ReferencesOf(model_);
    std::map<std::string, RefPair> living;
    for (const auto& [labels, ref] : model) {
      const auto it = db.find(labels);
      if (it != db.end() && it->second != SeriesRef::kUnknown) living[labels] = {it->second, ref};
    }
    for (const auto& [labels, refs] : known_) seen_.insert(labels);
    for (const auto* refs : {&db, &model}) {
      for (const auto& [labels, ref] : *refs) seen_.insert(labels);
    }
    known_ = std::move(living);
    std::erase_if(appenders_, [&](const AppenderPair& pair) {
      return !std::all_of(pair.calls.begin(), pair.calls.end(),
                          [&](const Found& found) { return IsSafe(found); });
    });
  }
  bool IsSafe(const Found& found) const {
    if (found.labels.empty()) return true;
    const auto it = known_.find(found.labels);
    if (it != known_.end()) return it->second == found.refs;
    // What had samples before may still be there on one side, and is then not this appender's.
    return found.made && !seen_.contains(found.labels);
  }

  void Retain() {
    if (random_.OneIn(3)) Advance(random_.Between(1, kRetention));
    if (since_retention_ < kSweepStep) return;
    since_retention_ = 0;
    store_.ApplyRetention();
    model_.ApplyRetention();
    KeepTheLiving();
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
    if (seals_ == Seals::kNone) {
      ASSERT_EQ(db->new_series, model->new_series);
    }
    ASSERT_EQ(db->rejected_exemplars, model->rejected_exemplars);
    ASSERT_EQ(db->rejected.size(), model->rejected.size());
    for (size_t k = 0; k < db->rejected.size(); ++k) {
      ASSERT_EQ(db->rejected[k].index, model->rejected[k].index);
      ASSERT_EQ(db->rejected[k].t, model->rejected[k].t);
      ASSERT_EQ(Describe(db->rejected[k].reason), Describe(model->rejected[k].reason));
    }
    // References of what was written to may be used by any later appender.
    std::set<size_t> rejected;
    for (const RejectedSample& one : db->rejected) {
      rejected.insert(one.index);
      if (one.index + 1 < pair.calls.size() && pair.calls[one.index + 1].labels.empty())
        alone_.insert(absl::StrCat(pair.calls[one.index].labels, "@", one.t));
    }
    for (size_t k = 0; k < pair.calls.size(); ++k) {
      const Found& found = pair.calls[k];
      if (!rejected.contains(k) && !found.labels.empty()) known_[found.labels] = found.refs;
    }
  }

  Labels RandomLabels() {
    std::vector<std::pair<std::string, std::string>> pairs;
    pairs.emplace_back("__name__", "m" + std::to_string(random_.Below(4)));
    if (!random_.OneIn(3)) pairs.emplace_back("job", "j" + std::to_string(random_.Below(3)));
    pairs.emplace_back("pod", "p" + std::to_string(random_.Below(16)));
    return Labels::FromPairs(std::move(pairs));
  }

  // By key, by labels, or by a reference that was written to before.
  bool Find(AppenderPair& pair, Found& found) {
    if (!known_.empty() && random_.OneIn(3)) {
      auto it = known_.begin();
      std::advance(it, static_cast<std::ptrdiff_t>(random_.Below(known_.size())));
      found = {it->first, it->second, false};
      return true;
    }
    const Labels labels = RandomLabels();
    found.labels = labels.ToString();
    found.made = !known_.contains(found.labels);
    RefPair& refs = found.refs;
    const RawKey key = HashRawKey(absl::StrCat(opened_, found.labels, random_.Below(2)));
    pair.db->Lookup({&key, 1}, {&refs.db, 1});
    pair.model->Lookup({&key, 1}, {&refs.model, 1});
    const bool known = refs.db != SeriesRef::kUnknown && refs.model != SeriesRef::kUnknown;
    if (seals_ == Seals::kNone) {
      EXPECT_EQ(known, refs.db != SeriesRef::kUnknown || refs.model != SeriesRef::kUnknown)
          << found.labels;
    }
    if (known) return true;
    const RawKey* bound = random_.OneIn(3) ? nullptr : &key;
    const auto db = pair.db->Resolve(labels, bound), model = pair.model->Resolve(labels, bound);
    EXPECT_EQ(db.status(), model.status());
    if (!db.ok()) return false;
    refs = {*db, *model};
    return true;
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
      ++operations_;
      Found found;
      if (!Find(pair, found)) continue;
      const TimestampMs t = RandomTime(), start = random_.OneIn(8) ? t - 500 : 0;
      const double v = RandomValue();
      pair.Append(found, t, v, start);
    }
  }

  void AppendHistogram() {
    AppenderPair& pair = appenders_[PickAppender()];
    Found found;
    if (!Find(pair, found)) return;
    auto histogram = std::make_shared<Histogram>();
    histogram->count = static_cast<double>(random_.Below(3));
    if (random_.OneIn(4)) histogram->sum = StaleNaN();
    const TimestampMs t = RandomTime(), start = random_.OneIn(8) ? t - 500 : 0;
    pair.db->AppendHistogram(found.refs.db, t, histogram, start);
    pair.model->AppendHistogram(found.refs.model, t, histogram, start);
    pair.calls.push_back(found);
  }

  void AppendExemplar() {
    AppenderPair& pair = appenders_[PickAppender()];
    Found found;
    if (!Find(pair, found)) return;
    const Exemplar exemplar{Labels{{"id", std::to_string(random_.Below(3))}}, 1,
                            Now() - random_.Between(0, 10) * 1000};
    // A sample at its time, so that the series lives as long as its exemplar.
    pair.Append(found, exemplar.t, 1, 0);
    pair.db->AppendExemplar(found.refs.db, exemplar);
    pair.model->AppendExemplar(found.refs.model, exemplar);
    pair.calls.push_back({});
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
  const Seals seals_;
  DbStore store_;
  MemoryStorage model_;
  std::vector<AppenderPair> appenders_;
  std::map<std::string, RefPair> known_;  // by labels: with samples, and had by both
  std::set<std::string> seen_;            // labels that had samples, since opening
  // labels@t of exemplars whose sample was refused: in the store they may outlive the last sample
  // of their series, until it is swept; in the model they do not.
  std::set<std::string> alone_;
  DurationMs since_retention_ = 0;
  int opened_ = 1;
  uint64_t operations_ = 0;
};

void RunAgainstTheModel(Seals seals, uint64_t operations) {
  static constexpr uint64_t kOperationsPerRound = 20'000;
  testing::Random random;
  for (uint64_t done = 0, round = 0; done < operations; ++round) {
    const uint64_t seed = round == 0 ? random.seed() : random.Next();
    ModelRun run(seed, seals);
    for (int i = 0; run.operations() < kOperationsPerRound; ++i) {
      run.Step();
      if (::testing::Test::HasFatalFailure() || ::testing::Test::HasNonfatalFailure()) {
        FAIL() << "round " << round << " step " << i << ": SLOWBURN_SEED=" << seed;
      }
    }
    ASSERT_NO_FATAL_FAILURE(run.Reopen());
    done += run.operations();
  }
}

uint64_t Operations(uint64_t in_the_short_run, uint64_t in_the_long_run) {
  return std::getenv("SLOWBURN_LONG") != nullptr ? in_the_long_run : in_the_short_run;
}

TEST(DbModel, RandomOperationsGiveTheAnswersOfTheModel) {
  RunAgainstTheModel(Seals::kNone, Operations(20'000, 2'000'000));
}
TEST(DbModel, SealsIntoFakeBlocks) {
  RunAgainstTheModel(Seals::kIntoFake, Operations(80'000, 3'000'000));
}
TEST(DbModel, SealsIntoBlocks) {
  RunAgainstTheModel(Seals::kIntoBlocks, Operations(40'000, 5'000'000));
}

}  // namespace
}  // namespace slowburn::tsdb
