#include "slo/slo_metrics.h"

namespace slowburn::slo {

using base::AddCounter;
using base::AddGauge;

SloMetrics::SloMetrics(prometheus::Registry& r)
    : objectives(AddGauge(r, "slowburn_slo_objectives", "SLOs loaded.")),
      ledgers(AddGauge(r, "slowburn_slo_ledgers", "Distinct SLIs that are counted.")),
      ledger_series(AddGauge(r, "slowburn_slo_ledger_series", "Series that the SLIs select.")),
      ledger_bytes(AddGauge(r, "slowburn_slo_ledger_bytes", "Memory of the ledgers, estimated.")),
      ledgers_filling(AddGauge(r, "slowburn_slo_ledgers_filling",
                               "Ledgers that are being counted from the store.")),
      alerts_firing(AddGauge(r, "slowburn_slo_alerts_firing", "Tiers that fire.")),
      samples(AddCounter(r, "slowburn_slo_samples_total", "Samples counted by the ledgers.")),
      resets(AddCounter(r, "slowburn_slo_resets_total",
                        "Counter resets seen by the ledgers.")),
      late_samples(AddCounter(
          r, "slowburn_slo_late_samples_total",
          "Samples that were older than a counted one of their series, or equal to one.")),
      passed_over(AddCounter(
          r, "slowburn_slo_samples_passed_over_total",
          "Samples that cannot be counted: NaN, infinite, histograms, staleness markers.")),
      filled_samples(AddCounter(r, "slowburn_slo_filled_samples_total",
                                "Samples read from the store to fill ledgers.")),
      rebuilds(
          AddCounter(r, "slowburn_slo_rebuilds_total", "Ledgers counted anew from the store.")),
      fill_failures(AddCounter(r, "slowburn_slo_fill_failures_total",
                               "Fills that failed because the store failed.")),
      evaluations(AddCounter(r, "slowburn_slo_evaluations_total", "Evaluations of all SLOs.")),
      evaluations_missed(AddCounter(r, "slowburn_slo_evaluations_missed_total",
                                    "Evaluations left out because the last one ended late.")),
      evaluation_seconds(AddGauge(r, "slowburn_slo_last_evaluation_duration_seconds",
                                  "Duration of the last evaluation of all SLOs.")),
      alert_send_failures(AddCounter(r, "slowburn_slo_alert_send_failures_total",
                                     "Alerts that the sink refused; they are sent again.")),
      persist_failures(AddCounter(r, "slowburn_slo_persist_failures_total",
                                  "Failed writes of slices or alert states; tried again.")),
      corrupt_records(
          AddCounter(r, "slowburn_slo_corrupt_records_total",
                     "Stored slices and alert states that could not be read and were left out.")) {}

}  // namespace slowburn::slo
