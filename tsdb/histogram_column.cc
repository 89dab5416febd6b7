#include "tsdb/histogram_column.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <vector>

#include "base/status_macros.h"
#include "tsdb/block_format.h"
#include "tsdb/byte_reader.h"
#include "tsdb/byte_writer.h"
#include "tsdb/histogram_bytes.h"

namespace slowburn::tsdb {
namespace {

// Of a segment with more than one histogram: bounds what a few bytes can make us allocate.
constexpr uint64_t kMaxSegmentNumbers = 1 << 22;
constexpr size_t kPlainNumbers = 3;  // zero count, count, sum; the buckets follow

absl::Status Malformed() { return Damaged("a column of histograms is malformed"); }

// The i-th number of a histogram.
template <typename H>
auto& Number(H& h, size_t i) {
  if (i == 0) return h.zero_count;
  if (i == 1) return h.count;
  if (i == 2) return h.sum;
  i -= kPlainNumbers;
  return i < h.positive_buckets.size() ? h.positive_buckets[i]
                                       : h.negative_buckets[i - h.positive_buckets.size()];
}

size_t NumbersOf(const Histogram& h) {
  return kPlainNumbers + h.positive_buckets.size() + h.negative_buckets.size();
}

std::string LayoutOf(const Histogram& h) {
  std::string layout;
  AddHistogramLayout(layout, h);
  return layout;
}

// Which samples are histograms: so many that are none, so many that are, and so on.
void AddPresence(std::string& out, std::span<const HistogramPtr> histograms) {
  std::vector<uint64_t> lengths;
  for (size_t i = 0; i < histograms.size();) {
    const bool wanted = lengths.size() % 2 == 1;
    const size_t begin = i;
    while (i < histograms.size() && (histograms[i] != nullptr) == wanted) ++i;
    lengths.push_back(i - begin);
  }
  AddVarint(out, lengths.size());
  for (const uint64_t length : lengths) AddVarint(out, length);
}

bool ReadPresence(ByteReader& in, size_t count, std::vector<bool>& is_histogram) {
  uint64_t lengths = 0;
  if (!in.Count(1, lengths)) return false;
  for (uint64_t i = 0; i < lengths; ++i) {
    uint64_t length = 0;
    if (!in.Varint(length) || length > count - is_histogram.size()) return false;
    is_histogram.insert(is_histogram.end(), length, i % 2 == 1);
  }
  return is_histogram.size() == count;
}

void AddSegment(std::string& out, std::string_view layout, std::span<const HistogramPtr> histograms,
                Temperature temperature) {
  AddVarint(out, histograms.size());
  out += layout;
  std::vector<uint64_t> bits(histograms.size());
  std::string column;
  const size_t numbers = NumbersOf(*histograms.front());
  for (size_t n = 0; n < numbers; ++n) {
    for (size_t i = 0; i < histograms.size(); ++i)
      bits[i] = std::bit_cast<uint64_t>(Number(*histograms[i], n));
    column.clear();
    EncodeValues(bits, temperature, column);
    AddText(out, column);
  }
}

// One segment; those of its histograms that lie in [begin, begin + out.size()) are stored.
absl::Status ReadSegment(ByteReader& in, uint64_t count, size_t begin,
                         std::span<HistogramPtr> out) {
  Histogram layout;
  if (!ReadHistogramLayout(in, layout)) return Malformed();
  if (count > 1 && count * NumbersOf(layout) > kMaxSegmentNumbers) return Malformed();
  std::vector<std::shared_ptr<Histogram>> made(out.size());
  for (auto& h : made) h = std::make_shared<Histogram>(layout);
  std::vector<double> numbers(out.size());
  for (size_t n = 0; n < NumbersOf(layout); ++n) {
    std::string_view column;
    if (!in.Text(column)) return Malformed();
    if (out.empty()) continue;
    RETURN_IF_ERROR(DecodeValues(column, count, begin, numbers));
    for (size_t i = 0; i < made.size(); ++i) Number(*made[i], n) = numbers[i];
  }
  for (size_t i = 0; i < made.size(); ++i) {
    if (!made[i]->is_stale() && !made[i]->Validate().ok()) return Malformed();
    out[i] = std::move(made[i]);
  }
  return absl::OkStatus();
}

}  // namespace

void EncodeHistograms(std::span<const HistogramPtr> histograms, Temperature temperature,
                      std::string& out) {
  AddPresence(out, histograms);
  std::vector<HistogramPtr> present;
  std::copy_if(histograms.begin(), histograms.end(), std::back_inserter(present),
               [](const HistogramPtr& h) { return h != nullptr; });
  for (size_t begin = 0; begin < present.size();) {
    const std::string layout = LayoutOf(*present[begin]);
    const size_t most = kMaxSegmentNumbers / NumbersOf(*present[begin]);
    size_t end = begin + 1;
    while (end < present.size() && end - begin < most && LayoutOf(*present[end]) == layout) ++end;
    AddSegment(out, layout, std::span(present).subspan(begin, end - begin), temperature);
    begin = end;
  }
}

absl::Status DecodeHistograms(std::string_view bytes, size_t count, size_t begin,
                              std::span<HistogramPtr> out) {
  ByteReader in(bytes);
  std::vector<bool> is_histogram;
  if (count > kMaxHistogramSamples || !ReadPresence(in, count, is_histogram)) return Malformed();
  const auto number_before = [&](size_t i) {
    return static_cast<size_t>(
        std::count(is_histogram.begin(), is_histogram.begin() + static_cast<ptrdiff_t>(i), true));
  };
  const size_t first = number_before(begin), last = number_before(begin + out.size());
  const size_t all = number_before(count);
  std::vector<HistogramPtr> found(last - first);
  for (size_t at = 0; at < last;) {
    uint64_t length = 0;
    if (!in.Varint(length) || length == 0 || length > all - at) return Malformed();
    const size_t from = std::max(at, first), to = std::max(from, std::min(at + length, last));
    const bool wanted = from < at + length;
    RETURN_IF_ERROR(ReadSegment(
        in, length, wanted ? from - at : 0,
        wanted ? std::span(found).subspan(from - first, to - from) : std::span<HistogramPtr>()));
    at += length;
  }
  for (size_t i = 0, next = 0; i < out.size(); ++i)
    out[i] = is_histogram[begin + i] ? std::move(found[next++]) : nullptr;
  return absl::OkStatus();
}

}  // namespace slowburn::tsdb
