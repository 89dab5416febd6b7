// Limits of templates: a template comes from a file that somebody wrote, its data from the network.
#ifndef SLOWBURN_RULES_TEMPLATE_LIMITS_H_
#define SLOWBURN_RULES_TEMPLATE_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace slowburn::rules {

inline constexpr size_t kMaxTemplateBytes = size_t{1} << 20;  // of one template's text
// Of one expansion, and of one string.
inline constexpr size_t kMaxTemplateOutputBytes = size_t{1} << 20;
inline constexpr int64_t kMaxTemplateSteps = 1'000'000;  // nodes walked by one expansion
inline constexpr int kMaxTemplateDepth = 500;  // nested blocks, parentheses and template calls
inline constexpr int kMaxValueDepth = 100;     // nested lists and maps
inline constexpr int64_t kMaxFormatWidth = 1'000'000;  // %1000001d is %!(BADWIDTH), as in Go

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_TEMPLATE_LIMITS_H_
