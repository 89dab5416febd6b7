#include "rules/template/value.h"

#include <algorithm>

namespace slowburn::rules {
namespace {

const TemplateType& StringMapType() {
  static const TemplateType* const type = new TemplateType{
      .name = "map[string]string", .zero_is_string = true, .methods = {}, .print = nullptr};
  return *type;
}

int DepthOf(const TemplateValue::Items& items) {
  int depth = 0;
  for (const TemplateValue& item : items) depth = std::max(depth, item.depth());
  return depth + 1;
}

int DepthOf(const TemplateValue::Fields& fields) {
  int depth = 0;
  for (const auto& [name, value] : fields) depth = std::max(depth, value.depth());
  return depth + 1;
}

}  // namespace

TemplateValue TemplateValue::Int(int64_t v, const TemplateType* type) {
  return TemplateValue(Data(v), type);
}

TemplateValue TemplateValue::List(Items items, const TemplateType* type) {
  const int depth = DepthOf(items);
  return TemplateValue(Data(std::make_shared<const Items>(std::move(items))), type, depth);
}

TemplateValue TemplateValue::Map(Fields entries, const TemplateType* type) {
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  const int depth = DepthOf(entries);
  return TemplateValue(Data(MapRep{std::make_shared<const Fields>(std::move(entries))}), type,
                       depth);
}

TemplateValue TemplateValue::Struct(Fields fields, const TemplateType* type) {
  const int depth = DepthOf(fields);
  return TemplateValue(Data(StructRep{std::make_shared<const Fields>(std::move(fields))}), type,
                       depth);
}

TemplateValue TemplateValue::Function(TemplateFunction function) {
  return TemplateValue(Data(std::make_shared<const TemplateFunction>(std::move(function))));
}

TemplateValue TemplateValue::StringMap(
    const std::vector<std::pair<std::string, std::string>>& pairs) {
  Fields entries;
  entries.reserve(pairs.size());
  for (const auto& [name, value] : pairs) entries.emplace_back(name, String(value));
  return Map(std::move(entries), &StringMapType());
}

const TemplateValue* TemplateValue::Find(std::string_view name) const {
  if (kind() == Kind::kMap) {
    const Fields& all = entries();
    const auto it =
        std::lower_bound(all.begin(), all.end(), name,
                         [](const auto& entry, std::string_view key) { return entry.first < key; });
    return it != all.end() && it->first == name ? &it->second : nullptr;
  }
  if (kind() == Kind::kStruct) {
    for (const auto& [field, value] : fields()) {
      if (field == name) return &value;
    }
  }
  return nullptr;
}

TemplateValue TemplateValue::MissingEntry() const {
  return type_ != nullptr && type_->zero_is_string ? String("") : TemplateValue();
}

bool TemplateValue::Truth() const {
  switch (kind()) {
    case Kind::kNil:
      return false;
    case Kind::kBool:
      return bool_value();
    case Kind::kInt:
      return int_value() != 0;
    case Kind::kFloat:
      return float_value() != 0;
    case Kind::kString:
      return !string_value().empty();
    case Kind::kList:
      return !items().empty();
    case Kind::kMap:
      return !entries().empty();
    case Kind::kStruct:
    case Kind::kFunction:
      return true;
  }
  return false;
}

std::string TemplateValue::TypeName() const {
  if (type_ != nullptr && !type_->name.empty()) return type_->name;
  switch (kind()) {
    case Kind::kNil:
      return "<nil>";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float64";
    case Kind::kString:
      return "string";
    case Kind::kList:
      return "[]interface {}";
    case Kind::kMap:
      return "map[string]interface {}";
    case Kind::kStruct:
      return "struct";
    case Kind::kFunction:
      return "func";
  }
  return "";
}

}  // namespace slowburn::rules
