#include "notify/ledger.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "notify/limits.h"
#include "notify/record.h"

namespace slowburn::notify {
namespace {

constexpr char kPrefix[] = "d/";
constexpr char kPrefixEnd[] = "d0";

enum Field : uint32_t {
  kId = 1,
  kTime,
  kReceiver,
  kIntegration,
  kGroupKey,
  kReason,
  kGroupLabel,
  kFiring,
  kAlerts,
  kAlertName,
  kAttempts,
  kHttpStatus,
  kError,
  kDuration,
  kOutcome
};

// Ordered by time.
std::string Key(const DeliveryRow& row) {
  return absl::StrCat(kPrefix, absl::Hex(static_cast<uint64_t>(row.time), absl::kZeroPad16), "-",
                      row.id);
}

std::string Encode(const DeliveryRow& row) {
  RecordWriter record;
  record.Bytes(kId, row.id);
  record.Int(kTime, row.time);
  record.Bytes(kReceiver, row.receiver);
  record.Bytes(kIntegration, row.integration);
  record.Bytes(kGroupKey, row.group_key);
  record.Bytes(kReason, row.reason);
  record.Pairs(kGroupLabel, row.group_labels);
  record.Int(kFiring, row.firing ? 1 : 0);
  record.Int(kAlerts, row.alerts);
  for (const std::string& name : row.alert_names) record.Bytes(kAlertName, name);
  record.Int(kAttempts, row.attempts);
  record.Int(kHttpStatus, row.http_status);
  record.Bytes(kError, row.error);
  record.Int(kDuration, row.duration_ms);
  record.Int(kOutcome, int64_t(row.outcome));
  return record.Take();
}

absl::StatusOr<DeliveryRow> Decode(std::string_view bytes) {
  DeliveryRow row;
  RecordReader record(bytes);
  while (record.Next()) {
    switch (record.field()) {
      case kId:
        row.id = record.str();
        break;
      case kTime:
        row.time = record.number();
        break;
      case kReceiver:
        row.receiver = record.str();
        break;
      case kIntegration:
        row.integration = record.str();
        break;
      case kGroupKey:
        row.group_key = record.str();
        break;
      case kReason:
        row.reason = record.str();
        break;
      case kGroupLabel:
        row.group_labels.push_back(record.pair());
        break;
      case kFiring:
        row.firing = record.number() != 0;
        break;
      case kAlerts:
        row.alerts = record.number();
        break;
      case kAlertName:
        row.alert_names.push_back(record.str());
        break;
      case kAttempts:
        row.attempts = record.number();
        break;
      case kHttpStatus:
        row.http_status = record.number();
        break;
      case kError:
        row.error = record.str();
        break;
      case kDuration:
        row.duration_ms = record.number();
        break;
      case kOutcome:
        row.outcome = DeliveryOutcome(std::clamp<int64_t>(record.number(), 0, 3));
        break;
      default:
        break;
    }
  }
  if (!record.ok() || row.id.empty()) return absl::DataLossError("unreadable delivery record");
  return row;
}

}  // namespace

std::string_view DeliveryOutcomeName(DeliveryOutcome outcome) {
  switch (outcome) {
    case DeliveryOutcome::kPending:
      return "pending";
    case DeliveryOutcome::kDelivered:
      return "delivered";
    case DeliveryOutcome::kFailed:
      return "failed";
    case DeliveryOutcome::kSuperseded:
      return "superseded";
  }
  return "";
}

absl::Status Ledger::Load() {
  return store_.Scan(base::Space::kNotify, kPrefix, kPrefixEnd,
                     [&](std::string_view key, std::string_view value) {
                       absl::StatusOr<DeliveryRow> row = Decode(value);
                       if (row.ok()) {
                         rows_.push_back(std::move(*row));
                       } else {
                         base::Error("a row of the delivery ledger is unreadable and was left out",
                                     {{"key", key}, {"err", row.status()}});
                       }
                       return true;
                     });
}

void Ledger::Append(DeliveryRow row, std::vector<base::StateChange>& changes) {
  if (row.error.size() > kLedgerErrorBytes) row.error.resize(kLedgerErrorBytes);
  changes.push_back({Key(row), Encode(row)});
  // Rows end in another order than they begin.
  const auto at =
      std::upper_bound(rows_.begin(), rows_.end(), row.time,
                       [](base::TimestampMs t, const DeliveryRow& r) { return t < r.time; });
  rows_.insert(at, std::move(row));
  while (rows_.size() > kMaxLedgerRows) {
    changes.push_back({Key(rows_.front()), "", base::StateChange::kDelete});
    rows_.pop_front();
  }
}

void Ledger::CollectGarbage(base::TimestampMs now) {
  std::vector<base::StateChange> changes;
  for (const DeliveryRow& row : rows_) {
    if (row.time + kLedgerRetention >= now) break;
    changes.push_back({Key(row), "", base::StateChange::kDelete});
  }
  if (changes.empty() ||
      !store_.Apply(base::Space::kNotify, changes, base::Durability::kProcess).ok())
    return;
  rows_.erase(rows_.begin(), rows_.begin() + std::ptrdiff_t(changes.size()));
}

}  // namespace slowburn::notify
