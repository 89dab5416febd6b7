#include "app/rules_commands.h"

#include "app/rule_test_file.h"
#include "app/rule_test_runner.h"
#include "rules/spec_loader.h"

namespace slowburn::app {
namespace {

// Every feature is allowed: which ones are on is the server's flags' business.
constexpr query::ParserOptions kAllFeatures{
    .experimental_functions = true, .extended_range_selectors = true, .binop_fill_modifiers = true};

bool CheckOne(const std::string& path, std::FILE* out, std::FILE* err) {
  const rules::RuleFile file = rules::LoadRuleFile(path, kAllFeatures);
  for (const absl::Status& fault : file.faults) {
    std::fprintf(err, "%s\n", std::string(fault.message()).c_str());
  }
  for (const std::string& warning : file.warnings)
    std::fprintf(err, "warning: %s\n", warning.c_str());
  if (!file.faults.empty()) return false;
  std::fprintf(out, "%s: good, %zu rules\n", path.c_str(), file.rules);
  return true;
}

bool TestOne(const std::string& path, std::FILE* out, std::FILE* err) {
  std::fprintf(out, "Unit Testing:  %s\n", path.c_str());
  const absl::StatusOr<RuleTestFile> file = LoadRuleTestFile(path);
  std::vector<std::string> failures;
  if (file.ok()) {
    failures = RunRuleTests(*file, kAllFeatures);
  } else {
    failures.emplace_back(file.status().message());
  }
  if (failures.empty()) {
    std::fprintf(out, "  SUCCESS\n\n");
    return true;
  }
  std::fflush(out);
  std::fprintf(err, "  FAILED:\n");
  for (const std::string& failure : failures) std::fprintf(err, "%s\n", failure.c_str());
  std::fprintf(err, "\n");
  return false;
}

}  // namespace

int RunCheckRules(const std::vector<std::string>& files, std::FILE* out, std::FILE* err) {
  bool good = true;
  for (const std::string& file : files) good = CheckOne(file, out, err) && good;
  return good ? 0 : 1;
}

int RunTestRules(const std::vector<std::string>& files, std::FILE* out, std::FILE* err) {
  bool good = true;
  for (const std::string& file : files) good = TestOne(file, out, err) && good;
  std::fflush(out);
  return good ? 0 : 1;
}

}  // namespace slowburn::app
