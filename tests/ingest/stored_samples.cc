#include "tests/ingest/stored_samples.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/number.h"

namespace slowburn::testing {

std::map<std::string, std::vector<StoredSample>> AllSamples(tsdb::Storage& storage) {
  std::map<std::string, std::vector<StoredSample>> all;
  const auto querier = storage.NewQuerier({});
  const auto named = tsdb::Matcher::Create(tsdb::Matcher::Op::kRegex, "__name__", ".+");
  EXPECT_TRUE(named.ok());
  const auto set = querier->Select({*named}, {});
  EXPECT_TRUE(set.ok());
  while ((*set)->Next()) {
    std::vector<StoredSample>& samples = all[(*set)->labels().ToString()];
    const auto iterator = (*set)->samples();
    tsdb::SampleBatch batch;
    while (iterator->Next(batch)) {
      for (size_t i = 0; i < batch.t.size(); ++i) {
        samples.push_back(
            {batch.t[i], batch.v[i], batch.histograms.empty() ? nullptr : batch.histograms[i]});
      }
    }
  }
  return all;
}

std::string SamplesOf(tsdb::Storage& storage, const std::string& series) {
  std::string out;
  const std::vector<StoredSample> samples = AllSamples(storage)[series];
  for (const StoredSample& sample : samples) {
    absl::StrAppend(&out, out.empty() ? "" : " ");
    if (sample.histogram != nullptr) {
      absl::StrAppend(&out, sample.histogram->ToString());
    } else {
      absl::StrAppend(&out, tsdb::IsStaleNaN(sample.v) ? "stale" : base::FormatFloat(sample.v));
    }
    absl::StrAppend(&out, "@", sample.t);
  }
  return out;
}

std::string SeriesOf(tsdb::Storage& storage) {
  std::string out;
  for (const auto& [series, samples] : AllSamples(storage))
    absl::StrAppend(&out, out.empty() ? "" : "\n", series);
  return out;
}

}  // namespace slowburn::testing
