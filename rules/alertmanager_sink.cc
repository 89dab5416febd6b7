#include "rules/alertmanager_sink.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/log.h"
#include "base/number.h"
#include "prometheus/summary.h"
#include "rules/limits.h"

namespace slowburn::rules {
namespace {

struct TargetMetrics {
  prometheus::Counter& sent;
  prometheus::Counter& errors;
  prometheus::Counter& dropped;
  prometheus::Gauge& queue_length;
  prometheus::Summary& latency;
};

struct Target {
  AlertmanagerTarget config;
  std::deque<Alert> queue;
  bool sending = false;
  TargetMetrics metrics;
};

TargetMetrics MetricsOf(prometheus::Registry& r, const std::string& url) {
  const base::MetricLabels labels = {{"alertmanager", url}};
  return {
      base::AddCounter(r, "prometheus_notifications_sent_total", "Total number of alerts sent.",
                       labels),
      base::AddCounter(r, "prometheus_notifications_errors_total",
                       "Total number of sent alerts affected by errors.", labels),
      base::AddCounter(r, "prometheus_notifications_dropped_total",
                       "Total number of alerts dropped due to errors when sending to Alertmanager.",
                       labels),
      base::AddGauge(r, "prometheus_notifications_queue_length",
                     "The number of alert notifications in the queue.", labels),
      prometheus::BuildSummary()
          .Name("prometheus_notifications_latency_seconds")
          .Help("Latency quantiles for sending alert notifications.")
          .Register(r)
          .Add(labels, prometheus::Summary::Quantiles{{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}})};
}

}  // namespace

// Everything that outlives the sink while requests are under way.
struct AlertmanagerSink::State : std::enable_shared_from_this<AlertmanagerSink::State> {
  State(base::HttpClient& c, const base::Clock& k, prometheus::Registry& r)
      : client(c),
        clock(k),
        registry(r),
        discovered(base::AddGauge(r, "prometheus_notifications_alertmanagers_discovered",
                                  "The number of alertmanagers discovered and active.")) {
    base::AddGauge(r, "prometheus_notifications_queue_capacity",
                   "The capacity of the alert notifications queue.")
        .Set(static_cast<double>(kAlertmanagerQueueAlerts));
  }

  base::HttpClient& client;
  const base::Clock& clock;
  prometheus::Registry& registry;
  prometheus::Gauge& discovered;

  base::Mutex mu;
  base::CondVar changed;
  bool closed ABSL_GUARDED_BY(mu) = false;
  std::vector<std::shared_ptr<Target>> targets ABSL_GUARDED_BY(mu);

  void Enqueue(Target& target, const std::vector<Alert>& alerts) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    for (const Alert& alert : alerts) {
      Alert copy = alert;
      if (target.config.relabel && !target.config.relabel(copy.labels)) continue;
      target.queue.push_back(std::move(copy));
    }
    size_t lost = 0;
    while (target.queue.size() > kAlertmanagerQueueAlerts) {
      target.queue.pop_front();
      ++lost;
    }
    if (lost > 0) {
      target.metrics.dropped.Increment(static_cast<double>(lost));
      base::Warn("Alert notification queue full, dropping alerts",
                 {{"alertmanager", target.config.url}, {"num_dropped", lost}});
    }
    target.metrics.queue_length.Set(static_cast<double>(target.queue.size()));
  }

  // Sends the next batch of `target` unless one is under way.
  void Pump(const std::shared_ptr<Target>& target) {
    std::vector<Alert> batch;
    base::HttpRequest request;
    {
      base::MutexLock lock(mu);
      if (closed || target->sending || target->queue.empty()) {
        changed.NotifyAll();
        return;
      }
      const size_t n = std::min(target->queue.size(), kAlertmanagerBatchAlerts);
      const auto end = target->queue.begin() + static_cast<std::ptrdiff_t>(n);
      batch.assign(std::make_move_iterator(target->queue.begin()), std::make_move_iterator(end));
      target->queue.erase(target->queue.begin(), end);
      target->metrics.queue_length.Set(static_cast<double>(target->queue.size()));
      target->sending = true;
      request.url = target->config.url;
      request.config = target->config.http;
      request.timeout_ms = target->config.timeout_ms;
    }
    request.method = "POST";
    request.headers = {{"Content-Type", "application/json"}};
    request.body = EncodeAlerts(batch);
    const int64_t begun = clock.MonotonicNs();
    client.Start(std::move(request), [self = shared_from_this(), target, n = batch.size(),
                                      begun](const absl::StatusOr<base::HttpResponse>& answer) {
      self->Done(target, n, begun, answer);
    });
  }

