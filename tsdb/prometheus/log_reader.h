// LogReader: the records of a segment of Prometheus' log (wal, wbl, checkpoint). Grammar:
// tsdb/docs/format/wal.md of Prometheus' repository.
//
//   LogReader reader(path, report);
//   while (reader.Next(record)) …
//
// A segment is pages of 32 KiB, a record is one fragment or several, each with a checksum. Damage
// is reported, and reading goes on at the next page with the next record that begins there or
// later. A record that the end of the file cuts off is what a crash leaves behind; it counts as
// skipped.
//
// Threads: none. Lifetimes: a record is valid until the next call.
#ifndef SLOWBURN_TSDB_PROMETHEUS_LOG_READER_H_
#define SLOWBURN_TSDB_PROMETHEUS_LOG_READER_H_

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "tsdb/prometheus/read_report.h"
#include "tsdb/prometheus/record_compression.h"

namespace slowburn::tsdb::prom {

inline constexpr size_t kLogPageBytes = size_t{32} << 10;

class LogReader {
 public:
  LogReader(const std::string& path, ReadReport& report);

  bool Next(std::string_view& record);
  // Where the fragment begins that ended the last record, for messages.
  uint64_t offset() const { return fragment_offset_; }
  const std::string& path() const { return path_; }

 private:
  enum class Step { kFragment, kPageDone, kEnd };
  struct Fragment {
    uint8_t type = 0;
    RecordCompression compression = RecordCompression::kNone;
    std::string_view data;
  };
  bool LoadPage();
  Step NextFragment(Fragment& out);
  Step Damage(uint64_t offset, std::string_view what);
  Step TornEnd();
  // Whether the fragment completes a record in `pending_`.
  bool Join(const Fragment& fragment);

  const std::string path_;
  ReadReport& report_;
  std::ifstream file_;
  std::vector<char> page_;
  size_t page_size_ = 0, at_ = 0;  // of page_: filled, read
  uint64_t page_offset_ = 0, fragment_offset_ = 0;
  std::string pending_, decoded_;
  bool within_ = false;    // a record has begun
  bool skipping_ = false;  // the beginning of a record was damaged, and is reported
};

// The segments of a log in order: first those of the newest checkpoint, then those behind it. Gaps
// in their numbers are reported.
std::vector<std::string> LogSegments(const std::string& folder, ReadReport& report);

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_LOG_READER_H_
