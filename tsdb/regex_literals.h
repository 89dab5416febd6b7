// What can be known about a regex without running it: the literals that it enumerates, the literal
// that every match begins with, or that it is only a literal with wildcards around it. Understands
// a part of RE2's syntax and knows it: where it gives up the answer is empty, never wrong. The
// pattern is anchored at both ends, as matchers are.
//
// Threads: pure functions.
#ifndef SLOWBURN_TSDB_REGEX_LITERALS_H_
#define SLOWBURN_TSDB_REGEX_LITERALS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slowburn::tsdb {

// At most so many literals are enumerated; longer alternations are left to the regex.
inline constexpr size_t kMaxRegexLiterals = 1024;

// A pattern of the form [.*|.+] literal [.*|.+], which string comparison answers.
struct RegexShape {
  enum class Wild : uint8_t { kNone, kAny, kSome };  // nothing, .*, .+
  Wild before = Wild::kNone, after = Wild::kNone;
  std::string literal;

  bool Matches(std::string_view value) const;
};

struct RegexLiterals {
  std::vector<std::string> set;     // sorted, unique; not empty: the pattern matches exactly these
  std::optional<RegexShape> shape;  // when set is empty
  std::string prefix;               // when set is empty: every match begins with it
};
RegexLiterals FindLiterals(std::string_view pattern);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_REGEX_LITERALS_H_
