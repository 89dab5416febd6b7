#include "tsdb/prometheus/read_report.h"

#include "absl/strings/str_cat.h"

namespace slowburn::tsdb::prom {

void ReadReport::Damaged(const std::string& file, uint64_t offset, std::string_view what) {
  const std::string place = absl::StrCat(file, ": at byte ", offset);
  if (places_.contains(place)) return;
  if (places_.size() == kMaxPlaces) {
    ++further_;
    return;
  }
  places_.insert(place);
  if (texts_.size() < kMaxTexts) texts_.push_back(absl::StrCat(place, ": ", std::string(what)));
}

}  // namespace slowburn::tsdb::prom
