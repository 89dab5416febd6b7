// TextArena keeps texts together, all for as long as it lives itself.
//
// Threads: none of its own. Lifetimes: what Keep returns is valid while the arena lives, moved or
// not.
#ifndef SLOWBURN_TSDB_TEXT_ARENA_H_
#define SLOWBURN_TSDB_TEXT_ARENA_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace slowburn::tsdb {

class TextArena {
 public:
  std::string_view Keep(std::string_view text) {
    if (text.size() > left_) {
      left_ = std::max(kChunk, text.size());
      chunks_.push_back(std::make_unique<char[]>(left_));
      next_ = chunks_.back().get();
    }
    char* const at = next_;
    std::copy(text.begin(), text.end(), at);
    next_ += text.size();
    left_ -= text.size();
    return {at, text.size()};
  }

 private:
  static constexpr size_t kChunk = size_t{16} << 10;
  std::vector<std::unique_ptr<char[]>> chunks_;
  char* next_ = nullptr;
  size_t left_ = 0;
};

}  // namespace slowburn::tsdb

#endif  // SLOWBURN_TSDB_TEXT_ARENA_H_
