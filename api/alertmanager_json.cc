#include "api/alertmanager_json.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/number.h"

namespace slowburn::api {
namespace {

using base::JsonValue;
using base::JsonWriter;
using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr int kNotReadable = 400, kWrongFormat = 601, kMissing = 602, kTooFewItems = 612;
constexpr base::TimestampMs kGoZeroTime = -62135596800000;  // 0001-01-01T00:00:00Z: not given

void WriteStrings(JsonWriter& json, std::string_view key, const std::vector<std::string>& values) {
  json.Key(key);
  json.BeginArray();
  for (const std::string& value : values) json.String(value);
  json.EndArray();
}

// Reads one object's members; the first fault stays.
class ObjectReader {
 public:
  // `body` names the whole in messages about its syntax, `path` stands before the names of members.
  ObjectReader(const JsonValue& object, std::string_view body, std::string path)
      : object_(object), body_(body), path_(std::move(path)) {
    if (object.kind != JsonValue::Kind::kObject) Unreadable("want an object");
  }

  const JsonValue* Find(std::string_view key) const {
    const JsonValue* found = object_.Find(key);
    return found == nullptr || found->IsNull() ? nullptr : found;
  }
  const JsonValue* Required(std::string_view key) {
    const JsonValue* found = Find(key);
    if (found == nullptr)
      Fail(kMissing, absl::StrCat(path_, std::string(key), " in body is required"));
    return found;
  }
  void String(std::string_view key, std::string& out) { ReadString(key, Find(key), out); }
  void RequiredString(std::string_view key, std::string& out) {
    ReadString(key, Required(key), out);
  }

  void Bool(std::string_view key, const JsonValue* value, bool& out) {
    if (value == nullptr) return;
    if (value->kind != JsonValue::Kind::kBool)
      return Unreadable(absl::StrCat(std::string(key), ": want true or false"));
    out = value->boolean;
  }

  void Map(std::string_view key, const JsonValue* value, Pairs& out) {
    if (value == nullptr) return;
    if (value->kind != JsonValue::Kind::kObject)
      return Unreadable(absl::StrCat(std::string(key), ": want an object"));
    for (const auto& [name, text] : value->members) {
      if (text.kind != JsonValue::Kind::kString) {
        return Unreadable(absl::StrCat(std::string(key), ".", name, ": want a string"));
      }
      out.emplace_back(name, text.string);
    }
  }

  void Time(std::string_view key, const JsonValue* value, base::TimestampMs& out) {
    std::string text;
    ReadString(key, value, text);
    if (text.empty()) return;
    const absl::StatusOr<base::TimestampMs> time = base::ParseRfc3339(text);
    if (!time.ok())
      return Unreadable(absl::StrCat(std::string(key), ": ", std::string(time.status().message())));
    out = *time == kGoZeroTime ? 0 : *time;
  }

  void Fail(int code, std::string message) {
    if (!fault_) fault_ = BodyFault{code, std::move(message)};
  }
  void Unreadable(std::string_view why) {
    Fail(kNotReadable, absl::StrCat("parsing ", body_, " body from \"\" failed, because ", path_,
                                    std::string(why)));
  }
  const std::optional<BodyFault>& fault() const { return fault_; }

 private:
  void ReadString(std::string_view key, const JsonValue* value, std::string& out) {
    if (value == nullptr) return;
    if (value->kind != JsonValue::Kind::kString)
      return Unreadable(absl::StrCat(std::string(key), ": want a string"));
    out = value->string;
  }

