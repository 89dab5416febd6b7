#include "tsdb/label_index.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "tsdb/hash.h"

namespace slowburn::tsdb {
namespace {

// Compares by the first pair that differs; a prefix comes before what it begins.
template <typename Less>
bool RowLess(PairIds a, PairIds b, Less&& less) {
  const uint32_t common = std::min(a[0], b[0]);
  for (uint32_t i = 1; i <= common; ++i) {
    if (a[i] != b[i]) return less(a[i], b[i]);
  }
  return a[0] < b[0];
}

// Ascending order of rows whose pairs have these ranks. The first pairs in which they may differ
// are packed into a number beside each row, so that few comparisons follow a pointer.
void SortByRanks(std::vector<IndexedSeries>& series, size_t ranks,
                 const std::vector<uint32_t>& rank) {
  struct Keyed {
    uint64_t key;
    IndexedSeries series;
  };
  const PairIds first = series[0].ids;
  uint32_t same = first[0];  // pairs that all rows begin with
  for (const IndexedSeries& one : series) {
    same = std::min(same, one.ids[0]);
    same = uint32_t(std::mismatch(first + 1, first + 1 + same, one.ids + 1).first - (first + 1));
  }
  const auto bits = uint32_t(std::bit_width(ranks));
  const uint32_t packed = 64 / bits;
  std::vector<Keyed> keyed;
  keyed.reserve(series.size());
  for (const IndexedSeries& one : series) {
    uint64_t key = 0;
    for (uint32_t i = same + 1; i <= same + packed; ++i) {
      key = key << bits | (i <= one.ids[0] ? rank[one.ids[i]] + 1 : 0);
    }
    keyed.push_back({key, one});
  }
  std::sort(keyed.begin(), keyed.end(), [&](const Keyed& a, const Keyed& b) {
    if (a.key != b.key) return a.key < b.key;
    return RowLess(a.series.ids, b.series.ids,
                   [&](PairId x, PairId y) { return rank[x] < rank[y]; });
  });
  for (size_t i = 0; i < series.size(); ++i) series[i] = keyed[i].series;
}

// Ascending order of labels; `text` tells the labels of a pair.
template <typename Text>
void SortSeries(std::vector<IndexedSeries>& series, size_t pair_count, Text text) {
  const auto pair_less = [&](PairId a, PairId b) {
    const LabelView x = text(a), y = text(b);
    const int c = x.name.compare(y.name);
    return c != 0 ? c < 0 : x.value < y.value;
  };
  static constexpr size_t kRankFrom = 512;
  if (series.size() < kRankFrom) {
    std::sort(series.begin(), series.end(), [&](const IndexedSeries& a, const IndexedSeries& b) {
      return RowLess(a.ids, b.ids, pair_less);
    });
    return;
  }
  // Many series share few pairs: sort the pairs once, then compare numbers.
  std::vector<uint32_t> rank(pair_count, 0);
  std::vector<PairId> used;
  for (const IndexedSeries& one : series) {
    for (uint32_t i = 1; i <= one.ids[0]; ++i) {
      if (std::exchange(rank[one.ids[i]], 1) == 0) used.push_back(one.ids[i]);
    }
  }
  std::sort(used.begin(), used.end(), pair_less);
  for (size_t i = 0; i < used.size(); ++i) rank[used[i]] = static_cast<uint32_t>(i);
  SortByRanks(series, used.size(), rank);
}

}  // namespace

LabelIndex::~LabelIndex() {
  for (const SeriesEntry& entry : series_by_labels_) delete[] entry.ids;
  for (const Pair& pair : pairs_) delete[] pair.bytes;
}

size_t LabelIndex::TextHash::operator()(std::string_view text) const {
  return HashBytes(text.data(), text.size());
}

bool LabelIndex::SeriesEqual::operator()(const SeriesEntry& a, const IdsKey& b) const {
  return a.ids[0] == b.ids.size() && std::equal(b.ids.begin(), b.ids.end(), a.ids + 1);
}

LabelIndex::IdsKey LabelIndex::KeyOf(std::span<const PairId> ids) {
  return {ids, static_cast<uint32_t>(HashBytes(ids.data(), ids.size_bytes()))};
}

LabelIndex::PairKey LabelIndex::MakeKey(NameId name, std::string_view value) {
  const uint64_t hash = HashBytes(value.data(), value.size()) + name * uint64_t{0x9E3779B97F4A7C15};
  return {name, value, static_cast<uint32_t>(hash ^ hash >> 32)};
}

const LabelIndex::Name* LabelIndex::FindName(std::string_view name) const {
  const auto it = names_by_text_.find(name);
  return it == names_by_text_.end() ? nullptr : &names_[it->second];
}

PairId LabelIndex::FindPair(NameId name, std::string_view value) const {
  const auto it = pairs_by_text_.find(MakeKey(name, value));
  return it == pairs_by_text_.end() ? kNoPair : it->id;
}

size_t LabelIndex::CountOf(std::string_view name, std::string_view value) const {
  const auto found = names_by_text_.find(name);
  const PairId id = found == names_by_text_.end() ? kNoPair : FindPair(found->second, value);
  return id == kNoPair ? 0 : pairs_[id].slots.size();
}

Slot LabelIndex::Find(const Labels& labels, Probe& probe) const {
  probe.ids.clear();
  bool complete = true;
  for (const LabelView label : labels) {
    const auto name = names_by_text_.find(label.name);
    const PairId id = name == names_by_text_.end() ? kNoPair : FindPair(name->second, label.value);
    probe.ids.push_back(id);
    complete &= id != kNoPair;
  }
  return complete ? FindSeries(KeyOf(probe.ids)) : kNoSlot;
}

Slot LabelIndex::FindSeries(const IdsKey& key) const {
  const auto it = series_by_labels_.find(key);
  return it == series_by_labels_.end() ? kNoSlot : it->slot;
}

PairId LabelIndex::Intern(std::string_view name, std::string_view value) {
  const auto known = names_by_text_.find(name);
  const PairId id = known == names_by_text_.end() ? kNoPair : FindPair(known->second, value);
  return id == kNoPair ? InternPair(name, value) : id;
}

LabelIndex::NameId LabelIndex::InternName(std::string_view name) {
  const auto it = names_by_text_.find(name);
  if (it != names_by_text_.end()) return it->second;
  const NameId id = static_cast<NameId>(names_.size());
  names_.push_back({std::string(name), {}});
  name_texts_.push_back(std::make_unique<std::string>(name));
  names_by_text_.emplace(*name_texts_.back(), id);
  return id;
}

PairId LabelIndex::InternPair(std::string_view name, std::string_view value) {
  const NameId name_id = InternName(name);
  const PairKey key = MakeKey(name_id, value);
  PairId id = static_cast<PairId>(pairs_.size());
  if (free_pairs_.empty()) {
    pairs_.emplace_back();
  } else {
    id = free_pairs_.back();
    free_pairs_.pop_back();
  }
  Pair& pair = pairs_[id];
  pair.bytes = new char[value.size()];
  std::memcpy(pair.bytes, value.data(), value.size());
  pair.size = static_cast<uint32_t>(value.size());
  pair.name = name_id;
  pair.place = static_cast<uint32_t>(names_[name_id].pairs.size());
  names_[name_id].pairs.push_back(id);
  pairs_by_text_.insert(PairEntry{id, key.hash});
  return id;
}

PairIds LabelIndex::Insert(const Labels& labels, Probe& probe, Slot slot) {
  for (size_t i = 0; i < probe.ids.size(); ++i) {
    if (probe.ids[i] == kNoPair) probe.ids[i] = InternPair(labels[i].name, labels[i].value);
  }
  return InsertSeries(KeyOf(probe.ids), slot);
}

PairIds LabelIndex::InsertSeries(const IdsKey& key, Slot slot) {
  uint32_t* const ids = new uint32_t[key.ids.size() + 1];
  ids[0] = static_cast<uint32_t>(key.ids.size());
  std::copy(key.ids.begin(), key.ids.end(), ids + 1);
  for (const PairId id : key.ids) pairs_[id].slots.Append(slot);
  series_by_labels_.insert(SeriesEntry{ids, slot, key.hash});
  all_.Append(slot);
  return ids;
}

void LabelIndex::Remove(const std::vector<IndexedSeries>& dead) {
  absl::flat_hash_map<PairId, Postings> slots_by_pair;
  Postings slots;
  for (const IndexedSeries& series : dead) {
    const uint32_t hash =
        static_cast<uint32_t>(HashBytes(series.ids + 1, series.ids[0] * sizeof(PairId)));
    series_by_labels_.erase(SeriesEntry{series.ids, series.slot, hash});
    for (uint32_t i = 1; i <= series.ids[0]; ++i)
      slots_by_pair[series.ids[i]].push_back(series.slot);
    slots.push_back(series.slot);
    delete[] series.ids;
  }
  std::sort(slots.begin(), slots.end());
  all_.Remove(slots);
  for (auto& [id, pair_slots] : slots_by_pair) {
    std::sort(pair_slots.begin(), pair_slots.end());
    pairs_[id].slots.Remove(pair_slots);
    if (pairs_[id].slots.empty()) ErasePair(id);
  }
}

void LabelIndex::ErasePair(PairId id) {
  Pair& pair = pairs_[id];
  pairs_by_text_.erase(PairEntry{id, MakeKey(pair.name, pair.text()).hash});
  std::vector<PairId>& of_name = names_[pair.name].pairs;
  of_name[pair.place] = of_name.back();
  pairs_[of_name.back()].place = pair.place;
  of_name.pop_back();
  delete[] pair.bytes;
  pair.bytes = nullptr;
  pair.size = 0;
  free_pairs_.push_back(id);
}

std::vector<PairId> LabelIndex::PairsWhere(const Matcher& matcher, bool matches) const {
  using Op = Matcher::Op;
  std::vector<PairId> found;
  const auto name = names_by_text_.find(matcher.name());
  if (name == names_by_text_.end()) return found;
  const auto add = [&](std::string_view value) {
    const PairId id = value.empty() ? kNoPair : FindPair(name->second, value);
    if (id != kNoPair) found.push_back(id);
  };
  const bool negative = matcher.op() == Op::kNotEqual || matcher.op() == Op::kNotRegex;
  if (negative != matches) {  // the values are named by the matcher
    if (matcher.op() == Op::kEqual || matcher.op() == Op::kNotEqual)
      return add(matcher.value()), found;
    if (!matcher.set_matches().empty()) {
      for (const std::string& value : matcher.set_matches()) add(value);
      return found;
    }
  }
  for (const PairId id : names_[name->second].pairs) {
    if (matcher.Matches(pairs_[id].text()) == matches) found.push_back(id);
  }
  return found;
}

Postings LabelIndex::Union(const std::vector<PairId>& pairs) const {
  std::vector<std::span<const Slot>> lists;
  lists.reserve(pairs.size());
  for (const PairId id : pairs) lists.push_back(pairs_[id].slots.view());
  return UnionOf(lists);
}

void LabelIndex::Narrow(Postings& slots, const std::vector<PairId>& pairs, bool having) const {
  size_t total = 0;
  for (const PairId id : pairs) total += pairs_[id].slots.size();
  // Few candidates against much: look at the candidates' own pairs.
  static constexpr size_t kLookAtCandidates = 8;
  if (pairs.size() > 1 && slots.size() < total / kLookAtCandidates) {
    const absl::flat_hash_set<PairId> wanted(pairs.begin(), pairs.end());
    std::erase_if(slots, [&](Slot slot) {
      const PairIds ids = series_[slot].labels;
      return std::any_of(ids + 1, ids + 1 + ids[0],
                         [&](PairId id) { return wanted.contains(id); }) != having;
    });
    return;
  }
  const Postings merged = pairs.size() == 1 ? Postings() : Union(pairs);
  const std::span<const Slot> list = pairs.size() == 1 ? pairs_[pairs[0]].slots.view() : merged;
  slots = having ? Intersection(slots, list) : Difference(slots, list);
}

Postings LabelIndex::Select(const Matchers& matchers) const {
  struct Term {
    std::vector<PairId> pairs;
    size_t total = 0;
  };
  std::vector<Term> having, lacking;
  for (const Matcher& matcher : matchers) {
    // A matcher that accepts "" accepts series without the label: what it rejects is taken away.
    const bool accepts_absent = matcher.MatchesEmpty();
    Term term{PairsWhere(matcher, !accepts_absent)};
    for (const PairId id : term.pairs) term.total += pairs_[id].slots.size();
    if (!accepts_absent && term.pairs.empty()) return {};
    if (!term.pairs.empty()) (accepts_absent ? lacking : having).push_back(std::move(term));
  }
  std::sort(having.begin(), having.end(),
            [](const Term& a, const Term& b) { return a.total < b.total; });
  Postings slots;
  if (having.empty()) {
    slots.assign(all_.view().begin(), all_.view().end());
  } else {
    slots = Union(having[0].pairs);
  }
  for (size_t i = 1; i < having.size() && !slots.empty(); ++i) Narrow(slots, having[i].pairs, true);
  for (size_t i = 0; i < lacking.size() && !slots.empty(); ++i)
    Narrow(slots, lacking[i].pairs, false);
  return slots;
}

Labels LabelIndex::LabelsOf(PairIds ids) const {
  LabelView few[32];
  std::vector<LabelView> many;
  LabelView* views = few;
  if (ids[0] > std::size(few)) {
    many.resize(ids[0]);
    views = many.data();
  }
  for (uint32_t i = 0; i < ids[0]; ++i) views[i] = PairText(ids[i + 1]);
  return Labels::FromSorted({views, ids[0]});
}

std::vector<LabelView> LabelIndex::PairTexts() const {
  std::vector<LabelView> out;
  out.reserve(pairs_.size());
  for (const Pair& pair : pairs_) out.push_back({*name_texts_[pair.name], pair.text()});
  return out;
}

void LabelIndex::Sort(std::vector<IndexedSeries>& series) const {
  SortSeries(series, pairs_.size(), [this](PairId id) { return PairText(id); });
}

void SortByLabels(std::vector<IndexedSeries>& series, const std::vector<LabelView>& pairs) {
  SortSeries(series, pairs.size(), [&](PairId id) { return pairs[id]; });
}

}  // namespace slowburn::tsdb
