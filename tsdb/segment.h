// Segments: the files of the log. A header, then frames; each frame is what one write brought, and
// is there as a whole or not at all. tsdb/FORMAT.md is the grammar.
//
//   SegmentFile file(fd, size);
//   SegmentReader reader(file, file.size());
//   SegmentReader::Frame f;
//   while (reader.Next(f)) VisitRecords(f, partition, visit);
//
// Every frame begins with the segment's marker, a random number, so that after damage the next
// frame is found, and so that nobody can write bytes into a record that look like one.
//
// Threads: none. Errors: any bytes may be read; what is no frame is passed over.
#ifndef SLOWBURN_TSDB_SEGMENT_H_
#define SLOWBURN_TSDB_SEGMENT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tsdb/log_entry.h"

namespace slowburn::tsdb {

struct SegmentHeader {
  uint32_t partition = 0;
  uint64_t number = 0;  // ascends over the log's life
  uint64_t marker = 0;
  // The segment before, and where its last frame ended: what is behind was never acknowledged. 0:
  // there is none.
  uint64_t previous_number = 0, previous_end = 0;
};
inline constexpr size_t kSegmentHeaderBytes = 56;
inline constexpr size_t kFrameHeaderBytes = 40;
inline constexpr size_t kMaxFrameBytes = size_t{1} << 30;

std::string EncodeSegmentHeader(const SegmentHeader& header);
std::optional<SegmentHeader> DecodeSegmentHeader(std::string_view bytes);

// Appends one frame to `out`. REQUIRES: sequences ascend. False when it would be too large.
bool AppendFrame(uint64_t marker, std::span<const LogEntry> entries, std::string& out);

// The bytes of a segment, a window at a time.
class SegmentBytes {
 public:
  virtual ~SegmentBytes() = default;
  // Those from `offset` on, at most `size`, fewer only at the end. Valid until the next call.
  virtual std::string_view At(uint64_t offset, size_t size) = 0;
};

class SegmentFile final : public SegmentBytes {
 public:
  // Borrows the descriptor.
  SegmentFile(int fd, uint64_t size) : fd_(fd), size_(size) {}
  std::string_view At(uint64_t offset, size_t size) override;

 private:
  void Fill(uint64_t offset, size_t size);

  const int fd_;
  const uint64_t size_;
  uint64_t window_at_ = 0;
  std::string window_;
};

class SegmentReader {
 public:
  // Looks at nothing from `end` on. Reads the header.
  SegmentReader(SegmentBytes& bytes, uint64_t end);

  const std::optional<SegmentHeader>& header() const { return header_; }

  struct Frame {
    uint64_t damaged_from = 0;  // < offset: what lies between is no frame
    uint64_t offset = 0, end = 0;
    uint64_t sequence = 0;  // of its first record
    uint32_t count = 0;
    std::string_view body;  // valid until the next call
  };
  // The next whole frame. False when there is none.
  bool Next(Frame& frame);
  // Behind the last whole frame, or behind the header.
  uint64_t position() const { return position_; }

 private:
  bool Read(uint64_t offset, Frame& frame);
  bool Find(uint64_t from, Frame& frame);

  SegmentBytes& bytes_;
  const uint64_t end_;
  std::optional<SegmentHeader> header_;
  std::optional<uint64_t> marker_;  // of the header; else of the first frame
  uint64_t position_ = 0;
};

// Calls visit for each record of a frame that Next gave.
void VisitRecords(const SegmentReader::Frame& frame, uint32_t partition, const LogVisitor& visit);
// Of the frame's last record.
uint64_t LastSequence(const SegmentReader::Frame& frame);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SEGMENT_H_
