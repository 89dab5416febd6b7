// Columns of which many values are the same as the one before: where they change, and a column of
// what they change to. Few changes are runs with lengths, more are a map with a bit for each value.
//
// Pure functions, safe on any thread.
#ifndef SLOWBURN_TSDB_CHANGE_COLUMN_H_
#define SLOWBURN_TSDB_CHANGE_COLUMN_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tsdb/value_forms.h"

namespace slowburn::tsdb {

struct Changes {
  std::vector<uint64_t> bits;        // the first value, and each that differs from the one before
  std::vector<int64_t> run_lengths;  // less one, of all runs but the last
};

size_t CountChanges(std::span<const uint64_t> bits);
Changes FindChanges(std::span<const uint64_t> bits);

// `values` is the encoded column of changes.bits. REQUIRES: at least one change.
void AppendRuns(const Changes& changes, const std::string& values, std::string& out);
void AppendChangeMap(std::span<const uint64_t> bits, const std::string& values, std::string& out);

bool DecodeRuns(ColumnBytes column, size_t begin, std::span<double> out);
bool DecodeChangeMap(ColumnBytes column, size_t begin, std::span<double> out);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_CHANGE_COLUMN_H_
