// Bytes as a record of the log of Prometheus: decoding never reads outside of them, and what it
// gives lies inside.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tsdb/prometheus/log_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using slowburn::tsdb::prom::LogRecord;
  LogRecord record;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (!slowburn::tsdb::prom::DecodeLogRecord(bytes, {}, record).ok()) return 0;
  size_t text = 0;
  for (const auto& label : record.labels) text += label.name.size() + label.value.size();
  if (text > size) __builtin_trap();
  for (const auto& one : record.series) {
    if (one.first_label + one.labels > record.labels.size()) __builtin_trap();
  }
  for (const auto& one : record.exemplars) {
    if (one.first_label + one.labels > record.labels.size()) __builtin_trap();
  }
  return 0;
}
