// The samples of blocks as plain maps, and random ones.
#ifndef SLOWBURN_TESTS_TSDB_BLOCK_MODEL_H_
#define SLOWBURN_TESTS_TSDB_BLOCK_MODEL_H_

#include <map>
#include <string>

#include "tests/testing/random.h"
#include "tsdb/block_store.h"

namespace slowburn::tsdb {

struct ModelSample {
  double v = 0;
  HistogramPtr histogram;
  TimestampMs start = 0;
};
using BlockContent = std::map<Labels, std::map<TimestampMs, ModelSample>>;

// As ReadSet(…, Show::kAll) shows it.
std::string TextOf(const BlockContent& content, const Matchers& matchers, TimeRange range);
std::string ReadIterator(SampleIterator& samples);
// The samples of `later` over those of `all`.
void Overlay(const BlockContent& later, BlockContent& all);
// Takes samples away; how many series had some.
uint64_t Erase(BlockContent& content, const Matchers& matchers, TimeRange range);

// In one batch a series, or in several when there is a `random`.
absl::Status WriteContent(BlockWriter& writer, const BlockContent& content,
                          testing::Random* random);
// One block in a batch of its own.
absl::Status WriteBlock(BlockStore& store, TimeRange partition, const BlockContent& content,
                        SealMark mark);

Labels RandomLabels(testing::Random& random);
BlockContent RandomContent(testing::Random& random, TimeRange partition);
Matchers RandomMatchers(testing::Random& random);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_BLOCK_MODEL_H_
