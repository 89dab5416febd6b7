// Regex: RE2 in Prometheus' manner: the whole string must match, the dot matches newlines
// (^(?s:…)$).
//
// Also irons out where RE2 and Go's regexp differ: (?<name>…) is accepted, \C is refused. Copies
// share one program.
// Threads: immutable after Compile.
#ifndef SLOWBURN_BASE_REGEX_H_
#define SLOWBURN_BASE_REGEX_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace re2 {
class RE2;
}

namespace slowburn::base {

class Regex {
 public:
  // kInvalidArgument with RE2's reason.
  static absl::StatusOr<Regex> Compile(std::string_view pattern);
  // Without the anchors: for reReplaceAll and match in templates.
  static absl::StatusOr<Regex> CompileUnanchored(std::string_view pattern);

  bool Matches(std::string_view text) const;
  // Go's Regexp.ExpandString over the first match: $1, ${1}, ${name}, $$. nullopt when `text` does
  // not match. Of a text that would be longer than `max_bytes` comes only a beginning, which is.
  std::optional<std::string> Expand(std::string_view text, std::string_view replacement,
                                    size_t max_bytes = std::string::npos) const;
  // Go's ReplaceAllString.
  std::string ReplaceAll(std::string_view text, std::string_view replacement) const;
  const std::string& pattern() const { return pattern_; }

 private:
  Regex(std::string pattern, std::shared_ptr<const re2::RE2> program);
  std::string pattern_;                          // as given, without anchors
  std::shared_ptr<const re2::RE2> program_;      // immutable, shared by copies
};

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_REGEX_H_
