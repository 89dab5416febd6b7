// The contract of tsdb/storage.h as a typed test suite: every implementation passes all of it.
//
//   struct MyStore : StoreUnderTest { explicit MyStore(const ContractOptions&); … };
//   INSTANTIATE_TYPED_TEST_SUITE_P(My, StorageContract, MyStore);
#ifndef SLOWBURN_TESTS_TSDB_STORAGE_CONTRACT_H_
#define SLOWBURN_TESTS_TSDB_STORAGE_CONTRACT_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/testing/status_matchers.h"
#include "tests/tsdb/storage_reading.h"
#include "tests/tsdb/store_under_test.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

template <typename Store>
class StorageContract : public ::testing::Test {
 public:
  using Options = ContractOptions;
  void Open(const Options& options = {}) { store_ = std::make_unique<Store>(options); }
  Storage& storage() {
    if (store_ == nullptr) Open();
    return store_->storage();
  }
  StoreUnderTest& store() {
    storage();
    return *store_;
  }
  TimestampMs Now() { return store().clock.Now(); }

  SeriesRef Resolve(Appender& appender, const Labels& labels) {
    const absl::StatusOr<SeriesRef> ref = appender.Resolve(labels, nullptr);
    EXPECT_OK(ref);
    return ref.value_or(SeriesRef::kUnknown);
  }
  CommitResult Commit(Appender& appender) {
    absl::StatusOr<CommitResult> result = appender.Commit();
    EXPECT_OK(result);
    return result.ok() ? *result : CommitResult();
  }
  CommitResult Write(const Labels& labels, const std::vector<Sample>& samples) {
    const auto appender = storage().NewAppender();
    const SeriesRef ref = Resolve(*appender, labels);
    for (const Sample& s : samples) appender->Append(ref, s.t, s.v);
    return Commit(*appender);
  }
  std::string Read(const Matchers& matchers = {}, TimeRange range = {}) {
    return ReadAll(*storage().NewQuerier(range), matchers, {});
  }

  std::unique_ptr<StoreUnderTest> store_;
};

TYPED_TEST_SUITE_P(StorageContract);

inline std::vector<Rejection> Reasons(const CommitResult& result) {
  std::vector<Rejection> reasons;
  for (const RejectedSample& r : result.rejected) reasons.push_back(r.reason);
  return reasons;
}

TYPED_TEST_P(StorageContract, WhatIsCommittedIsReadBackSortedByLabels) {
  const TimestampMs t = this->Now();
  auto appender = this->storage().NewAppender();
  const SeriesRef b = this->Resolve(*appender, {{"__name__", "up"}, {"job", "b"}});
  const SeriesRef a = this->Resolve(*appender, {{"__name__", "up"}, {"job", "a"}});
  const SeriesRef longer = this->Resolve(*appender, {{"__name__", "up"}, {"job", "a"}, {"z", "1"}});
  appender->Append(b, t, 1);
  appender->Append(a, t, 2);
  appender->Append(a, t + 1, 3);
  appender->Append(longer, t, 4);
  EXPECT_EQ(this->Read(), "");
  const CommitResult result = this->Commit(*appender);
  appender = nullptr;
  EXPECT_EQ(result.samples, 4u);
  EXPECT_EQ(result.new_series, 3u);
  EXPECT_TRUE(result.rejected.empty());
  const std::string want =
      absl::StrCat("up{job=\"a\"} 2@", t, " 3@", t + 1, "\nup{job=\"a\", z=\"1\"} 4@", t,
                   "\nup{job=\"b\"} 1@", t, "\n");
  EXPECT_EQ(this->Read(), want);
  this->store().Reopen();
  EXPECT_EQ(this->Read(), want);
}

TYPED_TEST_P(StorageContract, DestructionWithoutCommitRollsBack) {
  const Labels labels{{"__name__", "up"}};
  const RawKey key = HashRawKey("up");
  {
    auto appender = this->storage().NewAppender();
    absl::StatusOr<SeriesRef> ref = appender->Resolve(labels, &key);
    ASSERT_OK(ref);
    appender->Append(*ref, this->Now(), 1);
    appender->SetMetadata("up", {MetricType::kGauge, "help", ""});
  }
  EXPECT_EQ(this->Read(), "");
  EXPECT_TRUE(this->storage().AllMetadata().empty());
  auto querier = this->storage().NewQuerier({});
  SelectHints hints;
  hints.samples_needed = false;
  EXPECT_EQ(ReadAll(*querier, {}, hints), "");
  EXPECT_EQ(querier->LabelNames({}, 0)->size(), 0u);
  EXPECT_EQ(querier->LabelValues("__name__", {}, 0)->size(), 0u);
  auto appender = this->storage().NewAppender();
  SeriesRef ref{7};
  appender->Lookup({&key, 1}, {&ref, 1});
  EXPECT_EQ(ref, SeriesRef::kUnknown);
}

