// Chunks: up to kSamplesPerChunk samples of one series, of one partition of time. One chunk of a
// series is open and grows, under the lock of its shard; the others are closed, never change (but
// for in_blocks), and are read without a lock.
#ifndef SLOWBURN_TSDB_CHUNK_H_
#define SLOWBURN_TSDB_CHUNK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tsdb/float_column.h"
#include "tsdb/sample.h"

namespace slowburn::tsdb {

inline constexpr size_t kSamplesPerChunk = 120;
inline constexpr size_t kBytesPerChunk = 1000;  // closes earlier what compresses badly

// Samples that are histograms. A series with both kinds changes chunks when the kind changes.
struct HistogramColumn {
  std::vector<TimestampMs> t;
  std::vector<HistogramPtr> histograms;
  std::vector<TimestampMs> starts;  // parallel, 0 where unknown
};

struct ClosedChunk {
  TimestampMs first_t = 0, last_t = 0;
  uint64_t first_bits = 0;
  uint32_t first_index = 0;  // of all samples that the series ever got in order, modulo 2^32
  uint16_t size = 0;         // of bytes(); 0: the samples are histograms
  uint8_t count = 0;
  bool in_blocks = false;  // see Head's sealing; under the lock of the shard
  std::unique_ptr<HistogramColumn> histograms;

  std::span<const uint8_t> bytes() const {
    return {reinterpret_cast<const uint8_t*>(this + 1), size};
  }

  static ClosedChunk* New(std::span<const uint8_t> bytes);
  static void Delete(ClosedChunk* chunk);
};
static_assert(kSamplesPerChunk <= UINT8_MAX);

// The bytes of the open chunk grow in steps, so that a million series do not hold half-empty
// buffers.
struct OpenChunk {
  TimestampMs first_t = 0;
  uint64_t first_bits = 0;

  uint8_t* bytes() { return reinterpret_cast<uint8_t*>(this + 1); }
  const uint8_t* bytes() const { return reinterpret_cast<const uint8_t*>(this + 1); }

  static constexpr size_t kStep = 16;  // capacities are multiples of it
  static OpenChunk* New(size_t capacity);
  // Keeps the first `size` bytes. Frees `chunk`.
  static OpenChunk* Grow(OpenChunk* chunk, size_t size, size_t capacity);
  static void Delete(OpenChunk* chunk);
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_CHUNK_H_
