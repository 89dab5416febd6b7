#include "query/exec/column.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "query/annotation_set.h"
#include "query/exec/merge.h"
#include "query/exec/metadata_labels.h"
#include "query/exec/sample_source.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::query {
namespace {

TEST(StepSet, EqualsASetOfNumbers) {
  testing::Random random;
  for (const size_t size : {size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{200}}) {
    StepSet a, b;
    a.Reset(size);
    b.Reset(size);
    std::set<size_t> in_a, in_b;
    for (size_t i = 0; i < size; ++i) {
      if (random.OneIn(2)) a.Set(i), in_a.insert(i);
      if (random.OneIn(3)) b.Set(i), in_b.insert(i);
    }
    std::set<size_t> seen;
    a.ForEach([&](size_t i) { seen.insert(i); });
    EXPECT_EQ(seen, in_a);
    EXPECT_EQ(a.Count(), in_a.size());
    StepSet united = a, common = a, less = a;
    united.Unite(b);
    common.Intersect(b);
    less.Subtract(b);
    EXPECT_EQ(a.Intersects(b), common.Any());
    for (size_t i = 0; i < size; ++i) {
      EXPECT_EQ(united.Test(i), in_a.contains(i) || in_b.contains(i));
      EXPECT_EQ(common.Test(i), in_a.contains(i) && in_b.contains(i));
      EXPECT_EQ(less.Test(i), in_a.contains(i) && !in_b.contains(i));
    }
    a.SetAll();
    EXPECT_TRUE(a.All());
    EXPECT_EQ(a.Count(), size);
    a.ForEach([&](size_t i) { a.Clear(i); });
    EXPECT_FALSE(a.Any());
  }
  StepSet none;
  none.Reset(0);
  none.SetAll();
  EXPECT_TRUE(none.All());
  EXPECT_FALSE(none.Any());
}

TEST(Column, HoldsFloatsAndHistograms) {
  Column c;
  c.Reset(3);
  c.SetFloat(0, 1);
  EXPECT_FALSE(c.has_histograms());
  auto h = std::make_shared<tsdb::Histogram>();
  c.SetHistogram(2, h);
  EXPECT_EQ(c.HistogramAt(0), nullptr);
  EXPECT_EQ(c.HistogramAt(2), h.get());
  Column d;
  d.Reset(3);
  d.SetFrom(2, c);
  EXPECT_EQ(d.HistogramAt(2), h.get());
  c.Remove(2);
  EXPECT_FALSE(c.present.Test(2));
  c.Reset(3);
  EXPECT_FALSE(c.present.Any());
}

TEST(SeriesMerger, JoinsWhatDoesNotOverlap) {
  const tsdb::Labels labels{{"a", "1"}};
  const auto column = [](size_t step) {
    Column c;
    c.Reset(3);
    c.SetFloat(step, double(step));
    return c;
  };
  SeriesMerger merger;
  ASSERT_OK(merger.Add(labels, column(0)));
  ASSERT_OK(merger.Add(labels, column(2)));
  EXPECT_THAT(merger.Add(labels, column(2)),
              testing::IsCode(absl::StatusCode::kFailedPrecondition, "same labelset"));
  const Block block = merger.Take();
  ASSERT_EQ(block.size(), 1u);
  EXPECT_EQ(block.columns[0].present.Count(), 2u);
}

TEST(MetadataLabels, GoTogether) {
  const tsdb::Labels labels{
      {"__name__", "x"}, {"__type__", "counter"}, {"__unit__", "s"}, {"a", "1"}};
  EXPECT_EQ(DropMetadata(labels), (tsdb::Labels{{"a", "1"}}));
  EXPECT_EQ(LabelsText(labels), "{__name__=\"x\", __type__=\"counter\", __unit__=\"s\", a=\"1\"}");
  EXPECT_EQ(LabelsText({{"a b", "\"\n"}}), "{\"a b\"=\"\\\"\\n\"}");
  EXPECT_EQ(LabelsText({}), "{}");
}

TEST(SkipUntilAfter, EqualsABinarySearch) {
  testing::Random random;
  std::vector<TimestampMs> times;
  TimestampMs t = 0;
  for (int i = 0; i < 100; ++i) times.push_back(t += random.Between(1, 5));
  for (int round = 0; round < 500; ++round) {
    const TimestampMs at = random.Between(-3, t + 3);
    const auto want = size_t(std::upper_bound(times.begin(), times.end(), at) - times.begin());
    EXPECT_EQ(SkipUntilAfter(times, random.Below(want + 1), at), want);
  }
  EXPECT_EQ(SkipUntilAfter({}, 0, 5), 0u);
}

TEST(AnnotationSet, MergesEqualTexts) {
  AnnotationSet notes;
  notes.Add(NotACounter("m"), {5, 6});
  notes.Add(NotACounter("m"), {0, 1});  // the newer position stays
  notes.Add(MixedFloatsHistograms("m"), {2, 3});
  notes.AddStartTimeOverlap("m", {2, 3});
  notes.AddStartTimeOverlap("m", {2, 3});
  notes.AddForcedMonotonicity("", {1, 2}, {1000, 1000, 2, 2, 5, 1});
  notes.AddForcedMonotonicity("", {1, 2}, {61'000, 61'000, 1, 3, 123.456, 1});
  const Annotations rendered = notes.Render("query of some length");
  ASSERT_EQ(rendered.warnings.size(), 3u);
  EXPECT_EQ(rendered.warnings[0],
            "PromQL warning: this native histogram metric is not a counter: \"m\" (1:1)");
  EXPECT_EQ(
      rendered.warnings[2],
      "PromQL warning: sample has start time that overlaps with previous sample timestamp for "
      "metric \"m\" (2 occurrences) (1:3)");
  ASSERT_EQ(rendered.infos.size(), 1u);
  EXPECT_EQ(rendered.infos[0],
            "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
            "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile), "
            "from buckets 1 to 3, with a max diff of 1.2e+02, over 2 samples from "
            "1970-01-01T00:00:01Z to 1970-01-01T00:01:01Z (1:2)");
}

}  // namespace
}  // namespace slowburn::query
