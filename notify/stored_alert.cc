#include "notify/stored_alert.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "notify/limits.h"
#include "notify/record.h"

namespace slowburn::notify {
namespace {

enum Field : uint32_t { kLabel = 1, kAnnotation, kUrl, kStart, kEnd, kUpdated, kTimeout };

absl::Status CheckPairs(const LabelSet& pairs, std::string_view what) {
  for (const auto& [name, value] : pairs) {
    if (!IsLabelName(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("invalid ", std::string(what), ": invalid name ", GoQuote(name)));
    }
    if (!IsUtf8(value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("invalid ", std::string(what), ": invalid value ", GoQuote(value)));
    }
  }
  return absl::OkStatus();
}

size_t Size(const rules::Alert& alert) {
  size_t bytes = alert.generator_url.size();
  for (const auto* pairs : {&alert.labels, &alert.annotations}) {
    for (const auto& [name, value] : *pairs) bytes += name.size() + value.size();
  }
  return bytes;
}

// Annotations may be empty, unlike labels.
LabelSet SortedAnnotations(LabelSet annotations) {
  std::stable_sort(annotations.begin(), annotations.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  annotations.erase(std::unique(annotations.begin(), annotations.end(),
                                [](const auto& a, const auto& b) { return a.first == b.first; }),
                    annotations.end());
  return annotations;
}

bool Overlap(const StoredAlert& old, const StoredAlert& newer) {
  return (newer.ends_at > old.starts_at && newer.ends_at < old.ends_at) ||
         (newer.starts_at > old.starts_at && newer.starts_at < old.ends_at);
}

}  // namespace

absl::StatusOr<StoredAlert> MakeStoredAlert(rules::Alert alert, TimestampMs now,
                                            base::DurationMs resolve_timeout) {
  if (const size_t bytes = Size(alert); bytes > kMaxAlertBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the alert has ", bytes, " bytes, the limit is ", kMaxAlertBytes));
  }
  StoredAlert stored;
  stored.starts_at = alert.starts_at != 0 ? alert.starts_at
                     : alert.ends_at != 0 ? alert.ends_at
                                          : now;
  stored.ends_at = alert.ends_at;
  stored.updated_at = now;
  if (stored.ends_at == 0) {
    stored.timeout = true;
    stored.ends_at = now + resolve_timeout;
  }
  stored.labels = MakeLabelSet(std::move(alert.labels));
  stored.annotations = SortedAnnotations(std::move(alert.annotations));
  stored.generator_url = std::move(alert.generator_url);
  if (stored.ends_at < stored.starts_at)
    return absl::InvalidArgumentError("start time must be before end time");
  if (stored.labels.empty()) return absl::InvalidArgumentError("at least one label pair required");
  RETURN_IF_ERROR(CheckPairs(stored.labels, "label set"));
  RETURN_IF_ERROR(CheckPairs(stored.annotations, "annotations"));
  stored.fingerprint = FingerprintOf(stored.labels);
  return stored;
}

StoredAlert MergeAlerts(const StoredAlert& old, StoredAlert newer, TimestampMs now) {
  newer.groups = old.groups;
  if (!Overlap(old, newer)) return newer;
  newer.starts_at = std::min(newer.starts_at, old.starts_at);
  if (old.ends_at > newer.ends_at) {
    const bool keep_old_end = newer.ResolvedAt(now) ? old.ResolvedAt(now) : !old.timeout;
    if (keep_old_end) newer.ends_at = old.ends_at;
  }
  return newer;
}

std::string AlertKey(Fingerprint fingerprint) {
  return absl::StrCat(kAlertKeyPrefix, FingerprintHex(fingerprint));
}

std::string EncodeAlert(const StoredAlert& alert) {
  RecordWriter record;
  record.Pairs(kLabel, alert.labels);
  record.Pairs(kAnnotation, alert.annotations);
  record.Bytes(kUrl, alert.generator_url);
  record.Int(kStart, alert.starts_at);
  record.Int(kEnd, alert.ends_at);
  record.Int(kUpdated, alert.updated_at);
  record.Int(kTimeout, alert.timeout ? 1 : 0);
  return record.Take();
}

absl::StatusOr<StoredAlert> DecodeAlert(std::string_view bytes) {
  StoredAlert alert;
  RecordReader record(bytes);
  while (record.Next()) {
    switch (record.field()) {
      case kLabel:
        alert.labels.push_back(record.pair());
        break;
      case kAnnotation:
        alert.annotations.push_back(record.pair());
        break;
      case kUrl:
        alert.generator_url = record.str();
        break;
      case kStart:
        alert.starts_at = record.number();
        break;
      case kEnd:
        alert.ends_at = record.number();
        break;
      case kUpdated:
        alert.updated_at = record.number();
        break;
      case kTimeout:
        alert.timeout = record.number() != 0;
        break;
      default:
        break;
    }
  }
  if (!record.ok() || alert.labels.empty()) return absl::DataLossError("unreadable alert record");
  alert.fingerprint = FingerprintOf(alert.labels);
  return alert;
}

}  // namespace slowburn::notify
