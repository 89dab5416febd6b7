#include "notify/record.h"

namespace slowburn::notify {
namespace {

constexpr uint64_t kNumber = 0, kBytes = 1;  // the lowest bit of a field's head

}  // namespace

void RecordWriter::Varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) out_ += char(value | 0x80);
  out_ += char(value);
}

void RecordWriter::Int(uint32_t field, int64_t value) {
  if (value == 0) return;
  Varint((uint64_t{field} << 1) | kNumber);
  // Zigzag: small negative numbers stay small.
  Varint((uint64_t(value) << 1) ^ uint64_t(value >> 63));
}

void RecordWriter::Bytes(uint32_t field, std::string_view value) {
  if (value.empty()) return;
  Varint((uint64_t{field} << 1) | kBytes);
  Varint(value.size());
  out_ += value;
}

void RecordWriter::Pairs(uint32_t field,
                         const std::vector<std::pair<std::string, std::string>>& pairs) {
  for (const auto& [name, value] : pairs) {
    RecordWriter inner;
    inner.Bytes(1, name);
    inner.Bytes(2, value);
    const std::string encoded = inner.Take();
    Varint((uint64_t{field} << 1) | kBytes);
    Varint(encoded.size());
    out_ += encoded;
  }
}

bool RecordReader::Varint(uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool RecordReader::Next() {
  if (!ok_ || rest_.empty()) return false;
  uint64_t head = 0, value = 0;
  ok_ = Varint(head) && Varint(value);
  if (!ok_) return false;
  field_ = uint32_t(head >> 1);
  if ((head & 1) == kNumber) {
    number_ = int64_t(value >> 1) ^ -int64_t(value & 1);
    bytes_ = {};
    return true;
  }
  if (value > rest_.size()) return ok_ = false;
  number_ = 0;
  bytes_ = rest_.substr(0, value);
  rest_.remove_prefix(value);
  return true;
}

std::pair<std::string, std::string> RecordReader::pair() {
  std::pair<std::string, std::string> result;
  RecordReader inner(bytes_);
  while (inner.Next()) {
    if (inner.field() == 1) result.first = inner.str();
    if (inner.field() == 2) result.second = inner.str();
  }
  ok_ = ok_ && inner.ok();
  return result;
}

}  // namespace slowburn::notify
