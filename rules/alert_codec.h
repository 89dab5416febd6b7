// How the state of alerts lies in the StateStore (Space::kRules), so that it survives kill -9.
//
//   "v1/alert/" FILE 0 GROUP 0 RULE 0 ALERT    one alert; RULE and ALERT are 16 hex digits
//   "v1/group/" FILE 0 GROUP                   when the group was last evaluated
//
// RULE hashes name, labels and expression, and counts rules that are equal in all three. Values
// begin with a version byte. Decoding never trusts the bytes: kDataLoss for what cannot be read.
// Threads: stateless.
#ifndef SLOWBURN_RULES_ALERT_CODEC_H_
#define SLOWBURN_RULES_ALERT_CODEC_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "rules/alert_table.h"
#include "rules/spec.h"

namespace slowburn::rules {

inline constexpr std::string_view kAlertKeys = "v1/alert/";
inline constexpr std::string_view kGroupKeys = "v1/group/";

uint64_t RuleIdentity(const RuleSpec& rule, size_t occurrence);

std::string GroupStateKey(std::string_view file, std::string_view group);
std::string RuleKeyPrefix(std::string_view file, std::string_view group, uint64_t rule);
std::string AlertStateKey(std::string_view rule_prefix, const tsdb::Labels& alert);
// The key without its last part: what RuleKeyPrefix gave. Empty when `key` is none of these.
std::string_view RulePrefixOf(std::string_view key);
// FILE 0 GROUP of either kind of key.
std::string_view GroupPartOf(std::string_view key);

std::string EncodeAlert(const ActiveAlert& alert);
absl::StatusOr<ActiveAlert> DecodeAlert(std::string_view bytes);
std::string EncodeTime(TimestampMs t);
absl::StatusOr<TimestampMs> DecodeTime(std::string_view bytes);

// Of what must be stored when it changes: not of value and annotations, which the next evaluation
// brings anyway.
uint64_t StateFingerprint(const ActiveAlert& alert);

// FNV-1a: the same in every process.
uint64_t StableHash(std::string_view bytes, uint64_t seed = 14695981039346656037u);

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_ALERT_CODEC_H_
