#include "tsdb/value_codec.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <vector>

#include "tsdb/integer_view.h"
#include "tsdb/packed_integers.h"
#include "tsdb/varint.h"

namespace slowburn::tsdb {
namespace {

// The first byte of a column.
//   0x00-0x3F  const: the double of that integer
//   0x40-0x4F  const: an integer in the view of the low four bits
//   0x50       raw
//   0x80-0xEF  packed integers: bit 6: an annex follows; bits 5-4 predictor; bits 3-0 view
constexpr uint8_t kSmallConst = 0x40, kConst = 0x40, kRaw = 0x50, kPacked = 0x80;
constexpr uint8_t kAnnexFlag = 0x40;
constexpr uint8_t kAnnexDivisor = 1, kAnnexSpecials = 2, kAnnexKnown = 3;

absl::Status Damaged(const char* what) { return absl::DataLossError(what); }

void Put(uint64_t value, std::string& out) {
  uint8_t buffer[kMaxVarintBytes];
  const uint8_t* const end = PutVarint(buffer, value);
  out.append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(end - buffer));
}

void PutFixed(uint64_t value, std::string& out) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

bool GetFixed(const uint8_t*& p, const uint8_t* end, uint64_t& value) {
  if (static_cast<size_t>(end - p) < sizeof(value)) return false;
  std::memcpy(&value, p, sizeof(value));
  p += sizeof(value);
  return true;
}

// ---- const

void EncodeConst(uint64_t bits, std::string& out) {
  int64_t integer = 0;
  for (View view = 0; view <= kMaxExponent; ++view) {
    if (!ToInteger(bits, view, integer)) continue;
    if (view == 0 && integer >= 0 && integer < kSmallConst) {
      out.push_back(static_cast<char>(integer));
    } else {
      out.push_back(static_cast<char>(kConst | view));
      Put(Zigzag(integer), out);
    }
    return;
  }
  out.push_back(static_cast<char>(kConst | kBitsView));
  PutFixed(bits, out);
}

absl::Status DecodeConst(uint8_t lead, const uint8_t* p, const uint8_t* end,
                         std::span<double> out) {
  uint64_t bits = 0;
  if (lead < kSmallConst) {
    bits = FromInteger(lead, 0);
  } else if (const View view = lead & 0xF; view == kBitsView) {
    if (!GetFixed(p, end, bits)) return Damaged("a constant column is cut off");
  } else {
    if (!GetVarint(p, end, bits)) return Damaged("a constant column is cut off");
    bits = FromInteger(Unzigzag(bits), view);
  }
  if (p != end) return Damaged("bytes behind a constant column");
  std::fill(out.begin(), out.end(), std::bit_cast<double>(bits));
  return absl::OkStatus();
}

// ---- integers

// What a column of integers has besides the packed ones.
struct Annex {
  uint64_t divisor = 1;
  int64_t base = 0;  // v = base + divisor * integer
  std::vector<Special> specials;
};

void PutSpecials(const std::vector<Special>& specials, std::string& out) {
  Put(specials.size(), out);
  uint32_t next = 0;
  for (const Special& special : specials) {
    const bool stale = special.bits == kStaleNaNBits;
    Put(uint64_t{special.index - next} << 1 | (stale ? 1 : 0), out);
    if (!stale) PutFixed(special.bits, out);
    next = special.index + 1;
  }
}

void PutAnnex(const Annex& annex, std::string& out) {
  const bool divided = annex.divisor != 1;
  out.push_back(static_cast<char>((divided ? kAnnexDivisor : 0) |
                                  (annex.specials.empty() ? 0 : kAnnexSpecials)));
  if (divided) {
    Put(annex.divisor, out);
    Put(Zigzag(annex.base), out);
  }
  if (!annex.specials.empty()) PutSpecials(annex.specials, out);
}

// Patches the specials of a column into the decoded part of it.
class SpecialReader {
 public:
  bool Open(const uint8_t*& p, const uint8_t* end, size_t count) {
    if (!GetVarint(p, end, left_) || left_ == 0 || left_ > count) return false;
    begin_ = p;
    uint64_t index = 0;
    for (uint64_t i = 0; i < left_; ++i) {
      uint64_t code = 0, bits = 0;
      if (!GetVarint(p, end, code) || code >> 1 >= count - index) return false;
      if ((code & 1) == 0 && !GetFixed(p, end, bits)) return false;
      index += (code >> 1) + 1;
    }
    end_ = p;
    return true;
  }

