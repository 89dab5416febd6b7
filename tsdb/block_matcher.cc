#include "tsdb/block_matcher.h"

#include <algorithm>
#include <utility>

namespace slowburn::tsdb {
namespace {

using Op = Matcher::Op;

absl::Status DamagedIndex() { return Damaged("the index is malformed"); }

bool IsNegative(Op op) { return op == Op::kNotEqual || op == Op::kNotRegex; }
bool IsRegex(Op op) { return op == Op::kRegex || op == Op::kNotRegex; }

}  // namespace

BlockMatcher::BlockMatcher(const Matchers& matchers) {
  for (const Matcher& matcher : matchers) {
    // What accepts everything is no condition.
    if (matcher.op() == Op::kRegex && matcher.value() == ".*") continue;
    Condition& condition = conditions_.emplace_back();
    condition.matcher = &matcher;
    condition.accepts_absent = matcher.MatchesEmpty();
    condition.is_regex = IsRegex(matcher.op()) && matcher.set_matches().empty();
  }
}

bool BlockMatcher::Condition::Matches(std::string_view value) {
  if (!is_regex) return matcher->Matches(value);
  if (const auto it = answers.find(value); it != answers.end()) return it->second;
  return answers.emplace(std::string(value), matcher->Matches(value)).first->second;
}

// The pairs of the label whose values the matcher wants: those it accepts, or those it rejects
// where it accepts series without the label.
bool BlockMatcher::FindPairs(const BlockIndex& index, Condition& condition, Term& term) const {
  const Matcher& matcher = *condition.matcher;
  switch (index.FindName(matcher.name(), term.name)) {
    case BlockIndex::Found::kDamaged:
      return false;
    case BlockIndex::Found::kNo:
      return true;
    case BlockIndex::Found::kYes:
      break;
  }
  const bool wanted = !condition.accepts_absent;
  if (IsNegative(matcher.op()) == wanted) return AddRange(index, condition, wanted, term);
  // The values are named by the matcher.
  const auto add = [&](std::string_view value) {
    BlockPair pair = 0;
    if (value.empty()) return true;
    const BlockIndex::Found found = index.FindPair(term.name, value, pair);
    if (found == BlockIndex::Found::kYes) term.pairs.push_back(pair);
    return found != BlockIndex::Found::kDamaged;
  };
  if (!IsRegex(matcher.op())) return add(matcher.value());
  if (matcher.set_matches().empty()) return AddRange(index, condition, wanted, term);
  return std::all_of(matcher.set_matches().begin(), matcher.set_matches().end(), add);
}

bool BlockMatcher::AddRange(const BlockIndex& index, Condition& condition, bool wanted,
                            Term& term) const {
  const Matcher& matcher = *condition.matcher;
  // ="", !="", =~".+" and !~".+" say nothing about which value it is.
  if (matcher.value() == (IsRegex(matcher.op()) ? ".+" : "")) {
    for (BlockPair pair = term.name.begin; pair < term.name.end; ++pair) term.pairs.push_back(pair);
    return true;
  }
  // Every value that the pattern matches begins with the prefix.
  const bool by_pattern = IsRegex(matcher.op()) && IsNegative(matcher.op()) != wanted;
  const std::string_view prefix = by_pattern ? std::string_view(matcher.prefix()) : "";
  BlockPair pair = term.name.begin;
  if (!prefix.empty() && !index.LowerBound(term.name, prefix, pair)) return false;
  BlockValueReader values(index);
  for (; pair < term.name.end; ++pair) {
    if (!values.Read(pair)) return false;
    if (!values.value().starts_with(prefix)) break;
    if (condition.Matches(values.value()) == wanted) term.pairs.push_back(pair);
  }
  return true;
}

bool BlockMatcher::Estimate(const BlockIndex& index, Term& term) {
  static constexpr size_t kLookedAt = 64;
  const size_t looked_at = std::min(kLookedAt, term.pairs.size());
  for (size_t i = 0; i < looked_at; ++i) {
    std::string_view bytes;
    if (!index.PostingsBytes(term.pairs[i], bytes)) return false;
    term.bytes += bytes.size();
  }
  if (looked_at > 0) term.bytes = term.bytes * term.pairs.size() / looked_at;
  return true;
}

bool BlockMatcher::Union(const BlockIndex& index, const Term& term, Runs& out) {
  Runs runs;
  for (const BlockPair pair : term.pairs) {
    if (!index.ReadPostings(pair, runs)) return false;
  }
  out = NormaliseRuns(std::move(runs));
  return true;
}

bool BlockMatcher::LookAtRows(const BlockIndex& index, const Term& term, Keep keep, Runs& series) {
  BlockRowReader rows(index);
  Runs kept;
  for (const Run& run : series) {
    for (uint32_t s = run.begin; s < run.end; ++s) {
      if (!rows.Read(s)) return false;
      const auto row = rows.row();
      const auto pair = std::lower_bound(row.begin(), row.end(), term.name.begin);
      const bool has = pair != row.end() && *pair < term.name.end &&
                       std::binary_search(term.pairs.begin(), term.pairs.end(), *pair);
      if (has == (keep == Keep::kHaving)) AppendRun(kept, {s, s + 1});
    }
  }
  series = std::move(kept);
  return true;
}

bool BlockMatcher::Narrow(const BlockIndex& index, const Term& term, Keep keep, Runs& series) {
  // Few candidates against long lists: look at the candidates' own pairs.
  static constexpr uint64_t kBytesARow = 8;
  if (CountOf(series) * kBytesARow < term.bytes) return LookAtRows(index, term, keep, series);
  Runs listed;
  if (!Union(index, term, listed)) return false;
  series = keep == Keep::kHaving ? Intersection(series, listed) : Difference(series, listed);
  return true;
}

absl::StatusOr<Runs> BlockMatcher::Select(const BlockIndex& index) {
  std::vector<Term> having, lacking;
  for (Condition& condition : conditions_) {
    Term term;
    if (!FindPairs(index, condition, term)) return DamagedIndex();
    if (term.pairs.empty()) {
      if (!condition.accepts_absent) return Runs();
      continue;
    }
    if (!Estimate(index, term)) return DamagedIndex();
    (condition.accepts_absent ? lacking : having).push_back(std::move(term));
  }
  std::sort(having.begin(), having.end(),
            [](const Term& a, const Term& b) { return a.bytes < b.bytes; });
  Runs series;
  if (having.empty()) {
    if (index.series_count() > 0) series.push_back({0, index.series_count()});
  } else if (!Union(index, having[0], series)) {
    return DamagedIndex();
  }
  for (size_t i = 1; i < having.size() && !series.empty(); ++i) {
    if (!Narrow(index, having[i], Keep::kHaving, series)) return DamagedIndex();
  }
  for (size_t i = 0; i < lacking.size() && !series.empty(); ++i) {
    if (!Narrow(index, lacking[i], Keep::kLacking, series)) return DamagedIndex();
  }
  return series;
}

}  // namespace slowburn::tsdb
