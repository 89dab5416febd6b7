#include "tsdb/series_merge.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "tsdb/hash.h"

namespace slowburn::tsdb {

// From the pair numbers of one block to the common ones, each looked up once.
class SeriesMerge::Translator {
 public:
  Translator(SeriesMerge& merge, const BlockIndex& index)
      : merge_(merge), index_(index), values_(index), names_(index.name_count(), kNone) {}

  // The common row of a block's row. False where that is no row of labels, or out of order.
  bool Translate(std::span<const BlockPair> row) {
    if (!std::ranges::lexicographical_compare(before_, row)) return false;
    const size_t known = std::min(row.size(), before_.size());
    local_names_.resize(row.size());
    common_.resize(row.size());
    for (size_t i = 0; i < row.size(); ++i) {
      if (i < known && row[i] == before_[i]) continue;
      if (!TranslatePair(row[i], local_names_[i], common_[i])) return false;
    }
    for (size_t i = 1; i < row.size(); ++i) {
      if (local_names_[i - 1] >= local_names_[i]) return false;
    }
    before_.assign(row.begin(), row.end());
    return true;
  }
  Row row() const { return common_; }

 private:
  struct Known {
    uint32_t local_name = 0;
    PairNumber common = 0;
  };

  bool TranslatePair(BlockPair pair, uint32_t& local_name, PairNumber& common) {
    if (const auto it = known_.find(pair); it != known_.end()) {
      local_name = it->second.local_name;
      common = it->second.common;
      return true;
    }
    if (!index_.NameOf(pair, local_name) || !values_.Read(pair) || values_.value().empty())
      return false;
    uint32_t& name = names_[local_name];
    if (name == kNone) {
      BlockIndex::Name found;
      if (!index_.NameAt(local_name, found) || found.text.empty()) return false;
      name = merge_.NameNumber(found.text);
    }
    common = merge_.NumberOf(name, values_.value());
    known_.emplace(pair, Known{local_name, common});
    // Two pairs of one text would be two series of the same labels.
    return found_.insert(common).second;
  }

  SeriesMerge& merge_;
  const BlockIndex& index_;
  BlockValueReader values_;
  std::vector<uint32_t> names_;  // common numbers of the block's names
  absl::flat_hash_map<BlockPair, Known> known_;
  absl::flat_hash_set<PairNumber> found_;
  std::vector<BlockPair> before_;
  std::vector<uint32_t> local_names_;
  std::vector<PairNumber> common_;
};

bool SeriesMerge::Has(EntryNumber e, Row row) const { return std::ranges::equal(RowOf(e), row); }

uint32_t SeriesMerge::NameNumber(std::string_view name) {
  const auto it = name_numbers_.find(name);
  if (it != name_numbers_.end()) return it->second;
  const uint32_t number = static_cast<uint32_t>(names_.size());
  names_.push_back(texts_.Keep(name));
  name_numbers_.emplace(names_.back(), number);
  return number;
}

SeriesMerge::PairNumber SeriesMerge::NumberOf(uint32_t name, std::string_view value) {
  const auto it = pair_numbers_.find(PairKey{name, value});
  if (it != pair_numbers_.end()) return it->second;
  const PairNumber number = static_cast<PairNumber>(pairs_.size());
  pairs_.push_back({name, texts_.Keep(value)});
  pair_numbers_.emplace(PairKey{name, pairs_.back().value}, number);
  return number;
}

SeriesMerge::EntryNumber SeriesMerge::FindOrAdd(Row row, EntryNumber expected) {
  if (expected != kNone && Has(expected, row)) return expected;
  const RowKey key{row, static_cast<uint32_t>(HashBytes(row.data(), row.size_bytes()))};
  if (blocks_ > 1) {
    if (const auto it = known_.find(key); it != known_.end()) return *it;
    sorted_ = false;
  }
  const EntryNumber e = static_cast<EntryNumber>(entries_.size());
  entries_.push_back({rows_.size(), static_cast<uint32_t>(row.size()), key.hash, kNone});
  rows_.insert(rows_.end(), row.begin(), row.end());
  known_.insert(e);
  return e;
}

absl::Status SeriesMerge::AddBlock(uint32_t block, const BlockIndex& index, const Runs& series) {
  ++blocks_;
  BlockRowReader rows(index);
  Translator translator(*this, index);
  EntryNumber last = kNone;
  EntryNumber expected = entries_.empty() ? kNone : 0;
  for (const Run& run : series) {
    for (uint32_t s = run.begin; s < run.end; ++s) {
      if (!rows.Read(s) || !translator.Translate(rows.row()))
        return Damaged("the rows of the index are malformed");
      const EntryNumber e = FindOrAdd(translator.row(), expected);
      if (last != kNone) entries_[last].next = e;
      part_entries_.push_back(e);
      parts_.push_back({block, s});
      last = e;
      expected = entries_[e].next;
    }
  }
  return absl::OkStatus();
}

void SeriesMerge::Sort() {
  // Many series share few pairs: sort the pairs once, then compare numbers.
  std::vector<PairNumber> by_text(pairs_.size());
  std::iota(by_text.begin(), by_text.end(), 0);
  std::sort(by_text.begin(), by_text.end(), [&](PairNumber a, PairNumber b) {
    const Pair &x = pairs_[a], &y = pairs_[b];
    return x.name == y.name ? x.value < y.value : names_[x.name] < names_[y.name];
  });
  std::vector<uint32_t> ranks(pairs_.size());
  for (size_t i = 0; i < by_text.size(); ++i) ranks[by_text[i]] = static_cast<uint32_t>(i);
  std::sort(order_.begin(), order_.end(), [&](EntryNumber a, EntryNumber b) {
    const Row x = RowOf(a), y = RowOf(b);
    return std::lexicographical_compare(
        x.begin(), x.end(), y.begin(), y.end(),
        [&](PairNumber p, PairNumber q) { return ranks[p] < ranks[q]; });
  });
}

void SeriesMerge::Finish(size_t limit) {
  order_.resize(entries_.size());
  std::iota(order_.begin(), order_.end(), 0);
  if (!sorted_) Sort();
  if (limit > 0 && order_.size() > limit) order_.resize(limit);
  // The parts by entry: counted, then placed.
  part_ends_.assign(entries_.size() + 1, 0);
  for (const EntryNumber e : part_entries_) ++part_ends_[e + 1];
  std::partial_sum(part_ends_.begin(), part_ends_.end(), part_ends_.begin());
  std::vector<uint64_t> next(part_ends_.begin(), part_ends_.end() - 1);
  std::vector<Part> placed(parts_.size());
  for (size_t i = 0; i < parts_.size(); ++i) placed[next[part_entries_[i]]++] = parts_[i];
  parts_ = std::move(placed);
  part_entries_ = {};
}

Labels SeriesMerge::labels(size_t i) const {
  std::vector<LabelView> views;
  for (const PairNumber pair : RowOf(order_[i]))
    views.push_back({names_[pairs_[pair].name], pairs_[pair].value});
  return Labels::FromSorted(views);
}

std::span<const SeriesMerge::Part> SeriesMerge::parts(size_t i) const {
  const EntryNumber e = order_[i];
  return std::span(parts_).subspan(part_ends_[e], part_ends_[e + 1] - part_ends_[e]);
}

}  // namespace slowburn::tsdb
