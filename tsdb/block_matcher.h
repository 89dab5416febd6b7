// BlockMatcher: which series of a block match. One object for all blocks of a query: a regex is run
// once for each distinct value.
//
// Threads: none. Lifetimes: the matchers outlive it. Errors: kDataLoss, the index is damaged.
#ifndef SLOWBURN_TSDB_BLOCK_MATCHER_H_
#define SLOWBURN_TSDB_BLOCK_MATCHER_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "tsdb/block_index.h"
#include "tsdb/hash.h"
#include "tsdb/matcher.h"
#include "tsdb/runs.h"

namespace slowburn::tsdb {

class BlockMatcher {
 public:
  explicit BlockMatcher(const Matchers& matchers);
  absl::StatusOr<Runs> Select(const BlockIndex& index);

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return HashBytes(text.data(), text.size()); }
  };
  struct Condition {
    const Matcher* matcher = nullptr;
    bool accepts_absent = false;
    bool is_regex = false;  // worth remembering answers
    absl::flat_hash_map<std::string, bool, TextHash, std::equal_to<>> answers;
    bool Matches(std::string_view value);
  };
  // Some pairs of one label.
  struct Term {
    BlockIndex::Name name;
    std::vector<BlockPair> pairs;  // ascending
    uint64_t bytes = 0;            // of their postings, about
  };

  bool FindPairs(const BlockIndex& index, Condition& condition, Term& term) const;
  bool AddRange(const BlockIndex& index, Condition& condition, bool wanted, Term& term) const;
  static bool Estimate(const BlockIndex& index, Term& term);
  static bool Union(const BlockIndex& index, const Term& term, Runs& out);
  enum class Keep { kHaving, kLacking };
  static bool Narrow(const BlockIndex& index, const Term& term, Keep keep, Runs& series);
  static bool LookAtRows(const BlockIndex& index, const Term& term, Keep keep, Runs& series);

  std::vector<Condition> conditions_;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_BLOCK_MATCHER_H_
