#include "app/open_directory.h"

#include <utility>

#include "base/file.h"
#include "base/status_macros.h"

namespace slowburn::app {

Progress ReportTo(std::FILE* out, const char* what) {
  static constexpr uint64_t kWorthAReport = 10'000;
  if (out == nullptr) return {};
  return [out, what, reported = uint64_t{0}](uint64_t done, uint64_t total) mutable {
    if (total < kWorthAReport || done * 10 / total <= reported) return;
    reported = done * 10 / total;
    std::fprintf(out, "%s: %d %%\n", what, static_cast<int>(reported) * 10);
  };
}

absl::Status OpenDirectory::Open(const std::string& path, std::FILE* progress) {
  RETURN_IF_ERROR(
      base::Annotate(base::ReadFile(path + "/FORMAT").status(), "not a data directory"));
  tsdb::DbOptions options;
  options.path = path;
  options.retention_ms = 0;  // all that is there
  options.wal_sync = tsdb::WalSync::kOs;
  options.limits.active_series = SIZE_MAX;
  options.background = false;
  options.on_replay = ReportTo(progress, "reading the log");
  ASSIGN_OR_RETURN(db, tsdb::Db::Open(std::move(options), clock, registry));
  return absl::OkStatus();
}

}  // namespace slowburn::app
