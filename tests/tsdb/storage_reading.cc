#include "tests/tsdb/storage_reading.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/number.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::tsdb {
namespace {

std::string ValueText(double v) {
  if (std::isnan(v)) return absl::StrCat("NaN:", absl::Hex(std::bit_cast<uint64_t>(v)));
  return base::FormatFloat(v, base::FloatStyle::kGeneral);
}

void CheckBatch(const SampleBatch& batch, TimestampMs after, bool first) {
  EXPECT_FALSE(batch.t.empty());
  EXPECT_EQ(batch.t.size(), batch.v.size());
  EXPECT_TRUE(batch.histograms.empty() || batch.histograms.size() == batch.t.size());
  EXPECT_TRUE(batch.starts.empty() || batch.starts.size() == batch.t.size());
  for (const TimestampMs t : batch.t) {
    EXPECT_TRUE(first || t > after) << t << " after " << after;
    after = t;
    first = false;
  }
}

void AppendSamples(std::string& out, SampleIterator& samples, Show show) {
  SampleBatch batch;
  TimestampMs last = 0;
  bool first = true;
  while (samples.Next(batch)) {
    CheckBatch(batch, last, first);
    for (size_t i = 0; i < batch.t.size(); ++i) {
      const bool histogram = !batch.histograms.empty() && batch.histograms[i] != nullptr;
      absl::StrAppend(&out, " ",
                      histogram ? batch.histograms[i]->ToString() : ValueText(batch.v[i]));
      if (show == Show::kValues) continue;
      absl::StrAppend(&out, "@", batch.t[i]);
      if (!batch.starts.empty() && batch.starts[i] != 0)
        absl::StrAppend(&out, "/", batch.starts[i]);
    }
    first = false;
    last = batch.t.back();
  }
  EXPECT_OK(samples.status());
}

}  // namespace

std::string SampleText(TimestampMs t, double v) { return absl::StrCat(ValueText(v), "@", t); }

std::string ReadSet(SeriesSet& set, Show show) {
  std::string out;
  while (set.Next()) {
    out += set.labels().ToString();
    if (show != Show::kLabels) AppendSamples(out, *set.samples(), show);
    out += '\n';
  }
  EXPECT_OK(set.status());
  return out;
}

std::string ReadAll(Querier& querier, const Matchers& matchers, const SelectHints& hints,
                    Show show) {
  absl::StatusOr<std::unique_ptr<SeriesSet>> set = querier.Select(matchers, hints);
  EXPECT_OK(set);
  if (!set.ok()) return std::string(set.status().message());
  if (!hints.samples_needed) show = Show::kLabels;
  return ReadSet(**set, show);
}

std::vector<Sample> ReadSamples(Querier& querier, const Matchers& matchers) {
  std::vector<Sample> out;
  absl::StatusOr<std::unique_ptr<SeriesSet>> set = querier.Select(matchers, {});
  EXPECT_OK(set);
  if (!set.ok()) return out;
  while ((*set)->Next()) {
    const std::unique_ptr<SampleIterator> samples = (*set)->samples();
    SampleBatch batch;
    while (samples->Next(batch)) {
      for (size_t i = 0; i < batch.t.size(); ++i) out.push_back({batch.t[i], batch.v[i]});
    }
  }
  return out;
}

}  // namespace slowburn::tsdb
