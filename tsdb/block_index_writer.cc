#include "tsdb/block_index_writer.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "tsdb/byte_writer.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kMaxMaskedLabels = 32;

// Items behind a table of where every group of them ends.
class GroupTable {
 public:
  GroupTable(size_t items, size_t per_group, std::string& out)
      : groups_((items + per_group - 1) / per_group), per_group_(per_group), out_(out) {
    out_.assign(groups_ * sizeof(uint32_t), '\0');
    base_ = out_.size();
  }
  // Call after every item.
  void ItemDone() {
    ++items_;
    const uint32_t end = static_cast<uint32_t>(out_.size() - base_);
    std::memcpy(out_.data() + (items_ - 1) / per_group_ * sizeof(end), &end, sizeof(end));
  }

 private:
  const size_t groups_, per_group_;
  std::string& out_;
  size_t base_ = 0, items_ = 0;
};

size_t SharedPrefix(std::string_view a, std::string_view b) {
  const size_t common = std::min(a.size(), b.size());
  size_t i = 0;
  while (i < common && a[i] == b[i]) ++i;
  return i;
}

// The row in full, or the places where it differs from the one before it.
void AddRow(std::string& out, std::span<const uint32_t> row, std::span<const uint32_t> before) {
  if (row.size() == before.size() && row.size() <= kMaxMaskedLabels) {
    uint64_t changed = 0;
    for (size_t i = 0; i < row.size(); ++i) changed |= uint64_t{row[i] != before[i]} << i;
    AddVarint(out, changed << 1);
    for (size_t i = 0; i < row.size(); ++i) {
      if (row[i] != before[i]) AddSigned(out, int64_t{row[i]} - int64_t{before[i]});
    }
    return;
  }
  AddVarint(out, row.size() << 1 | 1);
  uint32_t last = 0;
  for (const uint32_t id : row) {
    AddVarint(out, id - last);
    last = id;
  }
}

void AddPostings(std::string& out, std::span<const uint32_t> series) {
  uint32_t end = 0;
  for (size_t i = 0; i < series.size();) {
    size_t next = i + 1;
    while (next < series.size() && series[next] == series[next - 1] + 1) ++next;
    const uint64_t gap = series[i] - end, length = next - i;
    AddVarint(out, gap << 1 | (length > 1));
    if (length > 1) AddVarint(out, length - 2);
    end = series[next - 1] + 1;
    i = next;
  }
}

}  // namespace

uint32_t BlockIndexWriter::NameNumber(std::string_view name) {
  const auto it = name_numbers_.find(name);
  if (it != name_numbers_.end()) return it->second;
  const uint32_t number = static_cast<uint32_t>(names_.size());
  names_.push_back(texts_.Keep(name));
  name_numbers_.emplace(names_.back(), number);
  return number;
}

BlockIndexWriter::PairNumber BlockIndexWriter::NumberOf(LabelView label) {
  const uint32_t name = NameNumber(label.name);
  const auto it = pair_numbers_.find(PairKey{name, label.value});
  if (it != pair_numbers_.end()) return it->second;
  const PairNumber number = static_cast<PairNumber>(pairs_.size());
  pairs_.push_back({name, texts_.Keep(label.value)});
  pair_numbers_.emplace(PairKey{name, pairs_.back().value}, number);
  return number;
}

std::span<const BlockIndexWriter::PairNumber> BlockIndexWriter::Row(size_t series) const {
  const uint64_t begin = series == 0 ? 0 : row_ends_[series - 1];
  return std::span(rows_).subspan(begin, row_ends_[series] - begin);
}

void BlockIndexWriter::AddSeries(const Labels& labels) {
  // Most labels are those of the series before.
  const size_t last_row = row_ends_.empty() ? 0 : Row(row_ends_.size() - 1).size();
  const size_t last_begin = rows_.size() - last_row;
  for (size_t i = 0; i < labels.size(); ++i) {
    const LabelView label = labels[i];
    const bool same = i < last_row && last_[i] == label;
    rows_.push_back(same ? rows_[last_begin + i] : NumberOf(label));
  }
  row_ends_.push_back(rows_.size());
  last_ = labels;
}

