// The entropy coder of cold columns: zstd, without what a column knows already (the frame's magic
// number and the size of what was coded).
//
// Thread-safe: each thread has contexts of its own, made at its first use and kept.
#ifndef SLOWBURN_TSDB_ZSTD_BYTES_H_
#define SLOWBURN_TSDB_ZSTD_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "tsdb/column_bytes.h"

namespace slowburn::tsdb {

// Appends the coded bytes. False, and nothing appended: out of memory.
bool AppendZstd(std::string_view bytes, std::string& out);

// False: damaged, or not exactly `size` bytes. Never writes more than those.
bool DecodeZstd(Unread coded, uint8_t* out, size_t size);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_ZSTD_BYTES_H_
