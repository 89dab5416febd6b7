#include "tsdb/snapshot_manifest.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace slowburn::tsdb {
namespace {

constexpr char kMagic[] = "slowburn-snapshot";
constexpr int kVersion = 1;
constexpr size_t kHashDigits = 32;

absl::Status Damaged(const std::string& what) {
  return absl::DataLossError(absl::StrCat(kSnapshotManifestName, ": ", what));
}

std::string HashText(const Hash128& hash) {
  return absl::StrFormat("%016x%016x", hash.high, hash.low);
}

bool ParseHash(std::string_view text, Hash128& hash) {
  if (text.size() != kHashDigits) return false;
  uint64_t halves[2] = {0, 0};
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_letter = c >= 'a' && c <= 'f';
    if (!is_letter && !(c >= '0' && c <= '9')) return false;
    uint64_t& half = halves[i / 16];
    half = half << 4 | static_cast<uint64_t>(is_letter ? c - 'a' + 10 : c - '0');
  }
  hash = {halves[0], halves[1]};
  return true;
}

// One that stays within the directory, of the letters that we use in names.
bool IsPath(std::string_view path) {
  for (const absl::string_view part :
       absl::StrSplit(absl::string_view(path.data(), path.size()), '/')) {
    if (part.empty() || part == "." || part == "..") return false;
    const auto is_fine = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '.' || c == '_' || c == '-';
    };
    if (!std::all_of(part.begin(), part.end(), is_fine)) return false;
  }
  return true;
}

// What a data directory, or a snapshot, has of its own.
bool IsReserved(std::string_view path) {
  return path == "FORMAT" || path == "LOCK" || path == kSnapshotManifestName;
}

Hash128 HashOf(std::string_view text) {
  Hasher hasher;
  hasher.Add(text);
  return hasher.Finish();
}

// Takes the next line, without its end.
std::string_view TakeLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

// "NAME number"
template <typename Number>
bool ParseLine(std::string_view line, std::string_view name, Number& number) {
  if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ' ')
    return false;
  line.remove_prefix(name.size() + 1);
  return absl::SimpleAtoi(absl::string_view(line.data(), line.size()), &number);
}

absl::StatusOr<SnapshotFile> ParseFile(std::string_view line) {
  const std::vector<std::string> words =
      absl::StrSplit(absl::string_view(line.data(), line.size()), ' ');
  SnapshotFile file;
  if (words.size() < 4 || words.size() > 5 || words[0] != "file" ||
      !ParseHash(words[1], file.hash) || !absl::SimpleAtoi(words[2], &file.bytes)) {
    return Damaged("a line that names no file");
  }
  file.path = words[3];
  file.stored = words.back();
  if (!IsPath(file.path) || !IsPath(file.stored) || IsReserved(file.path) ||
      IsReserved(file.stored))
    return Damaged("a name that no file has");
  return file;
}

// What stands before the last line, which is the check of it.
absl::StatusOr<std::string_view> CheckedPart(std::string_view text) {
  constexpr std::string_view kCheck = "check ";
  if (!text.ends_with('\n')) return Damaged("its end is missing");
  const size_t line_begin = text.rfind('\n', text.size() - 2);
  if (line_begin == text.npos) return Damaged("it has no check");
  const std::string_view part = text.substr(0, line_begin + 1);
  std::string_view line = text.substr(line_begin + 1);
  line.remove_suffix(1);
  Hash128 hash;
  if (!line.starts_with(kCheck) || !ParseHash(line.substr(kCheck.size()), hash))
    return Damaged("it has no check");
  if (hash != HashOf(part)) return Damaged("it is not what was written");
  return part;
}

}  // namespace

const SnapshotFile* SnapshotManifest::Find(std::string_view path) const {
  const auto it = std::lower_bound(
      files.begin(), files.end(), path,
      [](const SnapshotFile& file, std::string_view wanted) { return file.path < wanted; });
  return it != files.end() && it->path == path ? &*it : nullptr;
}

bool SnapshotManifest::IsStored(std::string_view stored) const {
  return std::any_of(files.begin(), files.end(),
                     [&](const SnapshotFile& file) { return file.stored == stored; });
}

std::string EncodeSnapshotManifest(const SnapshotManifest& manifest) {
  std::string text = absl::StrCat(kMagic, " ", kVersion, "\nformat ", manifest.format, "\ntaken ",
                                  manifest.taken_at, "\n");
  for (const SnapshotFile& file : manifest.files) {
    absl::StrAppend(&text, "file ", HashText(file.hash), " ", file.bytes, " ", file.path);
    if (file.stored != file.path) absl::StrAppend(&text, " ", file.stored);
    text += '\n';
  }
  absl::StrAppend(&text, "check ", HashText(HashOf(text)), "\n");
  return text;
}

absl::StatusOr<SnapshotManifest> ParseSnapshotManifest(std::string_view text) {
  int version = 0;
  std::string_view first = text;
  if (ParseLine(TakeLine(first), kMagic, version) && version > kVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat(kSnapshotManifestName, ": version ", version,
                     ", written by a later version; this one reads ", kVersion));
  }
  ASSIGN_OR_RETURN(std::string_view part, CheckedPart(text));
  SnapshotManifest manifest;
  if (!ParseLine(TakeLine(part), kMagic, version) || version != kVersion ||
      !ParseLine(TakeLine(part), "format", manifest.format) || manifest.format < 1 ||
      !ParseLine(TakeLine(part), "taken", manifest.taken_at)) {
    return Damaged("its head is not that of a manifest");
  }
  std::set<std::string> stored;
  while (!part.empty()) {
    ASSIGN_OR_RETURN(SnapshotFile file, ParseFile(TakeLine(part)));
    if (!manifest.files.empty() && file.path <= manifest.files.back().path)
      return Damaged("its files are not in order");
    if (!stored.insert(file.stored).second) return Damaged("two files are stored in one");
    manifest.files.push_back(std::move(file));
  }
  return manifest;
}

}  // namespace slowburn::tsdb
