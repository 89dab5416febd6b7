// Upper and lower case of UTF-8 text, character by character (Unicode's simple mappings, as Go's
// strings.ToUpper).
#ifndef SLOWBURN_INGEST_LETTER_CASE_H_
#define SLOWBURN_INGEST_LETTER_CASE_H_

#include <string>
#include <string_view>

namespace slowburn::ingest {

// Bytes that are not valid UTF-8 stay as they are.
std::string ToLowerUtf8(std::string_view text);
std::string ToUpperUtf8(std::string_view text);

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_LETTER_CASE_H_
