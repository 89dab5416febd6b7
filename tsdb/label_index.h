// LabelIndex: which series have which labels. Pairs name="value" are interned; each has the
// ascending list of its slots.
//
//   pair ids of a series   a block {count, id, id, …} in the order of its labels, owned by the
//                          index
//
// Threads: none of its own; the head guards it with a reader-writer lock. Lifetimes: pair ids live
// until Remove.
#ifndef SLOWBURN_TSDB_LABEL_INDEX_H_
#define SLOWBURN_TSDB_LABEL_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "tsdb/labels.h"
#include "tsdb/matcher.h"
#include "tsdb/postings.h"
#include "tsdb/series.h"

namespace slowburn::tsdb {

using PairId = uint32_t;
using PairIds = const uint32_t*;

struct IndexedSeries {
  Slot slot = kNoSlot;
  PairIds ids = nullptr;
};

class LabelIndex {
 public:
  // `series` tells the pair ids of a slot.
  explicit LabelIndex(const SeriesTable& series) : series_(series) {}
  ~LabelIndex();
  LabelIndex(const LabelIndex&) = delete;
  LabelIndex& operator=(const LabelIndex&) = delete;

  // The labels' pairs, as far as they are known; scratch between Find and Insert.
  struct Probe {
    std::vector<PairId> ids;  // kNoPair where the pair is new
  };
  static constexpr PairId kNoPair = ~PairId{0};

  // How many series have the pair.
  size_t CountOf(std::string_view name, std::string_view value) const;
  // kNoSlot when there is no series of these labels; `probe` then serves Insert.
  Slot Find(const Labels& labels, Probe& probe) const;
  // REQUIRES: Find said kNoSlot; `slot` is greater than every slot before.
  PairIds Insert(const Labels& labels, Probe& probe, Slot slot);
  // Frees their pair ids.
  void Remove(const std::vector<IndexedSeries>& dead);

  // The same in pieces, for whoever has many series of few pairs, as the log does.
  // Finds or makes the pair. It must get a series, or have one.
  PairId Intern(std::string_view name, std::string_view value);
  struct IdsKey {
    std::span<const PairId> ids;  // in the order of labels
    uint32_t hash = 0;
  };
  static IdsKey KeyOf(std::span<const PairId> ids);
  void Prefetch(const IdsKey& key) const { series_by_labels_.prefetch(key); }
  Slot FindSeries(const IdsKey& key) const;
  // REQUIRES: as Insert.
  PairIds InsertSeries(const IdsKey& key, Slot slot);

  // Slots of the series that match, ascending.
  Postings Select(const Matchers& matchers) const;

  Labels LabelsOf(PairIds ids) const;
  LabelView PairText(PairId id) const { return {names_[pairs_[id].name].text, pairs_[id].text()}; }
  // Ascending order of labels.
  void Sort(std::vector<IndexedSeries>& series) const;
  // By id, for SortByLabels. Views of pairs that series have hold until those series are removed.
  std::vector<LabelView> PairTexts() const;

  size_t series_count() const { return series_by_labels_.size(); }
  size_t pair_count() const { return pairs_.size() - free_pairs_.size(); }

  // Every name and its pairs; a name without series has none.
  struct Name {
    std::string text;
    std::vector<PairId> pairs;  // in no order
  };
  const std::vector<Name>& names() const { return names_; }
  const Name* FindName(std::string_view name) const;
  const SlotList& SlotsOf(PairId id) const { return pairs_[id].slots; }

 private:
  using NameId = uint32_t;
  struct Pair {
    char* bytes = nullptr;  // owned
    uint32_t size = 0;
    NameId name = 0;
    uint32_t place = 0;  // in names_[name].pairs
    SlotList slots;
    std::string_view text() const { return {bytes, size}; }
  };
  // Both sets hold the hash, so that growing them touches nothing else.
  struct SeriesEntry {
    PairIds ids = nullptr;
    Slot slot = kNoSlot;
    uint32_t hash = 0;
  };
  struct PairEntry {
    PairId id = 0;
    uint32_t hash = 0;
  };
  struct PairKey {
    NameId name = 0;
    std::string_view value;
    uint32_t hash = 0;
  };
  struct EntryHash {
    using is_transparent = void;
    static size_t Spread(uint32_t hash) { return hash * uint64_t{0x9E3779B97F4A7C15}; }
    size_t operator()(const SeriesEntry& e) const { return Spread(e.hash); }
    size_t operator()(const IdsKey& k) const { return Spread(k.hash); }
    size_t operator()(const PairEntry& e) const { return Spread(e.hash); }
    size_t operator()(const PairKey& k) const { return Spread(k.hash); }
  };
  struct SeriesEqual {
    using is_transparent = void;
    bool operator()(const SeriesEntry& a, const SeriesEntry& b) const { return a.ids == b.ids; }
    bool operator()(const SeriesEntry& a, const IdsKey& b) const;
    bool operator()(const IdsKey& a, const SeriesEntry& b) const { return (*this)(b, a); }
  };
  struct PairEqual {
    using is_transparent = void;
    const LabelIndex* index;
    bool operator()(const PairEntry& a, const PairEntry& b) const { return a.id == b.id; }
    bool operator()(const PairEntry& a, const PairKey& b) const {
      const Pair& pair = index->pairs_[a.id];
      return pair.name == b.name && pair.text() == b.value;
    }
    bool operator()(const PairKey& a, const PairEntry& b) const { return (*this)(b, a); }
  };
  struct TextHash {
    size_t operator()(std::string_view text) const;
  };

  static PairKey MakeKey(NameId name, std::string_view value);
  PairId FindPair(NameId name, std::string_view value) const;
  PairId InternPair(std::string_view name, std::string_view value);
  NameId InternName(std::string_view name);
  void ErasePair(PairId id);

  // The pairs of the matcher's name whose value it matches (or does not match).
  std::vector<PairId> PairsWhere(const Matcher& matcher, bool matches) const;
  Postings Union(const std::vector<PairId>& pairs) const;
  // Narrows `slots` to those that have one of the pairs (or none of them).
  void Narrow(Postings& slots, const std::vector<PairId>& pairs, bool having) const;

  const SeriesTable& series_;
  std::vector<Name> names_;
  // Views into heap strings.
  absl::flat_hash_map<std::string_view, NameId, TextHash> names_by_text_;
  std::vector<std::unique_ptr<std::string>> name_texts_;
  std::vector<Pair> pairs_;
  std::vector<PairId> free_pairs_;
  absl::flat_hash_set<PairEntry, EntryHash, PairEqual> pairs_by_text_{0, EntryHash{},
                                                                      PairEqual{this}};
  absl::flat_hash_set<SeriesEntry, EntryHash, SeriesEqual> series_by_labels_;
  SlotList all_;
};

// As LabelIndex::Sort, without the index: nobody has to wait.
void SortByLabels(std::vector<IndexedSeries>& series, const std::vector<LabelView>& pairs);

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_LABEL_INDEX_H_
