#include "notify/group.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace slowburn::notify {
namespace {

enum GroupField : uint32_t {
  kReceiver = 1,
  kRouteKey,
  kLabel,
  kNextFlush,
  kLastFlush,
  kGroupInterval,
  kRepeatInterval,
  kRouteLabel
};
enum IntentField : uint32_t {
  kId = 1,
  kTime,
  kReason,
  kBody,
  kFiring,
  kResolved,
  kIsFiring,
  kAlerts,
  kAlertName
};

}  // namespace

bool Group::Told(Fingerprint fingerprint) const {
  return std::any_of(lanes.begin(), lanes.end(), [&](const Lane& lane) {
    return lane.entry.open.contains(fingerprint) ||
           (lane.pending != nullptr && lane.pending->firing.contains(fingerprint));
  });
}

bool Group::HasPending() const {
  return std::any_of(lanes.begin(), lanes.end(),
                     [](const Lane& lane) { return lane.pending != nullptr; });
}

std::string GroupId(const std::string& receiver, const std::string& route_key,
                    const LabelSet& labels) {
  return absl::StrCat(receiver.size(), ":", receiver, route_key.size(), ":", route_key,
                      LabelSetString(labels));
}

std::string GroupStateKey(const std::string& group_id) {
  return absl::StrCat(kGroupPrefix, group_id);
}

std::string LaneStateKey(std::string_view prefix, size_t lane, const std::string& group_id) {
  return absl::StrCat(std::string(prefix), lane, "/", group_id);
}

bool ParseLaneStateKey(std::string_view key, size_t& lane, std::string& group_id) {
  key.remove_prefix(std::min<size_t>(2, key.size()));
  const size_t slash = key.find('/');
  uint32_t index = 0;
  if (slash == std::string_view::npos ||
      !absl::SimpleAtoi(absl::string_view(key.data(), slash), &index))
    return false;
  lane = index;
  group_id = std::string(key.substr(slash + 1));
  return true;
}

std::string EncodeGroup(const Group& group) {
  RecordWriter record;
  record.Bytes(kReceiver, group.receiver);
  record.Bytes(kRouteKey, group.route_key);
  record.Pairs(kLabel, group.labels);
  record.Int(kNextFlush, group.next_flush);
  record.Int(kLastFlush, group.last_flush);
  record.Int(kGroupInterval, group.options.group_interval);
  record.Int(kRepeatInterval, group.options.repeat_interval);
  record.Pairs(kRouteLabel, group.options.labels);
  return record.Take();
}

absl::StatusOr<Group> DecodeGroup(std::string_view bytes) {
  Group group;
  RecordReader record(bytes);
  while (record.Next()) {
    switch (record.field()) {
      case kReceiver:
        group.receiver = record.str();
        break;
      case kRouteKey:
        group.route_key = record.str();
        break;
      case kLabel:
        group.labels.push_back(record.pair());
        break;
      case kNextFlush:
        group.next_flush = record.number();
        break;
      case kLastFlush:
        group.last_flush = record.number();
        break;
      case kGroupInterval:
        group.options.group_interval = record.number();
        break;
      case kRepeatInterval:
        group.options.repeat_interval = record.number();
        break;
      case kRouteLabel:
        group.options.labels.push_back(record.pair());
        break;
      default:
        break;
    }
  }
  if (!record.ok() || group.receiver.empty() || group.options.group_interval <= 0) {
    return absl::DataLossError("unreadable group record");
  }
  group.options.receiver = group.receiver;
  group.id = GroupId(group.receiver, group.route_key, group.labels);
  return group;
}

std::string EncodeIntent(const Delivery& delivery) {
  RecordWriter record;
  record.Bytes(kId, delivery.row.id);
  record.Int(kTime, delivery.row.time);
  record.Bytes(kReason, delivery.row.reason);
  record.Bytes(kBody, delivery.body);
  record.Bytes(kFiring, EncodeFingerprints(delivery.firing));
  record.Bytes(kResolved, EncodeFingerprints(delivery.resolved));
  record.Int(kIsFiring, delivery.row.firing ? 1 : 0);
  record.Int(kAlerts, delivery.row.alerts);
  for (const std::string& name : delivery.row.alert_names) record.Bytes(kAlertName, name);
  return record.Take();
}

absl::StatusOr<Delivery> DecodeIntent(std::string_view bytes) {
  Delivery delivery;
  RecordReader record(bytes);
  while (record.Next()) {
    switch (record.field()) {
      case kId:
        delivery.row.id = record.str();
        break;
      case kTime:
        delivery.row.time = record.number();
        break;
      case kReason:
        delivery.row.reason = record.str();
        break;
      case kBody:
        delivery.body = record.str();
        break;
      case kFiring:
        delivery.firing = DecodeFingerprints(record.bytes());
        break;
      case kResolved:
        delivery.resolved = DecodeFingerprints(record.bytes());
        break;
      case kIsFiring:
        delivery.row.firing = record.number() != 0;
        break;
      case kAlerts:
        delivery.row.alerts = record.number();
        break;
      case kAlertName:
        delivery.row.alert_names.push_back(record.str());
        break;
      default:
        break;
    }
  }
  if (!record.ok() || delivery.row.id.empty() || delivery.body.empty()) {
    return absl::DataLossError("unreadable intent record");
  }
  return delivery;
}

}  // namespace slowburn::notify