TYPED_TEST_P(StorageContract, KeysFindTheirSeries) {
  const Labels labels{{"__name__", "up"}};
  const RawKey keys[] = {HashRawKey("one"), HashRawKey("two"), HashRawKey("three")};
  auto appender = this->storage().NewAppender();
  const SeriesRef first = *appender->Resolve(labels, &keys[0]);
  const SeriesRef second = *appender->Resolve(labels, &keys[1]);
  EXPECT_EQ(first, second);
  EXPECT_NE(first, SeriesRef::kUnknown);
  appender->Append(first, this->Now(), 1);
  this->Commit(*appender);

  appender = this->storage().NewAppender();
  SeriesRef found[3];
  appender->Lookup(keys, found);
  EXPECT_EQ(found[0], first);
  EXPECT_EQ(found[1], first);
  EXPECT_EQ(found[2], SeriesRef::kUnknown);
  EXPECT_EQ(*appender->Resolve(labels, &keys[2]), first);
  this->Commit(*appender);
  appender = this->storage().NewAppender();
  appender->Lookup(keys, found);
  EXPECT_EQ(found[2], first);
}

TYPED_TEST_P(StorageContract, ManyKeysInOneLookup) {
  constexpr size_t kSeries = 3000;
  std::vector<RawKey> keys;
  auto appender = this->storage().NewAppender();
  for (size_t i = 0; i < kSeries; ++i) {
    keys.push_back(HashRawKey(std::to_string(i)));
    if (i % 3 == 0) continue;
    const SeriesRef ref = *appender->Resolve(Labels{{"i", std::to_string(i)}}, &keys[i]);
    appender->Append(ref, this->Now(), static_cast<double>(i));
  }
  EXPECT_EQ(this->Commit(*appender).new_series, 2000u);
  appender = this->storage().NewAppender();
  std::vector<SeriesRef> refs(kSeries);
  appender->Lookup(keys, refs);
  for (size_t i = 0; i < kSeries; ++i) {
    ASSERT_EQ(refs[i] == SeriesRef::kUnknown, i % 3 == 0) << i;
    if (i % 3 != 0) appender->Append(refs[i], this->Now() + 1, static_cast<double>(i));
  }
  EXPECT_EQ(this->Commit(*appender).samples, 2000u);
  EXPECT_EQ(this->Read({Matcher::Equal("i", "1234")}),
            absl::StrCat("{i=\"1234\"} 1234@", this->Now(), " 1234@", this->Now() + 1, "\n"));
}

TYPED_TEST_P(StorageContract, ResolveRefusesBadLabels) {
  ContractOptions options;
  options.limits.labels_per_series = 2;
  options.limits.label_name_bytes = 4;
  options.limits.label_value_bytes = 5;
  this->Open(options);
  const struct {
    Labels labels;
    absl::StatusCode code;
    const char* text;
  } cases[] = {
      {{}, absl::StatusCode::kInvalidArgument, "without labels"},
      {{{"a", "\xff"}}, absl::StatusCode::kInvalidArgument, "not UTF-8"},
      {{{"a\xff", "a"}}, absl::StatusCode::kInvalidArgument, "not UTF-8"},
      {{{"a", "1"}, {"b", "1"}}, absl::StatusCode::kOk, ""},
      {{{"a", "1"}, {"b", "1"}, {"c", "1"}},
       absl::StatusCode::kResourceExhausted,
       "labels_per_series is 2"},
      {{{"abcd", "1"}}, absl::StatusCode::kOk, ""},
      {{{"abcde", "1"}}, absl::StatusCode::kResourceExhausted, "label_name_bytes is 4"},
      {{{"a", "12345"}}, absl::StatusCode::kOk, ""},
      {{{"a", "123456"}}, absl::StatusCode::kResourceExhausted, "label_value_bytes is 5"},
  };
  auto appender = this->storage().NewAppender();
  for (const auto& c : cases) {
    const absl::StatusOr<SeriesRef> ref = appender->Resolve(c.labels, nullptr);
    EXPECT_EQ(ref.status().code(), c.code) << c.labels.ToString() << ref.status();
    EXPECT_NE(std::string(ref.status().message()).find(c.text), std::string::npos) << ref.status();
  }
}

TYPED_TEST_P(StorageContract, SeriesLimitCountsWhatIsThereAndNothingElse) {
  ContractOptions options;
  options.limits.active_series = 2;
  this->Open(options);
  {
    auto rolled_back = this->storage().NewAppender();
    this->Resolve(*rolled_back, {{"a", "0"}});
    this->Resolve(*rolled_back, {{"a", "9"}});
  }
  this->Write({{"a", "1"}}, {{this->Now(), 1}});
  this->Write({{"a", "2"}}, {{this->Now(), 1}});
  auto appender = this->storage().NewAppender();
  EXPECT_THAT(appender->Resolve({{"a", "3"}}, nullptr),
              testing::IsCode(absl::StatusCode::kResourceExhausted, "active_series is 2"));
  const SeriesRef known = this->Resolve(*appender, {{"a", "1"}});
  appender->Append(known, this->Now() + 1, 1);
  EXPECT_EQ(this->Commit(*appender).samples, 1u);
}

