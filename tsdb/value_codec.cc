#include "tsdb/value_codec.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "tsdb/change_column.h"
#include "tsdb/front_column.h"
#include "tsdb/integer_column.h"
#include "tsdb/value_forms.h"
#include "tsdb/zstd_bytes.h"

namespace slowburn::tsdb {
namespace {

using Bits = std::span<const uint64_t>;

std::string_view AsBytes(Bits bits) {
  return {reinterpret_cast<const char*>(bits.data()), bits.size_bytes()};
}

// ---- const and raw

bool IsConst(Bits bits) {
  return std::all_of(bits.begin(), bits.end(), [&](uint64_t b) { return b == bits[0]; });
}

void AppendConst(uint64_t bits, std::string& out) {
  int64_t integer = 0;
  View view = 0;
  while (!ToInteger(bits, view, integer)) ++view;
  if (view == 0 && integer >= 0 && integer < lead::kConstEnd) {
    AppendByte(static_cast<unsigned>(integer), out);
    return;
  }
  AppendByte(lead::kConstView | view, out);
  if (view == kBitsView) {
    AppendFixed(bits, sizeof(bits), out);
  } else {
    AppendZigzag(static_cast<uint64_t>(integer), out);
  }
}

bool DecodeConst(ColumnBytes column, std::span<double> out) {
  uint64_t bits = 0;
  if (column.lead < lead::kConstEnd) {
    bits = FromInteger(column.lead, 0);
  } else if (const View view = column.lead & 0xF; view == kBitsView) {
    if (!column.unread.Fixed(bits)) return false;
  } else {
    if (!column.unread.Zigzag(bits)) return false;
    bits = FromInteger(static_cast<int64_t>(bits), view);
  }
  std::fill(out.begin(), out.end(), std::bit_cast<double>(bits));
  return column.unread.empty();
}

void AppendRaw(Bits bits, std::string& out) {
  AppendByte(lead::kRaw, out);
  out += AsBytes(bits);
}

bool AppendRawCoded(Bits bits, std::string& out) {
  std::string coded;
  if (!AppendZstd(AsBytes(bits), coded)) return false;
  AppendByte(lead::kRawCoded, out);
  out += coded;
  return true;
}

bool DecodeRaw(ColumnBytes column, size_t begin, std::span<double> out) {
  if (column.unread.size() != column.count * sizeof(double)) return false;
  std::memcpy(out.data(), column.unread.begin + begin * sizeof(double), out.size_bytes());
  return true;
}

bool DecodeRawCoded(ColumnBytes column, size_t begin, std::span<double> out) {
  const size_t size = column.count * sizeof(double);
  const auto bytes = std::make_unique_for_overwrite<uint8_t[]>(size);
  if (!DecodeZstd(column.unread, bytes.get(), size)) return false;
  std::memcpy(out.data(), bytes.get() + begin * sizeof(double), out.size_bytes());
  return true;
}

// ---- Choosing

double Bytes(size_t bytes) { return static_cast<double>(bytes); }

// Replaces the column that starts at `begin` of `out` when the other is smaller.
void KeepSmaller(const std::string& other, size_t begin, std::string& out) {
  if (other.empty() || other.size() >= out.size() - begin) return;
  out.resize(begin);
  out += other;
}

void AppendBestHot(Bits bits, const IntegerColumn& column, std::string& out) {
  const PackedPlan plan = PlanPacked(column.integers);
  const double bytes = plan.bytes + column.OtherBytes();
  FrontColumn fronts;
  // Integers of few bits are never beaten by a dictionary.
  if (bytes > 1.5 * Bytes(bits.size()) && FindFronts(bits, fronts) && fronts.Bytes() < bytes) {
    AppendFronts(fronts, out);
  } else if (bytes < Bytes(bits.size_bytes())) {
    AppendIntegers(column, plan, out);
  } else {
    AppendRaw(bits, out);
  }
}

void TryCoded(Bits bits, const IntegerColumn& column, size_t begin, std::string& out) {
  std::string coded;
  const CodedPlan plan = PlanCoded(column.integers);
  if (plan.bytes + column.OtherBytes() < Bytes(out.size() - begin))
    AppendCodedIntegers(column, plan, coded);
  KeepSmaller(coded, begin, out);
  // Doubles that are no numbers of any law may still repeat.
  if (out.size() - begin < 4 * bits.size()) return;
  coded.clear();
  AppendRawCoded(bits, coded);
  KeepSmaller(coded, begin, out);
}

// Without looking at how often the value changes.
void AppendDense(Bits bits, Temperature temperature, std::string& out) {
  if (IsConst(bits)) {
    AppendConst(bits[0], out);
    return;
  }
  const size_t begin = out.size();
  const IntegerColumn column = ViewColumn(bits);
  AppendBestHot(bits, column, out);
  if (temperature == Temperature::kCold) TryCoded(bits, column, begin, out);
}

void AppendChanges(Bits bits, size_t changes, Temperature temperature, std::string& out) {
  const Changes found = FindChanges(bits);
  std::string values;
  AppendDense(found.bits, temperature, values);
  // A run's length has about the bits of the average one, and two more.
  const double length_bits = 2 + BitWidth(bits.size() / changes);
  if (length_bits * Bytes(changes) < Bytes(bits.size())) {
    AppendRuns(found, values, out);
  } else {
    AppendChangeMap(bits, values, out);
  }
}

constexpr size_t kRareChanges = 16;   // one in so many samples: nothing else is worth a look
constexpr double kOftenChanges = .7;  // of the samples: a map of changes would save nothing

}  // namespace

void EncodeValues(Bits bits, Temperature temperature, std::string& out) {
  const size_t changes = CountChanges(bits);
  if (changes == 0) {
    AppendConst(bits[0], out);
  } else if (changes * kRareChanges <= bits.size()) {
    AppendChanges(bits, changes, temperature, out);
  } else {
    const size_t begin = out.size();
    AppendDense(bits, temperature, out);
    if (Bytes(changes) > kOftenChanges * Bytes(bits.size())) return;
    std::string other;
    AppendChanges(bits, changes, temperature, other);
    KeepSmaller(other, begin, out);
  }
}

bool EncodeValuesAs(ValueForm form, Bits bits, std::string& out) {
  const auto number = [](ValueForm f) { return static_cast<size_t>(f); };
  std::string values;
  switch (form) {
    case ValueForm::kConst:
      if (!IsConst(bits)) return false;
      AppendConst(bits[0], out);
      return true;
    case ValueForm::kRaw:
      AppendRaw(bits, out);
      return true;
    case ValueForm::kRawCoded:
      return AppendRawCoded(bits, out);
    case ValueForm::kRuns:
    case ValueForm::kChangeMap:
      if (IsConst(bits)) return false;
      AppendDense(FindChanges(bits).bits, Temperature::kHot, values);
      form == ValueForm::kRuns ? AppendRuns(FindChanges(bits), values, out)
                               : AppendChangeMap(bits, values, out);
      return true;
    case ValueForm::kFronts: {
      FrontColumn fronts;
      if (!FindFronts(bits, fronts)) return false;
      AppendFronts(fronts, out);
      return true;
    }
    case ValueForm::kNone:
    case ValueForm::kDelta:
    case ValueForm::kDelta2: {
      const IntegerColumn column = ViewColumn(bits);
      const auto predictor = static_cast<Predictor>(number(form) - number(ValueForm::kNone));
      AppendIntegers(column, PlanPackedAs(column.integers, predictor), out);
      return true;
    }
    case ValueForm::kCodedNone:
    case ValueForm::kCodedDelta:
    case ValueForm::kCodedDelta2: {
      const IntegerColumn column = ViewColumn(bits);
      const auto predictor = static_cast<Predictor>(number(form) - number(ValueForm::kCodedNone));
      return AppendCodedIntegers(column, PlanCodedAs(column.integers, predictor), out);
    }
  }
  return false;
}

bool DecodeColumn(Unread unread, size_t count, size_t begin, std::span<double> out, bool nested) {
  ColumnBytes column;
  column.count = count;
  if (!unread.Byte(column.lead)) return false;
  column.unread = unread;
  if (column.lead >= lead::kIntegers) return DecodeIntegers(column, begin, out);
  if (column.lead < lead::kConstViewEnd) return DecodeConst(column, out);
  switch (column.lead) {
    case lead::kRaw:
      return DecodeRaw(column, begin, out);
    case lead::kRawCoded:
      return DecodeRawCoded(column, begin, out);
    case lead::kRuns:
      return !nested && DecodeRuns(column, begin, out);
    case lead::kChangeMap:
      return !nested && DecodeChangeMap(column, begin, out);
    case lead::kFronts:
      return DecodeFronts(column, begin, out);
    default:
      return false;
  }
}

absl::Status DecodeValues(std::string_view bytes, size_t count, size_t begin,
                          std::span<double> out) {
  if (count == 0 || count > kMaxColumnSamples || begin > count || out.size() > count - begin) {
    return absl::DataLossError(
        absl::StrCat("a column of ", count, " values has no ", out.size(), " from ", begin, " on"));
  }
  if (DecodeColumn(Unread(bytes), count, begin, out, false)) return absl::OkStatus();
  return absl::DataLossError(bytes.empty()
                                 ? "an empty column of values"
                                 : absl::StrCat("a damaged column of values of form ",
                                                static_cast<int>(static_cast<uint8_t>(bytes[0]))));
}

}  // namespace slowburn::tsdb
