#include "slo/slice_column.h"

#include <bit>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace slowburn::slo {
namespace {

static_assert(std::endian::native == std::endian::little,
              "columns are kept and stored little-endian");

// The least width that holds `value`.
uint8_t WidthOf(EventCount value) {
  if (value.raw() == 0) return 0;
  if (!value.IsWhole() || value.raw() < 0) return 16;
  const Int128 whole = value.Whole();
  if (whole <= std::numeric_limits<uint8_t>::max()) return 1;
  if (whole <= std::numeric_limits<uint16_t>::max()) return 2;
  if (whole <= std::numeric_limits<uint32_t>::max()) return 4;
  if (whole <= std::numeric_limits<int64_t>::max()) return 8;
  return 16;
}

template <typename T>
EventCount SumAs(const uint8_t* bytes, size_t n) {
  Uint128 sum = 0;
  uint64_t part = 0;
  for (size_t i = 0; i < n; ++i) {
    T value;
    std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
    if constexpr (sizeof(T) < 8) {
      part += value;  // at most 360 · 2^32: no overflow
    } else {
      sum += value;
    }
  }
  return EventCount::FromRaw(static_cast<Int128>((sum + part) << EventCount::kFractionBits));
}

EventCount SumRaw(const uint8_t* bytes, size_t n) {
  Uint128 sum = 0;
  for (size_t i = 0; i < n; ++i) {
    Uint128 value;
    std::memcpy(&value, bytes + i * sizeof(value), sizeof(value));
    sum += value;
  }
  return EventCount::FromRaw(static_cast<Int128>(sum));
}

EventCount SumOf(const uint8_t* bytes, size_t n, uint8_t width) {
  switch (width) {
    case 1:
      return SumAs<uint8_t>(bytes, n);
    case 2:
      return SumAs<uint16_t>(bytes, n);
    case 4:
      return SumAs<uint32_t>(bytes, n);
    case 8:
      return SumAs<uint64_t>(bytes, n);
    case 16:
      return SumRaw(bytes, n);
    default:
      return {};
  }
}

}  // namespace

EventCount SliceColumn::At(size_t i) const {
  DCHECK(i < size_);
  return SumOf(bytes_.data() + i * width_, 1, width_);
}

EventCount SliceColumn::Sum(size_t n) const {
  DCHECK(n <= size_);
  return SumOf(bytes_.data(), n, width_);
}

void SliceColumn::Store(size_t i, EventCount value) {
  if (width_ == 0) return;
  uint8_t* at = bytes_.data() + i * width_;
  if (width_ == 16) {
    const Int128 raw = value.raw();
    std::memcpy(at, &raw, sizeof(raw));
    return;
  }
  const uint64_t whole = static_cast<uint64_t>(value.Whole());
  std::memcpy(at, &whole, width_);  // little-endian: the low bytes
}

void SliceColumn::Widen(uint8_t width) {
  SliceColumn wide(size_);
  wide.width_ = width;
  wide.bytes_.resize(size_ * width);
  for (size_t i = 0; i < size_; ++i) wide.Store(i, At(i));
  *this = std::move(wide);
}

void SliceColumn::Add(size_t i, EventCount delta) {
  if (delta.raw() == 0) return;
  const EventCount value = At(i) + delta;
  const uint8_t width = WidthOf(value);
  if (width > width_) Widen(width);
  Store(i, value);
}

void SliceColumn::ZeroFrom(size_t i) {
  for (size_t k = i * width_; k < bytes_.size(); ++k) bytes_[k] = 0;
}

SliceColumn SliceColumn::Coarser(size_t factor) const {
  DCHECK(factor > 0 && size_ % factor == 0);
  SliceColumn out(size_ / factor);
  for (size_t i = 0; i < size_; ++i) out.Add(i / factor, At(i));
  return out;
}

void SliceColumn::AppendTo(std::string& out) const {
  out.push_back(static_cast<char>(width_));
  out.append(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
}

bool SliceColumn::ReadFrom(std::string_view& in) {
  if (in.empty()) return false;
  const uint8_t width = static_cast<uint8_t>(in[0]);
  if (width != 0 && width != 1 && width != 2 && width != 4 && width != 8 && width != 16)
    return false;
  const size_t length = size_ * width;
  if (in.size() < 1 + length) return false;
  width_ = width;
  bytes_.assign(in.begin() + 1, in.begin() + 1 + static_cast<ptrdiff_t>(length));
  in.remove_prefix(1 + length);
  return true;
}

}  // namespace slowburn::slo
