#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "base/clock.h"
#include "base/json.h"
#include "base/mutex.h"
#include "base/number.h"

namespace slowburn::base {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::atomic<LogFormat> g_format{LogFormat::kLogfmt};

// A line is written with one write(2); the lock matters only when the kernel takes a part of it.
Mutex& OutputLock() {
  // Never destroyed: detached threads may log while the process ends.
  static Mutex& mu = *new Mutex;
  return mu;
}

std::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
  }
  return "INFO";
}

bool NeedsQuotes(std::string_view value) {
  if (value.empty()) return true;
  for (const unsigned char c : value) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) return true;
  }
  return false;
}

void AppendLogfmtValue(std::string& out, std::string_view value) {
  if (NeedsQuotes(value)) {
    AppendJsonString(out, value);
  } else {
    out += value;
  }
}

std::string_view FileName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string Format(LogLevel level, std::string_view message, LogFields fields, LogSource source) {
  const std::string time = FormatRfc3339(RealClock().Now());
  const std::string where = std::string(FileName(source.file)) + ":" + std::to_string(source.line);
  std::string line;
  line.reserve(128 + message.size());
  if (g_format.load(std::memory_order_relaxed) == LogFormat::kJson) {
    JsonWriter w(line);
    w.BeginObject();
    w.Field("time", time);
    w.Field("level", Name(level));
    w.Field("source", where);
    w.Field("msg", message);
    for (const LogField& field : fields) w.Field(field.key, field.value);
    w.EndObject();
  } else {
    line.append("time=").append(time).append(" level=").append(Name(level));
    line.append(" source=").append(where).append(" msg=");
    AppendLogfmtValue(line, message);
    for (const LogField& field : fields) {
      line.append(" ").append(field.key).append("=");
      AppendLogfmtValue(line, field.value);
    }
  }
  line += '\n';
  return line;
}

}  // namespace

void SetLogLevel(LogLevel level) { g_level.store(level, std::memory_order_relaxed); }
void SetLogFormat(LogFormat format) { g_format.store(format, std::memory_order_relaxed); }

void Log(LogLevel level, std::string_view message, LogFields fields, LogSource source) {
  if (level < g_level.load(std::memory_order_relaxed)) return;
  const std::string line = Format(level, message, fields, source);
  MutexLock lock(OutputLock());
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // nobody listens; there is nowhere to report that
    rest.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace slowburn::base
