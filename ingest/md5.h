// MD5 (RFC 1321), for the hashmod action of relabelling, which is defined by it. Not for security.
#ifndef SLOWBURN_INGEST_MD5_H_
#define SLOWBURN_INGEST_MD5_H_

#include <array>
#include <cstdint>
#include <string_view>

namespace slowburn::ingest {

std::array<uint8_t, 16> Md5(std::string_view text);

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_MD5_H_
