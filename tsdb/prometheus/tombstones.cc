#include "tsdb/prometheus/tombstones.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tsdb/prometheus/bytes.h"
#include "tsdb/prometheus/crc32c.h"

namespace slowburn::tsdb::prom {
namespace {

constexpr uint32_t kMagic = 0x0130BA30;
constexpr uint8_t kVersion = 1;
constexpr size_t kHeader = 5, kCrc = 4;

}  // namespace

void DeletedTimes::Add(TimestampMs min_t, TimestampMs max_t) {
  if (min_t > max_t) return;
  const auto begin = std::lower_bound(ranges_.begin(), ranges_.end(), min_t,
                                      [](const Range& r, TimestampMs t) { return r.max_t < t; });
  auto end = begin;
  while (end != ranges_.end() && end->min_t <= max_t) {
    min_t = std::min(min_t, end->min_t);
    max_t = std::max(max_t, end->max_t);
    ++end;
  }
  ranges_.insert(ranges_.erase(begin, end), {min_t, max_t});
}

bool DeletedTimes::Contains(TimestampMs t) const {
  const auto range = std::lower_bound(ranges_.begin(), ranges_.end(), t,
                                      [](const Range& r, TimestampMs x) { return r.max_t < x; });
  return range != ranges_.end() && range->min_t <= t;
}

void DeletedTimes::Filter(Columns& columns, bool& gap) const {
  const auto deleted = [this](TimestampMs t) { return Contains(t); };
  if (!gap && std::none_of(columns.t.begin(), columns.t.end(), deleted)) return;
  Columns kept;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (deleted(columns.t[i])) {
      gap = true;
      continue;
    }
    kept.Append(columns.batch(), i, i + 1);
    if (gap) ForgetResets(kept, kept.size() - 1, kept.size());
    gap = false;
  }
  columns = std::move(kept);
}

absl::Status ParseTombstones(std::string_view file, Tombstones& out) {
  if (file.size() < kHeader + kCrc) return absl::DataLossError("tombstones: no header");
  ByteReader header(file);
  if (header.Be32() != kMagic) return absl::DataLossError("tombstones: not such a file");
  if (const uint8_t version = header.U8(); version != kVersion)
    return absl::DataLossError(absl::StrCat("tombstones: version ", version));
  const std::string_view body = file.substr(kHeader, file.size() - kHeader - kCrc);
  if (ByteReader(file.substr(file.size() - kCrc)).Be32() != Crc32c(body))
    return absl::DataLossError("tombstones: wrong checksum");
  ByteReader in(body);
  while (!in.AtEnd()) {
    const uint64_t series = in.Uvarint();
    const TimestampMs min_t = in.Varint(), max_t = in.Varint();
    if (!in.ok()) return absl::DataLossError("tombstones: ends within one");
    out[series].Add(min_t, max_t);
  }
  return absl::OkStatus();
}

std::string FormatNoTombstones() {
  std::string out;
  PutBe32(out, kMagic);
  out += static_cast<char>(kVersion);
  PutBe32(out, Crc32c(""));
  return out;
}

void ForgetResets(Columns& columns, size_t begin, size_t end) {
  for (size_t i = begin; i < end && i < columns.histograms.size(); ++i) {
    HistogramPtr& h = columns.histograms[i];
    if (h == nullptr || h->reset_hint == Histogram::ResetHint::kGauge ||
        h->reset_hint == Histogram::ResetHint::kUnknown) {
      continue;
    }
    auto copy = std::make_shared<Histogram>(*h);
    copy->reset_hint = Histogram::ResetHint::kUnknown;
    h = std::move(copy);
  }
}

}  // namespace slowburn::tsdb::prom
