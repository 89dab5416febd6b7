// The few values of a column that do not fit what the rest has in common: a staleness marker at its
// end, a NaN among integers. They are kept beside the column and put into what was decoded of it.
//
// Threads: none of their own. A reader points into the bytes that it was opened with.
#ifndef SLOWBURN_TSDB_SPECIAL_VALUES_H_
#define SLOWBURN_TSDB_SPECIAL_VALUES_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tsdb/column_bytes.h"

namespace slowburn::tsdb {

struct SpecialValue {
  uint32_t index = 0;
  uint64_t bits = 0;
};
using SpecialValues = std::vector<SpecialValue>;  // ascending indexes

// About what AppendSpecials appends.
size_t SpecialBytes(const SpecialValues& values);
// REQUIRES: at least one.
void AppendSpecials(const SpecialValues& values, std::string& out);

class SpecialReader {
 public:
  // Moves `unread` behind the values. False: they are not those of a column of `count`.
  bool Open(Unread& unread, size_t count);
  // `out` is the part of the column that starts at `begin`. Does nothing before Open.
  void Apply(size_t begin, std::span<double> out) const;

 private:
  Unread values_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_SPECIAL_VALUES_H_
