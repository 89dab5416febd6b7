// Matchers of both grammars: never a crash, and what was understood is understood again when
// printed.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "notify/matcher.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (size > 10'000) return 0;
  (void)slowburn::notify::ParseMatcher(text);
  (void)slowburn::notify::ParseMatchers(text);
  if (const auto classic = slowburn::notify::ParseClassicMatchers(text); classic.ok()) {
    const auto again =
        slowburn::notify::ParseClassicMatchers(slowburn::notify::MatchersString(*classic));
    CHECK(again.ok() && *again == *classic);
  }
  return 0;
}
