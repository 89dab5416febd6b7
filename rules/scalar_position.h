// Where a byte of a YAML scalar's value stands in the file: for errors inside expressions and
// templates.
#ifndef SLOWBURN_RULES_SCALAR_POSITION_H_
#define SLOWBURN_RULES_SCALAR_POSITION_H_

#include <cstddef>
#include <string_view>

#include "base/yaml.h"

namespace slowburn::rules {

struct FilePosition {
  int line = 0, column = 0;  // from 1, columns in bytes
};

// `text` is the whole file. Knows plain, quoted and block scalars, folded lines and escapes; where
// it loses the thread (aliases, merges) it answers the scalar's start.
FilePosition PositionInScalar(std::string_view text, const base::YamlNode& scalar, size_t offset);

// The byte offset that "LINE:COLUMN" (from 1, in bytes) means within `value`.
size_t OffsetOf(std::string_view value, int line, int column);

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_SCALAR_POSITION_H_
