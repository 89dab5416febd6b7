// Templates: whatever is parsed may be run, within its limits.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "rules/spec.h"
#include "rules/template/prometheus_functions.h"
#include "rules/template/template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using slowburn::rules::Template;
  using slowburn::rules::TemplateValue;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto& functions = slowburn::rules::PrometheusFunctionNames();
  const absl::StatusOr<Template> parsed =
      Template::Parse(text, "fuzz", functions, slowburn::rules::AlertTemplateVariables());
  if (!parsed.ok()) return 0;
  const TemplateValue labels = TemplateValue::StringMap({{"job", "api"}, {"instance", "h:1"}});
  const TemplateValue value = TemplateValue::Float(1.5);
  const TemplateValue url = TemplateValue::String("http://h");
  const TemplateValue root =
      TemplateValue::Struct({{"Labels", labels}, {"ExternalLabels", labels}, {"Value", value}});
  (void)parsed->Execute(root, functions, std::vector<TemplateValue>{labels, labels, url, value});
  return 0;
}
