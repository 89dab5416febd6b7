#include "notify/silences.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "notify/limits.h"
#include "notify/record.h"

namespace slowburn::notify {
namespace {

using base::TimestampMs;

constexpr char kPrefix[] = "s/";
constexpr char kPrefixEnd[] = "s0";

enum Field : uint32_t { kStart = 1, kEnd, kUpdated, kAuthor, kComment, kAnnotation, kMatcher };
enum MatcherField : uint32_t { kOp = 1, kName, kValue };

std::string Encode(const Silence& silence) {
  RecordWriter record;
  record.Int(kStart, silence.starts_at);
  record.Int(kEnd, silence.ends_at);
  record.Int(kUpdated, silence.updated_at);
  record.Bytes(kAuthor, silence.created_by);
  record.Bytes(kComment, silence.comment);
  record.Pairs(kAnnotation, silence.annotations);
  for (const Matcher& matcher : silence.matchers) {
    RecordWriter inner;
    inner.Int(kOp, int64_t(matcher.op()) + 1);
    inner.Bytes(kName, matcher.name());
    inner.Bytes(kValue, matcher.value());
    record.Bytes(kMatcher, inner.Take());
  }
  return record.Take();
}

absl::StatusOr<Matcher> DecodeMatcher(std::string_view bytes) {
  int64_t op = 0;
  std::string name, value;
  RecordReader record(bytes);
  while (record.Next()) {
    if (record.field() == kOp) op = record.number();
    if (record.field() == kName) name = record.str();
    if (record.field() == kValue) value = record.str();
  }
  if (!record.ok() || op < 1 || op > 4) return absl::DataLossError("unreadable matcher");
  return Matcher::Create(Matcher::Op(op - 1), name, value);
}

absl::StatusOr<Silence> Decode(std::string_view id, std::string_view bytes) {
  Silence silence;
  silence.id = std::string(id);
  RecordReader record(bytes);
  while (record.Next()) {
    switch (record.field()) {
      case kStart:
        silence.starts_at = record.number();
        break;
      case kEnd:
        silence.ends_at = record.number();
        break;
      case kUpdated:
        silence.updated_at = record.number();
        break;
      case kAuthor:
        silence.created_by = record.str();
        break;
      case kComment:
        silence.comment = record.str();
        break;
      case kAnnotation:
        silence.annotations.push_back(record.pair());
        break;
      case kMatcher: {
        ASSIGN_OR_RETURN(Matcher matcher, DecodeMatcher(record.bytes()));
        silence.matchers.push_back(std::move(matcher));
        break;
      }
      default:
        break;
    }
  }
  if (!record.ok()) return absl::DataLossError("truncated record");
  return silence;
}

absl::Status Invalid(std::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("invalid silence: ", std::string(why)));
}

// As Alertmanager judges it: a negative matcher says something, whatever it matches.
bool SaysNothing(const Matcher& matcher) {
  const bool negative =
      matcher.op() == Matcher::Op::kNotEqual || matcher.op() == Matcher::Op::kNotRegex;
  return !negative && matcher.Matches("");
}

absl::Status Validate(const Silence& silence) {
  if (silence.matchers.empty()) return Invalid("at least one matcher required");
  bool all_say_nothing = true;
  for (const Matcher& matcher : silence.matchers) {
    if (!IsLabelName(matcher.name()))
      return Invalid(absl::StrCat("invalid label name ", GoQuote(matcher.name())));
    if (!IsUtf8(matcher.value()))
      return Invalid(absl::StrCat("invalid label value ", GoQuote(matcher.value())));
    all_say_nothing = all_say_nothing && SaysNothing(matcher);
  }
  if (all_say_nothing) return Invalid("at least one matcher must not match the empty string");
  if (silence.ends_at == 0) return Invalid("invalid zero end timestamp");
  if (silence.ends_at < silence.starts_at) return Invalid("end time must not be before start time");
  return absl::OkStatus();
}

// The end is inclusive here, as it is for muting.
SilenceState MutingState(const Silence& silence, TimestampMs now) {
  if (now < silence.starts_at) return SilenceState::kPending;
  return now > silence.ends_at ? SilenceState::kExpired : SilenceState::kActive;
}

TimestampMs Seconds(TimestampMs t) { return t >= 0 ? t / 1000 : (t - 999) / 1000; }

bool CanUpdateInPlace(const Silence& old, const Silence& changed, TimestampMs now) {
  if (old.matchers != changed.matchers) return false;
  switch (MutingState(old, now)) {
    case SilenceState::kActive:
      return Seconds(old.starts_at) == Seconds(changed.starts_at) && changed.ends_at >= now;
    case SilenceState::kPending:
      return changed.starts_at >= now;
    case SilenceState::kExpired:
      return false;
  }
  return false;
}

}  // namespace

SilenceState StateOf(const Silence& silence, TimestampMs now) {
  if (now < silence.starts_at) return SilenceState::kPending;
  return now < silence.ends_at ? SilenceState::kActive : SilenceState::kExpired;
}

std::string_view SilenceStateName(SilenceState state) {
  switch (state) {
    case SilenceState::kActive:
      return "active";
    case SilenceState::kPending:
      return "pending";
    case SilenceState::kExpired:
      return "expired";
  }
  return "";
}

absl::Status Silences::Load() {
  const size_t prefix = sizeof(kPrefix) - 1;
  return store_.Scan(base::Space::kNotify, kPrefix, kPrefixEnd,
                     [&](std::string_view key, std::string_view value) {
                       absl::StatusOr<Silence> silence = Decode(key.substr(prefix), value);
                       if (silence.ok()) {
                         Keep(*silence);
                       } else {
                         base::Error("a stored silence is unreadable and was left out",
                                     {{"id", key.substr(prefix)}, {"err", silence.status()}});
                       }
                       return true;
                     });
}

