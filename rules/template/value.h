// TemplateValue: what a template sees, as Go's reflection would show it.
//
// Templates of rules read labels (a map of strings), numbers, query results (a list of structs);
// templates of notifications read alerts (structs with lists and methods). A TemplateType gives a
// value Go's name for its type, its methods and its way of printing itself (fmt.Stringer); plain
// values have none.
//
//   auto labels = TemplateValue::Map({{"job", TemplateValue::String("api")}}, &kStringMapType);
//   auto data = TemplateValue::Struct({{"Labels", labels}, {"Value", TemplateValue::Float(1)}});
//
// Threads: immutable once made; copies share what is large. Lifetimes: a TemplateType outlives
// every value of it (make them static).
#ifndef SLOWBURN_RULES_TEMPLATE_VALUE_H_
#define SLOWBURN_RULES_TEMPLATE_VALUE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace slowburn::rules {

class TemplateValue;
using TemplateArgs = std::span<const TemplateValue>;

// A function that templates may call. `parameters` has one letter each: a any, s string, i int, l
// list, o struct; a trailing * means: any number of the last one. The evaluator checks number and
// kind before it calls.
struct TemplateFunction {
  std::string parameters;
  std::function<absl::StatusOr<TemplateValue>(TemplateArgs)> call;
};
using TemplateFunctions = std::map<std::string, TemplateFunction, std::less<>>;

// A method's function takes the receiver as its first argument; `parameters` does not count it.
struct TemplateType {
  std::string name;             // "map[string]string", "*template.Alert"
  bool zero_is_string = false;  // of a map: what a missing key gives, "" or nil
  TemplateFunctions methods;
  std::function<std::string(const TemplateValue&)> print;  // String(); null: Go's default form
};

class TemplateValue {
 public:
  enum class Kind : uint8_t { kNil, kBool, kInt, kFloat, kString, kList, kMap, kStruct, kFunction };
  using Items = std::vector<TemplateValue>;
  using Fields = std::vector<std::pair<std::string, TemplateValue>>;

  TemplateValue() = default;  // nil, "<no value>"
  static TemplateValue Bool(bool v) { return TemplateValue(v); }
  static TemplateValue Int(int64_t v, const TemplateType* type = nullptr);
  static TemplateValue Float(double v) { return TemplateValue(v); }
  static TemplateValue String(std::string_view v) { return TemplateValue(std::string(v)); }
  static TemplateValue List(Items items, const TemplateType* type = nullptr);
  static TemplateValue Map(Fields entries, const TemplateType* type = nullptr);  // sorted here
  static TemplateValue Struct(Fields fields, const TemplateType* type = nullptr);
  static TemplateValue Function(TemplateFunction function);
  // A map[string]string, whose missing keys are "".
  static TemplateValue StringMap(const std::vector<std::pair<std::string, std::string>>& pairs);

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is_nil() const { return kind() == Kind::kNil; }
  // REQUIRES: of that kind.
  bool bool_value() const { return std::get<bool>(data_); }
  int64_t int_value() const { return std::get<int64_t>(data_); }
  double float_value() const { return std::get<double>(data_); }
  const std::string& string_value() const { return std::get<std::string>(data_); }
  const Items& items() const { return *std::get<ListRep>(data_); }
  const Fields& entries() const { return *std::get<MapRep>(data_).fields; }
  const Fields& fields() const { return *std::get<StructRep>(data_).fields; }
  const TemplateFunction& function() const { return *std::get<FunctionRep>(data_); }
  const TemplateType* type() const { return type_; }

  // The entry or field of a map or struct; nullptr when there is none, or for other kinds.
  const TemplateValue* Find(std::string_view name) const;
  // What a map gives for a key that it lacks.
  TemplateValue MissingEntry() const;
  // Go's truth: not zero, not empty.
  bool Truth() const;
  std::string TypeName() const;
  // Lists, maps and structs inside each other: 0 for a scalar.
  int depth() const { return depth_; }

 private:
  using ListRep = std::shared_ptr<const Items>;
  struct MapRep {
    std::shared_ptr<const Fields> fields;
  };
  struct StructRep {
    std::shared_ptr<const Fields> fields;
  };
  using FunctionRep = std::shared_ptr<const TemplateFunction>;
  using Data = std::variant<std::monostate, bool, int64_t, double, std::string, ListRep, MapRep,
                            StructRep, FunctionRep>;

  explicit TemplateValue(Data data, const TemplateType* type = nullptr, int depth = 0)
      : data_(std::move(data)), type_(type), depth_(depth) {}

  Data data_;
  const TemplateType* type_ = nullptr;
  int depth_ = 0;
};

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_TEMPLATE_VALUE_H_
