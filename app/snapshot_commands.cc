#include "app/snapshot_commands.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "app/open_directory.h"
#include "base/json.h"
#include "base/status_macros.h"
#include "tsdb/directory_snapshot.h"

namespace slowburn::app {
namespace {

namespace fs = std::filesystem;

constexpr base::DurationMs kLongest = 6 * base::kHour;  // the server reads all of it

// A snapshot within the data directory, for as long as it is copied.
class LocalSnapshot {
 public:
  explicit LocalSnapshot(std::string path) : path_(std::move(path)) {}
  ~LocalSnapshot() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  LocalSnapshot(const LocalSnapshot&) = delete;
  LocalSnapshot& operator=(const LocalSnapshot&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

absl::StatusOr<std::string> TakeThroughServer(const TsdbSnapshotOptions& options,
                                              base::HttpClient& client) {
  std::string server = options.url;
  while (server.ends_with('/')) server.pop_back();
  base::HttpRequest request{.method = "POST", .url = server + "/api/v1/admin/tsdb/snapshot"};
  request.timeout_ms = kLongest;
  ASSIGN_OR_RETURN(const base::HttpResponse response, base::Fetch(client, std::move(request)));
  const absl::StatusOr<base::JsonValue> json = base::ParseJson(response.body);
  const base::JsonValue* data = json.ok() ? json->Find("data") : nullptr;
  const std::string name(data == nullptr ? std::string_view() : data->StringAt("name"));
  if (response.status != 200 || name.empty() || name.find('/') != name.npos) {
    std::string why =
        json.ok() ? std::string(json->StringAt("error")) : response.body.substr(0, 200);
    if (why == "admin APIs disabled") why += "; start it with --web.enable-admin-api";
    return absl::UnavailableError(absl::StrCat(server, " answered ", response.status, ": ", why));
  }
  const std::string path = absl::StrCat(options.path, "/snapshots/", name);
  if (!fs::exists(path)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the server at ", server, " took snapshot ", name, ", but not in ", options.path,
        "/snapshots: --storage.path is not its data directory. Remove that "
        "snapshot there."));
  }
  return path;
}

absl::StatusOr<std::string> TakeByOurselves(const TsdbSnapshotOptions& options,
                                            std::FILE* progress) {
  OpenDirectory directory;
  const absl::Status opened = directory.Open(options.path, progress);
  if (absl::IsFailedPrecondition(opened)) {
    return absl::FailedPreconditionError(absl::StrCat(
        opened.message(), ". If a server has it open, name it: --url http://127.0.0.1:9090"));
  }
  RETURN_IF_ERROR(opened);
  ASSIGN_OR_RETURN(const tsdb::TakenSnapshot taken,
                   directory.db->Snapshot(tsdb::SnapshotHead::kWith,
                                          ReportTo(progress, "reading what is there")));
  return taken.path;
}

}  // namespace

absl::Status RunTsdbSnapshot(const TsdbSnapshotOptions& options, base::HttpClient& client,
                             std::FILE* out, std::FILE* progress) {
  ASSIGN_OR_RETURN(std::string taken, options.url.empty() ? TakeByOurselves(options, progress)
                                                          : TakeThroughServer(options, client));
  const LocalSnapshot local(std::move(taken));
  ASSIGN_OR_RETURN(const tsdb::SnapshotStats stats,
                   tsdb::CopySnapshot(local.path(), options.to, ReportTo(progress, "copying")));
  const auto number = [](uint64_t n) { return static_cast<unsigned long long>(n); };
  std::fprintf(out, "snapshot in %s: %llu files, %llu bytes; new: %llu files, %llu bytes\n",
               options.to.c_str(), number(stats.files), number(stats.bytes),
               number(stats.new_files), number(stats.new_bytes));
  return absl::OkStatus();
}

absl::Status RunTsdbRestore(const TsdbRestoreOptions& options, std::FILE* out,
                            std::FILE* progress) {
  ASSIGN_OR_RETURN(
      const tsdb::SnapshotStats stats,
      tsdb::RestoreSnapshot(options.from, options.path, ReportTo(progress, "restoring")));
  std::fprintf(out, "restored into %s: %llu files, %llu bytes, all as they were\n",
               options.path.c_str(), static_cast<unsigned long long>(stats.files),
               static_cast<unsigned long long>(stats.bytes));
  return absl::OkStatus();
}

}  // namespace slowburn::app
