// Any bytes as an exposition in the text format.
#include <cstddef>
#include <cstdint>
#include <string>

#include "ingest/text_parser.h"
#include "tests/fuzz/exposition_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  slowburn::testing::ReadAll(*slowburn::ingest::NewTextParser(body), body);
  return 0;
}
