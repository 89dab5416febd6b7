// Fingerprint: 32 hex digits that name a text in keys on disk. The same in every version and on
// every machine.
#ifndef SLOWBURN_SLO_FINGERPRINT_H_
#define SLOWBURN_SLO_FINGERPRINT_H_

#include <string>
#include <string_view>

namespace slowburn::slo {

// 128-bit FNV-1a. Not for secrets; where a collision would matter, the text is stored beside it.
std::string Fingerprint(std::string_view text);

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_FINGERPRINT_H_
