#include "tsdb/prometheus/block_meta.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/status_macros.h"

namespace slowburn::tsdb::prom {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr size_t kUlidLength = 26;
constexpr double kMaxWhole = 0x1p62;
constexpr int kVersion = 1;

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrCat("meta.json: ", std::string(what)));
}

double NumberAt(const base::JsonValue& object, std::string_view key) {
  const base::JsonValue* value = object.Find(key);
  const bool good = value != nullptr && value->kind == base::JsonValue::Kind::kNumber &&
                    std::abs(value->number) < kMaxWhole;
  return good ? value->number : 0;
}

uint64_t CountAt(const base::JsonValue& object, std::string_view key) {
  const double value = NumberAt(object, key);
  return value > 0 ? static_cast<uint64_t>(value) : 0;
}

void ParseStats(const base::JsonValue* stats, BlockMeta& meta) {
  if (stats == nullptr) return;
  meta.samples = CountAt(*stats, "numSamples");
  meta.series = CountAt(*stats, "numSeries");
  meta.chunks = CountAt(*stats, "numChunks");
  meta.float_samples = CountAt(*stats, "numFloatSamples");
  meta.histogram_samples = CountAt(*stats, "numHistogramSamples");
}

void ParseCompaction(const base::JsonValue* compaction, BlockMeta& meta) {
  if (compaction == nullptr) return;
  meta.level = static_cast<int>(CountAt(*compaction, "level") & 0xFF);
  if (const base::JsonValue* deletable = compaction->Find("deletable"); deletable != nullptr)
    meta.deletable = deletable->boolean;
  if (const base::JsonValue* parents = compaction->Find("parents"); parents != nullptr) {
    for (const base::JsonValue& parent : parents->items)
      meta.parents.emplace_back(parent.StringAt("ulid"));
  }
  if (const base::JsonValue* hints = compaction->Find("hints"); hints != nullptr) {
    for (const base::JsonValue& hint : hints->items) meta.hints.push_back(hint.string);
  }
}

}  // namespace

absl::StatusOr<BlockMeta> ParseBlockMeta(std::string_view json) {
  const absl::StatusOr<base::JsonValue> parsed = base::ParseJson(json);
  if (!parsed.ok()) return Damaged(std::string(parsed.status().message()));
  if (parsed->kind != base::JsonValue::Kind::kObject) return Damaged("not an object");
  if (NumberAt(*parsed, "version") != kVersion) {
    return Damaged(absl::StrCat("version ", NumberAt(*parsed, "version"), ", wanted ", kVersion));
  }
  BlockMeta meta;
  meta.ulid = parsed->StringAt("ulid");
  if (!IsUlid(meta.ulid)) return Damaged(absl::StrCat("the ULID is \"", meta.ulid, "\""));
  meta.min_t = static_cast<TimestampMs>(NumberAt(*parsed, "minTime"));
  meta.max_t = static_cast<TimestampMs>(NumberAt(*parsed, "maxTime"));
  ParseStats(parsed->Find("stats"), meta);
  ParseCompaction(parsed->Find("compaction"), meta);
  return meta;
}

std::string FormatBlockMeta(const BlockMeta& meta) {
  std::string out;
  base::JsonWriter json(out);
  const auto count = [&](std::string_view key, uint64_t value) {
    json.Field(key, static_cast<int64_t>(value));
  };
  json.BeginObject();
  json.Field("ulid", std::string_view(meta.ulid));
  json.Field("minTime", meta.min_t);
  json.Field("maxTime", meta.max_t);
  json.Key("stats");
  json.BeginObject();
  count("numSamples", meta.samples);
  if (meta.float_samples > 0) count("numFloatSamples", meta.float_samples);
  if (meta.histogram_samples > 0) count("numHistogramSamples", meta.histogram_samples);
  count("numSeries", meta.series);
  count("numChunks", meta.chunks);
  json.EndObject();
  json.Key("compaction");
  json.BeginObject();
  json.Field("level", int64_t{meta.level});
  json.Key("sources");
  json.BeginArray();
  json.String(meta.ulid);
  json.EndArray();
  json.EndObject();
  json.Field("version", int64_t{kVersion});
  json.EndObject();
  out += '\n';
  return out;
}

bool IsUlid(std::string_view name) {
  if (name.size() != kUlidLength || name[0] > '7') return false;
  return name.find_first_not_of(kDigits) == std::string_view::npos;
}

std::string MakeUlid(TimestampMs now, uint64_t chance_high16, uint64_t chance_low64) {
  // 128 bits in two halves, five at a time from the low end.
  uint64_t high = static_cast<uint64_t>(now) << 16 | (chance_high16 & 0xFFFF), low = chance_low64;
  std::string out(kUlidLength, '0');
  for (size_t i = kUlidLength; i-- > 0;) {
    out[i] = kDigits[low & 31];
    low = low >> 5 | high << 59;
    high >>= 5;
  }
  return out;
}

}  // namespace slowburn::tsdb::prom
