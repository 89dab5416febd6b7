// Silences: who is muted until when. Every change is on disk before it is acknowledged; a silence
// ends by the clock.
//
// Threads: not thread-safe; the Dispatcher's lock guards it.
#ifndef SLOWBURN_NOTIFY_SILENCES_H_
#define SLOWBURN_NOTIFY_SILENCES_H_

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/state_store.h"
#include "notify/matcher.h"
#include "notify/uuid.h"

namespace slowburn::notify {

struct Silence {
  std::string id;  // a UUID; "" for a new one
  Matchers matchers;
  base::TimestampMs starts_at = 0, ends_at = 0, updated_at = 0;
  std::string created_by, comment;
  std::vector<std::pair<std::string, std::string>> annotations;  // sorted by name
};

enum class SilenceState { kActive, kPending, kExpired };
SilenceState StateOf(const Silence& silence, base::TimestampMs now);
std::string_view SilenceStateName(SilenceState state);

class Silences {
 public:
  Silences(base::StateStore& store, UuidSource& ids) : store_(store), ids_(ids) {}

  absl::Status Load();
  // A new silence, or a change of the one with this id: in place where only times, comment and
  // author change and the past stays as it was; otherwise the old one expires and a new one is
  // made. Returns the id that now holds. kInvalidArgument: the silence makes no sense; kNotFound:
  // no such id; kResourceExhausted; kUnavailable: not stored.
  absl::StatusOr<std::string> Set(Silence silence, base::TimestampMs now);
  // Ends it now; nothing happens to one that has ended. kNotFound, kUnavailable.
  absl::Status Expire(const std::string& id, base::TimestampMs now);
  const Silence* Find(const std::string& id) const;  // nullptr: unknown
  const std::map<std::string, Silence>& all() const { return silences_; }

  // The ids of the silences that mute these labels at `now`, sorted. The end itself is still muted.
  std::vector<std::string> SilencedBy(Fingerprint fingerprint, const LabelSet& labels,
                                      base::TimestampMs now);
  void Forget(Fingerprint fingerprint) { cache_.erase(fingerprint); }
  // Drops what ended longer ago than kSilenceRetention.
  void CollectGarbage(base::TimestampMs now);

 private:
  struct Cached {
    uint64_t version = 0;
    std::vector<std::string> ids;  // that match, whatever the time
  };
  absl::Status Store(const std::vector<Silence>& changed);
  void Keep(const Silence& silence);
  void Drop(const std::string& id);
  // Where the index keeps a silence: under one of its name="value" matchers, or in the list of the
  // others.
  static const Matcher* IndexMatcher(const Silence& silence);
  std::vector<std::string> Matching(const LabelSet& labels, base::TimestampMs now) const;
  static Silence Expired(Silence silence, base::TimestampMs now);

  base::StateStore& store_;
  UuidSource& ids_;
  std::map<std::string, Silence> silences_;
  // Ids, by name and value.
  std::map<std::pair<std::string, std::string>, std::set<std::string>> by_label_;
  std::set<std::string> unindexed_;  // ids of those without such a matcher
  uint64_t version_ = 1;             // of the set of silences; older cache entries are stale
  std::unordered_map<Fingerprint, Cached> cache_;
};

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_SILENCES_H_