  void Apply(size_t begin, std::span<double> out) const {
    const uint8_t* p = begin_;
    size_t index = 0;
    for (uint64_t i = 0; i < left_; ++i) {
      uint64_t code = 0, bits = kStaleNaNBits;
      GetVarint(p, end_, code);
      if ((code & 1) == 0) GetFixed(p, end_, bits);
      index += code >> 1;
      if (index >= begin && index - begin < out.size())
        out[index - begin] = std::bit_cast<double>(bits);
      ++index;
    }
  }

 private:
  const uint8_t* begin_ = nullptr;
  const uint8_t* end_ = nullptr;
  uint64_t left_ = 0;
};

struct IntegerPlan {
  View view = 0;
  Annex annex;
  PackedPlan packed;
  std::vector<int64_t> integers;

  double bytes() const {
    return packed.bytes + 9.0 * static_cast<double>(annex.specials.size()) + 4;
  }
};

void Divide(IntegerPlan& plan) {
  const uint64_t divisor = CommonDivisor(plan.integers);
  if (divisor <= 1) return;
  const int64_t first = plan.integers[0];
  plan.annex.divisor = divisor;
  const auto signed_divisor = static_cast<int64_t>(divisor);
  int64_t quotient = 0;
  if (signed_divisor > 0) {
    quotient = first / signed_divisor;
    plan.annex.base = first % signed_divisor;
  } else {
    plan.annex.base = first;
  }
  for (int64_t& integer : plan.integers) {
    auto difference = static_cast<uint64_t>(integer) - static_cast<uint64_t>(first);
    const bool negative = static_cast<int64_t>(difference) < 0;
    difference = (negative ? -difference : difference) / divisor;
    integer = quotient + static_cast<int64_t>(negative ? -difference : difference);
  }
}

// The view of a column's specials, when there are so many that a sample of the column missed what
// they have in common.
View ViewOfSpecials(const std::vector<Special>& specials) {
  std::vector<uint64_t> bits;
  for (const Special& special : specials) bits.push_back(special.bits);
  return ChooseView(bits);
}

void ViewAs(std::span<const uint64_t> bits, View view, IntegerPlan& plan) {
  plan.view = view;
  plan.integers.resize(bits.size());
  ToIntegers(bits, view, plan.integers, plan.annex.specials);
}

IntegerPlan PlanIntegers(std::span<const uint64_t> bits, View view) {
  IntegerPlan plan;
  ViewAs(bits, view, plan);
  while (plan.annex.specials.size() > bits.size() / 32) {
    const View finer = ViewOfSpecials(plan.annex.specials);
    if (finer <= plan.view || finer == kBitsView) break;
    ViewAs(bits, finer, plan);
  }
  Divide(plan);
  plan.packed = PlanPacked(plan.integers);
  return plan;
}

void WriteIntegers(const IntegerPlan& plan, std::string& out) {
  const bool annexed = plan.annex.divisor != 1 || !plan.annex.specials.empty();
  out.push_back(static_cast<char>(kPacked | (annexed ? kAnnexFlag : 0) |
                                  static_cast<uint8_t>(plan.packed.predictor) << 4 | plan.view));
  if (annexed) PutAnnex(plan.annex, out);
  WritePacked(plan.integers, plan.packed, out);
}

absl::Status DecodeIntegers(uint8_t lead, const uint8_t* p, const uint8_t* end, size_t count,
                            size_t begin, std::span<double> out) {
  const auto predictor = lead >> 4 & 3;
  if (predictor >= static_cast<int>(kPredictors)) return Damaged("an unknown form of column");
  uint64_t divisor = 1, base = 0, annex = 0;
  SpecialReader specials;
  if (lead & kAnnexFlag) {
    if (!GetVarint(p, end, annex) || annex == 0 || annex > kAnnexKnown)
      return Damaged("a column with an unknown annex");
    if (annex & kAnnexDivisor) {
      if (!GetVarint(p, end, divisor) || !GetVarint(p, end, base))
        return Damaged("a column without its divisor");
      base = static_cast<uint64_t>(Unzigzag(base));
    }
    if (annex & kAnnexSpecials && !specials.Open(p, end, count))
      return Damaged("a column with damaged special values");
  }
  PackedReader reader;
  if (!reader.Open(p, end, count, static_cast<Predictor>(predictor)))
    return Damaged("a column without its integers");
  IntegerBlock block;
  std::array<double, kRestart> values;
  for (size_t done = 0; done < out.size();) {
    const size_t at = begin + done, skip = at % kRestart;
    if (!reader.Read(at / kRestart, block)) return Damaged("a column with damaged integers");
    const size_t n = std::min(reader.BlockSize(at / kRestart) - skip, out.size() - done);
    FromIntegers(block.data() + skip, n, base, divisor, lead & 0xF, values.data());
    std::copy_n(values.data(), n, out.data() + done);
    done += n;
  }
  if (annex & kAnnexSpecials) specials.Apply(begin, out);
  return absl::OkStatus();
}

// ---- raw

void EncodeRaw(std::span<const uint64_t> bits, std::string& out) {
  out.push_back(static_cast<char>(kRaw));
  out.append(reinterpret_cast<const char*>(bits.data()), bits.size_bytes());
}

absl::Status DecodeRaw(const uint8_t* p, const uint8_t* end, size_t count, size_t begin,
                       std::span<double> out) {
  if (static_cast<size_t>(end - p) != count * sizeof(double))
    return Damaged("a raw column of another size");
  std::memcpy(out.data(), p + begin * sizeof(double), out.size_bytes());
  return absl::OkStatus();
}

bool IsConst(std::span<const uint64_t> bits) {
  return std::all_of(bits.begin(), bits.end(), [&](uint64_t b) { return b == bits[0]; });
}

}  // namespace

