#include "tsdb/verify.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tsdb/commit_record.h"
#include "tsdb/data_directory.h"
#include "tsdb/head.h"
#include "tsdb/replay.h"
#include "tsdb/rocks_log.h"

namespace slowburn::tsdb {
namespace {

class Verifier {
 public:
  explicit Verifier(VerifyReport& report)
      : report_(report), head_(Unlimited(), 0), replayer_(head_, kMinTime, nullptr) {}

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
    TimestampMs ignored = kMinTime;
    replayer_.Apply(key, record, ignored);
  }

  // Everything that was replayed can be decoded again.
  void Memory() {
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

}  // namespace

absl::StatusOr<VerifyReport> VerifyDirectory(
    const std::string& path, const std::function<void(uint64_t done, uint64_t total)>& progress) {
  ASSIGN_OR_RETURN(const std::unique_ptr<DataDirectory> directory,
                   DataDirectory::OpenExisting(path));
  ASSIGN_OR_RETURN(const std::unique_ptr<RocksLog> log,
                   RocksLog::OpenReadOnly(directory->log_path()));
  VerifyReport report;
  Verifier verifier(report);
  if (const absl::Status status = log->VerifyChecksums(); !status.ok()) {
    verifier.Fault(std::string(status.message()));
  }
  LogKey first, last;
  const bool any = log->Bounds(first, last);
  const uint64_t total = any ? last.sequence - first.sequence + 1 : 0;
  static constexpr uint64_t kRecordsPerReport = 256;
  const RocksLog::ScanResult scan = log->Scan([&](const LogKey& key, std::string_view bytes) {
    verifier.Record(key, bytes);
    if (progress && report.records % kRecordsPerReport == 0)
      progress(key.sequence - first.sequence, total);
  });
  if (scan.unreadable > 0)
    verifier.Fault(absl::StrCat(scan.unreadable, " places of the log cannot be read"));
  verifier.Memory();
  if (progress) progress(total, total);
  return report;
}

}  // namespace slowburn::tsdb
