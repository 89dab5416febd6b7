// Any bytes as JSON: what parses is written again and must parse to the same.
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json.h"

namespace {

using slowburn::base::JsonValue;
using slowburn::base::JsonWriter;

void Write(const JsonValue& value, JsonWriter& w) {
  switch (value.kind) {
    case JsonValue::Kind::kNull:
      w.Null();
      break;
    case JsonValue::Kind::kBool:
      w.Bool(value.boolean);
      break;
    case JsonValue::Kind::kNumber:
      w.Float(value.number);
      break;
    case JsonValue::Kind::kString:
      w.String(value.string);
      break;
    case JsonValue::Kind::kArray:
      w.BeginArray();
      for (const JsonValue& item : value.items) Write(item, w);
      w.EndArray();
      break;
    case JsonValue::Kind::kObject:
      w.BeginObject();
      for (const auto& [key, member] : value.members) {
        w.Key(key);
        Write(member, w);
      }
      w.EndObject();
      break;
  }
}

std::string Written(const JsonValue& value) {
  std::string out;
  JsonWriter w(out, slowburn::base::JsonEscapes::kGo);
  Write(value, w);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string quoted;
  slowburn::base::AppendJsonString(quoted, text);
  const auto any_bytes = slowburn::base::ParseJson(quoted);
  CHECK(any_bytes.ok() && any_bytes->kind == JsonValue::Kind::kString);

  const auto value = slowburn::base::ParseJson(text);
  if (!value.ok()) return 0;
  const std::string once = Written(*value);
  const auto again = slowburn::base::ParseJson(once);
  CHECK(again.ok());
  CHECK(Written(*again) == once);
  return 0;
}