void EncodeValues(std::span<const uint64_t> bits, Temperature /*temperature*/, std::string& out) {
  if (IsConst(bits)) {
    EncodeConst(bits[0], out);
    return;
  }
  IntegerPlan best = PlanIntegers(bits, ChooseView(bits));
  if (best.view != kBitsView && best.annex.specials.size() * 4 > bits.size()) {
    IntegerPlan plain = PlanIntegers(bits, kBitsView);
    if (plain.bytes() < best.bytes()) best = std::move(plain);
  }
  if (best.bytes() < static_cast<double>(bits.size_bytes())) {
    WriteIntegers(best, out);
  } else {
    EncodeRaw(bits, out);
  }
}

absl::Status DecodeValues(std::string_view bytes, size_t count, size_t begin,
                          std::span<double> out) {
  if (bytes.empty()) return Damaged("an empty column");
  if (count == 0 || count > kMaxColumnSamples || begin > count || out.size() > count - begin)
    return Damaged("a column of another length");
  const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  const uint8_t* const end = p + bytes.size();
  const uint8_t lead = *p++;
  if (lead < kConst + 16) return DecodeConst(lead, p, end, out);
  if (lead == kRaw) return DecodeRaw(p, end, count, begin, out);
  if (lead >= kPacked) return DecodeIntegers(lead, p, end, count, begin, out);
  return Damaged("an unknown form of column");
}

}  // namespace slowburn::tsdb
