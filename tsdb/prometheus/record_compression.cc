#include "tsdb/prometheus/record_compression.h"

#include <snappy.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"

namespace slowburn::tsdb::prom {
namespace {

constexpr size_t kZstdPiece = size_t{256} << 10;
constexpr size_t kMostOfSnappy = 64;  // a byte of snappy never becomes more

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrCat("a compressed record ", std::string(what)));
}

absl::Status Snappy(std::string_view bytes, std::string& out) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(bytes.data(), bytes.size(), &size))
    return Damaged("is not snappy");
  if (size > kMaxRecordBytes || size > bytes.size() * kMostOfSnappy)
    return Damaged(absl::StrCat("claims ", size, " bytes"));
  out.resize(size);
  if (!snappy::RawUncompress(bytes.data(), bytes.size(), out.data()))
    return Damaged("is not snappy");
  return absl::OkStatus();
}

struct ZstdDeleter {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

absl::Status Zstd(std::string_view bytes, std::string& out) {
  static thread_local const std::unique_ptr<ZSTD_DCtx, ZstdDeleter> context(ZSTD_createDCtx());
  if (context == nullptr) return absl::ResourceExhaustedError("no memory for zstd");
  ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_only);
  out.clear();
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  size_t filled = 0, left = 1;
  while (left != 0) {
    if (filled == out.size()) {
      if (filled >= kMaxRecordBytes) return Damaged("is too large");
      out.resize(std::max(kZstdPiece, filled * 2));
    }
    ZSTD_outBuffer piece{out.data() + filled, out.size() - filled, 0};
    const size_t before = in.pos;
    left = ZSTD_decompressStream(context.get(), &piece, &in);
    if (ZSTD_isError(left)) return Damaged(absl::StrCat("is not zstd: ", ZSTD_getErrorName(left)));
    filled += piece.pos;
    if (piece.pos == 0 && in.pos == before && left != 0) return Damaged("ends early");
  }
  out.resize(filled);
  return absl::OkStatus();
}

}  // namespace

absl::Status DecompressRecord(RecordCompression compression, std::string_view bytes,
                              std::string& out) {
  switch (compression) {
    case RecordCompression::kNone:
      out.assign(bytes);
      return absl::OkStatus();
    case RecordCompression::kSnappy:
      return Snappy(bytes, out);
    case RecordCompression::kZstd:
      return Zstd(bytes, out);
  }
  return Damaged("has an unknown compression");
}

}  // namespace slowburn::tsdb::prom
