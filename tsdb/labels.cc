#include "tsdb/labels.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>

#include "base/check.h"
#include "tsdb/hash.h"

namespace slowburn::tsdb {

// One allocation: this header, 2 * count ends, then all names and values one after the other.
// ends[2i] is where name i ends and ends[2i + 1] where its value does, both counted from the first
// byte of text.
struct Labels::Rep {
  std::atomic<uint32_t> owners;
  uint32_t count;
  uint64_t hash;

  uint32_t* ends() { return reinterpret_cast<uint32_t*>(this + 1); }
  const uint32_t* ends() const { return reinterpret_cast<const uint32_t*>(this + 1); }
  char* text() { return reinterpret_cast<char*>(ends() + 2 * count); }
  const char* text() const { return reinterpret_cast<const char*>(ends() + 2 * count); }
  size_t text_size() const { return ends()[2 * count - 1]; }

  LabelView At(size_t i) const {
    const uint32_t* e = ends() + 2 * i;
    const uint32_t begin = i == 0 ? 0 : e[-1];
    return {{text() + begin, e[0] - begin}, {text() + e[0], e[1] - e[0]}};
  }
};

namespace {

// Sorts, keeps the last of equal names, leaves out empty values.
void Normalise(std::vector<LabelView>& views) {
  std::stable_sort(views.begin(), views.end(),
                   [](const LabelView& a, const LabelView& b) { return a.name < b.name; });
  size_t kept = 0;
  for (size_t i = 0; i < views.size(); ++i) {
    if (i + 1 < views.size() && views[i + 1].name == views[i].name) continue;
    if (!views[i].value.empty()) views[kept++] = views[i];
  }
  views.resize(kept);
}

bool Contains(std::span<const std::string> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Labels::Rep* Labels::NewRep(std::span<const LabelView> sorted) {
  if (sorted.empty()) return nullptr;
  size_t text_size = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    DCHECK(!sorted[i].value.empty());
    DCHECK(i == 0 || sorted[i - 1].name < sorted[i].name);
    text_size += sorted[i].name.size() + sorted[i].value.size();
  }
  const size_t ends_size = 2 * sorted.size() * sizeof(uint32_t);
  Rep* rep = new (::operator new(sizeof(Rep) + ends_size + text_size)) Rep;
  rep->owners.store(1, std::memory_order_relaxed);
  rep->count = static_cast<uint32_t>(sorted.size());
  uint32_t* end = rep->ends();
  char* const text = rep->text();
  uint32_t at = 0;
  for (const LabelView& label : sorted) {
    for (const std::string_view part : {label.name, label.value}) {
      std::memcpy(text + at, part.data(), part.size());
      at += static_cast<uint32_t>(part.size());
      *end++ = at;
    }
  }
  rep->hash = HashBytes(rep->ends(), ends_size + text_size);
  return rep;
}

void Labels::Ref() const {
  if (rep_ != nullptr) rep_->owners.fetch_add(1, std::memory_order_relaxed);
}

void Labels::Unref() {
  if (rep_ == nullptr || rep_->owners.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  rep_->~Rep();
  ::operator delete(rep_);
}

Labels::Labels(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  std::vector<LabelView> views;
  views.reserve(pairs.size());
  for (const auto& [name, value] : pairs) views.push_back({name, value});
  Normalise(views);
  rep_ = NewRep(views);
}

Labels Labels::FromPairs(std::vector<std::pair<std::string, std::string>> pairs) {
  std::vector<LabelView> views;
  views.reserve(pairs.size());
  for (const auto& [name, value] : pairs) views.push_back({name, value});
  return FromViews(std::move(views));
}

Labels Labels::FromViews(std::vector<LabelView> views) {
  Normalise(views);
  return Labels(NewRep(views));
}

Labels Labels::FromSorted(std::span<const LabelView> sorted) { return Labels(NewRep(sorted)); }

size_t Labels::size() const { return rep_ == nullptr ? 0 : rep_->count; }

LabelView Labels::operator[](size_t i) const {
  DCHECK(i < size());
  return rep_->At(i);
}

Labels::Iterator Labels::begin() const { return Iterator(this, 0); }
Labels::Iterator Labels::end() const { return Iterator(this, size()); }

std::string_view Labels::Get(std::string_view name) const {
  if (rep_ == nullptr) return {};
  for (size_t i = 0; i < rep_->count; ++i) {
    const LabelView label = rep_->At(i);
    if (label.name == name) return label.value;
  }
  return {};
}

bool Labels::Has(std::string_view name) const { return !Get(name).empty(); }

uint64_t Labels::Hash() const { return rep_ == nullptr ? 0 : rep_->hash; }

Labels Labels::Without(std::span<const std::string> names) const {
  std::vector<LabelView> kept;
  kept.reserve(size());
  for (const LabelView label : *this) {
    if (!Contains(names, label.name)) kept.push_back(label);
  }
  return kept.size() == size() ? *this : FromSorted(kept);
}

Labels Labels::Keep(std::span<const std::string> names) const {
  std::vector<LabelView> kept;
  kept.reserve(names.size());
  for (const LabelView label : *this) {
    if (Contains(names, label.name)) kept.push_back(label);
  }
  return kept.size() == size() ? *this : FromSorted(kept);
}

Labels Labels::WithoutName() const {
  if (!Has(kMetricName)) return *this;
  std::vector<LabelView> kept;
  kept.reserve(size());
  for (const LabelView label : *this) {
    if (label.name != kMetricName) kept.push_back(label);
  }
  return FromSorted(kept);
}

std::string Labels::ToString() const {
  const std::string_view metric = metric_name();
  const bool plain_metric = IsLegacyMetricName(metric);
  std::string out(plain_metric ? metric : std::string_view());
  if (size() == 1 && plain_metric) return out;
  out += '{';
  const char* separator = "";
  if (!metric.empty() && !plain_metric) {
    AppendQuoted(out, metric);
    separator = ", ";
  }
  for (const LabelView label : *this) {
    if (label.name == kMetricName) continue;
    out += separator;
    separator = ", ";
    if (IsLegacyLabelName(label.name)) {
      out += label.name;
    } else {
      AppendQuoted(out, label.name);
    }
    out += '=';
    AppendQuoted(out, label.value);
  }
  out += '}';
  return out;
}

bool operator==(const Labels& a, const Labels& b) {
  if (a.rep_ == b.rep_) return true;
  if (a.rep_ == nullptr || b.rep_ == nullptr) return false;
  if (a.rep_->hash != b.rep_->hash || a.rep_->count != b.rep_->count) return false;
  const size_t text_size = a.rep_->text_size();
  return text_size == b.rep_->text_size() &&
         std::memcmp(a.rep_->ends(), b.rep_->ends(),
                     2 * a.rep_->count * sizeof(uint32_t) + text_size) == 0;
}

std::strong_ordering operator<=>(const Labels& a, const Labels& b) {
  if (a.rep_ == b.rep_) return std::strong_ordering::equal;
  const size_t common = std::min(a.size(), b.size());
  for (size_t i = 0; i < common; ++i) {
    const LabelView x = a[i], y = b[i];
    if (const int c = x.name.compare(y.name); c != 0) return c <=> 0;
    if (const int c = x.value.compare(y.value); c != 0) return c <=> 0;
  }
  return a.size() <=> b.size();
}

LabelsBuilder& LabelsBuilder::Set(std::string_view name, std::string_view value) {
  for (auto& change : changes_) {
    if (change.first == name) {
      change.second = value;
      return *this;
    }
  }
  changes_.emplace_back(name, value);
  return *this;
}

LabelsBuilder& LabelsBuilder::Del(std::string_view name) { return Set(name, ""); }

std::string_view LabelsBuilder::Get(std::string_view name) const {
  for (const auto& change : changes_) {
    if (change.first == name) return change.second;
  }
  return base_.Get(name);
}

std::vector<std::string> LabelsBuilder::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : changes_) {
    if (!value.empty()) names.push_back(name);
  }
  for (const LabelView label : base_) {
    const bool changed = std::any_of(changes_.begin(), changes_.end(), [&](const auto& change) {
      return change.first == label.name;
    });
    if (!changed) names.emplace_back(label.name);
  }
  return names;
}

Labels LabelsBuilder::Build() const {
  if (changes_.empty()) return base_;
  std::vector<LabelView> views(base_.begin(), base_.end());
  for (const auto& [name, value] : changes_) views.push_back({name, value});
  return Labels::FromViews(std::move(views));
}

}  // namespace slowburn::tsdb
