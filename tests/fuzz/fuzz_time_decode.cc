// Damaged columns of times end in an error or in times that ascend.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "tsdb/value_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  uint16_t count = 0;  // the first bytes of an input
  if (size < sizeof(count)) return 0;
  std::memcpy(&count, data, sizeof(count));
  const std::string_view bytes(reinterpret_cast<const char*>(data) + sizeof(count),
                               size - sizeof(count));
  std::vector<slowburn::tsdb::TimestampMs> times(size_t{count} + 1);
  if (!slowburn::tsdb::DecodeTimes(bytes, times).ok()) return 0;
  for (size_t i = 1; i < times.size(); ++i) {
    if (times[i - 1] >= times[i]) __builtin_trap();
  }
  return 0;
}
