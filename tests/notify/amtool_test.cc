// Random route trees: our receivers and amtool's must be the same. SLOWBURN_PEERS is the folder of
// amtool; without it this is skipped aloud.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "notify/route_tree.h"
#include "tests/testing/random.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::notify {
namespace {

class RandomTree {
 public:
  explicit RandomTree(testing::Random& random) : random_(random) {}

  std::string Yaml() {
    std::string yaml = "route:\n  receiver: r0\n";
    Children(yaml, "  ", 0);
    yaml += "receivers:\n";
    for (int i = 0; i < 6; ++i) absl::StrAppend(&yaml, "- name: r", i, "\n");
    return yaml;
  }
  std::vector<std::string> Labels() {
    std::vector<std::string> labels;
    for (const char* name : {"a", "b", "c"}) {
      if (!random_.OneIn(4)) labels.push_back(absl::StrCat(name, "=", Value()));
    }
    if (labels.empty()) labels.push_back("d=x");
    return labels;
  }

 private:
  std::string Value() { return std::string(1, char('x' + random_.Below(3))); }

  std::string Matcher() {
    const std::string name(1, char('a' + random_.Below(3)));
    switch (random_.Below(7)) {
      case 0:
        return absl::StrCat(name, "=", Value());
      case 1:
        return absl::StrCat(name, "!=", Value());
      case 2:
        return absl::StrCat(name, "=~", Value(), "|", Value());
      case 3:
        return absl::StrCat(name, "!~\"", Value(), ".*\"");
      case 4:
        return absl::StrCat(name, "=\"\"");
      case 5:
        return absl::StrCat("{", name, "=", Value(), ",d!=q}");
      default:
        return absl::StrCat(name, "=~\".*\"");
    }
  }

  void Children(std::string& yaml, const std::string& indent, int depth) {
    const uint64_t children = depth >= 4 ? 0 : random_.Below(4);
    if (children == 0) return;
    absl::StrAppend(&yaml, indent, "routes:\n");
    for (uint64_t i = 0; i < children; ++i) {
      absl::StrAppend(&yaml, indent, "- continue: ", random_.OneIn(3) ? "true" : "false", "\n");
      const std::string inner = indent + "  ";
      if (!random_.OneIn(4)) absl::StrAppend(&yaml, inner, "receiver: r", random_.Below(6), "\n");
      if (random_.OneIn(4)) absl::StrAppend(&yaml, inner, "match: {a: ", Value(), "}\n");
      if (random_.OneIn(4))
        absl::StrAppend(&yaml, inner, "match_re: {b: '", Value(), "|", Value(), "'}\n");
      if (random_.OneIn(2))
        absl::StrAppend(&yaml, inner, "matchers: ['", Matcher(), "', '", Matcher(), "']\n");
      Children(yaml, inner, depth + 1);
    }
  }

  testing::Random& random_;
};

std::string Output(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return "popen failed";
  std::string out;
  std::array<char, 4096> buffer;
  for (size_t n; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    out.append(buffer.data(), n);
  if (pclose(pipe) != 0) out += "(amtool failed)";
  return out;
}

// As tests/e2e/harness.py finds its peers; "" when there is none.
std::string Amtool() {
  const char* peers = std::getenv("SLOWBURN_PEERS");
  for (const char* inside : {"/amtool", "/usr/bin/amtool"}) {
    if (peers == nullptr) break;
    std::string path = absl::StrCat(peers, inside);
    if (!base::Glob(path).empty()) return path;
  }
  return "";
}

TEST(Amtool, AgreesOnReceiversOfRandomTrees) {
  const std::string program = Amtool();
  if (program.empty()) GTEST_SKIP() << "no amtool in SLOWBURN_PEERS to compare with";
  testing::Random random;
  const std::string path = ::testing::TempDir() + "/amtool_test.yml";
  for (int round = 0; round < 300; ++round) {
    RandomTree tree(random);
    const std::string yaml = tree.Yaml();
    ASSERT_OK(base::WriteFileAtomic(path, yaml));
    ASSERT_OK_AND_ASSIGN(const ConfigPtr config, ParseAlertmanagerConfig(yaml, path));
    const std::vector<std::string> labels = tree.Labels();
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const std::string& label : labels) pairs.emplace_back(label.substr(0, 1), label.substr(2));
    const std::string ours =
        RouteTree(config->route).Receivers(MakeLabelSet(std::move(pairs))) + "\n";
    const std::string theirs =
        Output(absl::StrCat(program, " config routes test --config.file=", path, " ",
                            absl::StrJoin(labels, " "), " 2>/dev/null"));
    ASSERT_EQ(ours, theirs) << absl::StrJoin(labels, " ") << "\n" << yaml;
  }
}

}  // namespace
}  // namespace slowburn::notify