TYPED_TEST_P(StorageContract, JudgesEachSampleOnItsOwn) {
  // Each case: a series with samples 10@0s and 20@60s (relative to one minute ago), then one more.
  const struct {
    const char* name;
    DurationMs window, t;
    double v;
    bool stored;  // or equal to what is
    Rejection reason;
  } cases[] = {
      {"newer", 0, 61'000, 1, true, {}},
      {"equal", 0, 60'000, 20, true, {}},
      {"conflict", 0, 60'000, 21, false, Rejection::kDuplicate},
      {"old_equal", 0, 0, 10, true, {}},
      {"old_conflict", 0, 0, 11, false, Rejection::kOutOfOrder},
      {"between", 0, 30'000, 1, false, Rejection::kOutOfOrder},
      {"window_between", 30'000, 30'000, 1, true, {}},
      {"window_between_out", 30'000, 29'999, 1, false, Rejection::kTooOld},
      {"window_old_equal", 30'000, 0, 10, true, {}},
      {"window_old_conflict_out", 30'000, 0, 11, false, Rejection::kTooOld},
      {"window_old_conflict", 60'000, 0, 11, false, Rejection::kDuplicate},
      {"window_before_first", 70'000, -5'000, 1, true, {}},
      {"future_edge", 0, 60'000 + 600'000, 1, true, {}},
      {"future", 0, 60'000 + 600'001, 1, false, Rejection::kTooFarInFuture},
      {"retention_edge", 2 * base::kDay, 60'000 - base::kDay, 1, true, {}},
      {"retention", 2 * base::kDay, 60'000 - base::kDay - 1, 1, false, Rejection::kOutOfBounds},
      {"extreme_past", 0, kMinTime / 2, 1, false, Rejection::kOutOfBounds},
      {"extreme_future", 0, kMaxTime / 2, 1, false, Rejection::kTooFarInFuture},
      {"stale", 0, 61'000, StaleNaN(), true, {}},
  };
  std::map<std::string, std::string> lines;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const TimestampMs zero = this->Now() - 60'000;
    const Labels labels{{"case", c.name}};
    this->Write(labels, {{zero, 10}, {zero + 60'000, 20}});
    this->store().SetOutOfOrderWindow(c.window);
    auto appender = this->storage().NewAppender();
    const SeriesRef ref = this->Resolve(*appender, labels);
    appender->AppendExemplar(ref, {Labels{{"id", c.name}}, 1, zero});
    appender->Append(ref, zero + c.t, c.v);
    const CommitResult result = this->Commit(*appender);
    appender = nullptr;
    appender = nullptr;
    EXPECT_EQ(result.new_series, 0u);
    if (c.stored) {
      EXPECT_EQ(result.samples, 1u);
      EXPECT_TRUE(result.rejected.empty());
    } else {
      EXPECT_EQ(result.samples, 0u);
      ASSERT_EQ(result.rejected.size(), 1u);
      EXPECT_EQ(result.rejected[0].index, 1u);
      EXPECT_EQ(result.rejected[0].ref, ref);
      EXPECT_EQ(result.rejected[0].t, zero + c.t);
      EXPECT_EQ(result.rejected[0].reason, c.reason);
    }
    std::map<TimestampMs, double> want = {{zero, 10}, {zero + 60'000, 20}};
    if (c.stored) want[zero + c.t] = c.v;
    std::string line = Labels{{"case", c.name}}.ToString();
    for (const auto& [t, v] : want) line += " " + SampleText(t, v);
    lines[c.name] = line + "\n";
    EXPECT_EQ(this->Read({Matcher::Equal("case", c.name)}), lines[c.name]);
  }
  this->store().Reopen();
  for (const auto& [name, line] : lines) {
    EXPECT_EQ(this->Read({Matcher::Equal("case", name)}), line);
  }
}

TYPED_TEST_P(StorageContract, JudgesInTheOrderOfTheCalls) {
  const TimestampMs t = this->Now();
  auto appender = this->storage().NewAppender();
  const SeriesRef ref = this->Resolve(*appender, {{"a", "1"}});
  const SeriesRef bad{1u << 30};
  const double values[] = {1, 1, 2, 3, 4};
  appender->Append(ref, t, values[0]);
  appender->Append(ref, t, values[1]);  // equal
  appender->Append(ref, t, values[2]);  // conflict
  appender->Append(ref, t + 2, values[3]);
  appender->Append(bad, t, 1);
  appender->Append(SeriesRef::kUnknown, t, 1);
  appender->Append(ref, t + 1, values[4]);  // old
  const CommitResult result = this->Commit(*appender);
  appender = nullptr;
  EXPECT_EQ(result.samples, 3u);
  EXPECT_EQ(result.new_series, 1u);
  EXPECT_EQ(Reasons(result),
            (std::vector<Rejection>{Rejection::kDuplicate, Rejection::kUnknownSeries,
                                    Rejection::kUnknownSeries, Rejection::kOutOfOrder}));
  std::vector<size_t> indexes;
  for (const RejectedSample& r : result.rejected) indexes.push_back(r.index);
  EXPECT_EQ(indexes, (std::vector<size_t>{2, 4, 5, 6}));
  EXPECT_EQ(this->Read(), absl::StrCat("{a=\"1\"} 1@", t, " 3@", t + 2, "\n"));
}

TYPED_TEST_P(StorageContract, ASeriesWhoseSamplesAreAllRejectedDoesNotExist) {
  auto appender = this->storage().NewAppender();
  const SeriesRef ref = this->Resolve(*appender, {{"a", "1"}});
  appender->Append(ref, this->Now() + base::kDay, 1);
  appender->AppendExemplar(ref, {Labels{{"id", "1"}}, 1, this->Now()});
  const CommitResult result = this->Commit(*appender);
  appender = nullptr;
  EXPECT_EQ(result.new_series, 0u);
  EXPECT_EQ(result.rejected_exemplars, 1u);
  EXPECT_EQ(Reasons(result), std::vector<Rejection>{Rejection::kTooFarInFuture});
  EXPECT_EQ(this->storage().NewQuerier({})->LabelNames({}, 0)->size(), 0u);
}

TYPED_TEST_P(StorageContract, ValuesAreBitExact) {
  const double values[] = {0.0,
                           -0.0,
                           1,
                           -1,
                           0.1,
                           123.45,
                           1e300,
                           5e-324,
                           HUGE_VAL,
                           -HUGE_VAL,
                           StaleNaN(),
                           std::bit_cast<double>(kNormalNaNBits),
                           std::bit_cast<double>(uint64_t{0xfff8000000001234}),
                           9007199254740993.0,
                           4503599627370497.5,
                           -123456789.000001,
                           0x1p63,
                           -0x1p63,
                           2251799813685248,
                           StaleNaN(),
                           1234567.89,
                           1234567.90,
                           1234567.9};
  const TimestampMs t = this->Now() - 600'000;
  std::vector<Sample> samples;
  for (size_t i = 0; i < 500; ++i) {
    samples.push_back({t + static_cast<TimestampMs>(i * 1000 + (i % 7 == 0 ? i : 0)),
                       values[(i * i + i / 3) % std::size(values)]});
  }
  this->Write({{"a", "1"}}, samples);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(ReadSamples(*this->storage().NewQuerier({}), {}), samples);
    this->store().Reopen();
  }
}

TYPED_TEST_P(StorageContract, TimesMayLieFarApart) {
  ContractOptions options;
  options.retention_ms = 500 * 365 * base::kDay;
  options.max_future_ms = 500 * 365 * base::kDay;
  this->Open(options);
  const std::vector<Sample> samples = {
      {-5'000'000'000'000, 1}, {-1, 2}, {0, 3}, {1, 4}, {1'000'000'000'000, 5},
      {9'000'000'000'000, 6}};
  this->Write({{"a", "1"}}, samples);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(ReadSamples(*this->storage().NewQuerier({}), {}), samples);
    EXPECT_EQ(ReadSamples(*this->storage().NewQuerier({0, 1'000'000'000'000}), {}),
              (std::vector<Sample>{samples[2], samples[3]}));
    this->store().Reopen();
  }
}

TYPED_TEST_P(StorageContract, RangesAreHalfOpenAndGapsAreEmpty) {
  const TimestampMs t = this->Now() - 100'000;
  this->Write({{"a", "1"}}, {{t, 1}, {t + 10, 2}, {t + 50'000, 3}});
  const struct {
    TimeRange querier, hints;
    const char* want;
  } cases[] = {
      {{t, t + 1}, {}, "1"},
      {{t, t}, {}, ""},
      {{t - 5, t}, {}, ""},
      {{t + 1, t + 10}, {}, ""},
      {{t + 1, t + 11}, {}, "2"},
      {{t + 11, t + 50'000}, {}, ""},
      {{t + 11, t + 50'001}, {}, "3"},
      {{t + 50'001, t + 90'000}, {}, ""},
      {{}, {}, "1 2 3"},
      {{}, {t + 10, kMaxTime}, "2 3"},
      {{t, t + 20}, {t + 10, kMaxTime}, "2"},
      {{t + 100, t}, {}, ""},
  };
  for (const auto& c : cases) {
    SelectHints hints;
    hints.range = c.hints;
    auto querier = this->storage().NewQuerier(c.querier);
    const std::string want = *c.want == 0 ? "" : absl::StrCat("{a=\"1\"} ", c.want, "\n");
    EXPECT_EQ(ReadAll(*querier, {}, hints, Show::kValues), want);
  }
}

TYPED_TEST_P(StorageContract, SelectsByEveryKindOfMatcher) {
  using Op = Matcher::Op;
  const TimestampMs t = this->Now();
  for (const char* job : {"api", "app", "db"}) {
    for (const char* env : {"", "prod", "test"}) {
      this->Write({{"__name__", "up"}, {"job", job}, {"env", env}}, {{t, 1}});
    }
  }
  this->Write({{"__name__", "down"}, {"job", "api"}}, {{t, 1}});
  const struct {
    std::vector<std::tuple<Op, const char*, const char*>> matchers;
    std::vector<const char*> want;
  } cases[] = {
      {{{Op::kEqual, "__name__", "down"}}, {"down/api/"}},
      {{{Op::kEqual, "job", "db"}}, {"up/db/", "up/db/prod", "up/db/test"}},
      {{{Op::kEqual, "job", "nope"}}, {}},
      {{{Op::kEqual, "nope", ""}, {Op::kEqual, "job", "db"}, {Op::kEqual, "env", ""}}, {"up/db/"}},
      {{{Op::kEqual, "nope", "x"}}, {}},
      {{{Op::kNotEqual, "job", "api"}, {Op::kEqual, "env", "prod"}}, {"up/app/prod", "up/db/prod"}},
      {{{Op::kNotEqual, "env", ""}, {Op::kEqual, "job", "db"}}, {"up/db/prod", "up/db/test"}},
      {{{Op::kNotEqual, "env", "prod"}, {Op::kEqual, "job", "db"}}, {"up/db/", "up/db/test"}},
      {{{Op::kRegex, "job", "api|db"}, {Op::kEqual, "env", "test"}}, {"up/api/test", "up/db/test"}},
      {{{Op::kRegex, "job", "ap.*"}, {Op::kEqual, "env", "test"}}, {"up/api/test", "up/app/test"}},
      {{{Op::kRegex, "job", "a.[ip]"}, {Op::kEqual, "env", "test"}},
       {"up/api/test", "up/app/test"}},
      {{{Op::kRegex, "env", "prod|"}, {Op::kEqual, "job", "db"}}, {"up/db/", "up/db/prod"}},
      {{{Op::kRegex, "env", ".*"}, {Op::kEqual, "job", "db"}},
       {"up/db/", "up/db/prod", "up/db/test"}},
      {{{Op::kRegex, "env", ".+"}, {Op::kEqual, "job", "db"}}, {"up/db/prod", "up/db/test"}},
      {{{Op::kNotRegex, "env", ".+"}, {Op::kEqual, "job", "db"}}, {"up/db/"}},
      {{{Op::kNotRegex, "env", "p.*"}, {Op::kEqual, "job", "db"}}, {"up/db/", "up/db/test"}},
      {{{Op::kNotRegex, "env", "p.*|"}, {Op::kEqual, "job", "db"}}, {"up/db/test"}},
      {{{Op::kNotRegex, "job", "api|app"}, {Op::kNotEqual, "env", ""}},
       {"up/db/prod", "up/db/test"}},
      {{{Op::kRegex, "__name__", "up|down"}, {Op::kEqual, "job", "api"}, {Op::kEqual, "env", ""}},
       {"down/api/", "up/api/"}},
      {{{Op::kEqual, "job", "db"}, {Op::kEqual, "job", "api"}}, {}},
      {{{Op::kNotEqual, "job", "db"}, {Op::kNotEqual, "job", "app"}, {Op::kEqual, "env", "prod"}},
       {"up/api/prod"}},
  };
  auto querier = this->storage().NewQuerier({});
  for (const auto& c : cases) {
    Matchers matchers;
    std::string text;
    for (const auto& [op, name, value] : c.matchers) {
      matchers.push_back(*Matcher::Create(op, name, value));
      text += matchers.back().ToString() + " ";
    }
    std::vector<std::string> found;
    absl::StatusOr<std::unique_ptr<SeriesSet>> set = querier->Select(matchers, {});
    ASSERT_OK(set);
    while ((*set)->Next()) {
      const Labels& l = (*set)->labels();
      found.push_back(std::string(l.metric_name()) + "/" + std::string(l.Get("job")) + "/" +
                      std::string(l.Get("env")));
    }
    ASSERT_OK((*set)->status());
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, std::vector<std::string>(c.want.begin(), c.want.end())) << text;
  }
}

TYPED_TEST_P(StorageContract, LimitTakesTheFirstSeries) {
  for (const char* a : {"3", "1", "2"}) this->Write({{"a", a}}, {{this->Now(), 1}});
  SelectHints hints;
  hints.limit = 2;
  auto querier = this->storage().NewQuerier({});
  EXPECT_EQ(ReadAll(*querier, {}, hints, Show::kValues), "{a=\"1\"} 1\n{a=\"2\"} 1\n");
  hints.samples_needed = false;
  hints.limit = 1;
  EXPECT_EQ(ReadAll(*querier, {}, hints, Show::kLabels), "{a=\"1\"}\n");
}

TYPED_TEST_P(StorageContract, LabelNamesAndValues) {
  const TimestampMs t = this->Now() - 50'000;
  this->Write({{"__name__", "up"}, {"job", "b"}, {"only_b", "1"}}, {{t, 1}});
  this->Write({{"__name__", "up"}, {"job", "a"}}, {{t, 1}, {t + 20'000, 1}});
  this->Write({{"__name__", "down"}, {"job", "c"}}, {{t + 40'000, 1}});
  using Strings = std::vector<std::string>;
  auto all = this->storage().NewQuerier({});
  EXPECT_EQ(*all->LabelNames({}, 0), (Strings{"__name__", "job", "only_b"}));
  EXPECT_EQ(*all->LabelNames({}, 2), (Strings{"__name__", "job"}));
  EXPECT_EQ(*all->LabelNames({Matcher::Equal("job", "a")}, 0), (Strings{"__name__", "job"}));
  EXPECT_EQ(*all->LabelValues("job", {}, 0), (Strings{"a", "b", "c"}));
  EXPECT_EQ(*all->LabelValues("job", {}, 2), (Strings{"a", "b"}));
  EXPECT_EQ(*all->LabelValues("job", {Matcher::Equal("__name__", "up")}, 0), (Strings{"a", "b"}));
  EXPECT_EQ(*all->LabelValues("job", {*Matcher::Create(Matcher::Op::kNotEqual, "job", "b")}, 0),
            (Strings{"a", "c"}));
  EXPECT_EQ(*all->LabelValues("nope", {}, 0), Strings{});
  if (!this->store().ExactLabelRanges()) return;
  auto early = this->storage().NewQuerier({t, t + 10});
  EXPECT_EQ(*early->LabelValues("job", {}, 0), (Strings{"a", "b"}));
  EXPECT_EQ(*early->LabelValues("__name__", {}, 0), (Strings{"up"}));
  auto late = this->storage().NewQuerier({t + 30'000, kMaxTime});
  EXPECT_EQ(*late->LabelNames({}, 0), (Strings{"__name__", "job"}));
}

TYPED_TEST_P(StorageContract, HistogramsAndFloatsShareASeries) {
  const TimestampMs t = this->Now() - 10'000;
  auto h = std::make_shared<Histogram>();
  h->count = 3, h->sum = 4.5, h->is_float = false;
  h->positive_spans = {{0, 2}, {3, 1}};
  h->positive_buckets = {1, 1, 1};
  auto stale = std::make_shared<Histogram>();
  stale->sum = StaleNaN();
  auto custom = std::make_shared<Histogram>();
  custom->schema = kCustomBucketsSchema;
  custom->custom_values = {0.5, 1};
  custom->count = custom->sum = 2;
  custom->positive_spans = {{1, 1}};
  custom->positive_buckets = {2};

  auto appender = this->storage().NewAppender();
  const SeriesRef ref = this->Resolve(*appender, {{"a", "1"}});
  appender->Append(ref, t, 1);
  appender->AppendHistogram(ref, t + 1, h, 500);
  appender->AppendHistogram(ref, t + 1, std::make_shared<Histogram>(*h));  // equal
  appender->Append(ref, t + 1, 1);                                         // conflict
  appender->AppendHistogram(ref, t + 1, custom);                           // conflict
  appender->AppendHistogram(ref, t + 2, custom);
  appender->AppendHistogram(ref, t + 3, stale);
  appender->AppendHistogram(ref, t + 3, std::make_shared<Histogram>(*stale));
  appender->Append(ref, t + 4, 2);
  const CommitResult result = this->Commit(*appender);
  appender = nullptr;
  EXPECT_EQ(result.samples, 2u);
  EXPECT_EQ(result.histograms, 5u);
  EXPECT_EQ(Reasons(result),
            (std::vector<Rejection>{Rejection::kDuplicate, Rejection::kDuplicate}));
  const std::string want =
      absl::StrCat("{a=\"1\"} 1@", t, " ", h->ToString(), "@", t + 1, "/500 ", custom->ToString(),
                   "@", t + 2, " ", stale->ToString(), "@", t + 3, " 2@", t + 4, "\n");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(this->Read(), want);
    {
      auto querier = this->storage().NewQuerier({t + 1, t + 2});
      auto set = *querier->Select({}, {});
      ASSERT_TRUE(set->Next());
      auto it = set->samples();
      SampleBatch batch;
      ASSERT_TRUE(it->Next(batch));
      ASSERT_EQ(batch.histograms.size(), 1u);
      EXPECT_EQ(*batch.histograms[0], *h);
      EXPECT_FALSE(it->Next(batch));
    }
    this->store().Reopen();
  }
}

TYPED_TEST_P(StorageContract, StartTimestamps) {
  const TimestampMs t = this->Now() - 10'000;
  auto appender = this->storage().NewAppender();
  const SeriesRef ref = this->Resolve(*appender, {{"a", "1"}});
  appender->Append(ref, t, 1);
  appender->Append(ref, t + 1, 2, t - 100);
  appender->Append(ref, t + 2, 3, t - 100);
  appender->Append(ref, t + 2, 3, t - 200);  // equal: the first one stays
  appender->Append(ref, t + 3, 1, t + 2);
  appender->Append(ref, t + 4, 2);
  this->Commit(*appender);
  appender = nullptr;
  const std::string want = absl::StrCat("{a=\"1\"} 1@", t, " 2@", t + 1, "/", t - 100, " 3@", t + 2,
                                        "/", t - 100, " 1@", t + 3, "/", t + 2, " 2@", t + 4, "\n");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(this->Read(), want);
    this->store().Reopen();
  }
}

TYPED_TEST_P(StorageContract, Exemplars) {
  const TimestampMs t = this->Now() - 10'000;
  auto appender = this->storage().NewAppender();
  const SeriesRef a = this->Resolve(*appender, {{"a", "1"}});
  const SeriesRef b = this->Resolve(*appender, {{"b", "1"}});
  appender->Append(a, t, 1);
  appender->Append(b, t, 1);
  appender->AppendExemplar(b, {Labels{{"id", "x"}}, 5, t});
  appender->AppendExemplar(a, {Labels{{"id", "y"}}, 6, t + 1});
  appender->AppendExemplar(a, {Labels{{"id", "y"}}, 6, t + 1});  // equal
  appender->AppendExemplar(a, {Labels{{"id", "z"}}, 7, t});      // old
  appender->AppendExemplar(a, {Labels{{"id", "z"}}, 7, t + 2});
  appender->AppendExemplar(SeriesRef{1u << 30}, {Labels{{"id", "z"}}, 7, t + 2});
  const CommitResult result = this->Commit(*appender);
  appender = nullptr;
  EXPECT_EQ(result.exemplars, 4u);
  EXPECT_EQ(result.rejected_exemplars, 2u);
  for (int round = 0; round < 2; ++round) {
    {
      auto querier = this->storage().NewQuerier({});
      auto found = querier->Exemplars({{Matcher::Equal("a", "1")}, {Matcher::Equal("b", "1")}}, {});
      ASSERT_OK(found);
      ASSERT_EQ(found->size(), 2u);
      EXPECT_EQ((*found)[0].labels, (Labels{{"a", "1"}}));
      EXPECT_EQ((*found)[0].exemplars, (std::vector<Exemplar>{{Labels{{"id", "y"}}, 6, t + 1},
                                                              {Labels{{"id", "z"}}, 7, t + 2}}));
      EXPECT_EQ((*found)[1].exemplars, (std::vector<Exemplar>{{Labels{{"id", "x"}}, 5, t}}));
      EXPECT_EQ(
          (*querier->Exemplars({{Matcher::Equal("a", "1")}}, {t + 2, t + 3}))[0].exemplars.size(),
          1u);
      EXPECT_EQ(querier->Exemplars({{Matcher::Equal("a", "1")}}, {t + 3, t + 9})->size(), 0u);
    }
    this->store().Reopen();
  }
}

TYPED_TEST_P(StorageContract, ExemplarsAreBounded) {
  ContractOptions options;
  options.max_exemplars = 3;
  this->Open(options);
  const TimestampMs t = this->Now() - 10'000;
  for (int i = 0; i < 4; ++i) {
    auto appender = this->storage().NewAppender();
    const SeriesRef a = this->Resolve(*appender, {{"a", "1"}});
    appender->Append(a, t + i, 1);
    appender->AppendExemplar(a, {Labels{{"i", std::to_string(i)}}, 1, t + i});
    EXPECT_EQ(this->Commit(*appender).exemplars, 1u);
    auto found = this->storage().NewQuerier({})->Exemplars({{}}, {});
    EXPECT_EQ((*found)[0].exemplars.size(), std::min<size_t>(static_cast<size_t>(i) + 1, 3));
  }
}

TYPED_TEST_P(StorageContract, MetadataLastOneWins) {
  auto appender = this->storage().NewAppender();
  appender->SetMetadata("up", {MetricType::kGauge, "old", ""});
  appender->SetMetadata("up", {MetricType::kGauge, "new", "seconds"});
  appender->SetMetadata("a_total", {MetricType::kCounter, "As.", ""});
  this->Commit(*appender);
  appender = nullptr;
  for (int round = 0; round < 2; ++round) {
    std::vector<MetricMetadata> all = this->storage().AllMetadata();
    std::sort(all.begin(), all.end(),
              [](const auto& x, const auto& y) { return x.metric < y.metric; });
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].metric, "a_total");
    EXPECT_EQ(all[0].metadata, (Metadata{MetricType::kCounter, "As.", ""}));
    EXPECT_EQ(all[1].metadata, (Metadata{MetricType::kGauge, "new", "seconds"}));
    this->store().Reopen();
  }
}

TYPED_TEST_P(StorageContract, MetadataIsBounded) {
  ContractOptions options;
  options.limits.metadata_metrics = 1;
  this->Open(options);
  for (const char* metric : {"a", "b", "a"}) {
    auto appender = this->storage().NewAppender();
    appender->SetMetadata(metric, {MetricType::kGauge, metric, ""});
    this->Commit(*appender);
  }
  ASSERT_EQ(this->storage().AllMetadata().size(), 1u);
  EXPECT_EQ(this->storage().AllMetadata()[0].metric, "a");
}

TYPED_TEST_P(StorageContract, AQuerierSeesWhatWasCommittedBeforeIt) {
  const TimestampMs t = this->Now() - 10'000;
  this->Write({{"a", "1"}}, {{t, 1}});
  auto old_querier = this->storage().NewQuerier({});
  auto old_set = *old_querier->Select({}, {});
  for (int i = 1; i <= 300; ++i) this->Write({{"a", "1"}}, {{t + i, 1.5 * i}});
  this->Write({{"a", "2"}}, {{t, 1}});
  const std::string want = absl::StrCat("{a=\"1\"} 1@", t, "\n");
  EXPECT_EQ(ReadSet(*old_set, Show::kAll), want);
  EXPECT_EQ(ReadAll(*old_querier, {}, {}), want);
  EXPECT_EQ(*old_querier->LabelValues("a", {}, 0), std::vector<std::string>{"1"});
  auto new_querier = this->storage().NewQuerier({});
  EXPECT_EQ(ReadSamples(*new_querier, {Matcher::Equal("a", "1")}).size(), 301u);
}

TYPED_TEST_P(StorageContract, IteratorsOutliveTheirSet) {
  const TimestampMs t = this->Now() - 10'000;
  this->Write({{"a", "1"}}, {{t, 1}});
  this->Write({{"a", "2"}}, {{t, 2}});
  auto querier = this->storage().NewQuerier({});
  std::vector<std::unique_ptr<SampleIterator>> iterators;
  {
    auto set = *querier->Select({}, {});
    while (set->Next()) iterators.push_back(set->samples());
  }
  ASSERT_EQ(iterators.size(), 2u);
  SampleBatch batch;
  ASSERT_TRUE(iterators[0]->Next(batch));
  EXPECT_EQ(batch.v[0], 1);
  ASSERT_TRUE(iterators[1]->Next(batch));
  EXPECT_EQ(batch.v[0], 2);
}

TYPED_TEST_P(StorageContract, RetentionDropsSamplesAndSeries) {
  const TimestampMs t = this->Now();
  const RawKey key = HashRawKey("old");
  auto appender = this->storage().NewAppender();
  const SeriesRef old_ref = *appender->Resolve(Labels{{"a", "old"}}, &key);
  appender->Append(old_ref, t, 1);
  appender->AppendExemplar(old_ref, {Labels{{"id", "1"}}, 1, t});
  this->Commit(*appender);
  this->Write({{"a", "both"}}, {{t, 1}});
  this->store().clock.Advance(base::kDay + 5000);
  const TimestampMs now = this->Now();
  this->Write({{"a", "both"}}, {{now, 2}});
  this->store().ApplyRetention();
  const std::string want = absl::StrCat("{a=\"both\"} 2@", now, "\n");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(this->Read(), want);
    EXPECT_EQ(*this->storage().NewQuerier({})->LabelValues("a", {}, 0),
              std::vector<std::string>{"both"});
    EXPECT_EQ(this->storage().NewQuerier({})->Exemplars({{Matcher::Equal("a", "old")}}, {})->size(),
              0u);
    appender = this->storage().NewAppender();
    SeriesRef found{};
    appender->Lookup({&key, 1}, {&found, 1});
    EXPECT_EQ(found, SeriesRef::kUnknown);
    if (round == 0) {
      appender->Append(old_ref, now, 1);
      EXPECT_EQ(Reasons(this->Commit(*appender)),
                std::vector<Rejection>{Rejection::kUnknownSeries});
    }
    appender = nullptr;
    this->store().Reopen();
  }
  EXPECT_EQ(this->Write({{"a", "old"}}, {{now, 3}}).new_series, 1u);
  EXPECT_EQ(this->Read({Matcher::Equal("a", "old")}), absl::StrCat("{a=\"old\"} 3@", now, "\n"));
}

TYPED_TEST_P(StorageContract, TapsSeeAcceptedSamplesOnceInOrder) {
  const TimestampMs t = this->Now() - 10'000;
  this->Write({{"tap", "yes"}}, {{t, 1}});
  RecordingTap tap;
  this->store().AddTap(&tap);
  EXPECT_EQ(tap.asked, std::vector<std::string>{"{tap=\"yes\"}"});
  auto histogram = std::make_shared<Histogram>();
  histogram->count = 1;
  auto appender = this->storage().NewAppender();
  const SeriesRef yes = this->Resolve(*appender, {{"tap", "yes"}});
  const SeriesRef no = this->Resolve(*appender, {{"tap", "no"}});
  const SeriesRef made = this->Resolve(*appender, {{"new", "1"}, {"tap", "yes"}});
  appender->Append(yes, t, 1);  // equal: not again
  appender->Append(yes, t, 2);  // conflict
  appender->Append(no, t, 3);
  appender->Append(made, t, 4, 77);
  appender->Append(yes, t + 1, 5);
  appender->AppendHistogram(yes, t + 2, histogram);
  this->Commit(*appender);
  EXPECT_EQ(tap.asked.size(), 3u);
  EXPECT_EQ(tap.seen, absl::StrCat("{new=\"1\", tap=\"yes\"} 4@", t, "/77; {tap=\"yes\"} 5@", t + 1,
                                   "; {tap=\"yes\"} {{schema:0 count:1}}; "));
  this->store().RemoveTap(&tap);
  this->Write({{"tap", "yes"}}, {{t + 3, 6}});
  EXPECT_EQ(tap.seen.find("6@"), std::string::npos);
}

TYPED_TEST_P(StorageContract, OutOfOrderSamplesAreMergedIntoTheirPlace) {
  ContractOptions options;
  options.out_of_order_window_ms = base::kHour;
  this->Open(options);
  const TimestampMs t = this->Now() - 1'000'000;
  std::map<TimestampMs, double> want;
  std::vector<Sample> samples;
  for (int i = 0; i < 400; ++i) {
    const TimestampMs at = t + (i * 7919) % 1000 * 1000;
    samples.push_back({at, static_cast<double>(i)});
    want.emplace(at, i);
  }
  EXPECT_EQ(this->Write({{"a", "1"}}, samples).rejected.size(), 0u);
  std::vector<Sample> sorted;
  for (const auto& [at, v] : want) sorted.push_back({at, v});
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(ReadSamples(*this->storage().NewQuerier({}), {}), sorted);
    EXPECT_EQ(ReadSamples(*this->storage().NewQuerier({sorted[10].t, sorted[12].t}), {}),
              (std::vector<Sample>{sorted[10], sorted[11]}));
    this->store().Reopen();
  }
}

REGISTER_TYPED_TEST_SUITE_P(
    StorageContract, WhatIsCommittedIsReadBackSortedByLabels, DestructionWithoutCommitRollsBack,
    KeysFindTheirSeries, ManyKeysInOneLookup, ResolveRefusesBadLabels,
    SeriesLimitCountsWhatIsThereAndNothingElse, JudgesEachSampleOnItsOwn,
    JudgesInTheOrderOfTheCalls, ASeriesWhoseSamplesAreAllRejectedDoesNotExist, ValuesAreBitExact,
    TimesMayLieFarApart, RangesAreHalfOpenAndGapsAreEmpty, SelectsByEveryKindOfMatcher,
    LimitTakesTheFirstSeries, LabelNamesAndValues, HistogramsAndFloatsShareASeries, StartTimestamps,
    Exemplars, ExemplarsAreBounded, MetadataLastOneWins, MetadataIsBounded,
    AQuerierSeesWhatWasCommittedBeforeIt, IteratorsOutliveTheirSet, RetentionDropsSamplesAndSeries,
    TapsSeeAcceptedSamplesOnceInOrder, OutOfOrderSamplesAreMergedIntoTheirPlace);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_STORAGE_CONTRACT_H_
