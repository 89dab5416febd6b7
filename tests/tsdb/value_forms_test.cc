// Every form of a column, also where it is not the smallest.
#include "tsdb/value_forms.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <vector>

#include "tests/testing/random.h"
#include "tests/tsdb/column_classes.h"
#include "tests/tsdb/column_samples.h"

namespace slowburn::tsdb {
namespace {

using Bits = std::vector<uint64_t>;

constexpr std::array<const char*, kValueForms> kNames = {
    "const", "raw",   "raw coded", "runs",       "change map",  "fronts",
    "none",  "delta", "delta2",    "coded none", "coded delta", "coded delta2"};

ValueForm Form(size_t i) { return static_cast<ValueForm>(i); }

// The part of the column; empty where it does not decode.
Bits Decoded(const std::string& bytes, size_t count, size_t begin, size_t size) {
  std::vector<double> out(size);
  if (!DecodeValues(bytes, count, begin, out).ok()) return {};
  Bits bits;
  for (const double v : out) bits.push_back(BitsOf(v));
  return bits;
}

TEST(ValueForms, EachGivesRandomColumnsBackWholeAndInParts) {
  testing::Random random;
  std::array<int, kValueForms> seen{};
  for (int round = 0; round < 600; ++round) {
    const Bits bits = RandomColumn(random, RandomCount(random));
    for (size_t form = 0; form < kValueForms; ++form) {
      std::string bytes;
      if (!EncodeValuesAs(Form(form), bits, bytes)) {
        EXPECT_TRUE(bytes.empty());
        continue;
      }
      ++seen[form];
      ASSERT_EQ(Decoded(bytes, bits.size(), 0, bits.size()), bits)
          << kNames[form] << ", round " << round;
      const size_t begin = random.Below(bits.size());
      const size_t size = 1 + random.Below(bits.size() - begin);
      ASSERT_EQ(Decoded(bytes, bits.size(), begin, size),
                Bits(bits.begin() + begin, bits.begin() + begin + size))
          << kNames[form] << ", round " << round << ", " << size << " from " << begin;
    }
  }
  for (size_t form = 0; form < kValueForms; ++form) EXPECT_GT(seen[form], 10) << kNames[form];
}

// Short columns of every kind, for what is tried at every byte.
std::vector<Bits> ShortColumns() {
  std::vector<Bits> columns = {Bits(100, BitsOf(12345)), Bits(20, BitsOf(0.1 + 0.2)),
                               Bits(3, kStaleNaNBits)};
  for (const ColumnClass& kind : ColumnClasses()) {
    columns.push_back(ClassColumn(kind, 150, 3));
    columns.back()[70] = kStaleNaNBits;
    columns.back()[90] = BitsOf(-1e300);
  }
  return columns;
}

TEST(ValueForms, CutAnywhereTheyAreRefused) {
  for (const Bits& bits : ShortColumns()) {
    for (size_t form = 0; form < kValueForms; ++form) {
      std::string bytes;
      if (!EncodeValuesAs(Form(form), bits, bytes)) continue;
      for (size_t size = 0; size < bytes.size(); ++size) {
        ASSERT_TRUE(Decoded(bytes.substr(0, size), bits.size(), 0, bits.size()).empty())
            << kNames[form] << " cut at " << size << " of " << bytes.size();
      }
      ASSERT_TRUE(Decoded(bytes + '\0', bits.size(), 0, bits.size()).empty()) << kNames[form];
    }
  }
}

TEST(ValueForms, FlippedBytesNeverReachOutside) {
  for (const Bits& bits : ShortColumns()) {
    for (size_t form = 0; form < kValueForms; ++form) {
      std::string bytes;
      if (!EncodeValuesAs(Form(form), bits, bytes)) continue;
      for (size_t i = 0; i < bytes.size(); ++i) {
        for (const int flip : {0x01, 0x08, 0x40, 0x80, 0xFF}) {
          // Of the exact size, so that sanitizers see what is read behind it.
          std::vector<char> flipped(bytes.begin(), bytes.end());
          flipped[i] = static_cast<char>(flipped[i] ^ flip);
          std::vector<double> out(bits.size() + 1, 42);
          const absl::Status status = DecodeValues({flipped.data(), flipped.size()}, bits.size(), 0,
                                                   std::span(out).first(bits.size()));
          ASSERT_TRUE(status.ok() || status.code() == absl::StatusCode::kDataLoss);
          ASSERT_EQ(out.back(), 42);
        }
      }
    }
  }
}

// A column whose values take any bits is never decoded as one of another number of values.
TEST(ValueForms, ColumnsOfAnotherLengthAreRefused) {
  for (const ColumnClass& kind : ColumnClasses()) {
    if (kind.cold_reference < .1) continue;
    const Bits bits = ClassColumn(kind, 150, 3);
    for (size_t form = 1; form < kValueForms; ++form) {
      std::string bytes;
      if (Form(form) == ValueForm::kRuns) continue;  // the last run goes on to the end
      if (!EncodeValuesAs(Form(form), bits, bytes)) continue;
      for (const size_t count : {size_t{141}, size_t{159}, 2 * bits.size()})
        EXPECT_TRUE(Decoded(bytes, count, 0, count).empty()) << kNames[form] << " as " << count;
    }
  }
}

TEST(ValueForms, NestedChangesAreRefused) {
  Bits bits(64, BitsOf(1));
  bits[20] = BitsOf(2);
  std::string inner, outer;
  ASSERT_TRUE(EncodeValuesAs(ValueForm::kRuns, bits, inner));
  // A map of 64 changes, whose values are runs.
  outer.push_back(static_cast<char>(lead::kChangeMap));
  outer += std::string("\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8) + inner;
  EXPECT_EQ(Decoded(inner, 64, 0, 64), bits);
  EXPECT_TRUE(Decoded(outer, 64, 0, 64).empty());
}

// The sizes that are claimed, at two hours and at a day of 15 s samples.
TEST(ValueForms, ClassesOfColumnsHaveTheSizesThatAreClaimed) {
  double hot = 0, cold = 0, hot_reference = 0, cold_reference = 0;
  for (const ColumnClass& kind : ColumnClasses()) {
    const auto bytes_per_sample = [&kind](size_t count, Temperature temperature) {
      size_t total = 0;
      for (uint64_t seed = 0; seed < 4; ++seed) {
        std::string bytes;
        EncodeValues(ClassColumn(kind, count, seed), temperature, bytes);
        total += bytes.size();
      }
      return static_cast<double>(total) / static_cast<double>(4 * count);
    };
    const double two_hours = bytes_per_sample(480, Temperature::kHot);
    const double day = bytes_per_sample(5760, Temperature::kCold);
    EXPECT_LE(two_hours, 1.05 * kind.hot_reference) << kind.name;
    EXPECT_LE(day, 1.05 * kind.cold_reference) << kind.name;
    hot += kind.weight * two_hours;
    cold += kind.weight * day;
    hot_reference += kind.weight * kind.hot_reference;
    cold_reference += kind.weight * kind.cold_reference;
  }
  EXPECT_LE(hot, .97 * hot_reference);
  EXPECT_LE(cold, .97 * cold_reference);
}

}  // namespace
}  // namespace slowburn::tsdb
