// What the storage contract wants of an implementation beside Storage, and a tap that remembers.
#ifndef SLOWBURN_TESTS_TSDB_STORE_UNDER_TEST_H_
#define SLOWBURN_TESTS_TSDB_STORE_UNDER_TEST_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/testing/fake_clock.h"
#include "tests/tsdb/storage_reading.h"
#include "tsdb/commit_tap.h"
#include "tsdb/limits.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {

struct ContractOptions {
  DurationMs retention_ms = base::kDay;
  DurationMs max_future_ms = 10 * base::kMinute;
  DurationMs out_of_order_window_ms = 0;
  size_t max_exemplars = 1000;
  Limits limits;
};

class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual Storage& storage() = 0;
  virtual void AddTap(CommitTap* tap) = 0;
  virtual void RemoveTap(CommitTap* tap) = 0;
  virtual void ApplyRetention() = 0;
  virtual void SetOutOfOrderWindow(DurationMs window) = 0;
  // Whether LabelNames and LabelValues leave out series without samples in the Querier's range;
  // else they may look at whole blocks.
  virtual bool ExactLabelRanges() const { return true; }
  // Closes and opens again, if the implementation can: what was committed is there afterwards.
  virtual void Reopen() = 0;
  testing::FakeClock clock;
};

// Keeps what it is told of the series whose label `tap` is "yes".
class RecordingTap : public CommitTap {
 public:
  bool WantsSeries(SeriesRef ref, const Labels& labels, Past past) override {
    pasts.push_back(past);
    asked.push_back(labels.ToString());
    names[ref] = labels.ToString();
    return labels.Get("tap") == "yes";
  }
  void OnCommit(std::span<const TappedSample> samples) override {
    for (const TappedSample& s : samples) {
      seen += absl::StrCat(names[s.ref], " ",
                           s.histogram != nullptr ? s.histogram->ToString() : SampleText(s.t, s.v),
                           s.start == 0 ? "" : absl::StrCat("/", s.start), "; ");
    }
  }
  std::map<SeriesRef, std::string> names;
  std::vector<std::string> asked;
  std::vector<Past> pasts;
  std::string seen;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TESTS_TSDB_STORE_UNDER_TEST_H_
