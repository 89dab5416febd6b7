#include "base/number.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>

#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::base {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(AppendFloat, WritesWhatGoWrites) {
  struct Case {
    double value;
    const char *json, *general, *fixed, *exponent;
  };
  const Case cases[] = {
      {0, "0", "0", "0", "0e+00"},
      {-0.0, "-0", "-0", "-0", "-0e+00"},
      {1, "1", "1", "1", "1e+00"},
      {-1.5, "-1.5", "-1.5", "-1.5", "-1.5e+00"},
      {0.1, "0.1", "0.1", "0.1", "1e-01"},
      {100, "100", "100", "100", "1e+02"},
      {123456, "123456", "123456", "123456", "1.23456e+05"},
      {999999.5, "999999.5", "999999.5", "999999.5", "9.999995e+05"},
      {1e6, "1000000", "1e+06", "1000000", "1e+06"},
      {1234567, "1234567", "1.234567e+06", "1234567", "1.234567e+06"},
      {1e20, "100000000000000000000", "1e+20", "100000000000000000000", "1e+20"},
      {1e21, "1e+21", "1e+21", "1000000000000000000000", "1e+21"},
      {1e100, "1e+100", "1e+100", nullptr, "1e+100"},
      {1e-4, "0.0001", "0.0001", "0.0001", "1e-04"},
      {1e-5, "0.00001", "1e-05", "0.00001", "1e-05"},
      {1e-6, "0.000001", "1e-06", "0.000001", "1e-06"},
      {1e-7, "1e-07", "1e-07", "0.0000001", "1e-07"},
      {5e-324, "5e-324", "5e-324", nullptr, "5e-324"},
      {0.30000000000000004, "0.30000000000000004", "0.30000000000000004", "0.30000000000000004",
       "3.0000000000000004e-01"},
      {9007199254740993.0, "9007199254740992", "9.007199254740992e+15", "9007199254740992",
       "9.007199254740992e+15"},
      {1.7976931348623157e308, "1.7976931348623157e+308", "1.7976931348623157e+308", nullptr,
       "1.7976931348623157e+308"},
      {kInf, "+Inf", "+Inf", "+Inf", "+Inf"},
      {-kInf, "-Inf", "-Inf", "-Inf", "-Inf"},
      {kNaN, "NaN", "NaN", "NaN", "NaN"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(FormatFloat(c.value, FloatStyle::kJson), c.json);
    EXPECT_EQ(FormatFloat(c.value, FloatStyle::kGeneral), c.general);
    EXPECT_EQ(FormatFloat(c.value, FloatStyle::kExponent), c.exponent);
    if (c.fixed != nullptr) {
      EXPECT_EQ(FormatFloat(c.value, FloatStyle::kFixed), c.fixed);
    }
  }
}

TEST(AppendFloat, FitsTheLongestNumbersInFixedStyle) {
  EXPECT_EQ(FormatFloat(-2.2250738585072014e-308, FloatStyle::kFixed).size(), 327u);
  EXPECT_EQ(FormatFloat(-1.7976931348623157e308, FloatStyle::kFixed).size(), 310u);
}

TEST(AppendFloat, ReadsBackToTheSameBits) {
  testing::Random random;
  for (int i = 0; i < 20000; ++i) {
    const double value = std::bit_cast<double>(random.Next());
    if (std::isnan(value)) continue;
    for (const FloatStyle style :
         {FloatStyle::kJson, FloatStyle::kGeneral, FloatStyle::kFixed, FloatStyle::kExponent}) {
      double back = 0;
      ASSERT_TRUE(ParseFloat(FormatFloat(value, style), back));
      ASSERT_EQ(std::bit_cast<uint64_t>(back), std::bit_cast<uint64_t>(value))
          << FormatFloat(value, style);
    }
  }
}

// Shortest digits by another way: to_chars, of numbers that are written as integers and of others.
TEST(WriteJsonFloat, WritesTheShortestDigits) {
  testing::Random random;
  for (int i = 0; i < 50000; ++i) {
    const double scale = std::pow(10, double(random.Below(6)));
    double value = double(random.Between(-2'000'000, 2'000'000)) / scale;
    if (random.OneIn(3)) value = double(int64_t(random.Next() >> random.Below(63))) / scale;
    if (random.OneIn(10)) value = random.Unit() * std::pow(10, double(random.Between(-9, 25)));
    if (random.OneIn(10)) value = std::nextafter(value, random.OneIn(2) ? kInf : -kInf);
    char buffer[kMaxJsonFloat], want[64];
    const std::string got(buffer, WriteJsonFloat(buffer, value));
    ASSERT_EQ(got, FormatFloat(value));
    if (std::fabs(value) >= 0x1p53 || (value != 0 && std::fabs(value) < 1e-6)) continue;
    const auto end = std::to_chars(want, want + sizeof want, value, std::chars_format::fixed).ptr;
    ASSERT_EQ(got, std::string(want, end));
  }
  for (const double value : {0.0, -0.0, kInf, -kInf, kNaN, 1e12, 999999999999.999, 1e21, -1e-7}) {
    char buffer[kMaxJsonFloat];
    EXPECT_EQ(std::string(buffer, WriteJsonFloat(buffer, value)), FormatFloat(value));
  }
}

