#include "tsdb/segment.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tsdb/hash.h"
#include "tsdb/varint.h"

namespace slowburn::tsdb {
namespace {

constexpr char kMagic[8] = {'s', 'b', 'u', 'r', 'n', 'l', 'o', 'g'};
constexpr uint32_t kSegmentVersion = 1;
constexpr size_t kWindowBytes = size_t{1} << 20;
constexpr size_t kSearchBytes = size_t{64} << 10;
constexpr size_t kBlockBytes = 4096;  // what a failing disk does not give is skipped in these

template <typename T>
void Put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
T Get(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

void AddVarint(std::string& out, uint64_t value) {
  uint8_t bytes[kMaxVarintBytes];
  out.append(reinterpret_cast<const char*>(bytes),
             static_cast<size_t>(PutVarint(bytes, value) - bytes));
}

// Calls visit(sequence, record) for each. False when the body is not `count` records.
template <typename Visit>
bool WalkRecords(std::string_view body, uint64_t sequence, uint32_t count, const Visit& visit) {
  const auto* p = reinterpret_cast<const uint8_t*>(body.data());
  const uint8_t* const end = p + body.size();
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t step = 0, size = 0;
    if (!GetVarint(p, end, step) || !GetVarint(p, end, size)) return false;
    if (size > static_cast<uint64_t>(end - p) || step > UINT64_MAX - sequence) return false;
    if ((step == 0) != (i == 0)) return false;
    sequence += step;
    visit(sequence, std::string_view(reinterpret_cast<const char*>(p), size));
    p += size;
  }
  return p == end;
}

}  // namespace

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string out(kMagic, sizeof(kMagic));
  Put(out, kSegmentVersion);
  Put(out, header.partition);
  Put(out, header.number);
  Put(out, header.marker);
  Put(out, header.previous_number);
  Put(out, header.previous_end);
  Put(out, HashBytes(out.data(), out.size()));
  return out;
}

std::optional<SegmentHeader> DecodeSegmentHeader(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return std::nullopt;
  const size_t checked = kSegmentHeaderBytes - sizeof(uint64_t);
  if (std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0 ||
      Get<uint32_t>(bytes, 8) != kSegmentVersion ||
      Get<uint64_t>(bytes, checked) != HashBytes(bytes.data(), checked)) {
    return std::nullopt;
  }
  SegmentHeader header;
  header.partition = Get<uint32_t>(bytes, 12);
  header.number = Get<uint64_t>(bytes, 16);
  header.marker = Get<uint64_t>(bytes, 24);
  header.previous_number = Get<uint64_t>(bytes, 32);
  header.previous_end = Get<uint64_t>(bytes, 40);
  return header;
}

bool AppendFrame(uint64_t marker, std::span<const LogEntry> entries, std::string& out) {
  const size_t begin = out.size();
  out.append(kFrameHeaderBytes, '\0');
  uint64_t sequence = entries.front().key.sequence;
  for (const LogEntry& entry : entries) {
    AddVarint(out, entry.key.sequence - sequence);
    sequence = entry.key.sequence;
    AddVarint(out, entry.record.size());
    out += entry.record;
  }
  const size_t length = out.size() - begin - kFrameHeaderBytes;
  if (length > kMaxFrameBytes) {
    out.resize(begin);
    return false;
  }
  std::string header;
  Put(header, marker);
  Put(header, entries.front().key.sequence);
  Put(header, static_cast<uint32_t>(length));
  Put(header, static_cast<uint32_t>(entries.size()));
  Put(header, HashBytes(out.data() + begin + kFrameHeaderBytes, length));
  Put(header, HashBytes(header.data(), header.size()));
  out.replace(begin, header.size(), header);
  return true;
}

std::string_view SegmentFile::At(uint64_t offset, size_t size) {
  if (offset >= size_) return {};
  size = static_cast<size_t>(std::min<uint64_t>(size, size_ - offset));
  if (offset < window_at_ || offset + size > window_at_ + window_.size()) Fill(offset, size);
  return std::string_view(window_).substr(static_cast<size_t>(offset - window_at_), size);
}

