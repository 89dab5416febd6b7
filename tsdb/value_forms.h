// The forms of a column of values: what value_codec.h chooses from. For the codec itself and its
// tests; everything else goes through tsdb/value_codec.h.
//
// Threads: pure functions. Errors: decoders return false for bytes that are no such column; what
// they wrote to `out` until then is to be ignored.
#ifndef SLOWBURN_TSDB_VALUE_FORMS_H_
#define SLOWBURN_TSDB_VALUE_FORMS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "tsdb/column_bytes.h"
#include "tsdb/value_codec.h"

namespace slowburn::tsdb {

// The first byte of a column.
//   0x00-0x3F  const: the double of that integer
//   0x40-0x4F  const: an integer in the view of the low four bits
//   0x50-0x54  as named
//   0x80-0xFF  integers: bit 6: an annex follows; bits 5-4: predictor, 3 when they are coded;
//              bits 3-0: view
namespace lead {
inline constexpr uint8_t kConstEnd = 0x40, kConstView = 0x40, kConstViewEnd = 0x50;
inline constexpr uint8_t kRaw = 0x50, kRawCoded = 0x51, kRuns = 0x52, kChangeMap = 0x53,
                         kFronts = 0x54;
inline constexpr uint8_t kIntegers = 0x80, kAnnexFlag = 0x40, kCodedPredictor = 3;
}  // namespace lead

enum class ValueForm : uint8_t {
  kConst,
  kRaw,
  kRawCoded,   // through the entropy coder
  kRuns,       // the lengths of runs of the same bits, and a column of their values
  kChangeMap,  // a bit for each value: differs from the one before; a column of those that do
  kFronts,     // a dictionary of front bits, the rest packed
  kNone,       // integers, by predictor
  kDelta,
  kDelta2,
  kCodedNone,  // integers, through the entropy coder, by predictor
  kCodedDelta,
  kCodedDelta2,
};
inline constexpr size_t kValueForms = 12;

// A column in the bytes behind its first one.
struct ColumnBytes {
  uint8_t lead = 0;
  Unread unread;
  size_t count = 0;
};

// Appends the column in this form, however large. False, and nothing appended: it has none.
bool EncodeValuesAs(ValueForm form, std::span<const uint64_t> bits, std::string& out);

// As DecodeValues. `nested`: inside of runs or a change map, which are not nested again.
bool DecodeColumn(Unread unread, size_t count, size_t begin, std::span<double> out, bool nested);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_VALUE_FORMS_H_
