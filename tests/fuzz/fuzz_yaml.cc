// Any bytes as a configuration file: composed, then every node asked for every meaning it might
// have.
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/yaml.h"

namespace {

using slowburn::base::YamlNode;
using slowburn::base::YamlReader;

void Visit(const YamlNode& node) {
  CHECK(node.line > 0 && node.column > 0);
  (void)node.AsString();
  (void)node.AsBool();
  (void)node.AsInt();
  (void)node.AsFloat();
  (void)node.AsDuration();
  (void)node.AsStrings();
  (void)node.AsStringMap();
  YamlReader reader(node);
  uint64_t bytes = 0;
  reader.Bytes("size", bytes);
  (void)reader.Finish("fuzz");
  for (const YamlNode& item : node.items) Visit(item);
  for (const auto& [key, value] : node.entries) {
    CHECK(node.Find(key.scalar) != nullptr);
    Visit(value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto documents = slowburn::base::ParseYamlStream(text, "fuzz.yml");
  if (!documents.ok()) {
    CHECK(!documents.status().message().empty());
    return 0;
  }
  for (const YamlNode& document : *documents) Visit(document);
  return 0;
}
