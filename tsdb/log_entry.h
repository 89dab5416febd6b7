// What the log of commits keeps, whichever way it is kept.
#ifndef SLOWBURN_TSDB_LOG_ENTRY_H_
#define SLOWBURN_TSDB_LOG_ENTRY_H_

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace slowburn::tsdb {

// Where a record stands: partitions of the log by time of commit, then commits in order.
struct LogKey {
  uint32_t partition = 0;
  uint64_t sequence = 0;
  friend auto operator<=>(const LogKey&, const LogKey&) = default;
};

struct LogEntry {
  LogKey key;
  std::string_view record;
};

enum class LogSync { kNone, kDisk };

// Called for each record in order of keys. The record is valid during the call.
using LogVisitor = std::function<void(const LogKey& key, std::string_view record)>;

// What a reading of a whole log found. Damage is left out and counted, and what stands behind it is
// used.
struct LogScan {
  static constexpr size_t kMaxFaults = 10;  // further ones are only counted
  uint64_t records = 0, unreadable = 0;
  uint64_t torn_bytes = 0;          // behind the last record, as a crash leaves them
  std::vector<std::string> faults;  // file and place

  void Fault(std::string text) {
    if (++unreadable <= kMaxFaults) faults.push_back(std::move(text));
  }
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_LOG_ENTRY_H_
