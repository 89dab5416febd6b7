#include "ingest/scrape_loop.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "base/version.h"

namespace slowburn::ingest {
namespace {

constexpr DurationMs kTimestampTolerance = 2;  // and at most 1 % of the interval
constexpr int kFirstWeight = 6;                // q of the protocol wanted most, in tenths

struct StatusText {
  int code;
  const char* text;
};
constexpr std::array<StatusText, 20> kStatusTexts = {{
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {410, "Gone"},
    {413, "Request Entity Too Large"},
    {429, "Too Many Requests"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
}};

std::string TextOf(int code) {
  for (const StatusText& status : kStatusTexts) {
    if (status.code == code) return absl::StrCat(code, " ", status.text);
  }
  return absl::StrCat(code);
}

std::string_view AcceptOf(ScrapeProtocol protocol) {
  switch (protocol) {
    case ScrapeProtocol::kPrometheusProto:
      return "";  // not read yet, so not asked for
    case ScrapeProtocol::kPrometheusText0_0_4:
      return "text/plain;version=0.0.4";
    case ScrapeProtocol::kPrometheusText1_0_0:
      return "text/plain;version=1.0.0";
    case ScrapeProtocol::kOpenMetricsText0_0_1:
      return "application/openmetrics-text;version=0.0.1";
    case ScrapeProtocol::kOpenMetricsText1_0_0:
      return "application/openmetrics-text;version=1.0.0";
  }
  return "";
}

// Milliseconds until the target's next place in its interval, in (0, interval].
DurationMs FirstDelay(tsdb::TimestampMs now, DurationMs interval, uint64_t hash) {
  const DurationMs base = interval - now % interval;
  const DurationMs next = base + static_cast<DurationMs>(hash % static_cast<uint64_t>(interval));
  return next > interval ? next - interval : next;
}

}  // namespace

std::string AcceptHeader(const std::vector<ScrapeProtocol>& protocols,
                         const std::string& escaping_scheme) {
  std::string out;
  int weight = kFirstWeight;
  for (const ScrapeProtocol protocol : protocols) {
    const std::string_view accept = AcceptOf(protocol);
    if (accept.empty()) continue;
    absl::StrAppend(&out, out.empty() ? "" : ",", std::string(accept));
    if (protocol == ScrapeProtocol::kPrometheusText1_0_0 ||
        protocol == ScrapeProtocol::kOpenMetricsText1_0_0) {
      absl::StrAppend(&out, ";escaping=", escaping_scheme);
    }
    absl::StrAppend(&out, ";q=0.", weight--);
  }
  absl::StrAppend(&out, out.empty() ? "" : ",", "*/*;q=0.", weight);
  return out;
}

ScrapeLoop::ScrapeLoop(std::shared_ptr<ScrapeContext> context,
                       std::shared_ptr<const ScrapeConfig> config, Target target,
                       tsdb::Labels discovered, std::shared_ptr<ScrapeCache> cache,
                       uint64_t offset_seed)
    : context_(std::move(context)),
      config_(std::move(config)),
      target_(std::move(target)),
      cache_(std::move(cache)),
      offset_seed_(offset_seed),
      writer_(context_->storage, context_->metrics, config_, target_, cache_),
      discovered_(std::move(discovered)) {}

void ScrapeLoop::Start() {
  const ScrapeGate::Pass pass(context_->gate);
  if (!pass) return;
  base::MutexLock lock(mu_);
  if (stopped_) return;
  const tsdb::TimestampMs now = context_->clock.Now();
  Schedule(now + FirstDelay(now, target_.interval_ms, target_.Hash() ^ offset_seed_));
}

void ScrapeLoop::Schedule(tsdb::TimestampMs when) {
  next_ = when;
  timer_ =
      context_->executor.RunAt(when, [self = shared_from_this(), when] { self->OnTick(when); });
}

void ScrapeLoop::OnTick(tsdb::TimestampMs planned) {
  const ScrapeGate::Pass pass(context_->gate);
  if (!pass) return;
  {
    base::MutexLock lock(mu_);
    if (stopped_) return;
    // Ticks that nobody had time for are left out, not made up for.
    const tsdb::TimestampMs now = context_->clock.Now();
    const DurationMs behind = std::max<DurationMs>(now - planned, 0) / target_.interval_ms;
    Schedule(planned + (behind + 1) * target_.interval_ms);
    if (under_way_) {
      missed_ = true;
      return;
    }
    under_way_ = true;
  }
  Begin(planned);
}

void ScrapeLoop::Begin(tsdb::TimestampMs planned) {
  const tsdb::TimestampMs now = context_->clock.Now();
  const DurationMs tolerance = std::min(kTimestampTolerance, target_.interval_ms / 100);
  const tsdb::TimestampMs t = now - planned <= tolerance ? planned : now;
  const int64_t started_ns = context_->clock.MonotonicNs();
  std::string forced;
  {
    base::MutexLock lock(mu_);
    forced = forced_error_;
  }
  absl::StatusOr<base::HttpRequest> request = absl::FailedPreconditionError(forced);
  if (forced.empty()) request = MakeRequest();
  if (!request.ok()) {
    Finish(t, started_ns, request.status());
    return;
  }
  context_->client.Start(*std::move(request), [self = shared_from_this(), t, started_ns](
                                                  absl::StatusOr<base::HttpResponse> response) {
    // On a thread of the client: parsing belongs on the executor.
    const ScrapeGate::Pass pass(self->context_->gate);
    if (!pass) return;
    auto shared = std::make_shared<absl::StatusOr<base::HttpResponse>>(std::move(response));
    self->context_->executor.Post(
        [self, t, started_ns, shared] { self->Finish(t, started_ns, std::move(*shared)); });
  });
}

absl::StatusOr<base::HttpRequest> ScrapeLoop::MakeRequest() const {
  base::HttpRequest request;
  request.url = target_.url;
  request.timeout_ms = target_.timeout_ms;
  request.config = config_->http.config;
  request.accept_gzip = config_->enable_compression;
  if (config_->limits.body_bytes > 0) request.max_body_bytes = config_->limits.body_bytes;
  ASSIGN_OR_RETURN(request.headers, ReadHeaderFiles(config_->http));
  request.headers.emplace_back("Accept",
                               AcceptHeader(config_->protocols, config_->escaping_scheme));
  if (!config_->enable_compression) request.headers.emplace_back("Accept-Encoding", "identity");
  request.headers.emplace_back("User-Agent", absl::StrCat("slowburn/", base::kVersion));
  request.headers.emplace_back(
      "X-Prometheus-Scrape-Timeout-Seconds",
      base::FormatFloat(static_cast<double>(target_.timeout_ms) / 1000, base::FloatStyle::kFixed));
  return request;
}

absl::StatusOr<ScrapedBody> ScrapeLoop::BodyOf(
    const absl::StatusOr<base::HttpResponse>& response) const {
  if (response.ok()) {
    if (response->status != 200) {
      return absl::UnavailableError(
          absl::StrCat("server returned HTTP status ", TextOf(response->status)));
    }
    return ScrapedBody{response->body, response->Header("content-type")};
  }
  const absl::Status& error = response.status();
  if (absl::IsResourceExhausted(error)) {
    context_->metrics.body_limit.Increment();
    return absl::ResourceExhaustedError("body size limit exceeded");
  }
  if (absl::IsFailedPrecondition(error)) return error;  // the forced one
  std::string reason(error.message());
  // The client names the request as well; once is enough.
  if (const size_t end = reason.find(": ");
      reason.starts_with("GET ") && end != std::string::npos) {
    reason.erase(0, end + 2);
  }
  if (absl::IsDeadlineExceeded(error)) reason = "context deadline exceeded";
  return absl::Status(error.code(), absl::StrCat("Get \"", target_.url, "\": ", reason));
}

void ScrapeLoop::Finish(tsdb::TimestampMs t, int64_t started_ns,
                        absl::StatusOr<base::HttpResponse> response) {
  const ScrapeGate::Pass pass(context_->gate);
  if (!pass) return;
  double seconds = 0;
  const absl::Status error = writer_.Write(t, BodyOf(response), [&] {
    return seconds = static_cast<double>(context_->clock.MonotonicNs() - started_ns) * 1e-9;
  });
  {
    base::MutexLock lock(mu_);
    status_ = {.health = error.ok() ? TargetHealth::kUp : TargetHealth::kDown,
               .last_error = std::string(error.message()),
               .last_scrape = t,
               .last_duration_seconds = seconds};
  }
  AfterFinish();
}

void ScrapeLoop::AfterFinish() {
  std::function<void()> when_idle;
  tsdb::TimestampMs again = 0;
  {
    base::MutexLock lock(mu_);
    if (stopped_) {
      under_way_ = false;
      when_idle = std::exchange(when_idle_, nullptr);
      if (after_stop_ == AfterStop::kMarkStale) ScheduleEndOfRun();
    } else if (std::exchange(missed_, false)) {
      again = next_ - target_.interval_ms;
    } else {
      under_way_ = false;
    }
  }
  if (when_idle) when_idle();
  if (again != 0) Begin(again);
}

void ScrapeLoop::Stop(AfterStop after, std::function<void()> when_idle) {
  const ScrapeGate::Pass pass(context_->gate);
  if (!pass) return;
  {
    base::MutexLock lock(mu_);
    if (stopped_) return;
    stopped_ = true;
    after_stop_ = after;
    context_->executor.Cancel(timer_);
    if (under_way_) {
      when_idle_ = std::move(when_idle);
      return;
    }
    if (after == AfterStop::kMarkStale) ScheduleEndOfRun();
  }
  if (when_idle) when_idle();
}

// The next scrape would have been at next_; one interval later a target that came back has been
// scraped again, and its newer samples make the store refuse these markers.
void ScrapeLoop::ScheduleEndOfRun() {
  if (status_.last_scrape == 0) return;  // nothing was ever stored
  const tsdb::TimestampMs stale_at = next_;
  const tsdb::TimestampMs when = next_ + target_.interval_ms + target_.interval_ms / 10;
  context_->executor.RunAt(when, [self = shared_from_this(), stale_at] {
    const ScrapeGate::Pass pass(self->context_->gate);
    if (pass) self->writer_.WriteEndOfRun(stale_at);
  });
}

void ScrapeLoop::SetForcedError(std::string error) {
  base::MutexLock lock(mu_);
  forced_error_ = std::move(error);
}

void ScrapeLoop::SetDiscovered(tsdb::Labels discovered) {
  base::MutexLock lock(mu_);
  discovered_ = std::move(discovered);
}

void ScrapeLoop::InheritStatus(ScrapeStatus status) {
  base::MutexLock lock(mu_);
  status_ = std::move(status);
}

tsdb::Labels ScrapeLoop::discovered() const {
  base::MutexLock lock(mu_);
  return discovered_;
}

ScrapeStatus ScrapeLoop::status() const {
  base::MutexLock lock(mu_);
  return status_;
}

}  // namespace slowburn::ingest
