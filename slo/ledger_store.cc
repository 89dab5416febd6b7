#include "slo/ledger_store.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "slo/fingerprint.h"

namespace slowburn::slo {
namespace {

using base::Durability;
using base::Space;
using base::StateChange;

constexpr std::string_view kRunKey = "run";
constexpr int kMetaVersion = 1;

std::string Prefix(const std::string& sli_text) {
  return absl::StrCat("s/", Fingerprint(sli_text), "/");
}

std::string BlockKey(const std::string& prefix, int64_t index) {
  const uint64_t ordered = static_cast<uint64_t>(index) ^ (uint64_t{1} << 63);
  std::string key = prefix + "b/";
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(ordered >> shift));
  return key;
}

std::string BlocksEnd(const std::string& prefix) { return prefix + "b0"; }  // '0' follows '/'

int64_t IndexOf(std::string_view key) {
  uint64_t ordered = 0;
  for (const char c : key.substr(key.size() - 8))
    ordered = (ordered << 8) | static_cast<uint8_t>(c);
  return static_cast<int64_t>(ordered ^ (uint64_t{1} << 63));
}

struct Meta {
  std::string sli;
  TimestampMs watermark = 0;
  DurationMs keep = 0;
};

std::string EncodeMeta(const Meta& meta) {
  std::string out;
  base::JsonWriter json(out);
  json.BeginObject();
  json.Field("version", int64_t{kMetaVersion});
  json.Field("sli", std::string_view(meta.sli));
  json.Field("watermark", meta.watermark);
  json.Field("keep", meta.keep);
  json.EndObject();
  return out;
}

std::optional<Meta> DecodeMeta(std::string_view text) {
  const absl::StatusOr<base::JsonValue> json = base::ParseJson(text);
  if (!json.ok()) return std::nullopt;
  const base::JsonValue* watermark = json->Find("watermark");
  const base::JsonValue* keep = json->Find("keep");
  const base::JsonValue* version = json->Find("version");
  if (watermark == nullptr || keep == nullptr || version == nullptr ||
      version->number != kMetaVersion) {
    return std::nullopt;
  }
  return Meta{std::string(json->StringAt("sli")), static_cast<TimestampMs>(watermark->number),
              static_cast<DurationMs>(keep->number)};
}

}  // namespace

absl::StatusOr<LedgerStore::LastRun> LedgerStore::MarkOpen() {
  LastRun last = LastRun::kFirst;
  const absl::StatusOr<std::string> run = state_.Get(Space::kSlo, kRunKey);
  if (run.ok()) {
    last = *run == "clean" ? LastRun::kClean : LastRun::kKilled;
  } else if (!absl::IsNotFound(run.status())) {
    return run.status();
  }
  RETURN_IF_ERROR(state_.Apply(Space::kSlo, {{std::string(kRunKey), "open"}}, Durability::kDisk));
  return last;
}

absl::Status LedgerStore::MarkClean() {
  return state_.Apply(Space::kSlo, {{std::string(kRunKey), "clean"}}, Durability::kDisk);
}

