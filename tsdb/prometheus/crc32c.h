// CRC-32C (Castagnoli), the checksum of all of Prometheus' files.
//
// Threads: pure.
#ifndef SLOWBURN_TSDB_PROMETHEUS_CRC32C_H_
#define SLOWBURN_TSDB_PROMETHEUS_CRC32C_H_

#include <cstdint>
#include <string_view>

namespace slowburn::tsdb::prom {

// `before` is the checksum of what stands before `bytes`; 0 of nothing.
uint32_t Crc32c(std::string_view bytes, uint32_t before = 0);

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_CRC32C_H_
