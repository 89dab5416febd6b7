// Any bytes as an exposition in OpenMetrics.
#include <cstddef>
#include <cstdint>
#include <string>

#include "ingest/openmetrics_parser.h"
#include "tests/fuzz/exposition_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  slowburn::testing::ReadAll(*slowburn::ingest::NewOpenMetricsParser(body), body);
  return 0;
}