  const JsonValue& object_;
  const std::string body_, path_;
  std::optional<BodyFault> fault_;
};

std::variant<JsonValue, BodyFault> ReadBody(std::string_view body, std::string_view name) {
  if (body.empty())
    return BodyFault{kMissing, absl::StrCat(std::string(name), " in body is required")};
  absl::StatusOr<JsonValue> json = base::ParseJson(body);
  if (json.ok()) return std::move(*json);
  return BodyFault{kNotReadable,
                   absl::StrCat("parsing ", std::string(name), " body from \"\" failed, because ",
                                std::string(json.status().message()))};
}

// A path, or anything with a scheme.
bool IsUri(std::string_view text) {
  if (text.empty() || text.front() == '/') return true;
  const size_t colon = text.find(':');
  return colon != std::string_view::npos && absl::ascii_isalpha(text.front()) &&
         std::all_of(text.begin(), text.begin() + std::ptrdiff_t(colon), [](char c) {
           return absl::ascii_isalnum(c) || c == '+' || c == '-' || c == '.';
         });
}

std::optional<BodyFault> ReadAlert(const JsonValue& item, size_t index, rules::Alert& alert) {
  ObjectReader reader(item, "alerts", absl::StrCat(index, "."));
  if (reader.fault()) return reader.fault();
  reader.Map("labels", reader.Required("labels"), alert.labels);
  reader.Map("annotations", reader.Find("annotations"), alert.annotations);
  reader.Time("startsAt", reader.Find("startsAt"), alert.starts_at);
  reader.Time("endsAt", reader.Find("endsAt"), alert.ends_at);
  reader.String("generatorURL", alert.generator_url);
  if (!IsUri(alert.generator_url)) {
    std::string quoted;
    base::AppendJsonString(quoted, alert.generator_url);
    reader.Fail(kWrongFormat,
                absl::StrCat(index, ".generatorURL in body must be of type uri: ", quoted));
  }
  return reader.fault();
}

notify::Matcher::Op OpOf(bool is_equal, bool is_regex) {
  using Op = notify::Matcher::Op;
  if (is_regex) return is_equal ? Op::kRegex : Op::kNotRegex;
  return is_equal ? Op::kEqual : Op::kNotEqual;
}

std::optional<BodyFault> ReadMatcher(const JsonValue& item, size_t index, notify::Matchers& out) {
  ObjectReader reader(item, "silence", absl::StrCat("matchers.", index, "."));
  if (reader.fault()) return reader.fault();
  bool is_regex = false, is_equal = true;
  std::string name, value;
  reader.Bool("isRegex", reader.Required("isRegex"), is_regex);
  reader.Bool("isEqual", reader.Find("isEqual"), is_equal);
  reader.RequiredString("name", name);
  reader.RequiredString("value", value);
  if (reader.fault()) return reader.fault();
  absl::StatusOr<notify::Matcher> matcher =
      notify::Matcher::Create(OpOf(is_equal, is_regex), name, value);
  if (!matcher.ok()) {
    return BodyFault{0, absl::StrCat("invalid silence: invalid label matcher ", index,
                                     ": invalid regular expression \"", value,
                                     "\": ", std::string(matcher.status().message()))};
  }
  out.push_back(std::move(*matcher));
  return std::nullopt;
}

}  // namespace

void WriteAlertView(JsonWriter& json, const notify::AlertView& alert) {
  json.BeginObject();
  json.Key("annotations");
  json.StringMap(alert.annotations);
  json.Field("endsAt", base::FormatRfc3339(alert.ends_at));
  json.Field("fingerprint", notify::FingerprintHex(alert.fingerprint));
  json.Key("receivers");
  json.BeginArray();
  for (const std::string& name : alert.receivers) {
    json.BeginObject();
    json.Field("name", name);
    json.EndObject();
  }
  json.EndArray();
  json.Field("startsAt", base::FormatRfc3339(alert.starts_at));
  json.Key("status");
  json.BeginObject();
  WriteStrings(json, "inhibitedBy", alert.inhibited_by);
  WriteStrings(json, "mutedBy", alert.muted_by);
  WriteStrings(json, "silencedBy", alert.silenced_by);
  json.Field("state", alert.suppressed() ? "suppressed" : "active");
  json.EndObject();
  json.Field("updatedAt", base::FormatRfc3339(alert.updated_at));
  if (!alert.generator_url.empty()) json.Field("generatorURL", alert.generator_url);
  json.Key("labels");
  json.StringMap(alert.labels);
  json.EndObject();
}

void WriteGroupView(JsonWriter& json, const notify::GroupView& group) {
  json.BeginObject();
  json.Key("alerts");
  json.BeginArray();
  for (const notify::AlertView& alert : group.alerts) WriteAlertView(json, alert);
  json.EndArray();
  json.Key("labels");
  json.StringMap(group.labels);
  json.Key("receiver");
  json.BeginObject();
  json.Field("name", group.receiver);
  json.EndObject();
  if (!group.route_labels.empty()) {
    json.Key("routeLabels");
    json.StringMap(group.route_labels);
  }
  json.EndObject();
}

void WriteSilence(JsonWriter& json, const notify::Silence& silence, base::TimestampMs now) {
  json.BeginObject();
  json.Field("id", silence.id);
  json.Key("status");
  json.BeginObject();
  json.Field("state", notify::SilenceStateName(notify::StateOf(silence, now)));
  json.EndObject();
  json.Field("updatedAt", base::FormatRfc3339(silence.updated_at));
  if (!silence.annotations.empty()) {
    json.Key("annotations");
    json.StringMap(silence.annotations);
  }
  json.Field("comment", silence.comment);
  json.Field("createdBy", silence.created_by);
  json.Field("endsAt", base::FormatRfc3339(silence.ends_at));
  json.Key("matchers");
  json.BeginArray();
  for (const notify::Matcher& matcher : silence.matchers) {
    json.BeginObject();
    json.Field("isEqual", matcher.is_equal());
    json.Field("isRegex", matcher.is_regex());
    json.Field("name", matcher.name());
    json.Field("value", matcher.value());
    json.EndObject();
  }
  json.EndArray();
  json.Field("startsAt", base::FormatRfc3339(silence.starts_at));
  json.EndObject();
}

std::variant<std::vector<rules::Alert>, BodyFault> ReadAlerts(std::string_view body) {
  std::variant<JsonValue, BodyFault> json = ReadBody(body, "alerts");
  if (const BodyFault* fault = std::get_if<BodyFault>(&json)) return *fault;
  const JsonValue& list = std::get<JsonValue>(json);
  if (list.kind != JsonValue::Kind::kArray) {
    return BodyFault{kNotReadable, "parsing alerts body from \"\" failed, because want an array"};
  }
  std::vector<rules::Alert> alerts(list.items.size());
  for (size_t i = 0; i < alerts.size(); ++i) {
    if (const auto fault = ReadAlert(list.items[i], i, alerts[i])) return *fault;
  }
  return alerts;
}

std::variant<notify::Silence, BodyFault> ReadSilence(std::string_view body) {
  std::variant<JsonValue, BodyFault> json = ReadBody(body, "silence");
  if (const BodyFault* fault = std::get_if<BodyFault>(&json)) return *fault;
  notify::Silence silence;
  ObjectReader reader(std::get<JsonValue>(json), "silence", "");
  if (reader.fault()) return *reader.fault();
  reader.String("id", silence.id);
  reader.RequiredString("comment", silence.comment);
  reader.RequiredString("createdBy", silence.created_by);
  reader.Time("endsAt", reader.Required("endsAt"), silence.ends_at);
  const JsonValue* matchers = reader.Required("matchers");
  reader.Time("startsAt", reader.Required("startsAt"), silence.starts_at);
  reader.Map("annotations", reader.Find("annotations"), silence.annotations);
  if (reader.fault()) return *reader.fault();
  if (matchers->kind != JsonValue::Kind::kArray) reader.Unreadable("matchers: want an array");
  if (matchers->items.empty())
    reader.Fail(kTooFewItems, "matchers in body should have at least 1 items");
  if (reader.fault()) return *reader.fault();
  for (size_t i = 0; i < matchers->items.size(); ++i) {
    if (const auto fault = ReadMatcher(matchers->items[i], i, silence.matchers)) return *fault;
  }
  return silence;
}

}  // namespace slowburn::api