absl::StatusOr<std::optional<LedgerStore::Loaded>> LedgerStore::Load(SliLedger& ledger) {
  const std::string text = ledger.sli().CanonicalText();
  const std::string prefix = Prefix(text);
  const absl::StatusOr<std::string> stored = state_.Get(Space::kSlo, prefix + "m");
  if (absl::IsNotFound(stored.status())) return std::optional<Loaded>();
  RETURN_IF_ERROR(stored.status());
  const std::optional<Meta> meta = DecodeMeta(*stored);
  if (!meta.has_value() || meta->sli != text) {
    metrics_.corrupt_records.Increment();
    base::Error("slices of an SLI cannot be used: their description is unreadable or another one's",
                {{"sli", text}, {"found", *stored}});
    return std::optional<Loaded>();
  }
  Loaded loaded;
  loaded.watermark = meta->watermark;
  loaded.cursor.rewrite = false;
  loaded.cursor.stale_from = SliceOf(meta->watermark + 1) / kSlicesPerBlock;
  RETURN_IF_ERROR(state_.Scan(Space::kSlo, prefix + "b/", BlocksEnd(prefix),
                              [&](std::string_view key, std::string_view value) {
                                const bool ok = key.size() == prefix.size() + 10 &&
                                                ledger.WithSlices([&](SliceLog& slices) {
                                                  return slices.LoadBlock(IndexOf(key), value);
                                                });
                                if (!ok) ++loaded.corrupt;
                                return true;
                              }));
  if (loaded.corrupt > 0) {
    metrics_.corrupt_records.Increment(static_cast<double>(loaded.corrupt));
    base::Error("stored slices cannot be read; what the store still holds is counted anew",
                {{"sli", text}, {"hours", loaded.corrupt}});
  }
  ledger.WithSlices([&](SliceLog& slices) { slices.TruncateAfter(meta->watermark); });
  return std::optional<Loaded>(loaded);
}

absl::Status LedgerStore::Persist(SliLedger& ledger, TimestampMs watermark, Cursor& cursor) {
  const std::string text = ledger.sli().CanonicalText();
  const std::string prefix = Prefix(text);
  Meta meta{text, watermark, 0};
  int64_t first_index = 0;
  const std::vector<SliceLog::EncodedBlock> blocks = ledger.WithSlices([&](SliceLog& slices) {
    if (cursor.rewrite) slices.MarkAllChanged();
    meta.keep = slices.options().keep_ms;
    first_index = slices.first_index();
    return slices.TakeChanged();
  });
  std::vector<StateChange> changes;
  const auto delete_range = [&](std::string from, std::string to) {
    changes.push_back({std::move(from), std::move(to), StateChange::kDeleteRange});
  };
  if (cursor.rewrite) {
    delete_range(prefix + "b/", BlocksEnd(prefix));
  } else if (cursor.stale_from.has_value()) {
    delete_range(BlockKey(prefix, *cursor.stale_from), BlocksEnd(prefix));
  }
  if (first_index > cursor.first_index) delete_range(prefix + "b/", BlockKey(prefix, first_index));
  for (const SliceLog::EncodedBlock& block : blocks) {
    changes.push_back({BlockKey(prefix, block.index), block.bytes});
  }
  changes.push_back({prefix + "m", EncodeMeta(meta)});
  const absl::Status status = state_.Apply(Space::kSlo, changes, Durability::kProcess);
  if (!status.ok()) {
    metrics_.persist_failures.Increment();
    ledger.WithSlices([&](SliceLog& slices) {
      for (const SliceLog::EncodedBlock& block : blocks) slices.MarkChanged(block.index);
    });
    return status;
  }
  cursor = {.rewrite = false, .stale_from = std::nullopt, .first_index = first_index};
  return absl::OkStatus();
}

absl::Status LedgerStore::DropUnused(const std::set<std::string>& used, TimestampMs now) {
  std::vector<StateChange> changes;
  RETURN_IF_ERROR(
      state_.Scan(Space::kSlo, "s/", "s0", [&](std::string_view key, std::string_view value) {
        if (key.substr(key.size() - 2) != "/m") return true;
        const std::optional<Meta> meta = DecodeMeta(value);
        if (!meta.has_value() || used.contains(meta->sli) || meta->watermark + meta->keep > now)
          return true;
        const std::string prefix(key.substr(0, key.size() - 1));
        changes.push_back({prefix, prefix + "~", StateChange::kDeleteRange});
        base::Info("slices of an SLI that no SLO uses any more are deleted", {{"sli", meta->sli}});
        return true;
      }));
  if (changes.empty()) return absl::OkStatus();
  return state_.Apply(Space::kSlo, changes, Durability::kProcess);
}

}  // namespace slowburn::slo