void SegmentFile::Fill(uint64_t offset, size_t size) {
  window_at_ = offset;
  window_.resize(
      static_cast<size_t>(std::min<uint64_t>(std::max(size, kWindowBytes), size_ - offset)));
  size_t filled = 0, piece = window_.size();
  while (filled < window_.size()) {
    const ssize_t n = pread(fd_, window_.data() + filled, std::min(piece, window_.size() - filled),
                            static_cast<off_t>(offset + filled));
    if (n > 0) {
      filled += static_cast<size_t>(n);
    } else if (n < 0 && errno == EINTR) {
      continue;
    } else if (n < 0 && piece > kBlockBytes) {
      piece = kBlockBytes;  // some of it may still be there
    } else {
      // Reads as zeros, which are no frame.
      const size_t hole = std::min(kBlockBytes, window_.size() - filled);
      std::memset(window_.data() + filled, 0, hole);
      filled += hole;
    }
  }
}

SegmentReader::SegmentReader(SegmentBytes& bytes, uint64_t end) : bytes_(bytes), end_(end) {
  header_ = DecodeSegmentHeader(bytes_.At(0, kSegmentHeaderBytes));
  if (!header_.has_value()) return;
  marker_ = header_->marker;
  position_ = kSegmentHeaderBytes;
}

// True when a whole frame begins there.
bool SegmentReader::Read(uint64_t offset, Frame& frame) {
  const uint64_t left = offset < end_ ? end_ - offset : 0;
  if (left < kFrameHeaderBytes) return false;
  std::string_view bytes = bytes_.At(offset, kFrameHeaderBytes);
  if (bytes.size() < kFrameHeaderBytes) return false;
  const size_t checked = kFrameHeaderBytes - sizeof(uint64_t);
  const auto marker = Get<uint64_t>(bytes, 0);
  if (marker_.has_value() && marker != *marker_) return false;
  if (Get<uint64_t>(bytes, checked) != HashBytes(bytes.data(), checked)) return false;
  frame.sequence = Get<uint64_t>(bytes, 8);
  const auto length = Get<uint32_t>(bytes, 16);
  frame.count = Get<uint32_t>(bytes, 20);
  const auto body_check = Get<uint64_t>(bytes, 24);
  if (frame.count == 0 || length > left - kFrameHeaderBytes) return false;
  bytes = bytes_.At(offset, kFrameHeaderBytes + length);
  if (bytes.size() < kFrameHeaderBytes + length) return false;
  frame.body = bytes.substr(kFrameHeaderBytes);
  if (HashBytes(frame.body.data(), frame.body.size()) != body_check) return false;
  if (!WalkRecords(frame.body, frame.sequence, frame.count, [](uint64_t, std::string_view) {}))
    return false;
  frame.offset = offset;
  frame.end = offset + kFrameHeaderBytes + length;
  marker_ = marker;
  return true;
}

bool SegmentReader::Find(uint64_t from, Frame& frame) {
  while (from < end_ && end_ - from >= kFrameHeaderBytes) {
    if (!marker_.has_value()) {  // every place may be one
      if (Read(from, frame)) return true;
      ++from;
      continue;
    }
    const std::string_view window = bytes_.At(from, kSearchBytes);
    if (window.size() < sizeof(*marker_)) return false;
    const void* const found = memmem(window.data(), window.size(), &*marker_, sizeof(*marker_));
    if (found == nullptr) {
      from += window.size() - sizeof(*marker_) + 1;
      continue;
    }
    from += static_cast<uint64_t>(static_cast<const char*>(found) - window.data());
    if (Read(from, frame)) return true;
    ++from;
  }
  return false;
}

bool SegmentReader::Next(Frame& frame) {
  const uint64_t from = position_;
  // Without a header the first place is not known.
  const bool found =
      (marker_.has_value() && Read(from, frame)) || Find(marker_.has_value() ? from + 1 : 0, frame);
  if (!found) return false;
  frame.damaged_from = from;
  position_ = frame.end;
  return true;
}

void VisitRecords(const SegmentReader::Frame& frame, uint32_t partition, const LogVisitor& visit) {
  WalkRecords(frame.body, frame.sequence, frame.count,
              [&](uint64_t sequence, std::string_view record) {
                visit({partition, sequence}, record);
              });
}

uint64_t LastSequence(const SegmentReader::Frame& frame) {
  uint64_t last = frame.sequence;
  WalkRecords(frame.body, frame.sequence, frame.count,
              [&](uint64_t sequence, std::string_view) { last = sequence; });
  return last;
}

}  // namespace slowburn::tsdb
