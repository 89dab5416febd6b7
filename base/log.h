// Structured log, one line an event, logfmt (as Prometheus 3: time= level= source= msg=
// key=value …) or JSON.
//
//   base::Info("scrape pool reloaded", {{"job", job}, {"targets", n}});
//
// Threads: any. Never in a per-sample loop.
#ifndef SLOWBURN_BASE_LOG_H_
#define SLOWBURN_BASE_LOG_H_

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace slowburn::base {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kLogfmt, kJson };

struct LogField {
  std::string_view key;
  std::string value;
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  LogField(std::string_view k, const absl::Status& v) : key(k), value(std::string(v.message())) {}
  LogField(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  template <typename N>
  requires(std::is_arithmetic_v<N> && !std::is_same_v<N, bool>) LogField(std::string_view k, N v)
      : key(k), value(absl::StrCat(v)) {}
};
using LogFields = std::initializer_list<LogField>;

void SetLogLevel(LogLevel level);
void SetLogFormat(LogFormat format);

// Where the event was logged from: filled in by the compiler at the call.
struct LogSource {
  const char* file;
  int line;
  static constexpr LogSource Here(const char* file = __builtin_FILE(),
                                  int line = __builtin_LINE()) {
    return {file, line};
  }
};

// To standard error, as one write.
void Log(LogLevel level, std::string_view message, LogFields fields = {},
         LogSource source = LogSource::Here());
inline void Debug(std::string_view m, LogFields f = {}, LogSource s = LogSource::Here()) {
  Log(LogLevel::kDebug, m, f, s);
}
inline void Info(std::string_view m, LogFields f = {}, LogSource s = LogSource::Here()) {
  Log(LogLevel::kInfo, m, f, s);
}
inline void Warn(std::string_view m, LogFields f = {}, LogSource s = LogSource::Here()) {
  Log(LogLevel::kWarn, m, f, s);
}
inline void Error(std::string_view m, LogFields f = {}, LogSource s = LogSource::Here()) {
  Log(LogLevel::kError, m, f, s);
}

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_LOG_H_
