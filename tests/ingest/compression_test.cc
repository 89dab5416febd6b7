#include "ingest/compression.h"

#include <snappy.h>
#include <zstd.h>

#include <string>

#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::ingest {
namespace {

using slowburn::testing::IsCode;

std::string Snappy(const std::string& text) {
  std::string out;
  snappy::Compress(text.data(), text.size(), &out);
  return out;
}

std::string Zstd(const std::string& text, bool with_size) {
  if (with_size) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
  }
  ZSTD_CCtx* context = ZSTD_createCCtx();
  std::string out(ZSTD_compressBound(text.size()) + 64, '\0');
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  ZSTD_inBuffer from{text.data(), text.size(), 0};
  while (from.pos < from.size) ZSTD_compressStream2(context, &to, &from, ZSTD_e_continue);
  while (ZSTD_compressStream2(context, &to, &from, ZSTD_e_end) != 0) {
  }
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

std::string Text(size_t size) {
  std::string out;
  while (out.size() < size)
    out += "http_requests_total{code=\"" + std::to_string(out.size()) + "\"} ";
  out.resize(size);
  return out;
}

TEST(Compression, RoundTripsAtManySizes) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{100}, size_t{64 << 10}, size_t{200'001}}) {
    const std::string text = Text(size);
    for (const auto& [encoding, body] : {std::pair(WriteEncoding::kSnappy, Snappy(text)),
                                         std::pair(WriteEncoding::kZstd, Zstd(text, true)),
                                         std::pair(WriteEncoding::kZstd, Zstd(text, false))}) {
      ASSERT_OK_AND_ASSIGN(const ByteBuffer out, Decompress(encoding, body, 1 << 20));
      EXPECT_EQ(out.view(), text) << size;
    }
  }
}

TEST(Compression, LimitIsInclusive) {
  const std::string text = Text(100'000);
  for (const auto& [encoding, body] : {std::pair(WriteEncoding::kSnappy, Snappy(text)),
                                       std::pair(WriteEncoding::kZstd, Zstd(text, true)),
                                       std::pair(WriteEncoding::kZstd, Zstd(text, false))}) {
    EXPECT_OK(Decompress(encoding, body, 100'000));
    EXPECT_THAT(Decompress(encoding, body, 99'999),
                IsCode(absl::StatusCode::kResourceExhausted, "the limit is 99999"));
  }
}

TEST(Compression, ALieAboutTheSizeIsRefusedBeforeMemoryIsTaken) {
  // snappy's varint length: 4 GiB - 1.
  EXPECT_THAT(Decompress(WriteEncoding::kSnappy, "\xff\xff\xff\xff\x0f", 32 << 20),
              IsCode(absl::StatusCode::kResourceExhausted, "4294967295"));
}

TEST(Compression, BrokenBodiesAreInvalid) {
  const std::string text = Text(5000);
  for (const auto& [encoding, body] : {std::pair(WriteEncoding::kSnappy, Snappy(text)),
                                       std::pair(WriteEncoding::kZstd, Zstd(text, true)),
                                       std::pair(WriteEncoding::kZstd, Zstd(text, false))}) {
    for (size_t cut = 0; cut < body.size(); cut += 7) {
      const auto out = Decompress(encoding, body.substr(0, cut), 1 << 20);
      // An empty zstd body holds no frame; everything else is cut inside one.
      EXPECT_FALSE(out.ok()) << cut;
      EXPECT_EQ(out.status().code(), absl::StatusCode::kInvalidArgument) << out.status();
    }
  }
  EXPECT_THAT(Decompress(WriteEncoding::kSnappy, "not snappy", 1000),
              IsCode(absl::StatusCode::kInvalidArgument, "snappy"));
  EXPECT_THAT(Decompress(WriteEncoding::kZstd, "not zstd", 1000),
              IsCode(absl::StatusCode::kInvalidArgument, "zstd"));
}

}  // namespace
}  // namespace slowburn::ingest
