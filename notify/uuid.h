// Random UUIDs (version 4): names of silences and of deliveries.
#ifndef SLOWBURN_NOTIFY_UUID_H_
#define SLOWBURN_NOTIFY_UUID_H_

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace slowburn::notify {

// Not thread-safe. Seed 0: from the operating system.
class UuidSource {
 public:
  explicit UuidSource(uint64_t seed);
  std::string Next();
  // [0, 1): jitter.
  double Unit();

 private:
  std::mt19937_64 engine_;
};

bool IsUuid(std::string_view text);

}  // namespace slowburn::notify

#endif  // SLOWBURN_NOTIFY_UUID_H_
