#include "query/query_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/log.h"
#include "base/number.h"
#include "query/stats_json.h"

namespace slowburn::query {
namespace {

constexpr size_t kMaxLoggedQuery = 4096;  // of a slow query: the process' log is read by people

void AppendOrigin(base::JsonWriter& w, const QueryOrigin& origin) {
  if (!origin.client.empty()) {
    w.Key("httpRequest");
    w.BeginObject();
    w.Field("clientIP", origin.client);
    w.Field("method", origin.method);
    w.Field("path", origin.path);
    w.EndObject();
  }
  if (!origin.rule_group.empty()) {
    w.Key("ruleGroup");
    w.BeginObject();
    w.Field("file", origin.rule_file);
    w.Field("name", origin.rule_group);
    w.EndObject();
  }
}

std::string JsonLine(const FinishedQuery& query, base::TimestampMs now) {
  const QueryDescription& d = query.description;
  std::string line;
  base::JsonWriter w(line, base::JsonEscapes::kGo);
  w.BeginObject();
  w.Field("time", base::FormatRfc3339(now, 9));
  w.Field("level", "INFO");
  w.Field("msg", "promql query logged");
  w.Key("params");
  w.BeginObject();
  w.Field("end", base::FormatRfc3339(d.end));
  w.Field("query", d.query);
  w.Field("start", base::FormatRfc3339(d.start));
  w.Field("step", int64_t{d.step / base::kSecond});
  w.EndObject();
  if (!query.status.ok()) {
    w.Field("error",
            std::string_view(query.status.message().data(), query.status.message().size()));
  }
  std::string stats;
  AppendStatsJson(stats, query.stats);
  w.Key("stats");
  w.Raw(stats);
  // Nothing is traced here; readers of Prometheus' logs expect the keys.
  w.Field("spanID", "0000000000000000");
  w.Field("traceID", "00000000000000000000000000000000");
  AppendOrigin(w, d.origin);
  w.EndObject();
  line += '\n';
  return line;
}

void LogSlow(const FinishedQuery& query) {
  const QueryDescription& d = query.description;
  std::string text = d.query.substr(0, kMaxLoggedQuery);
  if (text.size() < d.query.size()) text += "…";
  base::Warn("slow query", {{"query", text},
                            {"kind", d.kind == QueryKind::kRange ? "range" : "instant"},
                            {"start", base::FormatRfc3339(d.start)},
                            {"end", base::FormatRfc3339(d.end)},
                            {"step", base::FormatDuration(d.step)},
                            {"seconds", query.stats.total_seconds},
                            {"queue_seconds", query.stats.queue_seconds},
                            {"samples", query.stats.samples_total},
                            {"peak_samples", query.stats.samples_peak},
                            {"memory_bytes", query.stats.memory_peak},
                            {"client", d.origin.client},
                            {"rule_group", d.origin.rule_group},
                            {"err", query.status}});
}

}  // namespace

QueryLog::~QueryLog() {
  base::MutexLock lock(mu_);
  if (fd_ >= 0) ::close(fd_);
}

absl::Status QueryLog::SetFile(const std::string& path) {
  int fd = -1;
  if (!path.empty()) {
    fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot open the query log ", path, ": ", std::strerror(errno)));
    }
  }
  base::MutexLock lock(mu_);
  std::swap(fd, fd_);
  has_file_ = fd_ >= 0;
  if (fd >= 0) ::close(fd);
  return absl::OkStatus();
}

bool QueryLog::IsSlow(const QueryStats& stats) const {
  return slow_ms_ > 0 && stats.total_seconds * 1000 >= double(slow_ms_);
}

void QueryLog::Add(const FinishedQuery& query) {
  if (IsSlow(query.stats)) LogSlow(query);
  if (has_file()) Write(JsonLine(query, clock_.Now()));
}

// One write a line, so that lines of several processes do not mix. A part of a line is no line.
void QueryLog::Write(const std::string& line) {
  base::MutexLock lock(mu_);
  if (fd_ < 0) return;
  ssize_t n = 0;
  do {
    n = ::write(fd_, line.data(), line.size());
  } while (n < 0 && errno == EINTR);
  if (n != ssize_t(line.size())) failures_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace slowburn::query
