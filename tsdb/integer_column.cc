#include "tsdb/integer_column.h"

#include <algorithm>
#include <bit>
#include <memory>

#include "tsdb/differences.h"

namespace slowburn::tsdb {
namespace {

// What stands in the annex.
constexpr uint8_t kHasDivisor = 1, kHasSpecials = 2, kAnnexKnown = kHasDivisor | kHasSpecials;

// The view of a column's specials, when there are so many that a sample of the column missed what
// they have in common.
View ViewOfSpecials(const SpecialValues& specials) {
  std::vector<uint64_t> bits;
  bits.reserve(specials.size());
  for (const SpecialValue& special : specials) bits.push_back(special.bits);
  return ChooseView(bits);
}

void SetView(std::span<const uint64_t> bits, View view, IntegerColumn& column) {
  column.view = view;
  column.integers.resize(bits.size());
  ToIntegers(bits, view, column.integers, column.specials);
}

void Divide(IntegerColumn& column) {
  const uint64_t divisor = CommonDivisor(column.integers);
  if (divisor <= 1) return;
  const int64_t first = column.integers[0];
  column.divisor = divisor;
  int64_t quotient = 0;
  column.base = first;
  if (const auto signed_divisor = static_cast<int64_t>(divisor); signed_divisor > 0) {
    quotient = first / signed_divisor;
    column.base = first % signed_divisor;
  }
  const int twos = std::countr_zero(divisor);
  const uint64_t inverse = OddInverse(divisor >> twos);
  for (int64_t& integer : column.integers) {
    const int64_t difference = WrappingMinus(integer, first) >> twos;
    integer = static_cast<int64_t>(static_cast<uint64_t>(quotient) +
                                   static_cast<uint64_t>(difference) * inverse);
  }
}

void AppendHead(const IntegerColumn& column, unsigned predictor, std::string& out) {
  const bool divided = column.divisor != 1, special = !column.specials.empty();
  const unsigned annex = (divided ? kHasDivisor : 0) | (special ? kHasSpecials : 0);
  AppendByte(lead::kIntegers | (annex != 0 ? lead::kAnnexFlag : 0) | predictor << 4 | column.view,
             out);
  if (annex == 0) return;
  AppendByte(annex, out);
  if (divided) {
    AppendVarint(column.divisor, out);
    AppendZigzag(static_cast<uint64_t>(column.base), out);
  }
  if (special) AppendSpecials(column.specials, out);
}

// What is beside the integers of a column that is decoded.
struct Head {
  View view = 0;
  uint64_t divisor = 1, base = 0;
  SpecialReader specials;
};

bool ReadHead(ColumnBytes& column, Head& head) {
  head.view = column.lead & 0xF;
  if ((column.lead & lead::kAnnexFlag) == 0) return true;
  uint8_t annex = 0;
  if (!column.unread.Byte(annex) || annex == 0 || annex > kAnnexKnown) return false;
  if (annex & kHasDivisor) {
    if (!column.unread.Varint(head.divisor) || !column.unread.Zigzag(head.base)) return false;
  }
  return (annex & kHasSpecials) == 0 || head.specials.Open(column.unread, column.count);
}

bool DecodeCodedPart(const ColumnBytes& column, const Head& head, size_t begin,
                     std::span<double> out) {
  const auto integers = std::make_unique_for_overwrite<uint64_t[]>(column.count);
  if (!DecodeCoded(column.unread, {integers.get(), column.count})) return false;
  FromIntegers(integers.get() + begin, out.size(), head.base, head.divisor, head.view, out.data());
  return true;
}

bool DecodePackedPart(const ColumnBytes& column, Predictor predictor, const Head& head,
                      size_t begin, std::span<double> out) {
  PackedReader reader;
  if (!reader.Open(column.unread, column.count, predictor)) return false;
  IntegerBlock block;
  for (size_t done = 0; done < out.size();) {
    const size_t at = begin + done, skip = at % kRestart;
    if (!reader.Read(at / kRestart, block)) return false;
    const size_t n = std::min(reader.BlockSize(at / kRestart) - skip, out.size() - done);
    FromIntegers(block.data() + skip, n, head.base, head.divisor, head.view, out.data() + done);
    done += n;
  }
  return true;
}

}  // namespace

IntegerColumn ViewColumnAs(std::span<const uint64_t> bits, View view) {
  IntegerColumn column;
  SetView(bits, view, column);
  Divide(column);
  return column;
}

IntegerColumn ViewColumn(std::span<const uint64_t> bits) {
  IntegerColumn column;
  SetView(bits, ChooseView(bits), column);
  while (column.specials.size() > bits.size() / 32) {
    const View finer = ViewOfSpecials(column.specials);
    if (finer <= column.view || finer == kBitsView) break;
    SetView(bits, finer, column);
  }
  // A special costs more than the bits that any integer has.
  if (column.specials.size() * 4 > bits.size()) SetView(bits, kBitsView, column);
  Divide(column);
  return column;
}

void AppendIntegers(const IntegerColumn& column, const PackedPlan& plan, std::string& out) {
  AppendHead(column, static_cast<unsigned>(plan.predictor), out);
  AppendPacked(column.integers, plan, out);
}

bool AppendCodedIntegers(const IntegerColumn& column, const CodedPlan& plan, std::string& out) {
  std::string coded;
  if (!AppendCoded(column.integers, plan, coded)) return false;
  AppendHead(column, lead::kCodedPredictor, out);
  out += coded;
  return true;
}

bool DecodeIntegers(ColumnBytes column, size_t begin, std::span<double> out) {
  Head head;
  if (!ReadHead(column, head)) return false;
  const unsigned predictor = column.lead >> 4 & 3;
  const bool decoded =
      predictor == lead::kCodedPredictor
          ? DecodeCodedPart(column, head, begin, out)
          : DecodePackedPart(column, static_cast<Predictor>(predictor), head, begin, out);
  if (decoded) head.specials.Apply(begin, out);
  return decoded;
}

}  // namespace slowburn::tsdb
