#include "query/parser/deep_walk.h"

#include "base/deep_stack.h"
#include "query/limits.h"

namespace slowburn::query {
namespace {

// Opening an operator takes most, some functions deep; with sanitizers several times as much as
// without.
constexpr size_t kStackBytesPerLevel = 16 << 10;

}  // namespace

absl::Status WalkDeep(const Expr& root, absl::FunctionRef<void()> run) {
  const bool deep = root.height > kMaxParseDepth;
  return base::RunWithStack(deep ? size_t(root.height) * kStackBytesPerLevel : 0, run);
}

}  // namespace slowburn::query