TEST(ParseFloat, AcceptsWhatGoAccepts) {
  struct Case {
    const char* text;
    double want;
  };
  const Case cases[] = {{"1", 1},
                        {"+1", 1},
                        {"-1", -1},
                        {"1.", 1},
                        {".5", 0.5},
                        {"1x", kNaN},
                        {"1.1.", kNaN},
                        {"1e23", 1e23},
                        {"1E23", 1e23},
                        {"100000000000000016777215", 1.0000000000000001e+23},
                        {"-0", -0.0},
                        {"1e-20", 1e-20},
                        {"625e-3", 0.625},
                        {"0x1p0", 1},
                        {"0x1.8p1", 3},
                        {"-0X1.fp-2", -0.484375},
                        {"0x.8p0", 0.5},
                        {"inf", kInf},
                        {"+Inf", kInf},
                        {"-INFINITY", -kInf},
                        {"1.7976931348623159e308", kInf},
                        {"-1e400", -kInf},
                        {"1e-400", 0},
                        {"-1e-400", -0.0},
                        {"4.9e-324", 5e-324},
                        {"2.2250738585072012e-308", 2.2250738585072014e-308},
                        {"1.00000000000000011102230246251565404236316680908203125", 1}};
  for (const Case& c : cases) {
    double got = -77;
    if (std::isnan(c.want)) {
      EXPECT_FALSE(ParseFloat(c.text, got)) << c.text;
      continue;
    }
    EXPECT_TRUE(ParseFloat(c.text, got)) << c.text;
    EXPECT_EQ(std::bit_cast<uint64_t>(got), std::bit_cast<uint64_t>(c.want))
        << c.text << " gave " << got;
  }
}

TEST(ParseFloat, NaNHasGosBits) {
  for (const char* text : {"nan", "NaN", "NAN"}) {
    double got = 0;
    EXPECT_TRUE(ParseFloat(text, got));
    EXPECT_EQ(std::bit_cast<uint64_t>(got), 0x7ff8000000000001u);
  }
}

TEST(ParseFloat, RefusesEverythingElse) {
  for (const char* text : {"",     "+",  "-",    ".",    "e5",   "1e",     "1e+",  "1_000",
                           "0x10", "0x", "0x1p", "+nan", "-nan", "nan(1)", "infi", "infinityx",
                           " 1",   "1 ", "1,5",  "--1",  "0b1",  "1e5.5"}) {
    double got = 0;
    EXPECT_FALSE(ParseFloat(text, got)) << text;
  }
}

TEST(ParseDuration, ReadsPrometheusDurations) {
  struct Case {
    const char* text;
    DurationMs want;
  };
  const Case cases[] = {{"0", 0},
                        {"0s", 0},
                        {"0w", 0},
                        {"324ms", 324},
                        {"3s", 3000},
                        {"5m", 5 * kMinute},
                        {"1h", kHour},
                        {"4d", 4 * kDay},
                        {"4d1h", 4 * kDay + kHour},
                        {"14d", 14 * kDay},
                        {"3w", 21 * kDay},
                        {"3w2d1h", 23 * kDay + kHour},
                        {"10y", 3650 * kDay},
                        {"1h30m", 90 * kMinute},
                        {"90s", 90000},
                        {"1m500ms", 60500}};
  for (const Case& c : cases) {
    ASSERT_OK_AND_ASSIGN(const DurationMs got, ParseDuration(c.text));
    EXPECT_EQ(got, c.want) << c.text;
  }
}

TEST(ParseDuration, RefusesOthersWithAReason) {
  struct Case {
    const char *text, *reason;
  };
  const Case cases[] = {{"", "empty duration string"},
                        {"1", "not a valid duration string: \"1\""},
                        {"1y1m1d", "not a valid duration string"},
                        {"-1w", "not a valid duration string"},
                        {"1.5d", "unknown unit \".\""},
                        {"d", "not a valid duration string"},
                        {"1m1m", "not a valid duration string"},
                        {"1s1h", "not a valid duration string"},
                        {"5x", "unknown unit \"x\" in duration \"5x\""},
                        {"294y", "duration out of range"},
                        {"200y10400w", "duration out of range"},
                        {"107675d", "duration out of range"},
                        {"2584200h", "duration out of range"},
                        {"99999999999999999999s", "not a valid duration string"}};
  for (const Case& c : cases) {
    EXPECT_THAT(ParseDuration(c.text),
                testing::IsCode(absl::StatusCode::kInvalidArgument, c.reason))
        << c.text;
  }
}

