// VerifyDirectory: reads everything in a data directory and checks it: checksums of the log's
// files, its records, the series that they name, that the samples come out of memory as they went
// in, every column of every block, and the files of the state. Changes nothing.
//
// Threads: none. Errors: as Db::Open's. Damage is no error here: it is in the report.
#ifndef SLOWBURN_TSDB_VERIFY_H_
#define SLOWBURN_TSDB_VERIFY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace slowburn::tsdb {

inline constexpr size_t kMaxReportedFaults = 20;  // further ones are only counted

struct VerifyReport {
  uint64_t records = 0, samples = 0, histograms = 0, exemplars = 0, series = 0;
  uint64_t blocks = 0, block_samples = 0;  // those that can be used
  uint64_t faults = 0;
  std::vector<std::string> fault_texts;  // the first ones
};

// `progress` may be empty.
absl::StatusOr<VerifyReport> VerifyDirectory(
    const std::string& path, const std::function<void(uint64_t done, uint64_t total)>& progress);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_VERIFY_H_
