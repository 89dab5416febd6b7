// RecordParts: a record of the log, taken apart but with its samples left as bytes. Replay reads it
// so; DecodeRecord (commit_record.h) goes on from here.
//
//   RecordParts parts;
//   RETURN_IF_ERROR(SplitRecord(bytes, parts));
//   SampleSection in(parts.samples);
//   SampleSection::Sample s;
//   while (in.Next(s)) …;
//   in.ok()
//
// Lifetimes: views are into the bytes. Threads: none. Errors: any bytes may be read; kDataLoss says
// where they stop making sense. What is in `samples` and `starts` is not looked at.
#ifndef SLOWBURN_TSDB_RECORD_PARTS_H_
#define SLOWBURN_TSDB_RECORD_PARTS_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "tsdb/byte_reader.h"
#include "tsdb/byte_writer.h"
#include "tsdb/commit_record.h"
#include "tsdb/record_sections.h"
#include "tsdb/varint.h"

namespace slowburn::tsdb {

struct RecordParts {
  struct Definition {
    uint32_t id = 0;
    uint32_t first = 0, count = 0;  // in pair_numbers
  };
  uint64_t run = 0;
  std::vector<LabelView> pairs;
  std::vector<uint32_t> pair_numbers;  // in pairs; those of one series ascend by name
  std::vector<Definition> series;
  std::string_view samples, starts;  // sections
  std::vector<CommitRecord::HistogramSample> histograms;
  std::vector<CommitRecord::SeriesExemplar> exemplars;
  bool forgets_exemplars = false;
  std::vector<MetricMetadata> metadata;

  std::span<const uint32_t> NumbersOf(const Definition& one) const {
    return std::span(pair_numbers).subspan(one.first, one.count);
  }
};

// Replaces what `out` had. On error `out` is unspecified.
absl::Status SplitRecord(std::string_view bytes, RecordParts& out);
// What to say of a record whose samples make no sense.
absl::Status MalformedSamples();

// The samples of a record, one after the other.
class SampleSection {
 public:
  // `time`: that of the sample before the first one.
  explicit SampleSection(std::string_view bytes, TimestampMs time = 0)
      : begin_(reinterpret_cast<const uint8_t*>(bytes.data())),
        p_(begin_),
        end_(begin_ + bytes.size()),
        t_(time) {}

  struct Sample {
    uint32_t id = 0;  // those of a section that is read from its middle are off by the same number
    TimestampMs t = 0;
    uint64_t bits = 0;
  };
  // False at the end and where the bytes make no sense.
  bool Next(Sample& sample) {
    uint64_t raw = 0;
    if (!Head(sample)) return false;
    if ((flags_ & kSampleWholeValue) == 0) {
      if (end_ - p_ < 8) return ok_ = false;
      std::memcpy(&sample.bits, p_, sizeof(sample.bits));
      p_ += sizeof(sample.bits);
      return true;
    }
    if (!Varint(raw)) return ok_ = false;
    sample.bits = std::bit_cast<uint64_t>(static_cast<double>(Unzigzag(raw)));
    return true;
  }
  // The same without the value.
  bool Skip(Sample& sample) {
    uint64_t raw = 0;
    if (!Head(sample)) return false;
    if ((flags_ & kSampleWholeValue) != 0) return Varint(raw) || (ok_ = false);
    if (end_ - p_ < 8) return ok_ = false;
    p_ += 8;
    return true;
  }

  bool ok() const { return ok_; }
  size_t offset() const { return static_cast<size_t>(p_ - begin_); }
  TimestampMs time() const { return t_; }

 private:
  bool Head(Sample& sample) {
    if (p_ == end_ || !ok_) return false;
    uint64_t head = 0, distance = 0;
    if (!GetVarint(p_, end_, head)) return ok_ = false;
    flags_ = head;
    next_id_ += static_cast<uint32_t>(Unzigzag(head >> kSampleFlagBits));
    sample.id = next_id_++;
    if ((head & kSampleOwnTime) != 0) {
      if (!GetVarint(p_, end_, distance)) return ok_ = false;
      t_ = Later(t_, Unzigzag(distance));
    }
    sample.t = t_;
    return true;
  }

  // As GetVarint; values differ in length so much that a loop over their bytes would be guessed
  // wrong each time.
  bool Varint(uint64_t& value) {
    constexpr uint64_t kHighBits = 0x8080808080808080;
    uint64_t word = 0;
    if (end_ - p_ < 8) return GetVarint(p_, end_, value);
    std::memcpy(&word, p_, sizeof(word));
    const uint64_t stops = ~word & kHighBits;
    if (stops == 0) return GetVarint(p_, end_, value);
    p_ += std::countr_zero(stops) / 8 + 1;
    word &= stops ^ (stops - 1);
    word = (word & 0x007F007F007F007F) | (word & 0x7F007F007F007F00) >> 1;
    word = (word & 0x00003FFF00003FFF) | (word & 0x3FFF00003FFF0000) >> 2;
    value = (word & 0x0FFFFFFF) | (word & 0x0FFFFFFF00000000) >> 4;
    return true;
  }

  const uint8_t* const begin_;
  const uint8_t* p_;
  const uint8_t* const end_;
  uint64_t flags_ = 0;
  uint32_t next_id_ = 0;
  TimestampMs t_;
  bool ok_ = true;
};

// The start timestamps of a record's samples, asked for in their order.
class StartSection {
 public:
  explicit StartSection(std::string_view bytes) : in_(bytes) { Read(); }
  // Of the next sample, whose time this is; 0: none.
  TimestampMs Next(TimestampMs t) {
    if (!has_ || index_++ != next_) return 0;
    const TimestampMs start = Later(t, static_cast<int64_t>(-static_cast<uint64_t>(age_)));
    Read();
    return start;
  }
  // Whether the section made sense, and spoke of no sample that was not asked for.
  bool ok() const { return in_.ok() && !has_; }

 private:
  void Read() {
    uint64_t step = 0;
    has_ = !in_.done() && in_.Varint(step) && in_.Signed(age_);
    next_ += step;
  }

  ByteReader in_;
  bool has_ = false;
  uint64_t index_ = 0, next_ = 0;
  int64_t age_ = 0;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_RECORD_PARTS_H_
