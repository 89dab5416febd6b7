#include "app/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/version.h"

namespace slowburn::app {
namespace {

// Fields of /proc/self/stat after the command's closing parenthesis, from field 3 on; see proc(5).
constexpr size_t kUserTicks = 11, kSystemTicks = 12, kThreads = 17, kVirtualBytes = 20,
                 kResidentPages = 21;

double CountOpenFiles() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  if (folder == nullptr) return 0;
  double n = -3;  // ".", ".." and the folder itself
  while (readdir(folder.get()) != nullptr) ++n;
  return n;
}

}  // namespace

ProcessMetrics::ProcessMetrics(prometheus::Registry& registry, base::TimestampMs started_at)
    : cpu_seconds_(base::AddCounter(registry, "process_cpu_seconds_total",
                                    "Total user and system CPU time spent in seconds.")),
      resident_bytes_(base::AddGauge(registry, "process_resident_memory_bytes",
                                     "Resident memory size in bytes.")),
      virtual_bytes_(base::AddGauge(registry, "process_virtual_memory_bytes",
                                    "Virtual memory size in bytes.")),
      open_fds_(base::AddGauge(registry, "process_open_fds", "Number of open file descriptors.")),
      max_fds_(
          base::AddGauge(registry, "process_max_fds", "Maximum number of open file descriptors.")),
      threads_(base::AddGauge(registry, "slowburn_process_threads", "Threads of the process.")) {
  base::AddGauge(registry, "process_start_time_seconds",
                 "Start time of the process since unix epoch in seconds.")
      .Set(double(started_at) / 1000);
  base::AddGauge(
      registry, "slowburn_build_info",
      "A metric with the value 1 and the version of this binary as labels.",
      {{"version", base::kVersion}, {"revision", base::kRevision}, {"compiler", base::kCompiler}})
      .Set(1);
}

void ProcessMetrics::Update() {
  base::MutexLock lock(mu_);
  const absl::StatusOr<std::string> text = base::ReadFile("/proc/self/stat");
  if (!text.ok()) return;
  const size_t after_name = text->rfind(") ");
  if (after_name == std::string::npos) return;
  const std::vector<std::string> fields = absl::StrSplit(text->substr(after_name + 2), ' ');
  const auto field = [&](size_t i) {
    double value = 0;
    return i < fields.size() && absl::SimpleAtod(fields[i], &value) ? value : 0;
  };
  const double cpu = (field(kUserTicks) + field(kSystemTicks)) / double(sysconf(_SC_CLK_TCK));
  if (cpu > cpu_seconds_.Value()) cpu_seconds_.Increment(cpu - cpu_seconds_.Value());
  threads_.Set(field(kThreads));
  virtual_bytes_.Set(field(kVirtualBytes));
  resident_bytes_.Set(field(kResidentPages) * double(sysconf(_SC_PAGESIZE)));
  open_fds_.Set(CountOpenFiles());
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) max_fds_.Set(double(limit.rlim_cur));
}

}  // namespace slowburn::app