// From the order of appearance to that of names and values.
void BlockIndexWriter::Renumber() {
  std::vector<PairNumber> order(pairs_.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](PairNumber a, PairNumber b) {
    const Pair &x = pairs_[a], &y = pairs_[b];
    return x.name == y.name ? x.value < y.value : names_[x.name] < names_[y.name];
  });
  std::vector<PairNumber> places(pairs_.size());
  std::vector<Pair> sorted(pairs_.size());
  for (size_t i = 0; i < order.size(); ++i) {
    places[order[i]] = static_cast<PairNumber>(i);
    sorted[i] = pairs_[order[i]];
  }
  for (PairNumber& pair : rows_) pair = places[pair];
  pairs_ = std::move(sorted);
  pair_numbers_.clear();
}

void BlockIndexWriter::WriteNames(std::string& out) const {
  std::string texts, table;
  uint32_t count = 0;
  for (size_t i = 0; i < pairs_.size(); ++i) {
    if (i > 0 && pairs_[i].name == pairs_[i - 1].name) continue;
    texts += names_[pairs_[i].name];
    AddFixed32(table, static_cast<uint32_t>(texts.size()));
    AddFixed32(table, static_cast<uint32_t>(i));
    ++count;
  }
  AddFixed32(out, count);
  AddFixed32(out, static_cast<uint32_t>(pairs_.size()));
  AddFixed32(out, series_count());
  out += table;
  out += texts;
}

void BlockIndexWriter::WriteValues(std::string& out) const {
  GroupTable table(pairs_.size(), kIndexGroup, out);
  for (size_t i = 0; i < pairs_.size(); ++i) {
    const std::string_view value = pairs_[i].value;
    const size_t shared = i % kIndexGroup == 0 ? 0 : SharedPrefix(value, pairs_[i - 1].value);
    if (i % kIndexGroup != 0) AddVarint(out, shared);
    AddText(out, value.substr(shared));
    table.ItemDone();
  }
}

void BlockIndexWriter::WritePostings(std::string& out) const {
  // All series of all pairs, sorted by pair: counted, then placed.
  std::vector<uint64_t> ends(pairs_.size() + 1, 0);
  for (const PairNumber pair : rows_) ++ends[pair + 1];
  std::partial_sum(ends.begin(), ends.end(), ends.begin());
  std::vector<uint32_t> series(rows_.size());
  std::vector<uint64_t> next(ends.begin(), ends.end() - 1);
  for (uint32_t s = 0; s < series_count(); ++s) {
    for (const PairNumber pair : Row(s)) series[next[pair]++] = s;
  }
  GroupTable table(pairs_.size(), kIndexGroup, out);
  std::string one;
  for (size_t i = 0; i < pairs_.size(); ++i) {
    one.clear();
    AddPostings(one, std::span(series).subspan(ends[i], ends[i + 1] - ends[i]));
    AddText(out, one);
    table.ItemDone();
  }
}

void BlockIndexWriter::WriteSeries(std::string& out) const {
  GroupTable table(series_count(), kSeriesChunk, out);
  for (uint32_t s = 0; s < series_count(); ++s) {
    AddRow(out, Row(s), s % kSeriesChunk == 0 ? std::span<const PairNumber>() : Row(s - 1));
    table.ItemDone();
  }
}

absl::Status BlockIndexWriter::Finish(std::array<std::string, kIndexSections>& sections) {
  Renumber();
  const auto section = [&](IndexSection s) -> std::string& {
    return sections[static_cast<size_t>(s)];
  };
  WriteNames(section(IndexSection::kNames));
  WriteValues(section(IndexSection::kValues));
  WritePostings(section(IndexSection::kPostings));
  WriteSeries(section(IndexSection::kSeries));
  for (const std::string& one : sections) {
    if (one.size() > UINT32_MAX)
      return absl::InvalidArgumentError("the labels are too much for one block");
  }
  return absl::OkStatus();
}

}  // namespace slowburn::tsdb
