#include "tsdb/label_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/testing/random.h"
#include "tsdb/key_table.h"

namespace slowburn::tsdb {
namespace {

Postings RandomSlots(testing::Random& random, uint64_t range) {
  std::set<Slot> slots;
  for (uint64_t n = random.Below(40); n > 0; --n)
    slots.insert(static_cast<Slot>(random.Below(range)));
  return {slots.begin(), slots.end()};
}

TEST(Postings, SetOperationsAgreeWithStdSets) {
  testing::Random random;
  for (int i = 0; i < 2000; ++i) {
    const uint64_t range = random.OneIn(2) ? 50 : 1'000'000;
    Postings a = RandomSlots(random, range), b = RandomSlots(random, range);
    const Postings c = RandomSlots(random, range);
    if (random.OneIn(4)) a.resize(std::min<size_t>(a.size(), 1));
    Postings want;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(want));
    EXPECT_EQ(Intersection(a, b), want);
    want.clear();
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(want));
    EXPECT_EQ(Difference(a, b), want);
    std::set<Slot> all(a.begin(), a.end());
    all.insert(b.begin(), b.end());
    all.insert(c.begin(), c.end());
    EXPECT_EQ(UnionOf({a, b, c}), Postings(all.begin(), all.end()));
  }
}

TEST(Postings, SlotListGrowsAndShrinks) {
  SlotList list;
  Postings want;
  for (Slot slot = 0; slot < 1000; ++slot) {
    list.Append(slot * 3);
    want.push_back(slot * 3);
  }
  EXPECT_EQ(Postings(list.view().begin(), list.view().end()), want);
  SlotList moved = std::move(list);
  const Postings gone(want.begin() + 1, want.end());
  moved.Remove(gone);
  EXPECT_EQ(Postings(moved.view().begin(), moved.view().end()), Postings{0});
  moved.Append(7);
  moved.Remove(Postings{0, 7});
  EXPECT_TRUE(moved.empty());
}

TEST(KeyTable, AgreesWithAMap) {
  testing::Random random;
  KeyTable table;
  std::map<std::pair<uint64_t, uint64_t>, Slot> model;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 500; ++i) {
      // Few different halves: keys that share one of them.
      const RawKey key{random.Below(100), random.Below(100)};
      const auto slot = static_cast<Slot>(random.Below(1000));
      table.Insert(key, slot);
      model[{key.high, key.low}] = slot;
    }
    if (round % 5 == 4) {
      table.EraseIf([](Slot slot) { return slot % 3 == 0; });
      std::erase_if(model, [](const auto& entry) { return entry.second % 3 == 0; });
    }
    ASSERT_EQ(table.size(), model.size());
    std::vector<RawKey> keys;
    for (uint64_t high = 0; high < 100; ++high) {
      for (uint64_t low = 0; low < 100; ++low) keys.push_back({high, low});
    }
    std::vector<Slot> slots(keys.size());
    table.Find(keys, slots);
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto it = model.find({keys[i].high, keys[i].low});
      ASSERT_EQ(slots[i], it == model.end() ? kNoSlot : it->second);
    }
  }
}

// An index beside a plain list of what is in it.
class IndexModel {
 public:
  explicit IndexModel(testing::Random& random) : random_(random) {}

  void Insert() {
    const Labels labels = RandomLabels();
    LabelIndex::Probe probe;
    const Slot found = index_.Find(labels, probe);
    const auto known = std::find_if(model_.begin(), model_.end(),
                                    [&](const auto& e) { return e.second == labels; });
    ASSERT_EQ(found, known == model_.end() ? kNoSlot : known->first);
    if (known != model_.end() || labels.empty()) return;
    const Slot slot = table_.Allocate();
    table_[slot].labels = index_.Insert(labels, probe, slot);
    model_[slot] = labels;
    ASSERT_EQ(index_.LabelsOf(table_[slot].labels), labels);
  }

  void RemoveSome() {
    std::vector<IndexedSeries> dead;
    std::erase_if(model_, [&](const auto& entry) {
      if (!random_.OneIn(3)) return false;
      dead.push_back({entry.first, table_[entry.first].labels});
      return true;
    });
    index_.Remove(dead);
  }

