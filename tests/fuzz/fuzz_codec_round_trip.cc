// Whatever the values and times are, every form of a column gives them back, bit for bit.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "tsdb/value_codec.h"
#include "tsdb/value_forms.h"

namespace {

using slowburn::tsdb::Temperature;

// What the eight bytes of an input mean to a column: the first byte of all says which.
enum Kind : uint8_t { kBits, kIntegers, kSteps, kDecimals, kRuns, kKinds };

// One value for each eight bytes; runs have up to 255 for each.
std::vector<uint64_t> ToColumn(uint8_t kind, const uint8_t* data, size_t size) {
  std::vector<uint64_t> bits;
  int64_t sum = 0;
  for (size_t at = 0; at + sizeof(uint64_t) <= size; at += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, data + at, sizeof(word));
    // Small numbers are as likely as large ones.
    const int64_t number = static_cast<int64_t>(word) >> (word % 64);
    sum = static_cast<int64_t>(static_cast<uint64_t>(sum) + static_cast<uint64_t>(number));
    const auto value = static_cast<double>(kind % kKinds == kIntegers ? number : sum);
    switch (kind % kKinds) {
      case kBits:
        bits.push_back(word);
        break;
      case kDecimals:
        bits.push_back(std::bit_cast<uint64_t>(value / std::pow(10, kind / kKinds % 15)));
        break;
      case kRuns:
        bits.insert(bits.end(), 1 + word % 255, std::bit_cast<uint64_t>(value));
        break;
      default:
        bits.push_back(std::bit_cast<uint64_t>(value));
    }
  }
  if (bits.size() > slowburn::tsdb::kMaxColumnSamples)
    bits.resize(slowburn::tsdb::kMaxColumnSamples);
  return bits;
}

void ExpectBack(const std::string& bytes, const std::vector<uint64_t>& bits) {
  std::vector<double> out(bits.size());
  if (!slowburn::tsdb::DecodeValues(bytes, bits.size(), 0, out).ok()) __builtin_trap();
  if (std::memcmp(out.data(), bits.data(), bits.size() * sizeof(double)) != 0) __builtin_trap();
}

void CheckValues(const std::vector<uint64_t>& bits) {
  for (const Temperature temperature : {Temperature::kHot, Temperature::kCold}) {
    std::string bytes;
    slowburn::tsdb::EncodeValues(bits, temperature, bytes);
    ExpectBack(bytes, bits);
  }
  for (size_t form = 0; form < slowburn::tsdb::kValueForms; ++form) {
    std::string bytes;
    if (slowburn::tsdb::EncodeValuesAs(static_cast<slowburn::tsdb::ValueForm>(form), bits, bytes))
      ExpectBack(bytes, bits);
  }
}

void CheckTimes(const std::vector<uint64_t>& bits) {
  std::vector<slowburn::tsdb::TimestampMs> times;
  for (const uint64_t b : bits) times.push_back(static_cast<int64_t>(b));
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  std::string bytes;
  slowburn::tsdb::EncodeTimes(times, Temperature::kHot, bytes);
  std::vector<slowburn::tsdb::TimestampMs> out(times.size());
  if (!slowburn::tsdb::DecodeTimes(bytes, out).ok() || out != times) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::vector<uint64_t> bits = ToColumn(data[0], data + 1, size - 1);
  if (bits.empty()) return 0;
  CheckValues(bits);
  CheckTimes(bits);
  return 0;
}
