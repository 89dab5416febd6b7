// SloReader: SloStatus and SloHistory computed from a ledger. Pure reading; thread-safe as ledgers
// are.
#ifndef SLOWBURN_SLO_SLO_READER_H_
#define SLOWBURN_SLO_SLO_READER_H_

#include <memory>

#include "slo/sli_ledger.h"
#include "slo/slo_status.h"

namespace slowburn::slo {

// The windows of one SLO at one moment, read under one lock of the ledger.
struct SloReading {
  WindowCount period;
  std::vector<TierReading> tiers;                           // as spec.tiers
  std::vector<std::pair<DurationMs, WindowCount>> windows;  // spec.Windows()
};
SloReading ReadSlo(const SloSpec& spec, const SliLedger& ledger, TimestampMs at);

// Everything but the alerts' state, which the caller knows.
SloStatus StatusAt(std::shared_ptr<const SloSpec> spec, const SliLedger& ledger, TimestampMs at);
// What the tiers would have said at a past moment, from the slices alone: firing, and since when,
// by looking back.
void AlertsInPast(const SliLedger& ledger, TimestampMs at, SloStatus& status);
// REQUIRES: step >= kSliceMs, start <= end.
SloHistory HistoryOf(std::shared_ptr<const SloSpec> spec, const SliLedger& ledger,
                     TimestampMs start, TimestampMs end, DurationMs step);
// ok, burning, exhausted or no_data, once status.alerts is known.
SloState StateOf(const SloStatus& status);

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_SLO_READER_H_