  void Check() {
    ASSERT_EQ(index_.series_count(), model_.size());
    Matchers matchers;
    std::string text;
    for (uint64_t n = random_.Below(4); n > 0; --n) {
      matchers.push_back(RandomMatcher());
      text += matchers.back().ToString() + " ";
    }
    Postings want;
    std::set<std::pair<std::string, std::string>> pairs;
    for (const auto& [slot, labels] : model_) {
      if (MatchesAll(matchers, labels)) want.push_back(slot);
      for (const LabelView label : labels) pairs.emplace(label.name, label.value);
    }
    ASSERT_EQ(index_.Select(matchers), want) << text;
    ASSERT_EQ(index_.pair_count(), pairs.size());

    std::vector<IndexedSeries> sorted;
    std::vector<Labels> labels;
    for (const Slot slot : want)
      sorted.push_back({slot, table_[slot].labels}), labels.push_back(model_[slot]);
    index_.Sort(sorted);
    std::sort(labels.begin(), labels.end());
    for (size_t i = 0; i < sorted.size(); ++i) ASSERT_EQ(index_.LabelsOf(sorted[i].ids), labels[i]);
  }

 private:
  Labels RandomLabels() {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const char* name : {"__name__", "env", "job", "pod"}) {
      if (!random_.OneIn(4))
        pairs.emplace_back(name, "v" + std::to_string(random_.Below(*name == 'p' ? 400 : 6)));
    }
    return Labels::FromPairs(std::move(pairs));
  }

  Matcher RandomMatcher() {
    static constexpr const char* kNames[] = {"__name__", "env", "job", "pod", "nope"};
    static constexpr const char* kValues[] = {"v1", "v2",  "",      "v1|v3", "v.*",     ".+",
                                              ".*", "v1|", "v[12]", "v.",    "v1.*|v3", "x"};
    return *Matcher::Create(static_cast<Matcher::Op>(random_.Below(4)), kNames[random_.Below(5)],
                            kValues[random_.Below(std::size(kValues))]);
  }

  testing::Random& random_;
  SeriesTable table_;
  LabelIndex index_{table_};
  std::map<Slot, Labels> model_;
};

// Many series whose labels begin alike, and some that are the beginning of others.
TEST(LabelIndex, SortsManyLongRows) {
  testing::Random random;
  SeriesTable table;
  LabelIndex index(table);
  std::vector<IndexedSeries> sorted;
  std::set<Labels> labels;
  LabelIndex::Probe probe;
  while (labels.size() < 3000) {
    std::vector<std::pair<std::string, std::string>> pairs{{"__name__", "up"}, {"a", "same"}};
    const uint64_t names = 1 + random.Below(14);
    for (uint64_t n = 0; n < names; ++n) {
      const uint64_t values = n < 8 ? 2 : 500;
      pairs.emplace_back(std::string("b") + char('a' + n), std::to_string(random.Below(values)));
    }
    const Labels one = Labels::FromPairs(std::move(pairs));
    if (!labels.insert(one).second) continue;
    const Slot slot = table.Allocate();
    ASSERT_EQ(index.Find(one, probe), kNoSlot);
    table[slot].labels = index.Insert(one, probe, slot);
    sorted.push_back({slot, table[slot].labels});
  }
  index.Sort(sorted);
  size_t i = 0;
  for (const Labels& one : labels) ASSERT_EQ(index.LabelsOf(sorted[i++].ids), one);
}

TEST(LabelIndex, AgreesWithAListOfSeries) {
  testing::Random random;
  for (int round = 0; round < 4; ++round) {
    IndexModel model(random);
    for (int i = 0; i < 1500; ++i) {
      ASSERT_NO_FATAL_FAILURE(model.Insert());
      if (i % 10 == 0) {
        ASSERT_NO_FATAL_FAILURE(model.Check());
      }
      if (i % 400 == 399) model.RemoveSome();
    }
  }
}

}  // namespace
}  // namespace slowburn::tsdb
