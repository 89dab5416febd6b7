// Encodes prometheus.WriteRequest by hand, field by field, so that tests can also make the odd
// ones.
#ifndef SLOWBURN_TESTS_INGEST_WRITE_REQUEST_BUILDER_H_
#define SLOWBURN_TESTS_INGEST_WRITE_REQUEST_BUILDER_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slowburn::testing {

class Wire {
 public:
  Wire& Varint(uint64_t value) {
    while (value >= 0x80) {
      bytes_ += static_cast<char>(value | 0x80);
      value >>= 7;
    }
    bytes_ += static_cast<char>(value);
    return *this;
  }
  Wire& Tag(uint32_t field, uint32_t type) { return Varint(field << 3 | type); }
  Wire& Bytes(uint32_t field, std::string_view value) {
    Tag(field, 2).Varint(value.size());
    bytes_ += value;
    return *this;
  }
  Wire& Int(uint32_t field, int64_t value) {
    return Tag(field, 0).Varint(static_cast<uint64_t>(value));
  }
  Wire& ZigZag(uint32_t field, int64_t value) { return Tag(field, 0).Varint(ZigZagBits(value)); }
  Wire& Double(uint32_t field, double value) {
    Tag(field, 1);
    return RawDouble(value);
  }
  Wire& RawDouble(double value) {
    char raw[8];
    std::memcpy(raw, &value, 8);
    bytes_.append(raw, 8);
    return *this;
  }
  Wire& PackedZigZag(uint32_t field, const std::vector<int64_t>& values) {
    Wire packed;
    for (const int64_t value : values) packed.Varint(ZigZagBits(value));
    return Bytes(field, packed.str());
  }
  Wire& PackedDoubles(uint32_t field, const std::vector<double>& values) {
    Wire packed;
    for (const double value : values) packed.RawDouble(value);
    return Bytes(field, packed.str());
  }
  Wire& Raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  const std::string& str() const { return bytes_; }

 private:
  static uint64_t ZigZagBits(int64_t value) {
    return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
  }
  std::string bytes_;
};

using LabelPairs = std::vector<std::pair<std::string, std::string>>;
using SamplePairs = std::vector<std::pair<int64_t, double>>;

inline std::string EncodeLabel(const std::string& name, const std::string& value) {
  return Wire().Bytes(1, name).Bytes(2, value).str();
}
inline std::string EncodeSample(int64_t t, double v) { return Wire().Double(1, v).Int(2, t).str(); }

// The body of one TimeSeries.
inline Wire EncodeSeries(const LabelPairs& labels, const SamplePairs& samples) {
  Wire series;
  for (const auto& [name, value] : labels) series.Bytes(1, EncodeLabel(name, value));
  for (const auto& [t, v] : samples) series.Bytes(2, EncodeSample(t, v));
  return series;
}

// A request of series bodies.
inline std::string EncodeRequest(const std::vector<std::string>& series) {
  Wire request;
  for (const std::string& body : series) request.Bytes(1, body);
  return request.str();
}

}  // namespace slowburn::testing

#endif  // SLOWBURN_TESTS_INGEST_WRITE_REQUEST_BUILDER_H_
