// Bytes as a chunk of Prometheus, the first one its encoding: decoding never reads outside of them,
// times ascend, and what it accepts can be written and read again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tsdb/prometheus/chunk.h"

namespace {

using slowburn::tsdb::Histogram;
using slowburn::tsdb::prom::ChunkEncoder;
using slowburn::tsdb::prom::Columns;
using slowburn::tsdb::prom::DecodeChunk;
using slowburn::tsdb::prom::EncodedChunk;

void WriteAgain(const Columns& columns) {
  ChunkEncoder encoder;
  size_t samples = 0;
  const auto take = [&] {
    const EncodedChunk chunk = encoder.Take();
    Columns again;
    if (!DecodeChunk(static_cast<uint8_t>(chunk.encoding), chunk.data, again).ok())
      __builtin_trap();
    samples += again.size();
  };
  for (size_t i = 0; i < columns.size(); ++i) {
    const Histogram* const h = columns.histograms.empty() ? nullptr : columns.histograms[i].get();
    if (h != nullptr && !h->is_stale() && !h->Validate().ok()) return;
    if (encoder.Full(columns.t[i], h)) take();
    encoder.Add(columns.t[i], columns.v[i], h);
  }
  if (!encoder.empty()) take();
  if (samples != columns.size()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  Columns columns;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (!DecodeChunk(static_cast<uint8_t>(data[0] % 8), bytes, columns).ok()) return 0;
  for (size_t i = 1; i < columns.size(); ++i) {
    if (columns.t[i - 1] >= columns.t[i]) __builtin_trap();
  }
  WriteAgain(columns);
  return 0;
}
