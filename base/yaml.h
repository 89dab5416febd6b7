// YAML as go-yaml reads it: libyaml's events composed into a tree that remembers where each node
// stood.
//
// Merge keys (<<) are applied, duplicate keys are an error, anchors and aliases are resolved (with
// a limit against billion-laughs files). The loaders of configuration, rule, routing and SLO files
// share YamlReader, which gives every error its file:line:column and refuses what nobody asked for:
//
//   ASSIGN_OR_RETURN(YamlNode root, ParseYaml(text, file));
//   YamlReader r(root);
//   r.String("alert", name);
//   r.Duration("for", for_ms);
//   if (const YamlNode* n = r.Find("labels")) …
//   RETURN_IF_ERROR(r.Finish());        // first error, or the first key that was never asked for
#ifndef SLOWBURN_BASE_YAML_H_
#define SLOWBURN_BASE_YAML_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"

namespace slowburn::base {

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMapping };

  // Defined out of line: the members hold pairs of this very type.
  YamlNode();
  YamlNode(const YamlNode&);
  YamlNode(YamlNode&&) noexcept;
  YamlNode& operator=(const YamlNode&);
  YamlNode& operator=(YamlNode&&) noexcept;
  ~YamlNode();

  Kind kind = Kind::kNull;
  std::string scalar;        // kScalar: the text
  bool quoted = false;       // kScalar: written with quotes, so never null, bool or number
  std::vector<YamlNode> items;                           // kSequence
  std::vector<std::pair<YamlNode, YamlNode>> entries;    // kMapping, in file order, keys unique
  int line = 0, column = 0;                              // from 1
  std::shared_ptr<const std::string> file;               // shared by all nodes of one document

  const YamlNode* Find(std::string_view key) const;      // nullptr if absent or not a mapping
  bool IsNull() const { return kind == Kind::kNull; }
  // "file:line:column"
  std::string Where() const;
  // kInvalidArgument "file:line:column: message".
  absl::Status Error(std::string_view message) const;
  // Each wants the kind named and says what it found instead.
  absl::StatusOr<std::string> AsString() const;   // any scalar's text; null is ""
  absl::StatusOr<bool> AsBool() const;            // true/false/yes/no/on/off as YAML 1.1
  absl::StatusOr<int64_t> AsInt() const;
  absl::StatusOr<double> AsFloat() const;
  absl::StatusOr<DurationMs> AsDuration() const;  // Prometheus' durations
  absl::StatusOr<std::vector<std::string>> AsStrings() const;  // null is empty
  // Null is empty.
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> AsStringMap() const;
};

// One document (an empty text is kNull). More than one document is an error; ParseYamlStream takes
// any number.
absl::StatusOr<YamlNode> ParseYaml(std::string_view text, std::string_view file_name);
absl::StatusOr<std::vector<YamlNode>> ParseYamlStream(std::string_view text, std::string_view file_name);

// Reads one mapping's known keys into variables, which keep their default when the key is absent or
// null. Remembers the first error and which keys were asked for. Not thread-safe; borrows the node.
class YamlReader {
 public:
  // Null reads as an empty mapping; anything else not a mapping is an error.
  explicit YamlReader(const YamlNode& node);

  // Marks the key as known; nullptr when absent or null.
  const YamlNode* Find(std::string_view key);
  bool String(std::string_view key, std::string& out);  // true when it was there
  bool Bool(std::string_view key, bool& out);
  bool Int(std::string_view key, int64_t& out);
  bool Float(std::string_view key, double& out);
  bool Duration(std::string_view key, DurationMs& out);
  bool Strings(std::string_view key, std::vector<std::string>& out);
  bool StringMap(std::string_view key, std::vector<std::pair<std::string, std::string>>& out);
  // 512MB, 1KiB, 10: Prometheus' units.Base2Bytes; B, KB=KiB, MB=MiB, …
  bool Bytes(std::string_view key, uint64_t& out);
  // Keys that upstream knows and we do not build yet: collected by the caller for one warning each.
  const YamlNode* Unbuilt(std::string_view key, std::vector<std::string>& warnings);

  void Fail(absl::Status status);  // keeps the first
  const YamlNode& node() const { return node_; }
  // The first error; else "file:line:column: field X not found in `what`" for the first unknown
  // key; else OK.
  absl::Status Finish(std::string_view what = "");

 private:
  const YamlNode& node_;
  std::set<std::string, std::less<>> known_;
  absl::Status status_;
};

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_YAML_H_
