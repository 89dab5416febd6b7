// Decompression of records of Prometheus' log: the door of this folder to snappy and zstd.
//
// Threads: pure. Errors: kDataLoss (not what it says, or larger than kMaxRecordBytes).
#ifndef SLOWBURN_TSDB_PROMETHEUS_RECORD_COMPRESSION_H_
#define SLOWBURN_TSDB_PROMETHEUS_RECORD_COMPRESSION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace slowburn::tsdb::prom {

inline constexpr size_t kMaxRecordBytes = size_t{256} << 20;

enum class RecordCompression : uint8_t { kNone, kSnappy, kZstd };

absl::Status DecompressRecord(RecordCompression compression, std::string_view bytes,
                              std::string& out);

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_RECORD_COMPRESSION_H_
