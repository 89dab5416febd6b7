#include "rules/alert_codec.h"

#include <bit>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "rules/limits.h"

namespace slowburn::rules {
namespace {

constexpr char kAlertVersion = 1;
constexpr char kTimeVersion = 1;
// No single string of a record is longer, so that a damaged length cannot ask for much.
constexpr uint64_t kMaxPairs = 10'000;

std::string Hex(uint64_t value) {
  char buffer[17];
  std::snprintf(buffer, sizeof buffer, "%016llx", static_cast<unsigned long long>(value));
  return buffer;
}

void PutVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

void PutSigned(std::string& out, int64_t value) {
  PutVarint(out, static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
}

void PutString(std::string& out, std::string_view text) {
  PutVarint(out, text.size());
  out += text;
}

void PutTime(std::string& out, const std::optional<TimestampMs>& t) {
  out += static_cast<char>(t ? 1 : 0);
  if (t) PutSigned(out, *t);
}

// Reads from the front; after the first failure everything fails.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool Byte(uint8_t& out) {
    if (bytes_.empty()) return false;
    out = static_cast<uint8_t>(bytes_[0]);
    bytes_.remove_prefix(1);
    return true;
  }
  bool Varint(uint64_t& out) {
    out = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      uint8_t byte = 0;
      if (!Byte(byte)) return false;
      out |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }
  bool Signed(int64_t& out) {
    uint64_t raw = 0;
    if (!Varint(raw)) return false;
    out = static_cast<int64_t>(raw >> 1 ^ (0 - (raw & 1)));
    return true;
  }
  bool String(std::string& out) {
    uint64_t size = 0;
    if (!Varint(size) || size > bytes_.size()) return false;
    out.assign(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return true;
  }
  bool Time(std::optional<TimestampMs>& out) {
    uint8_t there = 0;
    if (!Byte(there) || there > 1) return false;
    if (there == 0) return true;
    return Signed(out.emplace());
  }
  bool Pairs(std::vector<std::pair<std::string, std::string>>& out) {
    uint64_t n = 0;
    if (!Varint(n) || n > kMaxPairs) return false;
    for (uint64_t i = 0; i < n; ++i) {
      auto& [name, value] = out.emplace_back();
      if (!String(name) || !String(value)) return false;
    }
    return true;
  }
  bool AtEnd() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

template <typename Pairs>
void PutPairs(std::string& out, const Pairs& pairs) {
  PutVarint(out, pairs.size());
  for (const auto& [name, value] : pairs) {
    PutString(out, name);
    PutString(out, value);
  }
}

void PutState(std::string& out, const ActiveAlert& alert) {
  out += static_cast<char>(alert.state);
  PutSigned(out, alert.active_at);
  PutTime(out, alert.fired_at);
  PutTime(out, alert.keep_firing_since);
  PutTime(out, alert.resolved_at);
  PutTime(out, alert.last_sent_at);
  PutPairs(out, alert.labels);
}

bool ReadAlert(Reader& reader, ActiveAlert& alert) {
  uint8_t version = 0, state = 0;
  std::vector<std::pair<std::string, std::string>> labels;
  uint64_t value = 0;
  if (!reader.Byte(version) || version != kAlertVersion) return false;
  if (!reader.Byte(state) || state > static_cast<uint8_t>(AlertState::kFiring)) return false;
  if (!reader.Signed(alert.active_at) || !reader.Time(alert.fired_at) ||
      !reader.Time(alert.keep_firing_since) || !reader.Time(alert.resolved_at) ||
      !reader.Time(alert.last_sent_at) || !reader.Pairs(labels) || !reader.Varint(value) ||
      !reader.Pairs(alert.annotations) || !reader.AtEnd()) {
    return false;
  }
  for (const auto& [name, text] : labels) {
    if (name.empty() || !tsdb::IsValidUtf8(name) || !tsdb::IsValidUtf8(text)) return false;
  }
  alert.state = static_cast<AlertState>(state);
  alert.labels = tsdb::Labels::FromPairs(std::move(labels));
  alert.value = std::bit_cast<double>(value);
  // What no process of ours ever wrote is damage.
  const bool complete = alert.state == AlertState::kInactive ? alert.resolved_at.has_value()
                                                             : !alert.resolved_at.has_value();
  return !alert.labels.empty() && complete &&
         (alert.state != AlertState::kFiring || alert.fired_at);
}

}  // namespace

uint64_t StableHash(std::string_view bytes, uint64_t seed) {
  uint64_t hash = seed;
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211u;
  }
  return hash;
}

uint64_t RuleIdentity(const RuleSpec& rule, size_t occurrence) {
  std::string bytes;
  PutString(bytes, rule.name);
  PutPairs(bytes, rule.labels);
  PutString(bytes, rule.expr);
  PutVarint(bytes, occurrence);
  return StableHash(bytes);
}

std::string GroupStateKey(std::string_view file, std::string_view group) {
  std::string key(kGroupKeys);
  key += file;
  key += '\0';
  key += group;
  return key;
}

std::string RuleKeyPrefix(std::string_view file, std::string_view group, uint64_t rule) {
  std::string key(kAlertKeys);
  key += file;
  key += '\0';
  key += group;
  key += '\0';
  key += Hex(rule);
  key += '\0';
  return key;
}

std::string AlertStateKey(std::string_view rule_prefix, const tsdb::Labels& alert) {
  std::string bytes;
  PutPairs(bytes, alert);
  return std::string(rule_prefix) + Hex(StableHash(bytes));
}

std::string_view RulePrefixOf(std::string_view key) {
  if (key.substr(0, kAlertKeys.size()) != kAlertKeys) return {};
  const size_t last = key.rfind('\0');
  return last == std::string_view::npos ? std::string_view() : key.substr(0, last + 1);
}

std::string_view GroupPartOf(std::string_view key) {
  if (key.substr(0, kGroupKeys.size()) == kGroupKeys) return key.substr(kGroupKeys.size());
  std::string_view prefix = RulePrefixOf(key);
  constexpr size_t kTail = 18;  // 0, 16 hex digits, 0
  if (prefix.size() < kAlertKeys.size() + kTail) return {};
  prefix.remove_suffix(kTail);
  return prefix.substr(kAlertKeys.size());
}

std::string EncodeAlert(const ActiveAlert& alert) {
  std::string out(1, kAlertVersion);
  PutState(out, alert);
  PutVarint(out, std::bit_cast<uint64_t>(alert.value));
  PutPairs(out, alert.annotations);
  return out;
}

absl::StatusOr<ActiveAlert> DecodeAlert(std::string_view bytes) {
  Reader reader(bytes);
  ActiveAlert alert;
  if (bytes.size() > kMaxStateValueBytes || !ReadAlert(reader, alert)) {
    return absl::DataLossError("alert state: the record cannot be read");
  }
  return alert;
}

std::string EncodeTime(TimestampMs t) {
  std::string out(1, kTimeVersion);
  PutSigned(out, t);
  return out;
}

absl::StatusOr<TimestampMs> DecodeTime(std::string_view bytes) {
  Reader reader(bytes);
  uint8_t version = 0;
  int64_t t = 0;
  if (!reader.Byte(version) || version != kTimeVersion || !reader.Signed(t) || !reader.AtEnd()) {
    return absl::DataLossError("rule group state: the record cannot be read");
  }
  return t;
}

uint64_t StateFingerprint(const ActiveAlert& alert) {
  std::string bytes;
  PutState(bytes, alert);
  return StableHash(bytes);
}

}  // namespace slowburn::rules
