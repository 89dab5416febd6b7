// ReadReport: what was damaged, and what was left out and why, while a Prometheus directory was
// read. Reading goes on behind what is damaged.
//
// Threads: none.
#ifndef SLOWBURN_TSDB_PROMETHEUS_READ_REPORT_H_
#define SLOWBURN_TSDB_PROMETHEUS_READ_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace slowburn::tsdb::prom {

class ReadReport {
 public:
  static constexpr size_t kMaxTexts = 20;  // further ones are only counted

  // Damage at a place of a file. The same place counts once, however often it is read.
  void Damaged(const std::string& file, uint64_t offset, std::string_view what);
  // Something that is no damage, but cannot be used; `why` is one of a few texts.
  void Skipped(const std::string& why, uint64_t count = 1) { skipped_[why] += count; }

  uint64_t faults() const { return places_.size() + further_; }
  const std::vector<std::string>& texts() const { return texts_; }
  const std::map<std::string, uint64_t>& skipped() const { return skipped_; }

 private:
  static constexpr size_t kMaxPlaces = 100'000;  // beyond, every reading counts

  std::set<std::string> places_;
  uint64_t further_ = 0;
  std::vector<std::string> texts_;
  std::map<std::string, uint64_t> skipped_;
};

}  // namespace slowburn::tsdb::prom

#endif  // SLOWBURN_TSDB_PROMETHEUS_READ_REPORT_H_
