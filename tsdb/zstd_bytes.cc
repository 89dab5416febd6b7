#include "tsdb/zstd_bytes.h"

#include <zstd.h>

#include <array>
#include <memory>

namespace slowburn::tsdb {
namespace {

constexpr std::array<uint8_t, 4> kMagic = {0x28, 0xB5, 0x2F, 0xFD};
// Columns are short and mostly noise: what is found is found by Huffman codes at any level.
constexpr int kLevel = 1;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

std::unique_ptr<ZSTD_CCtx, FreeContext> NewEncoder() {
  std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  if (context == nullptr) return context;
  for (const auto& [parameter, value] :
       {std::pair{ZSTD_c_compressionLevel, kLevel}, std::pair{ZSTD_c_contentSizeFlag, 0},
        std::pair{ZSTD_c_checksumFlag, 0}}) {
    if (ZSTD_isError(ZSTD_CCtx_setParameter(context.get(), parameter, value))) return nullptr;
  }
  return context;
}

}  // namespace

bool AppendZstd(std::string_view bytes, std::string& out) {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context = NewEncoder();
  if (context == nullptr) return false;
  const size_t begin = out.size();
  out.resize(begin + ZSTD_compressBound(bytes.size()));
  const size_t size = ZSTD_compress2(context.get(), out.data() + begin, out.size() - begin,
                                     bytes.data(), bytes.size());
  const bool ok = !ZSTD_isError(size);
  out.resize(begin + (ok ? size : 0));
  if (ok) out.erase(begin, kMagic.size());
  return ok;
}

bool DecodeZstd(Unread coded, uint8_t* out, size_t size) {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  if (context == nullptr) return false;
  std::string frame(kMagic.begin(), kMagic.end());
  frame.append(reinterpret_cast<const char*>(coded.begin), coded.size());
  return ZSTD_decompressDCtx(context.get(), out, size, frame.data(), frame.size()) == size;
}

}  // namespace slowburn::tsdb
