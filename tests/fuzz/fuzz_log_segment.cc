// Bytes as a segment of the log: reading never goes outside of them, frames ascend, and a whole
// frame behind any bytes is found.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tsdb/segment.h"

namespace {

using slowburn::tsdb::LogEntry;
using slowburn::tsdb::LogKey;
using slowburn::tsdb::SegmentReader;

class Memory final : public slowburn::tsdb::SegmentBytes {
 public:
  explicit Memory(std::string_view bytes) : bytes_(bytes) {}
  std::string_view At(uint64_t offset, size_t size) override {
    // A copy of just these bytes, so that a sanitizer sees a look beyond them.
    window_ = offset < bytes_.size() ? std::string(bytes_.substr(offset, size)) : std::string();
    return window_;
  }

 private:
  const std::string_view bytes_;
  std::string window_;
};

// How many records; the last one's sequence in `last`.
uint64_t ReadAll(std::string_view bytes, uint64_t& last) {
  Memory memory(bytes);
  SegmentReader reader(memory, bytes.size());
  SegmentReader::Frame frame;
  uint64_t records = 0, end = 0;
  while (reader.Next(frame)) {
    if (frame.offset < end || frame.damaged_from > frame.offset || frame.end > bytes.size() ||
        reader.position() != frame.end) {
      __builtin_trap();
    }
    end = frame.end;
    uint64_t visited = 0;
    slowburn::tsdb::VisitRecords(frame, 1, [&](const LogKey& key, std::string_view) {
      last = key.sequence;
      ++visited;
    });
    if (visited != frame.count || slowburn::tsdb::LastSequence(frame) != last) __builtin_trap();
    records += visited;
  }
  return records;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  uint64_t last = 0;
  ReadAll(bytes, last);
  // The bytes, in the middle of a segment.
  constexpr uint64_t kMarker = 0x6d61726b65723031;
  std::string segment = slowburn::tsdb::EncodeSegmentHeader({1, 1, kMarker, 0, 0});
  const LogEntry before[] = {{{1, 1}, "a"}, {{1, 2}, bytes}}, after[] = {{{1, 77}, bytes}};
  slowburn::tsdb::AppendFrame(kMarker, before, segment);
  segment += bytes;
  slowburn::tsdb::AppendFrame(kMarker, after, segment);
  if (ReadAll(segment, last) < 3 || last != 77) __builtin_trap();
  return 0;
}
