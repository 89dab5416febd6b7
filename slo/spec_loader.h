// Reads SLO files: YAML, several documents a file, `kind: SLO` (docs of the format: examples/slo/).
//
//   const SloFiles files = LoadSloFiles({"/etc/slowburn/slo/*.yml"});
//   if (!files.errors.empty()) …refuse all of it…
//
// Every fault is reported with file:line:column, one per document at most, so that a user repairs a
// file in one go. A key that nobody knows is a fault, and so is one of the model that is not built
// yet: ignoring it could lose a page.
//
// Threads: stateless.
#ifndef SLOWBURN_SLO_SPEC_LOADER_H_
#define SLOWBURN_SLO_SPEC_LOADER_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "slo/slo_spec.h"

namespace slowburn::slo {

struct SloFiles {
  std::vector<SloSpec> specs;  // in order of files and documents
  // "file:line:column: …": a tier that can never fire, a tier left out, a glob without files.
  std::vector<std::string> warnings;
  std::vector<std::string> errors;  // likewise; specs are then not complete
  // OK, or kInvalidArgument with all errors, one a line.
  absl::Status status() const;
};

// One file's text, added to `out`. Duplicate ids are judged over all of `out`.
void LoadSloText(std::string_view text, std::string_view file_name, SloFiles& out);
// Globs of paths; a path without wildcards that does not exist is an error. A file that two globs
// name is read once.
SloFiles LoadSloFiles(const std::vector<std::string>& globs);

}  // namespace slowburn::slo

#endif  // SLOWBURN_SLO_SPEC_LOADER_H_
