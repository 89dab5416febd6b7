// Label sets as Alertmanager prints, orders and hashes them. Other programs link alerts by these
// bytes (the fingerprint in silences and on-call tools, the group key in PagerDuty), so none of
// them may change.
//
// Threads: plain values and functions.
#ifndef SLOWBURN_NOTIFY_LABEL_SET_H_
#define SLOWBURN_NOTIFY_LABEL_SET_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/alert.h"

namespace slowburn::notify {

using LabelSet = rules::LabelPairs;  // sorted by name, names unique

// FNV-1a 64 over name 0xFF value 0xFF of the sorted pairs.
enum class Fingerprint : uint64_t {};
Fingerprint FingerprintOf(const LabelSet& labels);
std::string FingerprintHex(Fingerprint fingerprint);  // 16 lower-case digits

// Sorted, the last of equal names wins, empty values left out.
LabelSet MakeLabelSet(std::vector<std::pair<std::string, std::string>> pairs);
std::string_view LabelValue(const LabelSet& labels, std::string_view name);  // "" when absent
// {a="b", c="d"}
std::string LabelSetString(const LabelSet& labels);
// The order of alerts in API answers: fewer labels first, then pair by pair.
bool LabelsBefore(const LabelSet& a, const LabelSet& b);
// The order of alerts in a notification: job, instance, then LabelsBefore.
bool NotificationBefore(const LabelSet& a, const LabelSet& b);

// Go's strconv.Quote.
std::string GoQuote(std::string_view text);
bool IsLabelName(std::string_view name);        // any valid UTF-8 but ""
bool IsLegacyLabelName(std::string_view name);  // [a-zA-Z_][a-zA-Z0-9_]*
bool IsUtf8(std::string_view text);

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_LABEL_SET_H_
