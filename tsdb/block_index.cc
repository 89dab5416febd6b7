#include "tsdb/block_index.h"

#include <algorithm>
#include <cstring>

namespace slowburn::tsdb {
namespace {

constexpr size_t kNamesHeader = 3 * sizeof(uint32_t);
constexpr size_t kNameEntry = 2 * sizeof(uint32_t);
constexpr size_t kPiecesHeader = 2 * sizeof(uint32_t);
constexpr size_t kGroupEntry = 2 * sizeof(uint32_t);
constexpr uint32_t kMaxLabels = 1 << 16;

uint32_t Fixed32(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

uint32_t GroupsOf(uint32_t items, size_t per_group) {
  return static_cast<uint32_t>((items + per_group - 1) / per_group);
}

}  // namespace

absl::StatusOr<BlockIndex> BlockIndex::Open(const Sections& sections) {
  BlockIndex index;
  index.sections_ = sections;
  const std::string_view names = index.section(IndexSection::kNames);
  const std::string_view pieces = index.section(IndexSection::kPieces);
  if (names.size() < kNamesHeader || pieces.size() < kPiecesHeader)
    return Damaged("the index is cut off");
  index.names_ = Fixed32(names, 0);
  index.pairs_ = Fixed32(names, sizeof(uint32_t));
  index.series_ = Fixed32(names, 2 * sizeof(uint32_t));
  index.groups_ = Fixed32(pieces, 0);
  index.time_columns_ = Fixed32(pieces, sizeof(uint32_t));
  const auto table = [&](IndexSection s, uint64_t items, size_t per_group) {
    return index.section(s).size() / sizeof(uint32_t) >= (items + per_group - 1) / per_group;
  };
  const uint64_t pieces_size =
      kPiecesHeader + uint64_t{index.groups_} * kGroupEntry +
      uint64_t{GroupsOf(index.time_columns_, kTimesChunk)} * sizeof(uint32_t);
  if ((names.size() - kNamesHeader) / kNameEntry < index.names_ || pieces.size() != pieces_size ||
      !table(IndexSection::kValues, index.pairs_, kIndexGroup) ||
      !table(IndexSection::kPostings, index.pairs_, kIndexGroup) ||
      !table(IndexSection::kSeries, index.series_, kSeriesChunk)) {
    return Damaged("the index does not have the size that it says");
  }
  // Names are few; that they ascend is relied on when labels are made.
  Name name;
  std::string_view before;
  for (uint32_t i = 0; i < index.names_; ++i) {
    if (!index.NameAt(i, name) || (i > 0 && name.text <= before))
      return Damaged("the names of the index are malformed");
    before = name.text;
  }
  return index;
}

bool BlockIndex::NameAt(uint32_t i, Name& out) const {
  const std::string_view all = section(IndexSection::kNames);
  const std::string_view texts = all.substr(kNamesHeader + size_t{names_} * kNameEntry);
  const size_t at = kNamesHeader + size_t{i} * kNameEntry;
  const uint32_t begin = i == 0 ? 0 : Fixed32(all, at - kNameEntry), end = Fixed32(all, at);
  out.begin = Fixed32(all, at + sizeof(uint32_t));
  out.end = i + 1 == names_ ? pairs_ : Fixed32(all, at + kNameEntry + sizeof(uint32_t));
  if (begin > end || end > texts.size() || out.begin >= out.end || out.end > pairs_) return false;
  out.text = texts.substr(begin, end - begin);
  return true;
}

BlockIndex::Found BlockIndex::FindName(std::string_view text, Name& out) const {
  uint32_t low = 0, high = names_;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (!NameAt(middle, out)) return Found::kDamaged;
    if (out.text == text) return Found::kYes;
    if (out.text < text) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return Found::kNo;
}

bool BlockIndex::NameOf(BlockPair pair, uint32_t& name) const {
  uint32_t low = 0, high = names_;
  while (low < high) {
    Name at;
    const uint32_t middle = low + (high - low) / 2;
    if (!NameAt(middle, at)) return false;
    if (pair >= at.begin && pair < at.end) {
      name = middle;
      return true;
    }
    if (at.begin <= pair) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return false;
}

bool BlockIndex::GroupBytes(std::string_view section, uint32_t groups, uint32_t group,
                            std::string_view& out) {
  const std::string_view items = section.substr(size_t{groups} * sizeof(uint32_t));
  const size_t at = size_t{group} * sizeof(uint32_t);
  const uint32_t begin = group == 0 ? 0 : Fixed32(section, at - sizeof(uint32_t));
  const uint32_t end = Fixed32(section, at);
  if (begin > end || end > items.size()) return false;
  out = items.substr(begin, end - begin);
  return true;
}

bool BlockIndex::LowerBound(const Name& name, std::string_view value, BlockPair& out) const {
  // The last restart point of the name that is before the value; then step by step.
  const std::string_view all = section(IndexSection::kValues);
  const uint32_t groups = GroupsOf(pairs_, kIndexGroup);
  uint32_t low = name.begin / kIndexGroup, high = (name.end - 1) / kIndexGroup + 1;
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    std::string_view bytes, head;
    if (!GroupBytes(all, groups, middle, bytes) || !ByteReader(bytes).Text(head)) return false;
    if (head < value) {
      low = middle;
    } else {
      high = middle;
    }
  }
  BlockValueReader values(*this);
  for (out = std::max<BlockPair>(name.begin, low * kIndexGroup); out < name.end; ++out) {
    if (!values.Read(out)) return false;
    if (values.value() >= value) return true;
  }
  return true;
}

BlockIndex::Found BlockIndex::FindPair(const Name& name, std::string_view value,
                                       BlockPair& out) const {
  if (!LowerBound(name, value, out)) return Found::kDamaged;
  if (out == name.end) return Found::kNo;
  BlockValueReader values(*this);
  if (!values.Read(out)) return Found::kDamaged;
  return values.value() == value ? Found::kYes : Found::kNo;
}

BlockIndex::Found BlockIndex::FindSeries(const Labels& labels, uint32_t& series) const {
  std::vector<BlockPair> wanted;
  for (const LabelView label : labels) {
    Name name;
    BlockPair pair = 0;
    if (const Found found = FindName(label.name, name); found != Found::kYes) return found;
    if (const Found found = FindPair(name, label.value, pair); found != Found::kYes) return found;
    wanted.push_back(pair);
  }
  // The chunk that begins with it or before it; then row by row.
  BlockRowReader rows(*this);
  uint32_t low = 0, high = GroupsOf(series_, kSeriesChunk);
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    if (!rows.Read(middle * static_cast<uint32_t>(kSeriesChunk))) return Found::kDamaged;
    if (std::ranges::lexicographical_compare(wanted, rows.row())) {
      high = middle;
    } else {
      low = middle;
    }
  }
  series = low * static_cast<uint32_t>(kSeriesChunk);
  const uint32_t end = std::min(series_, series + static_cast<uint32_t>(kSeriesChunk));
  for (; series < end; ++series) {
    if (!rows.Read(series)) return Found::kDamaged;
    if (std::ranges::equal(rows.row(), wanted)) return Found::kYes;
  }
  return Found::kNo;
}

bool BlockIndex::PostingsBytes(BlockPair pair, std::string_view& bytes) const {
  const uint32_t group = pair / kIndexGroup;
  std::string_view all;
  if (!GroupBytes(section(IndexSection::kPostings), GroupsOf(pairs_, kIndexGroup), group, all))
    return false;
  ByteReader in(all);
  for (uint32_t i = 0; i <= pair % kIndexGroup; ++i) {
    if (!in.Text(bytes)) return false;
  }
  return true;
}

bool BlockIndex::ReadPostings(BlockPair pair, Runs& out) const {
  std::string_view bytes;
  if (!PostingsBytes(pair, bytes)) return false;
  ByteReader in(bytes);
  uint64_t end = 0;
  while (!in.done()) {
    uint64_t head = 0, more = 0;
    if (!in.Varint(head)) return false;
    if ((head & 1) != 0 && !in.Varint(more)) return false;
    const uint64_t gap = head >> 1, length = (head & 1) != 0 ? more + 2 : 1;
    if (gap > series_ || length > series_ || end + gap + length > series_) return false;
    const uint64_t begin = end + gap;
    end = begin + length;
    out.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
  }
  return in.ok();
}

bool BlockIndex::GroupAt(uint32_t group, GroupPlace& place, uint32_t& end_series) const {
  if (group >= groups_) return false;
  const std::string_view all = section(IndexSection::kPieces);
  const size_t at = kPiecesHeader + size_t{group} * kGroupEntry;
  place = {Fixed32(all, at), Fixed32(all, at + sizeof(uint32_t))};
  end_series = group + 1 == groups_ ? series_ : Fixed32(all, at + kGroupEntry);
  return place.first_series < end_series && end_series <= series_ &&
         end_series - place.first_series <= kGroupSeries;
}

bool BlockIndex::FindGroup(uint32_t series, uint32_t& group, GroupPlace& place,
                           uint32_t& end_series) const {
  const std::string_view all = section(IndexSection::kPieces);
  uint32_t low = 0, high = groups_;
  while (high - low > 1) {
    const uint32_t middle = low + (high - low) / 2;
    if (Fixed32(all, kPiecesHeader + size_t{middle} * kGroupEntry) <= series) {
      low = middle;
    } else {
      high = middle;
    }
  }
  group = low;
  return GroupAt(low, place, end_series) && place.first_series <= series && series < end_series;
}

bool BlockIndex::TimesPiece(uint32_t time_column, uint32_t& piece) const {
  if (time_column >= time_columns_) return false;
  piece = Fixed32(section(IndexSection::kPieces), kPiecesHeader + size_t{groups_} * kGroupEntry +
                                                      time_column / kTimesChunk * sizeof(uint32_t));
  return true;
}

bool BlockValueReader::Read(BlockPair pair) {
  const BlockPair first = pair - pair % kIndexGroup;
  if (at_ == kNoBlockPair || at_ > pair || at_ < first) {
    std::string_view bytes;
    const uint32_t groups = GroupsOf(index_.pairs_, kIndexGroup);
    if (!BlockIndex::GroupBytes(index_.section(IndexSection::kValues), groups,
                                pair / static_cast<uint32_t>(kIndexGroup), bytes)) {
      at_ = kNoBlockPair;
      return false;
    }
    rest_ = ByteReader(bytes);
    std::string_view head;
    if (!rest_.Text(head)) return at_ = kNoBlockPair, false;
    value_ = head;
    at_ = first;
  }
  while (at_ < pair) {
    if (!Step()) return at_ = kNoBlockPair, false;
  }
  return true;
}

bool BlockValueReader::Step() {
  uint64_t shared = 0;
  std::string_view rest;
  if (!rest_.Varint(shared) || shared > value_.size() || !rest_.Text(rest)) return false;
  value_.resize(shared);
  value_ += rest;
  ++at_;
  return true;
}

bool BlockRowReader::Read(uint32_t series) {
  const uint32_t first = series - series % static_cast<uint32_t>(kSeriesChunk);
  if (at_ == ~uint32_t{0} || at_ > series || at_ < first) {
    std::string_view bytes;
    const uint32_t groups = GroupsOf(index_.series_, kSeriesChunk);
    at_ = ~uint32_t{0};
    if (!BlockIndex::GroupBytes(index_.section(IndexSection::kSeries), groups,
                                series / static_cast<uint32_t>(kSeriesChunk), bytes)) {
      return false;
    }
    rest_ = ByteReader(bytes);
    row_.clear();
    if (!Step()) return false;
    at_ = first;
  }
  while (at_ < series) {
    if (!Step()) return at_ = ~uint32_t{0}, false;
    ++at_;
  }
  return true;
}

bool BlockRowReader::Step() {
  uint64_t head = 0;
  if (!rest_.Varint(head)) return false;
  if ((head & 1) != 0) {
    const uint64_t count = head >> 1;
    if (count == 0 || count > std::min<uint64_t>(kMaxLabels, rest_.left())) return false;
    row_.clear();
    uint64_t id = 0;
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t step = 0;
      if (!rest_.Varint(step) || step >= index_.pairs_) return false;
      id += step;
      if (id >= index_.pairs_ || (i > 0 && step == 0)) return false;
      row_.push_back(static_cast<BlockPair>(id));
    }
    return true;
  }
  if (row_.empty()) return false;
  for (uint64_t changed = head >> 1; changed != 0; changed &= changed - 1) {
    const size_t place = static_cast<size_t>(std::countr_zero(changed));
    int64_t step = 0;
    if (place >= row_.size() || !rest_.Signed(step) || step > int64_t{index_.pairs_} ||
        step < -int64_t{index_.pairs_}) {
      return false;
    }
    const int64_t id = int64_t{row_[place]} + step;
    if (id < 0 || id >= int64_t{index_.pairs_}) return false;
    row_[place] = static_cast<BlockPair>(id);
  }
  return std::adjacent_find(row_.begin(), row_.end(), std::greater_equal<>()) == row_.end();
}

}  // namespace slowburn::tsdb