  void Done(const std::shared_ptr<Target>& target, size_t alerts, int64_t begun,
            const absl::StatusOr<base::HttpResponse>& answer) {
    const bool ok = answer.ok() && answer->status / 100 == 2;
    const auto count = static_cast<double>(alerts);
    target->metrics.latency.Observe(static_cast<double>(clock.MonotonicNs() - begun) / 1e9);
    if (ok) {
      target->metrics.sent.Increment(count);
    } else {
      target->metrics.errors.Increment(count);
      target->metrics.dropped.Increment(count);
      base::Error("Error sending alerts",
                  {{"alertmanager", target->config.url},
                   {"count", alerts},
                   {"err", answer.ok() ? absl::StrCat("bad response status ", answer->status)
                                       : std::string(answer.status().message())}});
    }
    {
      base::MutexLock lock(mu);
      target->sending = false;
    }
    Pump(target);
  }
};

AlertmanagerSink::AlertmanagerSink(base::HttpClient& client, const base::Clock& clock,
                                   prometheus::Registry& registry)
    : state_(std::make_shared<State>(client, clock, registry)) {}

AlertmanagerSink::~AlertmanagerSink() {
  base::MutexLock lock(state_->mu);
  state_->closed = true;
}

void AlertmanagerSink::SetTargets(std::vector<AlertmanagerTarget> targets) {
  base::MutexLock lock(state_->mu);
  std::map<std::string, std::shared_ptr<Target>> old;
  for (const auto& target : state_->targets) old[target->config.url] = target;
  state_->targets.clear();
  for (AlertmanagerTarget& config : targets) {
    const std::string url = config.url;
    if (const auto it = old.find(url); it != old.end()) {
      it->second->config = std::move(config);
      state_->targets.push_back(it->second);
      old.erase(it);
    } else {
      state_->targets.push_back(std::make_shared<Target>(
          Target{std::move(config), {}, false, MetricsOf(state_->registry, url)}));
    }
  }
  for (const auto& [url, target] : old) {
    target->metrics.dropped.Increment(static_cast<double>(target->queue.size()));
    target->queue.clear();
    target->metrics.queue_length.Set(0);
  }
  state_->discovered.Set(static_cast<double>(state_->targets.size()));
}

std::vector<std::string> AlertmanagerSink::ActiveUrls() const {
  base::MutexLock lock(state_->mu);
  std::vector<std::string> urls;
  for (const auto& target : state_->targets) urls.push_back(target->config.url);
  return urls;
}

absl::Status AlertmanagerSink::Send(std::vector<Alert> alerts) {
  std::vector<std::shared_ptr<Target>> targets;
  {
    base::MutexLock lock(state_->mu);
    targets = state_->targets;
    for (const auto& target : targets) state_->Enqueue(*target, alerts);
  }
  for (const auto& target : targets) state_->Pump(target);
  return absl::OkStatus();
}

bool AlertmanagerSink::Drain(base::DurationMs timeout) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout);
  base::MutexLock lock(state_->mu);
  const auto empty = [&] {
    return std::all_of(state_->targets.begin(), state_->targets.end(), [](const auto& target) {
      return target->queue.empty() && !target->sending;
    });
  };
  while (!empty()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    state_->changed.WaitFor(state_->mu, left);
  }
  return true;
}

std::string EncodeAlerts(const std::vector<Alert>& alerts) {
  std::string body;
  base::JsonWriter w(body, base::JsonEscapes::kGo);
  w.BeginArray();
  for (const Alert& alert : alerts) {
    w.BeginObject();
    w.Key("annotations");
    w.StringMap(alert.annotations);
    if (alert.ends_at != 0) w.Field("endsAt", base::FormatRfc3339(alert.ends_at));
    w.Field("startsAt", base::FormatRfc3339(alert.starts_at));
    w.Field("generatorURL", alert.generator_url);
    w.Key("labels");
    w.StringMap(alert.labels);
    w.EndObject();
  }
  w.EndArray();
  return body;
}

}  // namespace slowburn::rules
