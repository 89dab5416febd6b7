#include "tests/notify/world.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/json.h"
#include "base/number.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::notify {
namespace {

std::string AlertText(const base::JsonValue& labels) {
  std::string text(labels.StringAt("alertname"));
  if (const std::string_view instance = labels.StringAt("instance"); !instance.empty()) {
    text += "/" + std::string(instance);
  }
  return text;
}

void ReadBody(Received& received) {
  const absl::StatusOr<base::JsonValue> body = base::ParseJson(received.body);
  if (!body.ok()) {
    ADD_FAILURE() << body.status() << " in " << received.body;
    return;
  }
  received.status = std::string(body->StringAt("status"));
  received.reason = std::string(body->StringAt("notification_reason"));
  for (const base::JsonValue& alert : body->Find("alerts")->items) {
    const std::string text = AlertText(*alert.Find("labels"));
    (alert.StringAt("status") == "firing" ? received.firing : received.resolved).push_back(text);
  }
}

std::string HeaderOf(const base::HttpRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return "";
}

}  // namespace

std::string Received::ToString(base::TimestampMs start) const {
  return absl::StrCat(base::FormatDuration(time - start), " ", path, " firing[",
                      absl::StrJoin(firing, " "), "] resolved[", absl::StrJoin(resolved, " "), "] ",
                      reason);
}

void FakeReceivers::Start(base::HttpRequest request, Callback done) {
  Received received;
  received.time = clock_.Now();
  received.url = request.url;
  received.path = request.url.substr(request.url.rfind('/') + 1);
  received.body = request.body;
  received.id = HeaderOf(request, "Idempotency-Key");
  (void)absl::SimpleAtoi(HeaderOf(request, "X-Notification-Attempt"), &received.attempt);
  ReadBody(received);
  Reply reply;
  for (const auto& [path, r] : replies_) {
    if (path == received.path) {
      reply = r;
      break;
    }
    if (path.empty()) reply = r;
  }
  received_.push_back(std::move(received));
  if (reply.kind == Reply::kHold) {
    held_.emplace_back(received_.size() - 1, std::move(done));
  } else {
    Answer(received_.size() - 1, reply, done);
  }
}

void FakeReceivers::Answer(size_t index, const Reply& reply, const Callback& done) {
  Received& received = received_[index];
  received.accepted =
      reply.kind == Reply::kLoseAnswer || (reply.kind == Reply::kAnswer && reply.status / 100 == 2);
  if (received.accepted && on_accepted) on_accepted(received);
  switch (reply.kind) {
    case Reply::kAnswer: {
      base::HttpResponse response;
      response.status = reply.status;
      if (!reply.retry_after.empty()) response.headers = {{"retry-after", reply.retry_after}};
      return done(std::move(response));
    }
    case Reply::kTimeout:
      return done(absl::DeadlineExceededError("timed out"));
    case Reply::kRefuseConnection:
      return done(absl::UnavailableError("connection refused"));
    case Reply::kLoseAnswer:
    case Reply::kHold:
      return;
  }
}

void FakeReceivers::Set(const std::string& path, Reply reply) {
  std::erase_if(replies_, [&](const auto& r) { return r.first == path; });
  replies_.emplace_back(path, std::move(reply));
}

void FakeReceivers::ReleaseAll(Reply reply) {
  for (auto& [index, done] : std::exchange(held_, {})) Answer(index, reply, done);
}

std::vector<Received> FakeReceivers::accepted() const {
  std::vector<Received> result;
  std::copy_if(received_.begin(), received_.end(), std::back_inserter(result),
               [](const Received& r) { return r.accepted; });
  return result;
}

rules::LabelPairs ParseAlertText(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> labels;
  const std::vector<std::string> words =
      absl::StrSplit(absl::string_view(text.data(), text.size()), ' ', absl::SkipEmpty());
  for (size_t i = 0; i < words.size(); ++i) {
    if (i == 0) {
      const std::vector<std::string> name = absl::StrSplit(words[0], absl::MaxSplits('/', 1));
      labels.emplace_back("alertname", name[0]);
      if (name.size() > 1) labels.emplace_back("instance", name[1]);
    } else {
      const std::vector<std::string> pair = absl::StrSplit(words[i], absl::MaxSplits('=', 1));
      labels.emplace_back(pair[0], pair.size() > 1 ? pair[1] : "");
    }
  }
  return MakeLabelSet(std::move(labels));
}

World::World(std::string config, base::TimestampMs start_time)
    : start(start_time),
      clock(start_time),
      executor(clock),
      receivers(clock),
      config_(std::move(config)) {
  Create();
}

World::~World() = default;

void World::Create() {
  registry = std::make_unique<prometheus::Registry>();
  absl::StatusOr<ConfigPtr> config = ParseAlertmanagerConfig(config_, "am.yml");
  EXPECT_OK(config);
  if (!config.ok()) std::abort();
  auto created = Notifier::Create({.store = store,
                                   .executor = executor,
                                   .clock = clock,
                                   .http = receivers,
                                   .registry = *registry,
                                   .external_url = "http://slowburn:9090",
                                   .seed = seed_++},
                                  *config);
  EXPECT_OK(created);
  if (!created.ok()) std::abort();
  notifier = std::move(*created);
}

absl::Status World::Send(std::string_view alerts, base::TimestampMs starts_at,
                         base::TimestampMs ends_at) {
  std::vector<rules::Alert> list;
  for (const std::string& text : std::vector<std::string>(
           absl::StrSplit(absl::string_view(alerts.data(), alerts.size()), ", "))) {
    rules::Alert alert;
    alert.labels = ParseAlertText(text);
    alert.annotations = {{"summary", text}};
    alert.starts_at = starts_at;
    alert.ends_at = ends_at;
    list.push_back(std::move(alert));
  }
  return notifier->Send(std::move(list));
}

absl::Status World::Fire(std::string_view alerts, base::DurationMs lasts) {
  return Send(alerts, clock.Now(), clock.Now() + lasts);
}

absl::Status World::Resolve(std::string_view alerts) {
  // A sender knows when it began; any time before now does here.
  return Send(alerts, clock.Now() - 1, clock.Now());
}

std::string World::Silence(const std::string& matchers, base::DurationMs lasts) {
  notify::Silence silence;
  silence.matchers = ParseMatchers(matchers).value();
  silence.ends_at = clock.Now() + lasts;
  silence.created_by = "test";
  absl::StatusOr<std::string> id = notifier->SetSilence(std::move(silence));
  EXPECT_OK(id);
  return id.value_or("");
}

void World::Unsilence(const std::string& id) { EXPECT_OK(notifier->ExpireSilence(id)); }

void World::Reload(std::string config) {
  config_ = std::move(config);
  absl::StatusOr<ConfigPtr> parsed = ParseAlertmanagerConfig(config_, "am.yml");
  EXPECT_OK(parsed);
  if (parsed.ok()) notifier->ApplyConfig(*parsed);
}

void World::Restart(base::DurationMs down) {
  notifier.reset();
  receivers.DropHeld();
  executor.AdvanceBy(down);
  Create();
}

std::vector<std::string> World::Accepted() const {
  std::vector<std::string> lines;
  for (const Received& r : receivers.accepted()) lines.push_back(r.ToString(start));
  return lines;
}

}  // namespace slowburn::notify
