// Damaged columns of values end in an error or in values, never outside of the bytes or the room;
// and a part of a column that decodes is the same as that part of the whole.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "tsdb/value_codec.h"

namespace {

// The first bytes of an input: how many values the column is said to have, and the part.
struct Request {
  uint16_t count = 0, begin = 0, size = 0;
};

bool SameBits(const double* a, const double* b, size_t count) {
  return count == 0 || std::memcmp(a, b, count * sizeof(double)) == 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using slowburn::tsdb::DecodeValues;
  Request request;
  if (size < sizeof(request)) return 0;
  std::memcpy(&request, data, sizeof(request));
  const std::string_view bytes(reinterpret_cast<const char*>(data) + sizeof(request),
                               size - sizeof(request));
  const size_t count = size_t{request.count} + 1;
  const size_t begin = request.begin % (count + 1), part = request.size % (count - begin + 1);
  std::vector<double> all(count), some(part);
  const bool whole = DecodeValues(bytes, count, 0, all).ok();
  const bool partly = DecodeValues(bytes, count, begin, some).ok();
  if (whole && !(partly && SameBits(all.data() + begin, some.data(), part))) __builtin_trap();
  return 0;
}
