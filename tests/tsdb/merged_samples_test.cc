#include "tsdb/merged_samples.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/testing/random.h"
#include "tests/tsdb/storage_reading.h"

namespace slowburn::tsdb {
namespace {

// Samples in batches of a given size; then an error, if there is one.
class Batches final : public SampleIterator {
 public:
  Batches(std::map<TimestampMs, double> samples, size_t at_once, absl::Status end = {})
      : at_once_(at_once), end_(std::move(end)) {
    for (const auto& [t, v] : samples) {
      t_.push_back(t);
      v_.push_back(v);
    }
  }
  bool Next(SampleBatch& out) override {
    if (done_ == t_.size()) return false;
    const size_t n = std::min(at_once_, t_.size() - done_);
    out = {std::span(t_).subspan(done_, n), std::span(v_).subspan(done_, n), {}, {}};
    done_ += n;
    return true;
  }
  absl::Status status() const override { return done_ == t_.size() ? end_ : absl::OkStatus(); }

 private:
  std::vector<TimestampMs> t_;
  std::vector<double> v_;
  const size_t at_once_;
  const absl::Status end_;
  size_t done_ = 0;
};

std::map<TimestampMs, double> ReadOut(SampleIterator& samples, size_t& batches) {
  std::map<TimestampMs, double> out;
  SampleBatch batch;
  while (samples.Next(batch)) {
    EXPECT_FALSE(batch.t.empty());
    ++batches;
    for (size_t i = 0; i < batch.t.size(); ++i) {
      EXPECT_TRUE(out.empty() || out.rbegin()->first < batch.t[i]) << batch.t[i];
      out[batch.t[i]] = batch.v[i];
    }
  }
  return out;
}

TEST(MergedSamples, AgreesWithAMap) {
  testing::Random random;
  for (int round = 0; round < 2000; ++round) {
    std::map<TimestampMs, double> under, over;
    const int64_t gap = random.Between(-20, 20);
    for (uint64_t n = random.Below(30); n > 0; --n) under[random.Between(0, 40)] = 1;
    for (uint64_t n = random.Below(30); n > 0; --n) over[random.Between(20, 60) + gap] = 2;
    std::map<TimestampMs, double> want = over;
    want.insert(under.begin(), under.end());
    MergedSamples merged(std::make_unique<Batches>(under, 1 + random.Below(8)),
                         std::make_unique<Batches>(over, 1 + random.Below(8)));
    size_t batches = 0;
    ASSERT_EQ(ReadOut(merged, batches), want) << "round " << round;
    ASSERT_TRUE(merged.status().ok());
  }
}

TEST(MergedSamples, WhatDoesNotOverlapIsHandedOn) {
  std::map<TimestampMs, double> under, over;
  for (int i = 0; i < 100; ++i) {
    under[i] = i;
    over[100 + i] = i;
  }
  MergedSamples merged(std::make_unique<Batches>(under, 50), std::make_unique<Batches>(over, 50));
  size_t batches = 0;
  EXPECT_EQ(ReadOut(merged, batches).size(), 200u);
  EXPECT_EQ(batches, 4u);
}

TEST(MergedSamples, AnErrorOfEitherEndsIt) {
  for (const bool first : {true, false}) {
    const absl::Status broken = absl::DataLossError("broken");
    MergedSamples merged(std::make_unique<Batches>(std::map<TimestampMs, double>{{1, 1}}, 1,
                                                   first ? broken : absl::OkStatus()),
                         std::make_unique<Batches>(std::map<TimestampMs, double>{{2, 1}}, 1,
                                                   first ? absl::OkStatus() : broken));
    size_t batches = 0;
    ReadOut(merged, batches);
    EXPECT_EQ(merged.status(), broken);
  }
}

}  // namespace
}  // namespace slowburn::tsdb
