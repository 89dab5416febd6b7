// SLO files: whatever the bytes, the loader returns, and what it accepts can be planned.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "slo/slo_plan.h"
#include "slo/spec_loader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  slowburn::slo::SloFiles files;
  slowburn::slo::LoadSloText({reinterpret_cast<const char*>(data), size}, "fuzz.yml", files);
  for (const slowburn::slo::SloSpec& spec : files.specs) {
    CHECK(!spec.id.empty());
    CHECK(spec.budget.num > 0 && spec.budget.num < spec.budget.den);
    CHECK(!slowburn::slo::DescribePlan(spec, 1.5).empty());
  }
  return 0;
}
