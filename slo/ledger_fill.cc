#include "slo/ledger_fill.h"

#include <utility>

#include "base/status_macros.h"

namespace slowburn::slo {
namespace {

tsdb::Matchers ExactMatchers(const tsdb::Labels& labels) {
  tsdb::Matchers matchers;
  for (const tsdb::LabelView label : labels)
    matchers.push_back(tsdb::Matcher::Equal(label.name, label.value));
  return matchers;
}

// Fills one series from all that the store holds of it.
absl::StatusOr<size_t> FillWhole(SliLedger& ledger, tsdb::Querier& querier, SliLedger::Track* track,
                                 const tsdb::Labels& labels, TimestampMs count_from) {
  SliLedger::Filling filling;
  if (!ledger.BeginFilling(track, count_from, SliLedger::Reach::kWhole, filling)) return 0;
  size_t count = 0;
  ASSIGN_OR_RETURN(const std::unique_ptr<tsdb::SeriesSet> set,
                   querier.Select(ExactMatchers(labels), {}));
  while (set->Next()) {
    if (set->labels() != labels) continue;  // has more labels besides
    const std::unique_ptr<tsdb::SampleIterator> samples = set->samples();
    tsdb::SampleBatch batch;
    while (samples->Next(batch)) {
      count += batch.t.size();
      ledger.FillSamples(filling, batch);
    }
    RETURN_IF_ERROR(samples->status());
    break;
  }
  RETURN_IF_ERROR(set->status());
  ledger.EndFilling(filling);
  return count;
}

}  // namespace

LedgerFill::LedgerFill(std::shared_ptr<SliLedger> ledger, tsdb::Storage& storage, Options options)
    : ledger_(std::move(ledger)), storage_(storage), options_(options) {}
LedgerFill::~LedgerFill() = default;

absl::Status LedgerFill::Open() {
  if (querier_ == nullptr) querier_ = storage_.NewQuerier({});
  const Sli& sli = ledger_->sli();
  ASSIGN_OR_RETURN(set_, querier_->Select(phase_ == Phase::kTotal ? sli.total : sli.part,
                                          {.range = {options_.read_from, tsdb::kMaxTime}}));
  return absl::OkStatus();
}

absl::Status LedgerFill::FillSeries(const tsdb::SeriesSet& series, tsdb::SampleIterator& samples) {
  using Reach = SliLedger::Reach;
  const uint8_t roles = ledger_->sli().RolesOf(series.labels());
  SliLedger::Track* track =
      ledger_->TrackOf(series.ref(), series.labels(), roles, SliLedger::Origin::kRead);
  if (track == nullptr) return absl::OkStatus();
  const Reach reach = options_.read_from == tsdb::kMinTime ? Reach::kWhole : Reach::kPartial;
  SliLedger::Filling filling;
  if (!ledger_->BeginFilling(track, options_.count_from, reach, filling)) return absl::OkStatus();
  ++series_;
  tsdb::SampleBatch batch;
  while (samples.Next(batch)) {
    samples_ += batch.t.size();
    if (ledger_->FillSamples(filling, batch)) continue;
    // Nothing in the margin says what came before the first sample that counts: ask for the whole
    // series.
    ASSIGN_OR_RETURN(const size_t count,
                     FillWhole(*ledger_, *querier_, track, series.labels(), options_.count_from));
    samples_ += count;
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(samples.status());
  ledger_->EndFilling(filling);
  return absl::OkStatus();
}

absl::StatusOr<bool> LedgerFill::Step(size_t budget) {
  const size_t until = samples_ + budget;
  while (phase_ != Phase::kDone && samples_ < until) {
    if (set_ == nullptr) RETURN_IF_ERROR(Open());
    if (set_->Next()) {
      RETURN_IF_ERROR(FillSeries(*set_, *set_->samples()));
      continue;
    }
    RETURN_IF_ERROR(set_->status());
    set_.reset();
    // Series that both selectors match were warmed in the first phase, and are skipped in the
    // second.
    phase_ = phase_ == Phase::kTotal ? Phase::kPart : Phase::kDone;
  }
  if (phase_ == Phase::kDone) querier_.reset();
  return phase_ == Phase::kDone;
}

absl::Status LedgerFill::WarmCold(SliLedger& ledger, tsdb::Storage& storage) {
  const std::vector<SliLedger::Cold> cold = ledger.ColdTracks();
  if (cold.empty()) return absl::OkStatus();
  const std::unique_ptr<tsdb::Querier> querier = storage.NewQuerier({});
  for (const SliLedger::Cold& series : cold) {
    RETURN_IF_ERROR(
        FillWhole(ledger, *querier, series.track, series.labels, SliLedger::kFromWaiting).status());
  }
  return absl::OkStatus();
}

}  // namespace slowburn::slo
