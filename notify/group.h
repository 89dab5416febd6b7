// Group: alerts that one receiver is told of together, and per integration what it was told and
// what is under way. Only dispatcher*.cc and group.cc include this. Threads: guarded by the
// Dispatcher's lock.
#ifndef SLOWBURN_NOTIFY_GROUP_H_
#define SLOWBURN_NOTIFY_GROUP_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "notify/ledger.h"
#include "notify/notification_log.h"
#include "notify/route_tree.h"

namespace slowburn::notify {

// One notification on its way: from the decision (the intent, durable) to its outcome.
struct Delivery {
  DeliveryRow row;
  std::string body;
  FingerprintSet firing, resolved;
  bool in_flight = false;
  // It may have arrived although we were not told so: a timeout, a broken connection, a crash.
  bool maybe_delivered = false;
  int64_t started_ns = 0;  // of the request under way
  base::TimerId retry_timer = base::TimerId::kNone;
};

// One integration of the group's receiver. At most one delivery at a time, so that order is kept.
struct Lane {
  LogEntry entry;
  std::unique_ptr<Delivery> pending;
  // A flush found the pending one outdated but could not replace it: decide again at its end.
  bool dirty = false;
  bool queued = false;  // waits for a free request of its integration
  bool settled = true;  // nothing is left to tell since the last flush
};

struct Group {
  std::string id;  // GroupId(…)
  std::string receiver, route_key;
  LabelSet labels;
  RouteOptions options;  // of the first route
  // Several only if they have the same key; empty: none leads here any more.
  std::vector<const Route*> routes;
  // True: the routes lead here; false: only its end is still to be told.
  std::map<Fingerprint, bool> members;
  std::vector<Lane> lanes;  // by index of the integration
  base::TimestampMs next_flush = 0;
  base::TimestampMs last_flush = 0;  // 0: never
  base::TimerId timer = base::TimerId::kNone;
  uint64_t timer_generation = 0;  // of the timer that counts
  // Resolved alerts of the last flush and when they were last changed: dropped once every lane is
  // settled.
  std::vector<std::pair<Fingerprint, base::TimestampMs>> resolved_at_flush;

  std::string key() const { return GroupKey(route_key, labels); }
  bool Told(Fingerprint fingerprint) const;  // as firing, and not yet its end, in any lane
  bool HasPending() const;
};

std::string GroupId(const std::string& receiver, const std::string& route_key,
                    const LabelSet& labels);

// Keys in the StateStore.
inline constexpr char kGroupPrefix[] = "g/";
inline constexpr char kGroupEnd[] = "g0";
inline constexpr char kLogPrefix[] = "n/";
inline constexpr char kLogEnd[] = "n0";
inline constexpr char kIntentPrefix[] = "i/";
inline constexpr char kIntentEnd[] = "i0";
std::string GroupStateKey(const std::string& group_id);
std::string LaneStateKey(std::string_view prefix, size_t lane, const std::string& group_id);
// The reverse of LaneStateKey; false when `key` is none.
bool ParseLaneStateKey(std::string_view key, size_t& lane, std::string& group_id);

std::string EncodeGroup(const Group& group);
absl::StatusOr<Group> DecodeGroup(std::string_view record);
std::string EncodeIntent(const Delivery& delivery);
// Its row lacks what the group knows: receiver, integration, group key and labels.
absl::StatusOr<Delivery> DecodeIntent(std::string_view record);

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_GROUP_H_
