#include "tsdb/value_codec.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

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
  // Each equals the one before it: a comparison with itself, shifted by one.
  return std::memcmp(bits.data(), bits.data() + 1, bits.size_bytes() - sizeof(uint64_t)) == 0;
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

// `raw` may be null where nothing is wanted.
void CopyDoubles(const uint8_t* raw, size_t begin, std::span<double> out) {
  if (out.empty()) return;
  std::memcpy(out.data(), raw + begin * sizeof(double), out.size_bytes());
}

bool DecodeRaw(ColumnBytes column, size_t begin, std::span<double> out) {
  if (column.unread.size() != column.count * sizeof(double)) return false;
  CopyDoubles(column.unread.begin, begin, out);
  return true;
}

bool DecodeRawCoded(ColumnBytes column, size_t begin, std::span<double> out) {
  const size_t size = column.count * sizeof(double);
  const auto bytes = std::make_unique_for_overwrite<uint8_t[]>(size);
  if (!DecodeZstd(column.unread, bytes.get(), size)) return false;
  CopyDoubles(bytes.get(), begin, out);
  return true;
}

// ---- Choosing

double Bytes(size_t bytes) { return static_cast<double>(bytes); }

// A column whose values differ, all of them written.
struct DensePlan {
  IntegerColumn column;
  PackedPlan packed;
  std::optional<FrontColumn> fronts;  // where they are better
  double bytes = 0;
};

// Whether a few values make up many of the column.
bool HasRepetitions(Bits bits) {
  constexpr size_t kSample = 16;
  std::array<uint64_t, kSample> sample;
  const size_t step = bits.size() / kSample | 1;
  size_t size = 0;
  for (size_t i = 0; i < bits.size() && size < kSample; i += step) sample[size++] = bits[i];
  const auto begin = sample.begin(), end = begin + static_cast<ptrdiff_t>(size);
  std::sort(begin, end);
  return static_cast<size_t>(std::unique(begin, end) - begin) * 4 < size * 3;
}

DensePlan PlanDense(Bits bits) {
  DensePlan plan;
  plan.column = ViewColumn(bits);
  plan.packed = PlanPacked(plan.column.integers);
  plan.bytes = plan.packed.bytes + plan.column.OtherBytes();
  // Integers of few bits are never beaten by a dictionary; others where values come again.
  if (plan.bytes < 1.5 * Bytes(bits.size())) return plan;
  if (plan.column.view != kBitsView && !HasRepetitions(bits)) return plan;
  FrontColumn fronts;
  if (!FindFronts(bits, fronts) || fronts.Bytes() >= plan.bytes) return plan;
  plan.bytes = fronts.Bytes();
  plan.fronts = std::move(fronts);
  return plan;
}

// What the entropy coder must save, because it decodes slower and only as a whole.
constexpr double kWorthCoding = .96;

// Replaces the column that starts at `begin` of `out` by one that was coded, where that is smaller.
void TryCoded(Bits bits, const IntegerColumn& column, size_t begin, std::string& out) {
  const double limit = kWorthCoding * Bytes(out.size() - begin);
  std::string coded;
  const CodedPlan plan = PlanCoded(column.integers);
  bool has = plan.bytes + column.OtherBytes() < limit && AppendCodedIntegers(column, plan, coded);
  // Doubles that are no numbers of any law may still repeat.
  if (!has && limit > 2 * Bytes(bits.size()) && HasRepetitions(bits))
    has = AppendRawCoded(bits, coded);
  if (!has || Bytes(coded.size()) >= limit) return;
  out.resize(begin);
  out += coded;
}

void AppendDense(Bits bits, const DensePlan& plan, Temperature temperature, std::string& out) {
  const size_t begin = out.size();
  if (plan.fronts.has_value()) {
    AppendFronts(*plan.fronts, out);
  } else if (plan.bytes < Bytes(bits.size_bytes())) {
    AppendIntegers(plan.column, plan.packed, out);
  } else {
    AppendRaw(bits, out);
  }
  if (temperature == Temperature::kCold) TryCoded(bits, plan.column, begin, out);
}

// What says where values change costs about so many bytes: a run's length has the bits of the
// average one, and two more.
double RunBytes(size_t changes, size_t count) {
  return (2 + BitWidth(count / changes)) * Bytes(changes) / 8 + 4;
}
double MapBytes(size_t count) { return Bytes(count) / 8; }

void AppendChanges(Bits bits, const Changes& changes, const DensePlan& plan,
                   Temperature temperature, std::string& out) {
  std::string values;
  if (IsConst(changes.bits)) {
    AppendConst(changes.bits[0], values);
  } else {
    AppendDense(changes.bits, plan, temperature, values);
  }
  if (RunBytes(changes.run_lengths.size(), bits.size()) < MapBytes(bits.size())) {
    AppendRuns(changes, values, out);
  } else {
    AppendChangeMap(bits, values, out);
  }
}

constexpr size_t kRareChanges = 16;   // one in so many values: nothing else is worth a look
constexpr double kOftenChanges = .7;  // of the values: where they change is not worth writing

// Whether writing only the changes of a column may be better than all of it, as planned.
bool MaySaveByChanges(const DensePlan& dense, size_t changes, size_t count) {
  if (Bytes(changes) > kOftenChanges * Bytes(count)) return false;
  const double where = std::min(RunBytes(changes, count), MapBytes(count));
  return dense.bytes * (1 - Bytes(changes) / Bytes(count)) > where;
}

}  // namespace

void EncodeValues(Bits bits, Temperature temperature, std::string& out) {
  if (IsConst(bits)) {
    AppendConst(bits[0], out);
    return;
  }
  const size_t changes = CountChanges(bits);
  const bool rare = changes * kRareChanges <= bits.size();
  DensePlan dense;
  if (!rare) {
    dense = PlanDense(bits);
    if (!MaySaveByChanges(dense, changes, bits.size())) {
      AppendDense(bits, dense, temperature, out);
      return;
    }
  }
  const Changes found = FindChanges(bits);
  const DensePlan values = PlanDense(found.bits);
  const double where = std::min(RunBytes(changes, bits.size()), MapBytes(bits.size()));
  if (rare || values.bytes + where < dense.bytes) {
    AppendChanges(bits, found, values, temperature, out);
  } else {
    AppendDense(bits, dense, temperature, out);
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
    case ValueForm::kChangeMap: {
      if (IsConst(bits)) return false;
      const Changes found = FindChanges(bits);
      AppendDense(found.bits, PlanDense(found.bits), Temperature::kHot, values);
      form == ValueForm::kRuns ? AppendRuns(found, values, out)
                               : AppendChangeMap(bits, values, out);
      return true;
    }
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
