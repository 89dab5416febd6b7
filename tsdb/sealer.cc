#include "tsdb/sealer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "tsdb/partition.h"
#include "tsdb/series_samples.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kSeriesAtOnce = 256;             // under one hold of the commit lock
constexpr std::chrono::seconds kLongestWait(30);  // for readers

}  // namespace

void Sealer::Stop() {
  stop_ = true;
  head_.snapshots().WakeWaiters();
}

absl::StatusOr<bool> Sealer::Free(OldReaders readers) {
  if (!unfreed_.has_value()) return true;
  Snapshots& snapshots = head_.snapshots();
  if (readers == OldReaders::kWait)
    snapshots.WaitForReadersBefore(*unfreed_, stop_, clock_, kLongestWait);
  if (snapshots.HasReadersBefore(*unfreed_)) return false;
  unfreed_.reset();
  const int64_t begin = clock_.MonotonicNs();
  const absl::Status status = committer_.Sweep(Head::Marked::kFree);
  metrics_.head_truncations.Increment();
  metrics_.head_gc_seconds.Observe(static_cast<double>(clock_.MonotonicNs() - begin) * 1e-9);
  RETURN_IF_ERROR(status);
  return true;
}

absl::StatusOr<bool> Sealer::Seal(TimestampMs until, OldReaders readers) {
  ASSIGN_OR_RETURN(const bool free, Free(readers));
  if (!free || stop_) return false;
  const int64_t begin = clock_.MonotonicNs();
  const Committer::SealStart start = committer_.BeginSeal(until);
  const absl::Status status = WriteBlocks(start);
  metrics_.seals.Increment();
  metrics_.seal_seconds.Observe(static_cast<double>(clock_.MonotonicNs() - begin) * 1e-9);
  if (!status.ok()) {
    if (stop_) return false;
    metrics_.seal_failures.Increment();
    return status;
  }
  unfreed_ = head_.snapshots().PublishSeal(blocks_, start.number);
  RETURN_IF_ERROR(committer_.DropLog());
  RETURN_IF_ERROR(Free(readers).status());
  return true;
}

absl::Status Sealer::WriteBlocks(const Committer::SealStart& start) {
  const Head::SortedSeries series = head_.ListSeries();
  const std::span<const Slot> slots = series.slots();
  Head::PartitionSlots partitions;
  for (size_t at = 0; at < slots.size(); at += kSeriesAtOnce) {
    const size_t n = std::min(kSeriesAtOnce, slots.size() - at);
    committer_.CloseBefore(slots.subspan(at, n), start.until, partitions);
  }
  if (partitions.empty()) return absl::OkStatus();
  const std::unique_ptr<BlockBatch> batch = blocks_.NewBatch();
  absl::Status status;
  for (const auto& [time, of_partition] : partitions) {
    if (!status.ok()) break;
    status = WritePartition(series, start.until, PartitionOf(time), of_partition, *batch);
  }
  if (status.ok()) status = batch->Commit({start.until, start.sequence});
  if (status.ok()) return status;
  for (const auto& [time, of_partition] : partitions) head_.Unmark(of_partition);
  return base::Annotate(status, "sealing samples");
}

absl::Status Sealer::WritePartition(const Head::SortedSeries& series, TimestampMs until,
                                    TimeRange partition, std::span<const Slot> slots,
                                    BlockBatch& batch) {
  ASSIGN_OR_RETURN(BlockWriter* const writer,
                   batch.NewBlock(partition, Temperature::kHot, /*replaces=*/{}));
  for (const Slot slot : slots) {
    if (stop_) return absl::CancelledError("the store is being closed");
    SeriesSamples samples;
    if (!head_.TakeSealed(slot, partition, until, samples)) continue;
    RETURN_IF_ERROR(WriteSeries(series.LabelsOf(head_, slot), std::move(samples), *writer));
  }
  return absl::OkStatus();
}

absl::Status Sealer::WriteSeries(const Labels& labels, SeriesSamples samples, BlockWriter& writer) {
  ChunkIterator it(std::move(samples), {head_.retained_from(), kMaxTime});
  SampleBatch batch;
  for (bool first = true; it.Next(batch); first = false) {
    if (first) RETURN_IF_ERROR(writer.AddSeries(labels));
    RETURN_IF_ERROR(writer.AddSamples(batch));
  }
  // What cannot be read now never could: the rest is not held up by it.
  if (!it.status().ok())
    base::Error("samples cannot be sealed",
                {{"series", labels.ToString()}, {"error", it.status()}});
  return absl::OkStatus();
}

}  // namespace slowburn::tsdb
