// The parts of a commit record, shared by its writer and its reader.
#ifndef SLOWBURN_TSDB_RECORD_SECTIONS_H_
#define SLOWBURN_TSDB_RECORD_SECTIONS_H_

#include <cstdint>

namespace slowburn::tsdb {

// Sections of one record stand in ascending order of kind; a reader skips kinds that it does not
// know.
enum class RecordSection : uint8_t {
  kPairs = 1,
  kSeries = 2,
  kSamples = 3,
  kStarts = 4,
  kHistogram = 5,
  kExemplar = 6,
  kMetadata = 7,
  kForgetExemplars = 8,
};

// Low bits of a sample's head; the rest is the zigzag of its series' distance from the one after
// the sample before.

// The value is an integer, as a zigzag varint; else 8 bytes.
inline constexpr uint64_t kSampleWholeValue = 1;
// The distance from the time before follows; else the same time.
inline constexpr uint64_t kSampleOwnTime = 2;
inline constexpr unsigned kSampleFlagBits = 2;

// Flags of a histogram.
inline constexpr uint8_t kHistogramIsFloat = 1;
inline constexpr unsigned kHistogramHintShift = 1;  // two bits: ResetHint

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_RECORD_SECTIONS_H_
