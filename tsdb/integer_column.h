// Columns of integers: the values in a view (tsdb/integer_view.h), divided by what all have in
// common, packed or coded; the few values without a view beside them.
//
// Pure functions, safe on any thread.
#ifndef SLOWBURN_TSDB_INTEGER_COLUMN_H_
#define SLOWBURN_TSDB_INTEGER_COLUMN_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tsdb/coded_integers.h"
#include "tsdb/integer_view.h"
#include "tsdb/packed_integers.h"
#include "tsdb/special_values.h"
#include "tsdb/value_forms.h"

namespace slowburn::tsdb {

struct IntegerColumn {
  View view = 0;
  // The value is that of base + divisor * integer in the view.
  uint64_t divisor = 1;
  int64_t base = 0;
  std::vector<int64_t> integers;
  SpecialValues specials;

  // Of what is beside the integers.
  double OtherBytes() const { return static_cast<double>(3 + SpecialBytes(specials)); }
};

// In the view that looks smallest; kBitsView has no specials.
IntegerColumn ViewColumn(std::span<const uint64_t> bits);
IntegerColumn ViewColumnAs(std::span<const uint64_t> bits, View view);

void AppendIntegers(const IntegerColumn& column, const PackedPlan& plan, std::string& out);
// False, and nothing is appended, when there is no memory for the coder.
bool AppendCodedIntegers(const IntegerColumn& column, const CodedPlan& plan, std::string& out);

bool DecodeIntegers(ColumnBytes column, size_t begin, std::span<double> out);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_INTEGER_COLUMN_H_
