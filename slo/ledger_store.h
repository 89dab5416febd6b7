// LedgerStore: slices of ledgers in Space::kSlo, so that a budget survives what the raw samples do
// not (retention) and a start need not count everything anew.
//
// Keys (h = Fingerprint of the SLI's canonical text):
//   run              "open" while a process counts, "clean" after it persisted everything and left
//   s/h/b/<8 bytes>  one block (SliceLog): hours since the epoch + 2^63, big-endian
//   s/h/m            {"version":1,"sli":text,"watermark":ms,"keep":ms}, written with the blocks in
//                    one batch
// Everything at or before the watermark is in the blocks; what came later is counted from the store
// again.
//
// Threads: one thread at a time. Errors: the store's. A record that cannot be read is left out,
// counted and reported.
#ifndef SLOWBURN_SLO_LEDGER_STORE_H_
#define SLOWBURN_SLO_LEDGER_STORE_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "base/state_store.h"
#include "slo/sli_ledger.h"
#include "slo/slo_metrics.h"

namespace slowburn::slo {

class LedgerStore {
 public:
  LedgerStore(base::StateStore& state, SloMetrics& metrics) : state_(state), metrics_(metrics) {}

  // How the last process left, and marks this one's presence.
  enum class LastRun { kFirst, kClean, kKilled };
  absl::StatusOr<LastRun> MarkOpen();
  absl::Status MarkClean();

  // What the next Persist of one ledger has to do besides writing changed blocks.
  struct Cursor {
    bool rewrite = true;                // delete all blocks on disk first
    std::optional<int64_t> stale_from;  // delete the blocks from this index on first
    int64_t first_index = INT64_MIN;    // of the blocks on disk; older ones are deleted
  };
  struct Loaded {
    TimestampMs watermark = 0;
    Cursor cursor;
    size_t corrupt = 0;  // blocks that could not be read
  };
  // Fills an empty ledger with the slices up to the watermark. nullopt: nothing is stored for this
  // SLI.
  absl::StatusOr<std::optional<Loaded>> Load(SliLedger& ledger);
  absl::Status Persist(SliLedger& ledger, TimestampMs watermark, Cursor& cursor);
  // Deletes ledgers that nobody has used for as long as they were to be kept. `used`: canonical
  // texts.
  absl::Status DropUnused(const std::set<std::string>& used, TimestampMs now);

 private:
  base::StateStore& state_;
  SloMetrics& metrics_;
};

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_LEDGER_STORE_H_
