// JSON: a streaming writer (our own, it is on the hot path of answers) and a small tree for reading
// (Boost.JSON's parser).
//
//   JsonWriter w(out);
//   w.BeginObject();
//   w.Key("status"); w.String("success");
//   w.Key("data"); w.BeginArray(); … w.EndArray();
//   w.EndObject();
#ifndef SLOWBURN_BASE_JSON_H_
#define SLOWBURN_BASE_JSON_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace slowburn::base {

// Appends `text` with quotes and escapes. kGo also escapes < > & and U+2028/9, as Go's
// encoding/json does by default.
enum class JsonEscapes { kPlain, kGo };
void AppendJsonString(std::string& out, std::string_view text, JsonEscapes escapes = JsonEscapes::kPlain);

// Writes commas and nothing else on its own. REQUIRES: calls in the order of valid JSON. Not
// thread-safe.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out, JsonEscapes escapes = JsonEscapes::kPlain)
      : out_(out), escapes_(escapes) {}
  void BeginObject();
  void EndObject();
  void BeginArray();
  void EndArray();
  void Key(std::string_view key);
  void String(std::string_view value);
  void Int(int64_t value);
  void Float(double value);  // JSON number; NaN and infinities become null
  void Bool(bool value);
  void Null();
  void Raw(std::string_view json);  // one value, already encoded
  // {"k":"v",…}
  void StringMap(const std::vector<std::pair<std::string, std::string>>& map);

  // Key and value in one call.
  void Field(std::string_view key, std::string_view value) { Key(key), String(value); }
  void Field(std::string_view key, const char* value) { Key(key), String(value); }
  void Field(std::string_view key, int64_t value) { Key(key), Int(value); }
  void Field(std::string_view key, double value) { Key(key), Float(value); }
  void Field(std::string_view key, bool value) { Key(key), Bool(value); }

 private:
  void Comma();
  std::string& out_;
  const JsonEscapes escapes_;
  bool need_comma_ = false;
};

struct JsonValue {
  enum class Kind { kNull, kBool, kNumber, kString, kArray, kObject };

  // Defined out of line: the members hold pairs of this very type.
  JsonValue();
  JsonValue(const JsonValue&);
  JsonValue(JsonValue&&) noexcept;
  JsonValue& operator=(const JsonValue&);
  JsonValue& operator=(JsonValue&&) noexcept;
  ~JsonValue();

  Kind kind = Kind::kNull;
  bool boolean = false;
  double number = 0;
  std::string string;
  std::vector<JsonValue> items;
  std::vector<std::pair<std::string, JsonValue>> members;

  const JsonValue* Find(std::string_view key) const;  // nullptr if absent or not an object
  // The member's string, or "" when it is absent or no string.
  std::string_view StringAt(std::string_view key) const;
  bool IsNull() const { return kind == Kind::kNull; }
};

// kInvalidArgument with the offset. Depth is limited to 64, duplicate keys keep the last.
absl::StatusOr<JsonValue> ParseJson(std::string_view text);

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_JSON_H_
