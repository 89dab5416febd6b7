#include "ingest/compression.h"

#include <snappy.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace slowburn::ingest {
namespace {

constexpr size_t kFirstZstdBuffer = size_t{64} << 10;  // for frames that do not tell their size

absl::Status TooLarge(size_t size, size_t limit) {
  return absl::ResourceExhaustedError(
      absl::StrCat("the request decodes to ", size, " bytes, the limit is ", limit));
}

absl::StatusOr<size_t> SnappySize(std::string_view body) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(body.data(), body.size(), &size)) {
    return absl::InvalidArgumentError(
        absl::StrCat("snappy: corrupt input: no length at the start of ", body.size(), " bytes"));
  }
  return size;
}

absl::StatusOr<ByteBuffer> SnappyDecompress(std::string_view body, size_t size) {
  ByteBuffer out(size);
  if (!snappy::RawUncompress(body.data(), body.size(), out.data())) {
    return absl::InvalidArgumentError(absl::StrCat("snappy: corrupt input: ", body.size(),
                                                   " bytes do not decode to the ", size,
                                                   " that they announce"));
  }
  return out;
}

struct ZstdDeleter {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

absl::Status ZstdError(size_t code) {
  return absl::InvalidArgumentError(absl::StrCat("zstd: corrupt input: ", ZSTD_getErrorName(code)));
}

// Streams, because a body may hold several frames and none need tell its size.
absl::StatusOr<ByteBuffer> ZstdDecompress(std::string_view body, size_t first_size, size_t limit) {
  const std::unique_ptr<ZSTD_DCtx, ZstdDeleter> context(ZSTD_createDCtx());
  if (context == nullptr) return absl::ResourceExhaustedError("zstd: no memory for a decoder");
  ByteBuffer out(first_size);
  ZSTD_inBuffer in{body.data(), body.size(), 0};
  size_t filled = 0;
  size_t left = 1;  // 0: at the end of a frame
  while (in.pos < in.size || left != 0) {
    if (filled == out.size()) {
      if (filled >= limit) return TooLarge(filled + 1, limit);
      ByteBuffer larger(std::min(limit, std::max(filled * 2, kFirstZstdBuffer)));
      std::memcpy(larger.data(), out.data(), filled);
      out = std::move(larger);
    }
    ZSTD_outBuffer piece{out.data() + filled, out.size() - filled, 0};
    const size_t input_before = in.pos;
    left = ZSTD_decompressStream(context.get(), &piece, &in);
    if (ZSTD_isError(left)) return ZstdError(left);
    filled += piece.pos;
    if (piece.pos == 0 && in.pos == input_before && left != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("zstd: corrupt input: ends inside a frame after ", body.size(), " bytes"));
    }
  }
  out.Truncate(filled);
  return out;
}

}  // namespace

absl::StatusOr<size_t> DecodedSize(WriteEncoding encoding, std::string_view body, size_t limit) {
  switch (encoding) {
    case WriteEncoding::kIdentity:
      return body.size();
    case WriteEncoding::kSnappy:
      return SnappySize(body);
    case WriteEncoding::kZstd: {
      const unsigned long long size = ZSTD_getFrameContentSize(body.data(), body.size());
      if (size == ZSTD_CONTENTSIZE_ERROR) {
        return absl::InvalidArgumentError("zstd: corrupt input: no frame header");
      }
      if (size == ZSTD_CONTENTSIZE_UNKNOWN) return limit;
      return static_cast<size_t>(size);
    }
  }
  return absl::InvalidArgumentError("unknown encoding");
}

absl::StatusOr<ByteBuffer> Decompress(WriteEncoding encoding, std::string_view body, size_t limit) {
  ASSIGN_OR_RETURN(const size_t size, DecodedSize(encoding, body, limit));
  if (size > limit) return TooLarge(size, limit);
  if (encoding == WriteEncoding::kSnappy) return SnappyDecompress(body, size);
  // An unknown size must not cost the whole limit at once.
  const bool known = ZSTD_getFrameContentSize(body.data(), body.size()) != ZSTD_CONTENTSIZE_UNKNOWN;
  return ZstdDecompress(body, known ? size : kFirstZstdBuffer, limit);
}

std::string CompressSnappy(std::string_view text) {
  std::string out;
  snappy::Compress(text.data(), text.size(), &out);
  return out;
}

}  // namespace slowburn::ingest
