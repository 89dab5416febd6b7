// LoggedNames: which series the numbers in records of the log mean, within one run and partition.
// A series is made when something of it is kept: most of an old partition's are not.
//
// Threads: none of its own. Lifetimes: borrows nothing between records.
#ifndef SLOWBURN_TSDB_LOGGED_NAMES_H_
#define SLOWBURN_TSDB_LOGGED_NAMES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tsdb/head.h"
#include "tsdb/record_parts.h"

namespace slowburn::tsdb {

class LoggedNames {
 public:
  // Another run or partition begins.
  void Clear();

  // For each record: Define, then Find and Make, then EndRecord. `parts` lives until that.
  void Define(const RecordParts& parts);
  // kNoSlot when it was not made.
  Slot Find(uint32_t id) const {
    const size_t page = id / kPerPage;
    return page < pages_.size() && pages_[page] != nullptr ? pages_[page]->slots[id % kPerPage]
                                                           : kNoSlot;
  }
  // Makes those that were defined and not made.
  void Make(std::span<const uint32_t> ids, Head& head);
  void EndRecord();

 private:
  // The labels that one record brought.
  struct Source {
    std::string texts;  // empty during the record: the pairs are in its bytes
    std::vector<LabelView> pairs;
    std::vector<PairId> ids;        // of the pairs, where they are known
    std::vector<uint32_t> numbers;  // of the pairs of its series
    size_t unmade = 0;              // series
  };
  struct Definition {
    uint32_t source = 0;
    uint32_t first = 0, count = 0;  // in Source::numbers
  };
  // Ids of one run are dense, and records go through them in order.
  static constexpr size_t kPerPage = 4096;
  struct Page {
    std::array<Slot, kPerPage> slots;
    std::array<uint32_t, kPerPage> definitions{};  // 1 + index; 0: none, or it was made
  };
  Page& PageOf(uint32_t id);
  uint32_t DefinitionOf(uint32_t id) const;

  std::vector<std::unique_ptr<Page>> pages_;
  std::vector<Definition> definitions_;
  std::vector<std::unique_ptr<Source>> sources_;  // null: all of its series were made
  std::unique_ptr<Source> spare_;
  bool in_record_ = false;  // sources_.back() is of the record at hand
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_LOGGED_NAMES_H_
