#include "tsdb/verify.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tsdb/block_store.h"
#include "tsdb/commit_log.h"
#include "tsdb/commit_record.h"
#include "tsdb/data_directory.h"
#include "tsdb/head.h"
#include "tsdb/record_replayer.h"
#include "tsdb/rocks_state_store.h"

namespace slowburn::tsdb {
namespace {

class Verifier {
 public:
  explicit Verifier(VerifyReport& report)
      : report_(report), head_(Unlimited(), 0), replayer_(head_, kMinTime, nullptr, 0) {}

  void Record(const LogKey& key, std::string_view bytes) {
    const std::string where =
        absl::StrCat("record ", key.sequence, " of partition ", key.partition);
    if (report_.records > 0 && key.sequence <= last_.sequence) {
      Fault(absl::StrCat(where, ": comes after record ", last_.sequence, " of partition ",
                         last_.partition));
    }
    last_ = key;
    ++report_.records;
    CommitRecord record;
    if (const absl::Status status = DecodeRecord(bytes, record); !status.ok()) {
      Fault(absl::StrCat(where, ": ", status.message()));
      return;
    }
    report_.samples += record.samples.size();
    report_.histograms += record.histograms.size();
    report_.exemplars += record.exemplars.size();
    CheckNames(where, key.partition, record);
    RecordParts parts;
    RecordReplayer::Times ignored;
    absl::Status status = SplitRecord(bytes, parts);
    if (status.ok()) status = replayer_.Apply(key, parts, ignored);
    if (!status.ok()) Fault(absl::StrCat(where, ": ", status.message()));
  }

  // Everything that was replayed can be decoded again.
  void Memory() {
    replayer_.Finish();
    const Snapshots::Reader reader(head_.snapshots());
    for (const Slot slot : head_.Select({}, {})) {
      SeriesSamples samples;
      if (!head_.Read(slot, {}, reader.point(), &samples)) continue;
      ++report_.series;
      ChunkIterator it(std::move(samples), {});
      SampleBatch batch;
      while (it.Next(batch)) {
      }
      if (!it.status().ok())
        Fault(absl::StrCat(head_.LabelsOf(slot).ToString(), ": ", it.status().message()));
    }
  }

  void Fault(std::string text) {
    if (++report_.faults <= kMaxReportedFaults) report_.fault_texts.push_back(std::move(text));
  }

 private:
  static Limits Unlimited() {
    Limits limits;
    limits.active_series = limits.labels_per_series = limits.label_name_bytes =
        limits.label_value_bytes = SIZE_MAX;
    return limits;
  }

  void CheckNames(const std::string& where, uint32_t partition, const CommitRecord& record) {
    if (partition != partition_ || record.run != run_) named_.clear();
    partition_ = partition;
    run_ = record.run;
    for (const auto& series : record.series) named_.insert(series.id);
    const auto check = [&](uint32_t id) {
      if (named_.contains(id)) return;
      Fault(absl::StrCat(where, ": series ", id, " has no labels in run ", record.run));
      named_.insert(id);
    };
    for (const auto& sample : record.samples) check(sample.id);
    for (const auto& sample : record.histograms) check(sample.id);
    for (const auto& exemplar : record.exemplars) check(exemplar.id);
  }

  VerifyReport& report_;
  Head head_;
  RecordReplayer replayer_;
  LogKey last_;
  uint32_t partition_ = 0;
  uint64_t run_ = 0;
  absl::flat_hash_set<uint32_t> named_;
};

// The first fault of the blocks, as BlockStore tells one.
absl::Status VerifyBlocks(const BlockStore& store, const std::function<void(uint64_t)>& progress,
                          Verifier& verifier, VerifyReport& report) {
  const BlockStats stats = store.Stats();
  report.blocks = stats.blocks;
  report.block_samples = stats.samples;
  const absl::Status status = store.Verify([&](uint64_t done, uint64_t) { progress(done); });
  if (absl::IsDataLoss(status)) {
    verifier.Fault(std::string(status.message()));
    return absl::OkStatus();
  }
  return status;
}

}  // namespace

absl::StatusOr<VerifyReport> VerifyDirectory(
    const std::string& path, const std::function<void(uint64_t done, uint64_t total)>& progress) {
  ASSIGN_OR_RETURN(const std::unique_ptr<DataDirectory> directory,
                   DataDirectory::OpenExisting(path));
  ASSIGN_OR_RETURN(const std::unique_ptr<CommitLog> log,
                   CommitLog::OpenReadOnly(directory->log_path(), directory->old_log_path()));
  VerifyReport report;
  Verifier verifier(report);
  LogKey first, last;
  const bool any = log->Bounds(first, last);
  std::unique_ptr<BlockStore> blocks;
  if (std::filesystem::exists(directory->blocks_path())) {
    ASSIGN_OR_RETURN(blocks, BlockStore::OpenReadOnly(directory->blocks_path()));
  }
  // Records of the log, then bytes of blocks.
  const uint64_t records = any ? last.sequence - first.sequence + 1 : 0;
  const uint64_t total = records + (blocks == nullptr ? 0 : blocks->Stats().file_bytes);
  static constexpr uint64_t kRecordsPerReport = 256;
  const LogScan scan = log->Scan([&](const LogKey& key, std::string_view bytes) {
    verifier.Record(key, bytes);
    if (progress && report.records % kRecordsPerReport == 0)
      progress(key.sequence - first.sequence, total);
  });
  for (const std::string& fault : scan.faults) verifier.Fault(fault);
  if (scan.unreadable > scan.faults.size()) {
    verifier.Fault(absl::StrCat(scan.unreadable - scan.faults.size(),
                                " more places of the log cannot be read"));
  }
  verifier.Memory();
  if (blocks != nullptr) {
    const auto of_blocks = [&](uint64_t done) {
      if (progress) progress(std::min(records + done, total), total);
    };
    RETURN_IF_ERROR(VerifyBlocks(*blocks, of_blocks, verifier, report));
  }
  if (std::filesystem::exists(directory->state_path())) {
    const absl::Status status = RocksStateStore::Verify(directory->state_path());
    if (!status.ok()) verifier.Fault(std::string(status.message()));
  }
  if (progress) progress(total, total);
  return report;
}

}  // namespace slowburn::tsdb
