#include "tsdb/prometheus/log_reader.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tsdb/prometheus/bytes.h"
#include "tsdb/prometheus/crc32c.h"

namespace slowburn::tsdb::prom {
namespace {

namespace fs = std::filesystem;

constexpr uint8_t kPageEnd = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4;
constexpr uint8_t kTypeMask = 7, kSnappyBit = 8, kZstdBit = 16;
constexpr size_t kFragmentHeader = 7;
constexpr char kTorn[] = "records cut off by the end of a segment";
constexpr std::string_view kCheckpoint = "checkpoint.";

bool ParseNumber(std::string_view text, uint64_t& number) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos &&
         absl::SimpleAtoi(std::string(text), &number);
}

// Names in a folder that are `prefix` and a number, by number.
std::vector<std::pair<uint64_t, std::string>> Numbered(const std::string& folder,
                                                       std::string_view prefix) {
  std::vector<std::pair<uint64_t, std::string>> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    uint64_t number = 0;
    if (name.rfind(prefix, 0) == 0 &&
        ParseNumber(std::string_view(name).substr(prefix.size()), number))
      found.emplace_back(number, it->path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

void AppendFrom(const std::string& folder, uint64_t from, std::vector<std::string>& out,
                ReadReport& report) {
  uint64_t before = 0;
  bool any = false;
  for (const auto& [number, path] : Numbered(folder, "")) {
    if (number < from) continue;
    if (any && number != before + 1)
      report.Damaged(path, 0, absl::StrCat("segments are missing behind number ", before));
    before = number;
    any = true;
    out.push_back(path);
  }
}

}  // namespace

std::vector<std::string> LogSegments(const std::string& folder, ReadReport& report) {
  std::vector<std::string> out;
  uint64_t from = 0;
  if (const auto checkpoints = Numbered(folder, kCheckpoint); !checkpoints.empty()) {
    AppendFrom(checkpoints.back().second, 0, out, report);
    from = checkpoints.back().first + 1;
  }
  AppendFrom(folder, from, out, report);
  return out;
}

LogReader::LogReader(const std::string& path, ReadReport& report)
    : path_(path), report_(report), file_(path, std::ios::binary), page_(kLogPageBytes) {
  if (!file_) report_.Damaged(path_, 0, "cannot be opened");
}

bool LogReader::LoadPage() {
  page_offset_ += page_size_;
  file_.read(page_.data(), static_cast<std::streamsize>(page_.size()));
  page_size_ = static_cast<size_t>(file_.gcount());
  at_ = 0;
  return page_size_ > 0;
}

LogReader::Step LogReader::Damage(uint64_t offset, std::string_view what) {
  report_.Damaged(path_, offset, what);
  within_ = false;
  skipping_ = true;
  pending_.clear();
  at_ = page_size_;
  return Step::kPageDone;
}

LogReader::Step LogReader::TornEnd() {
  within_ = false;
  report_.Skipped(kTorn);
  at_ = page_size_;
  return Step::kEnd;
}

LogReader::Step LogReader::NextFragment(Fragment& out) {
  if (at_ == page_size_) return Step::kPageDone;
  const bool last_page = page_size_ < kLogPageBytes;
  fragment_offset_ = page_offset_ + at_;
  const std::string_view rest(page_.data() + at_, page_size_ - at_);
  const auto head = static_cast<uint8_t>(rest[0]);
  out.type = head & kTypeMask;
  if (out.type == kPageEnd) {
    if (rest.find_first_not_of('\0') != std::string_view::npos)
      return Damage(fragment_offset_, "bytes behind the end of a page");
    at_ = page_size_;
    return Step::kPageDone;
  }
  ByteReader in(rest.substr(1));
  const size_t size = in.Be16();
  const uint32_t crc = in.Be32();
  out.data = in.Bytes(size);
  if (!in.ok())
    return last_page ? TornEnd() : Damage(fragment_offset_, "a record reaches out of its page");
  if (Crc32c(out.data) != crc) return Damage(fragment_offset_, "a record has a wrong checksum");
  out.compression = (head & kSnappyBit) != 0 ? RecordCompression::kSnappy
                    : (head & kZstdBit) != 0 ? RecordCompression::kZstd
                                             : RecordCompression::kNone;
  at_ += kFragmentHeader + size;
  return Step::kFragment;
}

bool LogReader::Join(const Fragment& fragment) {
  const bool begins = fragment.type == kFull || fragment.type == kFirst;
  if (begins && within_) report_.Damaged(path_, fragment_offset_, "the record before has no end");
  if (!begins && !within_) {
    if (!skipping_) report_.Damaged(path_, fragment_offset_, "a record without its beginning");
    skipping_ = true;
    return false;
  }
  if (begins) pending_.clear();
  skipping_ = false;
  if (fragment.type > kLast) {
    report_.Damaged(path_, fragment_offset_, absl::StrCat("a fragment of type ", fragment.type));
    within_ = false;
    return false;
  }
  if (pending_.size() + fragment.data.size() > kMaxRecordBytes) {
    report_.Damaged(path_, fragment_offset_, "a record is too large");
    within_ = false;
    return false;
  }
  pending_ += fragment.data;
  within_ = fragment.type == kFirst || fragment.type == kMiddle;
  return !within_;
}

bool LogReader::Next(std::string_view& record) {
  while (true) {
    Fragment fragment;
    switch (NextFragment(fragment)) {
      case Step::kEnd:
        return false;
      case Step::kPageDone:
        if (LoadPage()) continue;
        if (within_) TornEnd();
        return false;
      case Step::kFragment:
        break;
    }
    if (!Join(fragment)) continue;
    const absl::Status status = DecompressRecord(fragment.compression, pending_, decoded_);
    if (status.ok()) {
      record = decoded_;
      return true;
    }
    report_.Damaged(path_, fragment_offset_, std::string(status.message()));
  }
}

}  // namespace slowburn::tsdb::prom
