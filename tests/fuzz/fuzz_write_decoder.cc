// Any bytes as a remote-write request: decoded, ingested twice, and once as snappy and zstd.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/metrics.h"
#include "ingest/remote_write.h"
#include "tests/testing/fake_clock.h"
#include "tsdb/memory_storage.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using slowburn::ingest::WriteEncoding;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static slowburn::testing::FakeClock clock;
  static auto& registry = *new prometheus::Registry;
  slowburn::tsdb::MemoryStorage storage;
  slowburn::ingest::RemoteWriteIngester ingester(
      storage, {.decoded_bytes = 1 << 20, .samples = 10000}, clock, registry);
  const auto first = ingester.IngestMessage(bytes);
  const auto again = ingester.IngestMessage(bytes);
  CHECK(first.ok() == again.ok());
  // What was stored is stored again as equal; what was refused is refused again.
  if (first.ok()) CHECK(first->refused_series == again->refused_series);
  (void)ingester.Ingest(bytes, WriteEncoding::kSnappy);
  (void)ingester.Ingest(bytes, WriteEncoding::kZstd);
  return 0;
}