TEST(ParseBytes, ReadsSizesAndRefusesOthers) {
  const struct {
    const char* text;
    bool ok;
    uint64_t bytes;
  } cases[] = {{"0", true, 0},
               {"10", true, 10},
               {"10B", true, 10},
               {"1KB", true, 1024},
               {"1KiB", true, 1024},
               {"1.5GB", true, uint64_t{3} << 29},
               {"2TB", true, uint64_t{2} << 40},
               {"1EB", true, uint64_t{1} << 60},
               {"8EB", false, 0},
               {"", false, 0},
               {"10gb", false, 0},
               {"-1", false, 0},
               {"1 GB", false, 0},
               {"GB", false, 0},
               {"1GBB", false, 0}};
  for (const auto& c : cases) {
    uint64_t bytes = 0;
    EXPECT_EQ(ParseBytes(c.text, bytes), c.ok) << c.text;
    EXPECT_EQ(bytes, c.bytes) << c.text;
  }
}

TEST(FormatBytes, WritesWholeUnits) {
  EXPECT_EQ(FormatBytes(0), "0B");
  EXPECT_EQ(FormatBytes(10), "10B");
  EXPECT_EQ(FormatBytes(uint64_t{10} << 30), "10GiB");
  EXPECT_EQ(FormatBytes(uint64_t{3} << 29), "1GiB512MiB");
  EXPECT_EQ(FormatBytes(UINT64_MAX), "15EiB1023PiB1023TiB1023GiB1023MiB1023KiB1023B");
}

TEST(FormatDuration, WritesTheShortestForm) {
  struct Case {
    DurationMs ms;
    const char* want;
  };
  const Case cases[] = {
      {0, "0s"},          {90000, "1m30s"},          {kDay, "1d"},         {7 * kDay, "1w"},
      {10 * kDay, "10d"}, {365 * kDay, "1y"},        {366 * kDay, "366d"}, {kHour + 1, "1h1ms"},
      {1500, "1s500ms"},  {5 * kMinute, "5m"},       {-kSecond, "-1s"},    {14 * kDay, "2w"},
      {30 * kDay, "30d"}, {8 * kDay + kHour, "8d1h"}};
  for (const Case& c : cases) EXPECT_EQ(FormatDuration(c.ms), c.want);
}

TEST(FormatDuration, ReadsBack) {
  testing::Random random;
  for (int i = 0; i < 2000; ++i) {
    const DurationMs ms = random.Between(0, 100 * 365 * kDay) / (random.OneIn(2) ? 1 : 1'000'000);
    ASSERT_OK_AND_ASSIGN(const DurationMs back, ParseDuration(FormatDuration(ms)));
    EXPECT_EQ(back, ms);
  }
}

TEST(Rfc3339, FormatsAndParses) {
  struct Case {
    TimestampMs t;
    int digits;
    const char* text;
  };
  const Case cases[] = {{0, 3, "1970-01-01T00:00:00.000Z"},
                        {0, 0, "1970-01-01T00:00:00Z"},
                        {1709210096789, 3, "2024-02-29T12:34:56.789Z"},
                        {1709210096789, 9, "2024-02-29T12:34:56.789000000Z"},
                        {-1, 3, "1969-12-31T23:59:59.999Z"},
                        {-62135596800000, 0, "0001-01-01T00:00:00Z"},
                        {253402300799999, 3, "9999-12-31T23:59:59.999Z"}};
  for (const Case& c : cases) {
    EXPECT_EQ(FormatRfc3339(c.t, c.digits), c.text);
    if (c.digits == 0) continue;
    ASSERT_OK_AND_ASSIGN(const TimestampMs back, ParseRfc3339(c.text));
    EXPECT_EQ(back, c.t);
  }
}

TEST(Rfc3339, ParsesOffsetsAndLongFractions) {
  struct Case {
    const char* text;
    TimestampMs want;
  };
  const Case cases[] = {{"2015-06-03T13:21:58.555Z", 1433337718555},
                        {"2015-06-03T14:21:58.555+01:00", 1433337718555},
                        {"2015-06-03T08:21:58-05:00", 1433337718000},
                        {"2015-06-03T13:21:58.5559999999Z", 1433337718555},
                        {"2015-06-03t13:21:58.5z", 1433337718500}};
  for (const Case& c : cases) {
    ASSERT_OK_AND_ASSIGN(const TimestampMs got, ParseRfc3339(c.text));
    EXPECT_EQ(got, c.want) << c.text;
  }
  for (const char* text :
       {"", "2015-06-03", "2015-13-03T00:00:00Z", "2015-02-29T00:00:00Z", "2015-06-03T24:00:00Z",
        "2015-06-03T00:00:00", "2015-06-03T00:00:00.Z", "2015-06-03T00:00:00Zx",
        "2015-06-03T00:00:00+25:00", "15-06-03T00:00:00Z"}) {
    EXPECT_THAT(ParseRfc3339(text), testing::IsCode(absl::StatusCode::kInvalidArgument, "RFC 3339"))
        << text;
  }
}

}  // namespace
}  // namespace slowburn::base
