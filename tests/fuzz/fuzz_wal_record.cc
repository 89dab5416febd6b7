// Bytes as a record of the log: decoding never reads outside of them, and what it accepts can be
// replayed.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tsdb/commit_record.h"
#include "tsdb/head.h"
#include "tsdb/record_replayer.h"

namespace {

using slowburn::tsdb::CommitRecord;
using slowburn::tsdb::RecordParts;

// A head that saw the first half of the records of one input, so that the second meets known
// series.
void ReplayTwice(std::string_view bytes) {
  CommitRecord record;
  const bool is_record = slowburn::tsdb::DecodeRecord(bytes, record).ok();
  slowburn::tsdb::Head head(slowburn::tsdb::Limits{}, 100);
  slowburn::tsdb::RecordReplayer replayer(head, -1000, nullptr, 0);
  slowburn::tsdb::RecordReplayer::Times times;
  for (int round = 0; round < 2; ++round) {
    RecordParts parts;
    absl::Status status = slowburn::tsdb::SplitRecord(bytes, parts);
    if (status.ok()) status = replayer.Apply({1, 1}, parts, times);
    if (status.ok() != is_record) __builtin_trap();
  }
  replayer.Finish();
  const slowburn::tsdb::Snapshots::Reader reader(head.snapshots());
  for (const slowburn::tsdb::Slot slot : head.Select({}, {})) {
    slowburn::tsdb::SeriesSamples samples;
    if (!head.Read(slot, {}, reader.point(), &samples)) continue;
    slowburn::tsdb::ChunkIterator it(std::move(samples), {});
    slowburn::tsdb::SampleBatch batch;
    while (it.Next(batch)) {
    }
    if (!it.status().ok()) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ReplayTwice({reinterpret_cast<const char*>(data), size});
  return 0;
}
