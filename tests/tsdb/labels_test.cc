#include "tsdb/labels.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "tests/testing/random.h"
#include "tsdb/storage.h"

namespace slowburn::tsdb {
namespace {

TEST(Labels, SortsKeepsTheLastOfEqualNamesAndDropsEmptyValues) {
  const Labels labels{{"job", "a"}, {"__name__", "up"}, {"job", "b"}, {"gone", ""}};
  ASSERT_EQ(labels.size(), 2u);
  EXPECT_EQ(labels[0], (LabelView{"__name__", "up"}));
  EXPECT_EQ(labels[1], (LabelView{"job", "b"}));
  EXPECT_EQ(labels.metric_name(), "up");
  EXPECT_EQ(labels.Get("gone"), "");
  EXPECT_FALSE(labels.Has("gone"));
  EXPECT_TRUE(labels.Has("job"));
}

TEST(Labels, EmptyValueAfterAValueDeletes) { EXPECT_TRUE((Labels{{"a", "1"}, {"a", ""}}).empty()); }

TEST(Labels, EmptySet) {
  const Labels empty;
  EXPECT_TRUE(empty.empty());
  EXPECT_EQ(empty.size(), 0u);
  EXPECT_EQ(empty.begin(), empty.end());
  EXPECT_EQ(empty, (Labels{{"a", ""}}));
  EXPECT_EQ(empty.Hash(), Labels().Hash());
  EXPECT_EQ(empty.ToString(), "{}");
  EXPECT_LT(empty, (Labels{{"a", "1"}}));
}

TEST(Labels, CopiesShareAndOutliveTheOriginal) {
  Labels copy;
  {
    const Labels original{{"a", "1"}};
    copy = original;
    Labels moved = std::move(copy);
    copy = moved;
  }
  copy = *&copy;
  EXPECT_EQ(copy.Get("a"), "1");
}

TEST(Labels, OwnersOnManyThreads) {
  const Labels shared{{"a", "1"}};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&shared] {
      for (int k = 0; k < 1000; ++k) {
        const Labels copy = shared;
        EXPECT_EQ(copy.size(), 1u);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Labels, ToStringAsPrometheusPrints) {
  const struct {
    Labels labels;
    std::string_view want;
  } cases[] = {
      {{{"__name__", "up"}, {"job", "a"}, {"z", "1"}}, R"(up{job="a", z="1"})"},
      {{{"__name__", "up"}}, "up"},
      {{{"job", "a\"b\\c\nd"}}, R"({job="a\"b\\c\nd"})"},
      {{{"__name__", "a.b"}, {"c.d", "e"}}, R"({"a.b", "c.d"="e"})"},
      {{{"__name__", "a:b"}, {"c", "ü\x01"}}, "a:b{c=\"ü\\x01\"}"},
      {{{"__name__", "a.b"}}, R"({"a.b"})"},
  };
  for (const auto& c : cases) EXPECT_EQ(c.labels.ToString(), c.want);
}

TEST(Labels, WithoutAndKeep) {
  const Labels labels{{"__name__", "up"}, {"a", "1"}, {"b", "2"}};
  const std::vector<std::string> names = {"b", "__name__"};
  EXPECT_EQ(labels.Without(names), (Labels{{"a", "1"}}));
  EXPECT_EQ(labels.Keep(names), (Labels{{"__name__", "up"}, {"b", "2"}}));
  EXPECT_EQ(labels.WithoutName(), (Labels{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(labels.Keep({}), Labels());
  EXPECT_EQ(labels.Without({}), labels);
}

TEST(Labels, BuilderSetsAndDeletes) {
  LabelsBuilder builder(Labels{{"a", "1"}, {"b", "2"}});
  builder.Set("c", "3").Set("a", "9").Del("b").Set("d", "");
  EXPECT_EQ(builder.Get("a"), "9");
  EXPECT_EQ(builder.Get("b"), "");
  EXPECT_EQ(builder.Get("c"), "3");
  EXPECT_EQ(builder.Build(), (Labels{{"a", "9"}, {"c", "3"}}));
  std::vector<std::string> names = builder.Names();
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"a", "c"}));
}

TEST(Labels, OrderHashAndEqualityAgreeWithMaps) {
  testing::Random random;
  const auto make = [&] {
    std::map<std::string, std::string> map;
    for (uint64_t i = random.Below(4); i > 0; --i) {
      map[std::string(1, static_cast<char>('a' + random.Below(3)))] =
          std::string(random.Below(2) + 1, 'x');
    }
    return map;
  };
  for (int i = 0; i < 2000; ++i) {
    const auto a = make(), b = make();
    const Labels x = Labels::FromPairs({a.begin(), a.end()}),
                 y = Labels::FromPairs({b.begin(), b.end()});
    EXPECT_EQ(a == b, x == y);
    EXPECT_EQ(a < b, x < y);
    if (a == b) {
      EXPECT_EQ(x.Hash(), y.Hash());
    }
  }
}

TEST(LabelNames, LegacyAndUtf8) {
  const struct {
    std::string_view name;
    bool label, metric, utf8;
  } cases[] = {
      {"", false, false, true},
      {"a_1", true, true, true},
      {"_", true, true, true},
      {"1a", false, false, true},
      {"a:b", false, true, true},
      {":a", false, true, true},
      {"a.b", false, false, true},
      {"ü", false, false, true},
      {"\xff", false, false, false},
      {"\xc0\x80", false, false, false},
      {"\xed\xa0\x80", false, false, false},
      {"\xf4\x90\x80\x80", false, false, false},
      {"\xe2\x82", false, false, false},
      {"\xf0\x9f\x94\xa5", false, false, true},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(IsLegacyLabelName(c.name), c.label) << c.name;
    EXPECT_EQ(IsLegacyMetricName(c.name), c.metric) << c.name;
    EXPECT_EQ(IsValidUtf8(c.name), c.utf8) << c.name;
  }
}

TEST(AppendQuoted, GoEscapes) {
  const struct {
    std::string_view text, want;
  } cases[] = {
      {"", R"("")"},
      {"plain", R"("plain")"},
      {"\a\b\t\n\v\f\r\"\\", R"("\a\b\t\n\v\f\r\"\\")"},
      {"\x7f\x01", R"("\x7f\x01")"},
      {"\xff", R"("\xff")"},
      {"\xc2\x85\xe2\x80\x8b\xef\xbb\xbf", R"("\u0085\u200b\ufeff")"},
      {"\xf3\xa0\x80\x81", R"("\U000e0001")"},
      {"€🔥", "\"€🔥\""},
  };
  for (const auto& c : cases) {
    std::string out;
    AppendQuoted(out, c.text);
    EXPECT_EQ(out, c.want);
  }
}

TEST(HashRawKey, EqualBytesOnly) {
  EXPECT_EQ(HashRawKey("abc"), HashRawKey("abc"));
  EXPECT_NE(HashRawKey("abc"), HashRawKey("abd"));
  EXPECT_NE(HashRawKey(""), HashRawKey(std::string_view("\0", 1)));
}

}  // namespace
}  // namespace slowburn::tsdb
