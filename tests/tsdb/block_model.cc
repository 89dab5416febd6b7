#include "tests/tsdb/block_model.h"

#include <bit>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tests/tsdb/storage_reading.h"

namespace slowburn::tsdb {
namespace {

std::string SampleTextOf(TimestampMs t, const ModelSample& sample) {
  std::string text = sample.histogram != nullptr
                         ? absl::StrCat(sample.histogram->ToString(), "@", t)
                         : SampleText(t, sample.v);
  if (sample.start != 0) absl::StrAppend(&text, "/", sample.start);
  return text;
}

HistogramPtr RandomHistogram(testing::Random& random) {
  auto h = std::make_shared<Histogram>();
  h->is_float = random.OneIn(2);
  h->reset_hint = static_cast<Histogram::ResetHint>(random.Below(4));
  h->schema = static_cast<int32_t>(random.Below(3));
  h->zero_threshold = 0.001;
  h->zero_count = static_cast<double>(random.Below(5));
  h->positive_spans = {{static_cast<int32_t>(random.Below(2)), 3}};
  for (int i = 0; i < 3; ++i) h->positive_buckets.push_back(static_cast<double>(random.Below(100)));
  if (random.OneIn(3)) {
    h->negative_spans = {{0, 1}};
    h->negative_buckets = {static_cast<double>(random.Below(9))};
  }
  h->count = h->zero_count;
  for (const double count : h->positive_buckets) h->count += count;
  for (const double count : h->negative_buckets) h->count += count;
  h->sum = random.OneIn(20) ? StaleNaN() : static_cast<double>(random.Below(1000)) / 8;
  return h;
}

// One kind of series: constant, counter, decimals, noise, special values.
class ValueSource {
 public:
  explicit ValueSource(testing::Random& random) : random_(random), kind_(random.Below(6)) {}
  double Next() {
    switch (kind_) {
      case 0:
        return 42;
      case 1:
        return last_ = random_.OneIn(50) ? 0 : last_ + static_cast<double>(random_.Below(20));
      case 2:
        return static_cast<double>(random_.Below(10'000)) / 100;
      case 3:
        return random_.Unit();
      case 4:
        return last_ = random_.OneIn(10) ? static_cast<double>(random_.Below(5)) : last_;
      default:
        return Special();
    }
  }

 private:
  double Special() {
    static const double kSpecial[] = {0,
                                      -0.0,
                                      StaleNaN(),
                                      std::bit_cast<double>(kNormalNaNBits),
                                      std::numeric_limits<double>::infinity(),
                                      -std::numeric_limits<double>::infinity(),
                                      5e-324,
                                      1e300,
                                      1};
    return kSpecial[random_.Below(std::size(kSpecial))];
  }
  testing::Random& random_;
  const uint64_t kind_;
  double last_ = 0;
};

std::map<TimestampMs, ModelSample> RandomSamples(testing::Random& random, TimeRange partition,
                                                 bool histograms, bool starts) {
  std::map<TimestampMs, ModelSample> samples;
  ValueSource values(random);
  const DurationMs step = random.OneIn(2) ? 15'000 : random.Between(1, 600'000);
  const bool jitter = random.OneIn(3);
  TimestampMs t = partition.start + (random.OneIn(2) ? 0 : random.Between(0, 3'600'000));
  for (; t < partition.end; t += step + (jitter ? random.Between(0, 500) : 0)) {
    if (random.OneIn(40)) continue;
    ModelSample& sample = samples[t];
    if (histograms && !random.OneIn(4)) {
      sample.histogram = RandomHistogram(random);
    } else {
      sample.v = values.Next();
    }
    if (starts) sample.start = partition.start - static_cast<TimestampMs>(random.Below(3));
    if (samples.size() >= 200) break;
  }
  return samples;
}

}  // namespace

std::string TextOf(const BlockContent& content, const Matchers& matchers, TimeRange range) {
  std::string out;
  for (const auto& [labels, samples] : content) {
    if (!MatchesAll(matchers, labels)) continue;
    std::string text;
    for (auto it = samples.lower_bound(range.start); it != samples.end() && it->first < range.end;
         ++it) {
      absl::StrAppend(&text, " ", SampleTextOf(it->first, it->second));
    }
    if (!text.empty()) absl::StrAppend(&out, labels.ToString(), text, "\n");
  }
  return out;
}

std::string ReadIterator(SampleIterator& samples) {
  std::string out;
  SampleBatch batch;
  while (samples.Next(batch)) {
    for (size_t i = 0; i < batch.t.size(); ++i) {
      const ModelSample sample{batch.v[i], batch.histograms.empty() ? nullptr : batch.histograms[i],
                               batch.starts.empty() ? 0 : batch.starts[i]};
      absl::StrAppend(&out, " ", SampleTextOf(batch.t[i], sample));
    }
  }
  return out;
}

void Overlay(const BlockContent& later, BlockContent& all) {
  for (const auto& [labels, samples] : later) {
    for (const auto& [t, sample] : samples) all[labels][t] = sample;
  }
}

uint64_t Erase(BlockContent& content, const Matchers& matchers, TimeRange range) {
  uint64_t touched = 0;
  for (auto& [labels, samples] : content) {
    if (!MatchesAll(matchers, labels)) continue;
    touched += std::erase_if(samples,
                             [&](const auto& sample) { return range.Contains(sample.first); }) > 0;
  }
  return touched;
}

absl::Status WriteContent(BlockWriter& writer, const BlockContent& content,
                          testing::Random* random) {
  for (const auto& [labels, samples] : content) {
    RETURN_IF_ERROR(writer.AddSeries(labels));
    std::vector<TimestampMs> t, starts;
    std::vector<double> v;
    std::vector<HistogramPtr> histograms;
    const auto flush = [&]() {
      bool has_histograms = false, has_starts = false;
      for (const HistogramPtr& h : histograms) has_histograms |= h != nullptr;
      for (const TimestampMs start : starts) has_starts |= start != 0;
      SampleBatch batch{t, v};
      if (has_histograms) batch.histograms = histograms;
      if (has_starts) batch.starts = starts;
      const absl::Status status = writer.AddSamples(batch);
      t.clear();
      v.clear();
      histograms.clear();
      starts.clear();
      return status;
    };
    for (const auto& [time, sample] : samples) {
      t.push_back(time);
      v.push_back(sample.v);
      histograms.push_back(sample.histogram);
      starts.push_back(sample.start);
      if (random != nullptr && random->OneIn(100)) RETURN_IF_ERROR(flush());
    }
    RETURN_IF_ERROR(flush());
  }
  return absl::OkStatus();
}

absl::Status WriteBlock(BlockStore& store, TimeRange partition, const BlockContent& content,
                        SealMark mark) {
  const std::unique_ptr<BlockBatch> batch = store.NewBatch();
  ASSIGN_OR_RETURN(BlockWriter * writer, batch->NewBlock(partition, Temperature::kHot, {}));
  RETURN_IF_ERROR(WriteContent(*writer, content, nullptr));
  return batch->Commit(mark);
}

Labels RandomLabels(testing::Random& random) {
  static const char* const kNames[] = {"up", "http_requests_total", "down", "x"};
  static const char* const kJobs[] = {"a", "ab", "abc", "b", "node"};
  std::vector<std::pair<std::string, std::string>> pairs;
  pairs.emplace_back("__name__", kNames[random.Below(std::size(kNames))]);
  if (!random.OneIn(4)) pairs.emplace_back("job", kJobs[random.Below(std::size(kJobs))]);
  if (random.OneIn(2)) pairs.emplace_back("instance", absl::StrCat("host-", random.Below(40)));
  if (random.OneIn(5)) pairs.emplace_back("zone", absl::StrCat("z", random.Below(3)));
  return Labels::FromPairs(std::move(pairs));
}

BlockContent RandomContent(testing::Random& random, TimeRange partition) {
  BlockContent content;
  const uint64_t series = random.OneIn(8) ? 0 : random.Below(random.OneIn(8) ? 300 : 10);
  // Most series of a block share a few time columns.
  const auto shared = RandomSamples(random, partition, false, false);
  for (uint64_t i = 0; i < series; ++i) {
    const Labels labels = RandomLabels(random);
    std::map<TimestampMs, ModelSample> samples;
    if (series > 20 || random.OneIn(3)) {
      ValueSource values(random);
      for (const auto& [t, sample] : shared) {
        samples[t].v = values.Next();
        if (series > 20 && samples.size() >= 20) break;
      }
    } else {
      samples = RandomSamples(random, partition, random.OneIn(5), random.OneIn(5));
    }
    if (!samples.empty()) content[labels] = std::move(samples);
  }
  return content;
}

Matchers RandomMatchers(testing::Random& random) {
  struct Choice {
    Matcher::Op op;
    const char *name, *value;
  };
  using Op = Matcher::Op;
  static const Choice kChoices[] = {
      {Op::kEqual, "__name__", "up"},
      {Op::kEqual, "job", "a"},
      {Op::kEqual, "job", ""},
      {Op::kEqual, "none", ""},
      {Op::kEqual, "none", "x"},
      {Op::kEqual, "zone", "z1"},
      {Op::kNotEqual, "job", "a"},
      {Op::kNotEqual, "job", ""},
      {Op::kNotEqual, "none", ""},
      {Op::kRegex, "__name__", "up|down|nothing"},
      {Op::kRegex, "job", "a.*"},
      {Op::kRegex, "job", "a[bn]+c?"},
      {Op::kRegex, "job", ".*"},
      {Op::kRegex, "job", ".+"},
      {Op::kRegex, "job", "|a|b"},
      {Op::kRegex, "instance", "host-1.+"},
      {Op::kRegex, "instance", ".*-(1|2)"},
      {Op::kRegex, "instance", "(host-3[0-4]?)?"},
      {Op::kNotRegex, "job", "a.*"},
      {Op::kNotRegex, "job", "a|b"},
      {Op::kNotRegex, "job", "|a"},
      {Op::kNotRegex, "job", ".+"},
      {Op::kNotRegex, "job", ".*"},
      {Op::kNotRegex, "instance", "host-[12].*"},
      {Op::kNotRegex, "zone", "z[^1]"},
      {Op::kNotRegex, "none", "x.*"},
  };
  Matchers matchers;
  for (uint64_t n = 1 + random.Below(3); n > 0; --n) {
    const Choice& choice = kChoices[random.Below(std::size(kChoices))];
    matchers.push_back(*Matcher::Create(choice.op, choice.name, choice.value));
  }
  return matchers;
}

}  // namespace slowburn::tsdb
