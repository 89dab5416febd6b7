// Columns whose values begin with one of a few bit strings (a dictionary of fronts), the rest of
// each packed: doubles of full precision share signs and exponents (ALP_RD), and a column of few
// different values is all fronts.
//
// Pure functions, safe on any thread.
#ifndef SLOWBURN_TSDB_FRONT_COLUMN_H_
#define SLOWBURN_TSDB_FRONT_COLUMN_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tsdb/special_values.h"
#include "tsdb/value_forms.h"

namespace slowburn::tsdb {

inline constexpr size_t kMaxFronts = 256;

struct FrontColumn {
  unsigned rest_width = 0;       // bits of a value that are not its front
  std::vector<uint64_t> fronts;  // shifted down; at most kMaxFronts
  std::vector<uint64_t> packed;  // the number of the front, above the rest
  SpecialValues specials;        // those with another front

  unsigned code_width() const;
  double Bytes() const;
};

// False: no dictionary is likely to be worth it.
bool FindFronts(std::span<const uint64_t> bits, FrontColumn& column);
void AppendFronts(const FrontColumn& column, std::string& out);

bool DecodeFronts(ColumnBytes column, size_t begin, std::span<double> out);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_FRONT_COLUMN_H_
