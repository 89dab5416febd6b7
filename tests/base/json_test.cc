#include "base/json.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/number.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::base {
namespace {

TEST(AppendJsonString, Escapes) {
  struct Case {
    std::string text;
    const char *plain, *go;
  };
  const Case cases[] = {
      {"", R"("")", R"("")"},
      {"abc", R"("abc")", R"("abc")"},
      {"a\"b\\c", R"("a\"b\\c")", R"("a\"b\\c")"},
      {"\n\r\t\b\f", R"("\n\r\t\b\f")", R"("\n\r\t\b\f")"},
      {std::string("\0\x1f", 2), R"("\u0000\u001f")", R"("\u0000\u001f")"},
      {"\x7f", "\"\x7f\"", "\"\x7f\""},
      {"<a&b>", R"("<a&b>")", R"("\u003ca\u0026b\u003e")"},
      {"h\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\xa5", "\"h\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\xa5\"",
       "\"h\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\xa5\""},
      {"a\xe2\x80\xa8"
       "b\xe2\x80\xa9",
       "\"a\xe2\x80\xa8"
       "b\xe2\x80\xa9\"",
       R"("a\u2028b\u2029")"},
      {"a\xff"
       "b",
       R"("a\ufffdb")", R"("a\ufffdb")"},
      {"\xc3", R"("\ufffd")", R"("\ufffd")"},
      {"\xe2\x82", R"("\ufffd\ufffd")", R"("\ufffd\ufffd")"},
      {"\xed\xa0\x80", R"("\ufffd\ufffd\ufffd")", R"("\ufffd\ufffd\ufffd")"},
      {"\xc0\xaf", R"("\ufffd\ufffd")", R"("\ufffd\ufffd")"},
  };
  for (const Case& c : cases) {
    std::string plain, go;
    AppendJsonString(plain, c.text);
    AppendJsonString(go, c.text, JsonEscapes::kGo);
    EXPECT_EQ(plain, c.plain);
    EXPECT_EQ(go, c.go);
  }
}

TEST(JsonWriter, WritesCommasWhereTheyBelong) {
  std::string out;
  JsonWriter w(out);
  w.BeginObject();
  w.Field("s", "x");
  w.Field("i", int64_t{-5});
  w.Field("f", 0.5);
  w.Field("t", true);
  w.Key("n");
  w.Null();
  w.Key("a");
  w.BeginArray();
  w.Int(1);
  w.BeginArray();
  w.EndArray();
  w.BeginObject();
  w.EndObject();
  w.Raw("{\"raw\":1}");
  w.Float(std::numeric_limits<double>::infinity());
  w.EndArray();
  w.Key("m");
  w.StringMap({{"k", "v"}, {"k2", "v2"}});
  w.EndObject();
  EXPECT_EQ(
      out,
      R"({"s":"x","i":-5,"f":0.5,"t":true,"n":null,"a":[1,[],{},{"raw":1},null],"m":{"k":"v","k2":"v2"}})");
}

TEST(ParseJson, ReadsValues) {
  ASSERT_OK_AND_ASSIGN(
      const JsonValue v,
      ParseJson(
          R"( {"a":[1,-2.5,18446744073709551615,true,null],"s":"x\u00e9\n","a2":{},"s2":1} )"));
  ASSERT_EQ(v.kind, JsonValue::Kind::kObject);
  const JsonValue* a = v.Find("a");
  ASSERT_NE(a, nullptr);
  ASSERT_EQ(a->items.size(), 5u);
  EXPECT_EQ(a->items[0].number, 1);
  EXPECT_EQ(a->items[1].number, -2.5);
  EXPECT_EQ(a->items[2].number, 18446744073709551615.0);
  EXPECT_TRUE(a->items[3].boolean);
  EXPECT_TRUE(a->items[4].IsNull());
  EXPECT_EQ(v.StringAt("s"), "x\xc3\xa9\n");
  EXPECT_EQ(v.StringAt("s2"), "");
  EXPECT_EQ(v.StringAt("none"), "");
  EXPECT_EQ(v.Find("none"), nullptr);
  EXPECT_EQ(v.members[0].first, "a");
}

TEST(ParseJson, KeepsTheLastOfDuplicateKeys) {
  ASSERT_OK_AND_ASSIGN(const JsonValue v, ParseJson(R"({"a":1,"b":[0],"a":2,"c":3,"b":{}})"));
  ASSERT_EQ(v.members.size(), 3u);
  EXPECT_EQ(v.members[0].first, "a");
  EXPECT_EQ(v.Find("a")->number, 2);
  EXPECT_EQ(v.Find("b")->kind, JsonValue::Kind::kObject);
  EXPECT_EQ(v.Find("c")->number, 3);
}

TEST(ParseJson, RoundsNumbersToTheNearestDouble) {
  for (const double want :
       {2.5e300, 72.5e300, 1e23, 8.41e21, 5e-324, 2.2250738585072011e-308, 0.1}) {
    std::string text;
    AppendFloat(text, want, FloatStyle::kExponent);
    ASSERT_OK_AND_ASSIGN(const JsonValue v, ParseJson("[" + text + "]"));
    EXPECT_EQ(v.items[0].number, want) << text;
  }
}

TEST(ParseJson, RefusesWithTheOffset) {
  struct Case {
    std::string text;
    const char* reason;
  };
  const Case cases[] = {{"", "offset 0: unexpected end"},
                        {"   ", "unexpected end"},
                        {"{", "unexpected end"},
                        {"[1,]", "offset 3"},
                        {"[1] x", "extra data"},
                        {"{\"a\":nul}", "offset 5"},
                        {"\"\xff\"", "offset 1"},
                        {"01", "offset 1"},
                        {"NaN", "offset 0"},
                        {std::string(65, '[') + std::string(65, ']'), "offset 64"}};
  for (const Case& c : cases) {
    EXPECT_THAT(ParseJson(c.text), testing::IsCode(absl::StatusCode::kInvalidArgument, c.reason))
        << c.text;
  }
  EXPECT_OK(ParseJson(std::string(64, '[') + std::string(64, ']')));
}

TEST(ParseJson, ReadsBackWhatIsWritten) {
  testing::Random random;
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (uint64_t n = random.Below(20); n > 0; --n) {
      text += random.OneIn(3) ? "\xc3\xa9" : std::string(1, static_cast<char>(random.Below(128)));
    }
    const double number = static_cast<double>(random.Between(-1'000'000, 1'000'000)) / 1000;
    std::string out;
    JsonWriter w(out, random.OneIn(2) ? JsonEscapes::kGo : JsonEscapes::kPlain);
    w.BeginObject();
    w.Field("s", text);
    w.Field("n", number);
    w.EndObject();
    ASSERT_OK_AND_ASSIGN(const JsonValue back, ParseJson(out));
    EXPECT_EQ(back.StringAt("s"), text);
    EXPECT_EQ(back.Find("n")->number, number);
  }
}

}  // namespace
}  // namespace slowburn::base
