#include "ingest/wire_reader.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace slowburn::ingest {
namespace {

constexpr int kMaxGroupDepth = 32;  // groups are obsolete; no known sender uses them

}  // namespace

bool WireReader::Fail(std::string_view reason) {
  if (status_.ok()) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat("protobuf: ", std::string(reason), " at byte ", p_ - base_));
  }
  p_ = end_;
  return false;
}

bool WireReader::WrongType(const WireField& field) {
  return Fail(absl::StrCat("wire type ", static_cast<int>(field.type), " does not fit field ",
                           field.number));
}

bool WireReader::SlowVarint(uint64_t& out) {
  uint64_t value = 0;
  const char* p = p_;
  for (int shift = 0; shift < 64; shift += 7) {
    if (p == end_) return Fail("truncated varint");
    const auto byte = static_cast<unsigned char>(*p++);
    if (shift == 63 && byte > 1) return Fail("varint of more than 64 bits");
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      out = value;
      p_ = p;
      return true;
    }
  }
  return Fail("varint of more than 64 bits");
}

bool WireReader::BadTag(uint64_t tag) {
  const uint64_t number = tag >> 3;
  if (number == 0 || number > kMaxFieldNumber) return Fail(absl::StrCat("field number ", number));
  return Fail(absl::StrCat("wire type ", tag & 7));
}

bool WireReader::Skip(const WireField& field) { return SkipValue(field, 0); }

bool WireReader::SkipValue(const WireField& field, int depth) {
  uint64_t number = 0;
  std::string_view bytes;
  switch (field.type) {
    case WireType::kVarint:
      return RawVarint(number);
    case WireType::kFixed64:
      return Fixed64(field, number);
    case WireType::kBytes:
      return Bytes(field, bytes);
    case WireType::kFixed32:
      if (end_ - p_ < 4) return Fail("4 bytes do not fit");
      p_ += 4;
      return true;
    case WireType::kStartGroup:
      return SkipGroup(field.number, depth);
    case WireType::kEndGroup:
      return Fail("end of a group that did not begin");
  }
  return Fail("unknown wire type");
}

bool WireReader::SkipGroup(uint32_t number, int depth) {
  if (depth >= kMaxGroupDepth) return Fail("groups are nested too deep");
  WireField field;
  while (Next(field)) {
    if (field.type == WireType::kEndGroup) {
      return field.number == number || Fail("end of a group that did not begin");
    }
    if (!SkipValue(field, depth + 1)) return false;
  }
  return Fail("group without an end");
}

}  // namespace slowburn::ingest
