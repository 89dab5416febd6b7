// Labels: the identity of a series, a sorted set of name="value" pairs.
//
// One immutable, reference-counted block of bytes: copying costs an atomic increment, comparing two
// copies of one set costs a pointer. Names are unique and ascend bytewise; values are never empty
// (an empty label is an absent label). The metric name is the label __name__. Threads: immutable.
// Lifetimes: views are valid while a copy of the set lives.
#ifndef SLOWBURN_TSDB_LABELS_H_
#define SLOWBURN_TSDB_LABELS_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slowburn::tsdb {

inline constexpr std::string_view kMetricName = "__name__";

struct LabelView {
  std::string_view name;
  std::string_view value;
  friend bool operator==(const LabelView&, const LabelView&) = default;
};

class Labels {
 public:
  class Iterator;

  Labels() = default;  // the empty set
  Labels(const Labels& other) : rep_(other.rep_) { Ref(); }
  Labels(Labels&& other) noexcept : rep_(std::exchange(other.rep_, nullptr)) {}
  Labels& operator=(Labels other) noexcept {
    std::swap(rep_, other.rep_);
    return *this;
  }
  ~Labels() { Unref(); }
  // Sorts; the last of equal names wins; empty values are left out.
  Labels(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs);
  static Labels FromPairs(std::vector<std::pair<std::string, std::string>> pairs);
  static Labels FromViews(std::vector<LabelView> views);
  // REQUIRES: sorted by name, names unique, values not empty (DCHECKed).
  static Labels FromSorted(std::span<const LabelView> sorted);

  size_t size() const;
  bool empty() const { return rep_ == nullptr; }
  LabelView operator[](size_t i) const;  // REQUIRES: i < size()
  Iterator begin() const;
  Iterator end() const;

  std::string_view Get(std::string_view name) const;  // "" when absent
  bool Has(std::string_view name) const;
  std::string_view metric_name() const { return Get(kMetricName); }

  uint64_t Hash() const;  // of the content; the same in every process
  // The sets without the given names / with only them. `names` need not be sorted.
  Labels Without(std::span<const std::string> names) const;
  Labels Keep(std::span<const std::string> names) const;
  Labels WithoutName() const;  // without __name__

  // {__name__="up", job="a"} as Prometheus prints it: up{job="a"}; quoted where the name is not a
  // legacy one.
  std::string ToString() const;

  friend bool operator==(const Labels& a, const Labels& b);
  // Prometheus' order: pair by pair, name then value, a prefix before what it begins.
  friend std::strong_ordering operator<=>(const Labels& a, const Labels& b);

 private:
  struct Rep;
  explicit Labels(Rep* rep) : rep_(rep) {}  // takes over one reference
  static Rep* NewRep(std::span<const LabelView> sorted);
  void Ref() const;
  void Unref();
  Rep* rep_ = nullptr;  // counts its owners, otherwise immutable; null is the empty set
};

class Labels::Iterator {
 public:
  using value_type = LabelView;
  using reference = LabelView;
  using pointer = void;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::input_iterator_tag;
  Iterator(const Labels* labels, size_t i) : labels_(labels), i_(i) {}
  LabelView operator*() const { return (*labels_)[i_]; }
  Iterator& operator++() {
    ++i_;
    return *this;
  }
  Iterator operator++(int) { return Iterator(labels_, i_++); }
  friend bool operator==(const Iterator& a, const Iterator& b) { return a.i_ == b.i_; }

 private:
  const Labels* labels_;
  size_t i_;
};

// Changes to a set, applied at Build(). Set with an empty value deletes. Not thread-safe.
class LabelsBuilder {
 public:
  explicit LabelsBuilder(Labels base = {}) : base_(std::move(base)) {}
  LabelsBuilder& Set(std::string_view name, std::string_view value);
  LabelsBuilder& Del(std::string_view name);
  std::string_view Get(std::string_view name) const;
  // Every current name, in no order.
  std::vector<std::string> Names() const;
  Labels Build() const;

 private:
  Labels base_;
  std::vector<std::pair<std::string, std::string>> changes_;  // empty value: deleted
};

// Legacy names: [a-zA-Z_][a-zA-Z0-9_]*, metrics also with ':'. UTF-8 names: any non-empty valid
// UTF-8.
bool IsLegacyLabelName(std::string_view name);
bool IsLegacyMetricName(std::string_view name);
bool IsValidUtf8(std::string_view text);

// Appends `text` in double quotes with Go's escapes (strconv.Quote): label values in messages and
// selectors.
void AppendQuoted(std::string& out, std::string_view text);

template <typename H>
H AbslHashValue(H h, const Labels& labels) {
  return H::combine(std::move(h), labels.Hash());
}

}  // namespace slowburn::tsdb

template <>
struct std::hash<slowburn::tsdb::Labels> {
  size_t operator()(const slowburn::tsdb::Labels& labels) const { return labels.Hash(); }
};

#endif  // SLOWBURN_TSDB_LABELS_H_