absl::Status Silences::Store(const std::vector<Silence>& changed) {
  std::vector<base::StateChange> changes;
  for (const Silence& silence : changed) {
    std::string value = Encode(silence);
    if (value.size() > kMaxSilenceBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("silence exceeded maximum size: ", value.size(),
                       " bytes (limit: ", kMaxSilenceBytes, " bytes)"));
    }
    changes.push_back({absl::StrCat(kPrefix, silence.id), std::move(value)});
  }
  RETURN_IF_ERROR(store_.Apply(base::Space::kNotify, changes, base::Durability::kDisk));
  for (const Silence& silence : changed) Keep(silence);
  return absl::OkStatus();
}

const Matcher* Silences::IndexMatcher(const Silence& silence) {
  for (const Matcher& matcher : silence.matchers) {
    if (matcher.op() == Matcher::Op::kEqual && !matcher.value().empty()) return &matcher;
  }
  return nullptr;
}

void Silences::Keep(const Silence& silence) {
  Drop(silence.id);
  const Matcher* matcher = IndexMatcher(silence);
  (matcher == nullptr ? unindexed_ : by_label_[{matcher->name(), matcher->value()}])
      .insert(silence.id);
  silences_.emplace(silence.id, silence);
  ++version_;
}

void Silences::Drop(const std::string& id) {
  const auto it = silences_.find(id);
  if (it == silences_.end()) return;
  if (const Matcher* matcher = IndexMatcher(it->second)) {
    const auto bucket = by_label_.find({matcher->name(), matcher->value()});
    bucket->second.erase(id);
    if (bucket->second.empty()) by_label_.erase(bucket);
  } else {
    unindexed_.erase(id);
  }
  silences_.erase(it);
  ++version_;
}

std::vector<std::string> Silences::Matching(const LabelSet& labels, TimestampMs now) const {
  std::vector<std::string> ids;
  const auto collect = [&](const std::set<std::string>& candidates) {
    for (const std::string& id : candidates) {
      const Silence& silence = silences_.at(id);
      if (MutingState(silence, now) != SilenceState::kExpired &&
          MatchesAll(silence.matchers, labels))
        ids.push_back(id);
    }
  };
  for (const auto& label : labels) {
    if (const auto bucket = by_label_.find(label); bucket != by_label_.end())
      collect(bucket->second);
  }
  collect(unindexed_);
  std::sort(ids.begin(), ids.end());
  return ids;
}

Silence Silences::Expired(Silence silence, TimestampMs now) {
  // One that has not begun moves as a whole, so that it reads as expired and not as one that ended
  // before its start.
  silence.starts_at = std::min(silence.starts_at, now);
  silence.ends_at = now;
  silence.updated_at = now;
  return silence;
}

absl::StatusOr<std::string> Silences::Set(Silence silence, TimestampMs now) {
  if (silence.starts_at == 0) silence.starts_at = now;
  RETURN_IF_ERROR(Validate(silence));
  std::sort(silence.annotations.begin(), silence.annotations.end());
  silence.updated_at = now;
  std::vector<Silence> changed;
  if (!silence.id.empty()) {
    const Silence* old = Find(silence.id);
    if (old == nullptr) return absl::NotFoundError("silence not found");
    if (CanUpdateInPlace(*old, silence, now)) {
      RETURN_IF_ERROR(Store({silence}));
      return silence.id;
    }
    if (MutingState(*old, now) != SilenceState::kExpired) changed.push_back(Expired(*old, now));
  }
  if (silences_.size() >= kMaxSilences) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "exceeded maximum number of silences: ", silences_.size(), " (limit: ", kMaxSilences, ")"));
  }
  silence.id = ids_.Next();
  silence.starts_at = std::max(silence.starts_at, now);
  changed.push_back(silence);
  RETURN_IF_ERROR(Store(changed));
  return silence.id;
}

absl::Status Silences::Expire(const std::string& id, TimestampMs now) {
  const Silence* silence = Find(id);
  if (silence == nullptr) return absl::NotFoundError("silence not found");
  if (MutingState(*silence, now) == SilenceState::kExpired) return absl::OkStatus();
  return Store({Expired(*silence, now)});
}

const Silence* Silences::Find(const std::string& id) const {
  const auto it = silences_.find(id);
  return it == silences_.end() ? nullptr : &it->second;
}

std::vector<std::string> Silences::SilencedBy(Fingerprint fingerprint, const LabelSet& labels,
                                              TimestampMs now) {
  Cached& cached = cache_[fingerprint];
  if (cached.version != version_) cached = {version_, Matching(labels, now)};
  std::vector<std::string> active;
  for (const std::string& id : cached.ids) {
    const Silence* silence = Find(id);
    if (silence != nullptr && MutingState(*silence, now) == SilenceState::kActive)
      active.push_back(id);
  }
  return active;
}

void Silences::CollectGarbage(TimestampMs now) {
  std::vector<base::StateChange> changes;
  for (const auto& [id, silence] : silences_) {
    if (silence.ends_at + kSilenceRetention >= now) continue;
    changes.push_back({absl::StrCat(kPrefix, id), "", base::StateChange::kDelete});
  }
  if (changes.empty()) return;
  if (!store_.Apply(base::Space::kNotify, changes, base::Durability::kProcess).ok())
    return;  // the next round tries again
  for (const base::StateChange& change : changes) Drop(change.key.substr(sizeof(kPrefix) - 1));
}

}  // namespace slowburn::notify
