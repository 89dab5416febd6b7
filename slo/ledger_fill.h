// LedgerFill: counts what the store already holds into a ledger, in steps, while new samples arrive
// by the tap.
//
//   LedgerFill fill(ledger, storage, {.count_from = watermark}); // after the tap was added
//   while (!done) { ASSIGN_OR_RETURN(done, fill.Step(budget)); } // on an executor, one post a step
//
// Series that the store holds but that have no sample after count_from stay cold: when one of them
// gets a sample, its predecessor is looked up (WarmCold). So a restart costs what arrived since the
// watermark, not what the store holds.
//
// Threads: one thread at a time. Lifetimes: borrows storage.
#ifndef SLOWBURN_SLO_LEDGER_FILL_H_
#define SLOWBURN_SLO_LEDGER_FILL_H_

#include <memory>

#include "absl/status/statusor.h"
#include "slo/sli_ledger.h"
#include "tsdb/storage.h"

namespace slowburn::slo {

class LedgerFill {
 public:
  struct Options {
    TimestampMs count_from = tsdb::kMinTime;  // samples later than this count
    // Where reading begins, to know what came before; <= count_from.
    TimestampMs read_from = tsdb::kMinTime;
  };
  LedgerFill(std::shared_ptr<SliLedger> ledger, tsdb::Storage& storage, Options options);
  ~LedgerFill();

  // Reads about `budget` samples. True when all is done. Errors are the store's; the fill is then
  // to be thrown away, together with its ledger.
  absl::StatusOr<bool> Step(size_t budget);
  size_t samples() const { return samples_; }
  size_t series() const { return series_; }
  const std::shared_ptr<SliLedger>& ledger() const { return ledger_; }

  // Looks up what came before the samples that wait in cold tracks.
  static absl::Status WarmCold(SliLedger& ledger, tsdb::Storage& storage);

 private:
  enum class Phase { kTotal, kPart, kDone };
  absl::Status Open();
  absl::Status FillSeries(const tsdb::SeriesSet& series, tsdb::SampleIterator& samples);

  const std::shared_ptr<SliLedger> ledger_;
  tsdb::Storage& storage_;
  const Options options_;
  Phase phase_ = Phase::kTotal;
  std::unique_ptr<tsdb::Querier> querier_;
  std::unique_ptr<tsdb::SeriesSet> set_;
  size_t samples_ = 0, series_ = 0;
};

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_LEDGER_FILL_H_
