#include "tsdb/snapshot_manifest.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::tsdb {
namespace {

using testing::IsCode;

SnapshotManifest Example() {
  return {2,
          1'764'481'200'000,
          {{"blocks/000012.sst", "blocks/000012.sst", 4096, {1, 2}},
           {"blocks/CURRENT", "blocks/CURRENT.00000000000000070000000000000008", 16, {7, 8}},
           {"log/0000245067-0000000003.seg", "log/0000245067-0000000003.seg", 0, {~0ull, 0}}}};
}

// With the check that belongs to it.
std::string Checked(const std::string& text) {
  Hasher hasher;
  hasher.Add(text);
  const Hash128 hash = hasher.Finish();
  char check[64];
  std::snprintf(check, sizeof check, "check %016llx%016llx\n",
                static_cast<unsigned long long>(hash.high),
                static_cast<unsigned long long>(hash.low));
  return text + check;
}

TEST(SnapshotManifest, IsReadAsItWasWritten) {
  const SnapshotManifest manifest = Example();
  const std::string text = EncodeSnapshotManifest(manifest);
  EXPECT_EQ(text,
            Checked("slowburn-snapshot 1\n"
                    "format 2\n"
                    "taken 1764481200000\n"
                    "file 00000000000000010000000000000002 4096 blocks/000012.sst\n"
                    "file 00000000000000070000000000000008 16 blocks/CURRENT "
                    "blocks/CURRENT.00000000000000070000000000000008\n"
                    "file ffffffffffffffff0000000000000000 0 log/0000245067-0000000003.seg\n"));
  ASSERT_OK_AND_ASSIGN(const SnapshotManifest read, ParseSnapshotManifest(text));
  EXPECT_EQ(read.format, 2);
  EXPECT_EQ(read.taken_at, manifest.taken_at);
  EXPECT_EQ(read.files, manifest.files);
  EXPECT_EQ(read.Find("blocks/CURRENT"), &read.files[1]);
  EXPECT_EQ(read.Find("blocks/CURREN"), nullptr);
  EXPECT_TRUE(read.IsStored("blocks/CURRENT.00000000000000070000000000000008"));
  EXPECT_FALSE(read.IsStored("blocks/CURRENT"));
}

TEST(SnapshotManifest, OfWhichAnythingIsMissingOrOtherIsRefused) {
  const std::string text = EncodeSnapshotManifest(Example());
  for (size_t end = 0; end < text.size(); ++end) {
    EXPECT_THAT(ParseSnapshotManifest(text.substr(0, end)),
                IsCode(absl::StatusCode::kDataLoss, "SNAPSHOT: "))
        << end;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(ParseSnapshotManifest(changed).ok()) << i;
  }
}

TEST(SnapshotManifest, SaysWhatNoSnapshotSays) {
  const std::string head = "slowburn-snapshot 1\nformat 2\ntaken 1\n";
  const std::string hash = "file 00000000000000010000000000000002 1 ";
  const struct {
    std::string text;
    absl::StatusCode code;
    const char* words;
  } cases[] = {
      {"slowburn-snapshot 2\n", absl::StatusCode::kFailedPrecondition, "a later version"},
      {"slowburn-snapshot x\nformat 2\ntaken 1\n", absl::StatusCode::kDataLoss, "its head"},
      {"slowburn-snapshot 1\nformat 0\ntaken 1\n", absl::StatusCode::kDataLoss, "its head"},
      {"slowburn-snapshot 1\nformat 2\n", absl::StatusCode::kDataLoss, "its head"},
      {head + hash + "/etc/passwd\n", absl::StatusCode::kDataLoss, "no file has"},
      {head + hash + "a/../../b\n", absl::StatusCode::kDataLoss, "no file has"},
      {head + hash + "a ../b\n", absl::StatusCode::kDataLoss, "no file has"},
      {head + hash + "a//b\n", absl::StatusCode::kDataLoss, "no file has"},
      {head + hash + "FORMAT\n", absl::StatusCode::kDataLoss, "no file has"},
      {head + hash + "a SNAPSHOT\n", absl::StatusCode::kDataLoss, "no file has"},
      {head + hash + "\n", absl::StatusCode::kDataLoss, "no file has"},
      {head + hash + "a b c\n", absl::StatusCode::kDataLoss, "names no file"},
      {head + "file 1 1 a\n", absl::StatusCode::kDataLoss, "names no file"},
      {head + "file 00000000000000010000000000000002 -1 a\n", absl::StatusCode::kDataLoss,
       "names no file"},
      {head + "\n", absl::StatusCode::kDataLoss, "names no file"},
      {head + hash + "b\n" + hash + "a\n", absl::StatusCode::kDataLoss, "in order"},
      {head + hash + "a x\n" + hash + "b x\n", absl::StatusCode::kDataLoss, "stored in one"},
  };
  for (const auto& c : cases)
    EXPECT_THAT(ParseSnapshotManifest(Checked(c.text)), IsCode(c.code, c.words)) << c.text;
  EXPECT_OK(ParseSnapshotManifest(Checked(head)));
}

}  // namespace
}  // namespace slowburn::tsdb
