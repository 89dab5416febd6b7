#include "app/notify_commands.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "notify/config.h"
#include "notify/route_tree.h"

namespace slowburn::app {
namespace {

int Fail(std::FILE* err, const absl::Status& status) {
  std::fprintf(err, "%s\n", std::string(status.message()).c_str());
  return 1;
}

bool CheckOne(const std::string& path, std::FILE* out, std::FILE* err) {
  const absl::StatusOr<notify::ConfigPtr> config = notify::LoadAlertmanagerConfig(path);
  if (!config.ok()) {
    Fail(err, config.status());
    return false;
  }
  for (const std::string& warning : (*config)->warnings)
    std::fprintf(err, "warning: %s\n", warning.c_str());
  std::fprintf(out, "%s: good, %zu receivers, %zu inhibit rules, %zu time intervals\n",
               path.c_str(), (*config)->receivers.size(), (*config)->inhibit_rules.size(),
               (*config)->time_intervals.size());
  return true;
}

// Each argument is a matcher with =, so that values may be quoted as anywhere else.
absl::StatusOr<notify::LabelSet> ParseLabels(const std::vector<std::string>& arguments) {
  std::vector<std::pair<std::string, std::string>> labels;
  for (const std::string& argument : arguments) {
    ASSIGN_OR_RETURN(const notify::Matcher matcher, notify::ParseMatcher(argument));
    if (matcher.op() != notify::Matcher::Op::kEqual) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", argument, "\": labels must be given as name=value"));
    }
    labels.emplace_back(matcher.name(), matcher.value());
  }
  return notify::MakeLabelSet(std::move(labels));
}

}  // namespace

int RunCheckRoutes(const std::vector<std::string>& files, std::FILE* out, std::FILE* err) {
  bool good = true;
  for (const std::string& file : files) good = CheckOne(file, out, err) && good;
  return good ? 0 : 1;
}

int RunTestRoutes(const std::string& config_file, const std::vector<std::string>& labels,
                  std::FILE* out, std::FILE* err) {
  const absl::StatusOr<notify::ConfigPtr> config =
      notify::LoadAlertmanagerConfig(config_file, notify::ReceiverSupport::kNamesOnly);
  if (!config.ok()) return Fail(err, config.status());
  const absl::StatusOr<notify::LabelSet> set = ParseLabels(labels);
  if (!set.ok()) return Fail(err, set.status());
  std::fprintf(out, "%s\n", notify::RouteTree((*config)->route).Receivers(*set).c_str());
  return 0;
}

}  // namespace slowburn::app
