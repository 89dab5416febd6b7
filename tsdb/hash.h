// Hashes of bytes: the door to xxHash.
#ifndef SLOWBURN_TSDB_HASH_H_
#define SLOWBURN_TSDB_HASH_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slowburn::tsdb {

// The same in every process and on every machine of one byte order. HashRawKey (storage.h) is the
// keyed one.
uint64_t HashBytes(const void* data, size_t size);
// XXH64 with seed 0: the hash by which Prometheus samples (limit_ratio). Slower than HashBytes.
uint64_t XxHash64(std::string_view bytes);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_HASH_H_
