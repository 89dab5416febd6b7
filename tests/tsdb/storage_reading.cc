#include "tests/tsdb/storage_reading.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

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

bool SameSummary(const SampleSummary& got, SampleSummary want) {
  want.whole = got.whole && want.whole;  // may be unknown
  return got == want;
}

// Reads a series again, taking most of the summaries that it has: each is that of the samples in
// its place, and the rest are the same samples.
void CheckRuns(SampleIterator& plain, SampleIterator& runs) {
  std::vector<TimestampMs> t;
  std::vector<double> v;
  std::vector<bool> plain_float;  // neither a histogram nor with a start timestamp
  SampleBatch batch;
  while (plain.Next(batch)) {
    for (size_t i = 0; i < batch.t.size(); ++i) {
      t.push_back(batch.t[i]);
      v.push_back(batch.v[i]);
      plain_float.push_back((batch.histograms.empty() || batch.histograms[i] == nullptr) &&
                            (batch.starts.empty() || batch.starts[i] == 0));
    }
  }
  size_t at = 0;
  SampleSummary summary;
  const auto most = [](const SampleSummary& s) { return (s.last_t + int64_t(s.count)) % 4 != 0; };
  for (SampleIterator::Run run;
       (run = runs.NextRun(most, batch, summary)) != SampleIterator::Run::kEnd;) {
    const bool summed = run == SampleIterator::Run::kSummary;
    const size_t n = summed ? summary.count : batch.t.size();
    ASSERT_GT(n, 0u);
    ASSERT_LE(n, t.size() - at);
    const std::span<const TimestampMs> times = std::span(t).subspan(at, n);
    const std::span<const double> values = std::span(v).subspan(at, n);
    if (summed) {
      SampleSummary want;
      EXPECT_TRUE(most(summary));
      EXPECT_TRUE(Summarise(times, values, want));
      EXPECT_TRUE(SameSummary(summary, want)) << n << " samples from " << times[0];
      EXPECT_EQ(std::count(plain_float.begin() + ptrdiff_t(at),
                           plain_float.begin() + ptrdiff_t(at + n), true),
                ptrdiff_t(n));
    } else {
      EXPECT_TRUE(std::ranges::equal(times, batch.t));
      EXPECT_TRUE(std::ranges::equal(values, batch.v, [](double a, double b) {
        return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
      }));
    }
    at += n;
  }
  EXPECT_OK(runs.status());
  EXPECT_EQ(at, t.size());
}

// As ReadSet, of a set whose series may be empty, and whose samples are read when the set is gone.
std::string ReadLate(std::unique_ptr<SeriesSet> set, Show show) {
  std::vector<std::pair<std::string, std::unique_ptr<SampleIterator>>> found;
  while (set->Next()) found.emplace_back(set->labels().ToString(), set->samples());
  EXPECT_OK(set->status());
  set = nullptr;
  std::string out;
  for (auto& [labels, samples] : found) {
    std::string text;
    AppendSamples(text, *samples, show);
    if (!text.empty()) out += labels + text + "\n";
  }
  return out;
}

}  // namespace

std::string SampleText(TimestampMs t, double v) { return absl::StrCat(ValueText(v), "@", t); }

std::string ReadSet(SeriesSet& set, Show show) {
  std::string out;
  while (set.Next()) {
    out += set.labels().ToString();
    if (show != Show::kLabels) {
      AppendSamples(out, *set.samples(), show);
      CheckRuns(*set.samples(), *set.samples());
    }
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
  std::string out = ReadSet(**set, show);
  if (show == Show::kLabels || hints.limit > 0) return out;
  SelectHints late = hints;
  late.may_be_empty = true;
  absl::StatusOr<std::unique_ptr<SeriesSet>> again = querier.Select(matchers, late);
  EXPECT_OK(again);
  EXPECT_EQ(again.ok() ? ReadLate(*std::move(again), show) : "", out);
  return out;
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
