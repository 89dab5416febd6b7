#include "notify/notification_log.h"

#include <algorithm>

namespace slowburn::notify {
namespace {

enum Field : uint32_t { kTime = 1, kFiring, kResolved, kOpen };

bool IsSubset(const FingerprintSet& a, const FingerprintSet& b) {
  return std::includes(b.begin(), b.end(), a.begin(), a.end());
}

bool Intersects(const FingerprintSet& a, const FingerprintSet& b) {
  return std::any_of(a.begin(), a.end(), [&](Fingerprint f) { return b.contains(f); });
}

}  // namespace

std::string_view ReasonToSend(const LogEntry& entry, const DedupQuestion& q) {
  if (!IsSubset(q.firing, entry.firing))
    return entry.firing.empty() ? "first notification" : "new alerts added";
  if (q.firing.empty() && q.resolved.empty()) return "";
  if (q.firing.empty() && !entry.firing.empty()) return "all alerts resolved";
  if (q.send_resolved && Intersects(q.resolved, entry.open)) {
    return q.firing.empty() ? "all alerts resolved" : "some alerts resolved";
  }
  if (q.firing.empty()) return "";  // fired and resolved without anybody having been told
  if (q.send_resolved && !IsSubset(q.resolved, entry.resolved)) return "some alerts resolved";
  return entry.time + q.repeat_interval <= q.now ? "repeat interval elapsed" : "";
}

LogEntry AfterDelivery(const LogEntry& entry, const FingerprintSet& firing,
                       const FingerprintSet& resolved, base::TimestampMs decided) {
  LogEntry after{.time = decided, .firing = firing, .resolved = resolved, .open = entry.open};
  after.open.insert(firing.begin(), firing.end());
  for (const Fingerprint f : resolved) after.open.erase(f);
  return after;
}

LogEntry AfterDoubtfulDelivery(LogEntry entry, const FingerprintSet& firing,
                               const FingerprintSet& resolved) {
  entry.open.insert(firing.begin(), firing.end());
  for (const Fingerprint f : resolved) entry.firing.erase(f);
  return entry;
}

std::string EncodeFingerprints(const FingerprintSet& set) {
  std::string bytes;
  for (const Fingerprint f : set) {
    for (int shift = 0; shift < 64; shift += 8) bytes += char(static_cast<uint64_t>(f) >> shift);
  }
  return bytes;
}

FingerprintSet DecodeFingerprints(std::string_view bytes) {
  FingerprintSet set;
  for (size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    uint64_t value = 0;
    for (size_t b = 0; b < 8; ++b)
      value |= uint64_t{static_cast<unsigned char>(bytes[i + b])} << (8 * b);
    set.insert(Fingerprint{value});
  }
  return set;
}

std::string EncodeLogEntry(const LogEntry& entry) {
  RecordWriter record;
  record.Int(kTime, entry.time);
  record.Bytes(kFiring, EncodeFingerprints(entry.firing));
  record.Bytes(kResolved, EncodeFingerprints(entry.resolved));
  record.Bytes(kOpen, EncodeFingerprints(entry.open));
  return record.Take();
}

absl::StatusOr<LogEntry> DecodeLogEntry(std::string_view bytes) {
  LogEntry entry;
  RecordReader record(bytes);
  while (record.Next()) {
    switch (record.field()) {
      case kTime:
        entry.time = record.number();
        break;
      case kFiring:
        entry.firing = DecodeFingerprints(record.bytes());
        break;
      case kResolved:
        entry.resolved = DecodeFingerprints(record.bytes());
        break;
      case kOpen:
        entry.open = DecodeFingerprints(record.bytes());
        break;
      default:
        break;
    }
  }
  if (!record.ok()) return absl::DataLossError("unreadable notification log entry");
  return entry;
}

}  // namespace slowburn::notify
