#include "app/slo_commands.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "slo/slo_plan.h"
#include "slo/spec_loader.h"

namespace slowburn::app {
namespace {

void Print(std::FILE* file, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), file);
}

// Prints faults and warnings; false when there is a fault.
bool Report(const slo::SloFiles& files, std::FILE* err) {
  for (const std::string& error : files.errors) Print(err, absl::StrCat(error, "\n"));
  for (const std::string& warning : files.warnings)
    Print(err, absl::StrCat("warning: ", warning, "\n"));
  return files.errors.empty();
}

}  // namespace

int RunSloPlan(const SloPlanCommand& command, std::FILE* out, std::FILE* err) {
  std::optional<double> per_second;
  if (!command.traffic.empty()) {
    const absl::StatusOr<double> traffic = slo::ParseTraffic(command.traffic);
    if (!traffic.ok()) {
      Print(err, absl::StrCat("--traffic: ", std::string(traffic.status().message()), "\n"));
      return 1;
    }
    per_second = *traffic;
  }
  slo::SloFiles files = slo::LoadSloFiles(command.files);
  for (size_t i = 0; i < files.specs.size(); ++i) {
    Print(out, absl::StrCat(i == 0 ? "" : "\n", slo::DescribePlan(files.specs[i], per_second)));
  }
  std::fflush(out);
  return Report(files, err) ? 0 : 1;
}

int RunCheckSlo(const std::vector<std::string>& files, std::FILE* out, std::FILE* err) {
  const slo::SloFiles loaded = slo::LoadSloFiles(files);
  if (!Report(loaded, err)) return 1;
  Print(out, absl::StrCat(loaded.specs.size(), loaded.specs.size() == 1 ? " SLO" : " SLOs",
                          " found, no faults\n"));
  return 0;
}

}  // namespace slowburn::app
