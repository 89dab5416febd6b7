// BlockMeta: the meta.json of a block of Prometheus, and the names of blocks.
//
// Threads: pure. Errors: kDataLoss (no such JSON, or a version that is not 1).
#ifndef SLOWBURN_TSDB_PROMETHEUS_BLOCK_META_H_
#define SLOWBURN_TSDB_PROMETHEUS_BLOCK_META_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tsdb/sample.h"

namespace slowburn::tsdb::prom {

inline constexpr std::string_view kFromOutOfOrder = "from-out-of-order";

struct BlockMeta {
  std::string ulid;
  TimestampMs min_t = 0, max_t = 0;  // [min_t, max_t)
  uint64_t samples = 0, series = 0, chunks = 0;
  uint64_t float_samples = 0, histogram_samples = 0;
  int level = 1;
  std::vector<std::string> parents;  // the blocks of which this one was made
  std::vector<std::string> hints;
  bool deletable = false;

  TimeRange range() const { return {min_t, max_t}; }
  // Whether the head begins where this block ends: not so for blocks of late samples or of chosen
  // series.
  bool EndsBeforeHead() const { return hints.empty(); }
};

absl::StatusOr<BlockMeta> ParseBlockMeta(std::string_view json);
std::string FormatBlockMeta(const BlockMeta& meta);

// 26 digits of base 32: 48 bits of milliseconds, 80 bits of chance.
bool IsUlid(std::string_view name);
std::string MakeUlid(TimestampMs now, uint64_t chance_high16, uint64_t chance_low64);

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_BLOCK_META_H_
