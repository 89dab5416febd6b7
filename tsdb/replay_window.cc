#include "tsdb/replay_window.h"

#include <algorithm>
#include <array>

#include "tsdb/record_parts.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kSlack = 16;            // behind kept bytes
constexpr size_t kMaxLoggedBytes = 30;   // of a sample in a record: three numbers
constexpr size_t kSamplesAtOnce = 4096;  // are sorted together; they fit into the inner caches

size_t StripeOf(Slot slot) { return slot / ReplayWindow::kStripe; }

}  // namespace

const char* ReplayWindow::Bytes::Keep(std::string_view bytes) {
  const size_t size = bytes.size() + kSlack;
  while (chunk_ < chunks_.size() && chunks_[chunk_].size() - filled_ < size) ++chunk_, filled_ = 0;
  if (chunk_ == chunks_.size()) {
    const size_t pages = (size + kHugePageBytes - 1) / kHugePageBytes;
    chunks_.emplace_back(pages * kHugePageBytes);
  }
  char* const at = chunks_[chunk_].data() + filled_;
  std::copy(bytes.begin(), bytes.end(), at);
  filled_ += bytes.size();
  used_ += bytes.size();
  return at;
}

void ReplayWindow::Bytes::Clear() { chunk_ = filled_ = used_ = 0; }

void ReplayWindow::AddRuns(std::string_view section, std::span<const Run> runs) {
  const auto base = reinterpret_cast<uint64_t>(bytes_.Keep(section));
  for (Run run : runs) {
    run.at += base;
    runs_.push_back(run);
  }
}

void ReplayWindow::Add(LoggedSample sample, uint32_t detail) {
  sample.detail = detail;
  samples_.push_back(sample);
  if (!runs_.empty()) {  // with the ones before it, where that is possible
    Run& last = runs_.back();
    const bool follows = (last.count & kSingle) != 0 && (last.count & ~kSingle) < kStripe &&
                         StripeOf(last.first) == StripeOf(sample.slot);
    if (follows) {
      ++last.count;
      return;
    }
  }
  runs_.push_back({samples_.size() - 1, 0, sample.slot, 1 | kSingle});
}

void ReplayWindow::AddSample(LoggedSample sample, LoggedDetail detail) {
  details_.push_back(std::move(detail));
  Add(sample, static_cast<uint32_t>(details_.size()));
}

void ReplayWindow::Group() {
  size_t stripes = 0;
  for (const Run& run : runs_) stripes = std::max(stripes, StripeOf(run.first) + 1);
  ends_.assign(stripes, 0);
  for (const Run& run : runs_) ++ends_[StripeOf(run.first)];
  uint32_t begin = 0;
  for (uint32_t& end : ends_) begin += std::exchange(end, begin);
  order_.resize(runs_.size());
  for (uint32_t i = 0; i < runs_.size(); ++i) order_[ends_[StripeOf(runs_[i].first)]++] = i;
}

void ReplayWindow::Decode(const Run& run, std::vector<LoggedSample>& out) const {
  const uint32_t count = run.count & ~kSingle;
  if ((run.count & kSingle) != 0) {
    const auto first = samples_.begin() + static_cast<std::ptrdiff_t>(run.at);
    out.insert(out.end(), first, first + count);
    return;
  }
  // The bytes were read before: what is read ends where it should.
  SampleSection in({reinterpret_cast<const char*>(run.at), count * kMaxLoggedBytes}, run.before);
  SampleSection::Sample sample;
  for (uint32_t i = 0; i < count && in.Next(sample); ++i)
    out.push_back({sample.t, sample.bits, run.first + i, 0});
}

void ReplayWindow::Apply(size_t stripe, Head& head, DetailTarget& target, Scratch& scratch) const {
  const uint32_t begin = stripe == 0 ? 0 : ends_[stripe - 1], end = ends_[stripe];
  if (begin == end) return;
  scratch.samples.clear();
  for (uint32_t i = begin; i < end; ++i) {
    Decode(runs_[order_[i]], scratch.samples);
    if (scratch.samples.size() >= kSamplesAtOnce || i + 1 == end) Flush(head, target, scratch);
  }
}

// Stable by series.
void ReplayWindow::Flush(Head& head, DetailTarget& target, Scratch& scratch) const {
  std::vector<LoggedSample>& samples = scratch.samples;
  std::array<uint32_t, kStripe + 1> ends{};
  for (const LoggedSample& sample : samples) ++ends[sample.slot % kStripe + 1];
  const Slot first = samples.empty() ? 0 : samples.front().slot / kStripe * kStripe;
  for (size_t i = 0; i < kStripe; ++i) {
    if (ends[i + 1] > 0) head.Prefetch(first + static_cast<Slot>(i), Head::Fetch::kChunk);
    ends[i + 1] += ends[i];
  }
  scratch.sorted.resize(samples.size());
  std::array<uint32_t, kStripe> next{};
  std::copy(ends.begin(), ends.end() - 1, next.begin());
  for (const LoggedSample& sample : samples) scratch.sorted[next[sample.slot % kStripe]++] = sample;
  samples.clear();
  const std::span<const LoggedSample> sorted(scratch.sorted);
  for (size_t i = 0; i < kStripe; ++i) {
    if (ends[i] != ends[i + 1])
      KeepAll(sorted.subspan(ends[i], ends[i + 1] - ends[i]), head, target, scratch.tally);
  }
}

void ReplayWindow::KeepAll(std::span<const LoggedSample> of_one, Head& head, DetailTarget& target,
                           ReplayTally& tally) const {
  const auto has_detail = [](const LoggedSample& sample) { return sample.detail != 0; };
  while (!of_one.empty()) {
    const auto odd = std::find_if(of_one.begin(), of_one.end(), has_detail);
    const auto plain = static_cast<size_t>(odd - of_one.begin());
    if (plain > 0) head.Replay(of_one[0].slot, of_one.first(plain), tally);
    of_one = of_one.subspan(plain);
    if (of_one.empty()) return;
    target.Keep(of_one[0], details_[of_one[0].detail - 1], tally);
    of_one = of_one.subspan(1);
  }
}

void ReplayWindow::Clear() {
  bytes_.Clear();
  runs_.clear();
  samples_.clear();
  details_.clear();
  ends_.clear();
  order_.clear();
}

}  // namespace slowburn::tsdb
