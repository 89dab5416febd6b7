// Reads rule files exactly as Prometheus does, and says where each fault is.
//
//   RuleFile f = LoadRuleFile("rules/shop.yml", {});
//   for (const absl::Status& fault : f.faults) …
//   // "rules/shop.yml:7:11: group "g", rule 1, "x": could not parse …"
//
// A file with a fault is not used at all: the caller refuses the configuration. Keys that nobody
// knows are faults. Threads: stateless.
#ifndef SLOWBURN_RULES_SPEC_LOADER_H_
#define SLOWBURN_RULES_SPEC_LOADER_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "query/parser/parser.h"
#include "rules/spec.h"

namespace slowburn::rules {

struct RuleFile {
  std::string path;
  std::vector<std::shared_ptr<const GroupSpec>> groups;  // in file order
  size_t rules = 0;
  // kInvalidArgument, "file:line:column: …"; empty: the file is good.
  std::vector<absl::Status> faults;
  std::vector<std::string> warnings;  // rules that appear twice

  // The first fault.
  absl::Status status() const { return faults.empty() ? absl::OkStatus() : faults.front(); }
};

RuleFile ParseRuleFile(std::string_view text, std::string_view path,
                       const query::ParserOptions& options);
RuleFile LoadRuleFile(const std::string& path, const query::ParserOptions& options);

// All files of the globs, in order, each once. A pattern without match gives none; the first fault
// of any file is returned. Warnings are appended to `warnings`.
absl::StatusOr<std::vector<std::shared_ptr<const GroupSpec>>> LoadRuleFiles(
    const std::vector<std::string>& globs, const query::ParserOptions& options,
    std::vector<std::string>& warnings);

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_SPEC_LOADER_H_
