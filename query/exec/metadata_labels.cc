#include "query/exec/metadata_labels.h"

#include "query/parser/quote.h"

namespace slowburn::query {

std::string LabelsText(const tsdb::Labels& labels) {
  std::string out = "{";
  for (const tsdb::LabelView label : labels) {
    if (out.size() > 1) out += ", ";
    out += tsdb::IsLegacyLabelName(label.name) ? std::string(label.name) : GoQuote(label.name);
    out += '=';
    out += GoQuote(label.value);
  }
  return out + "}";
}

}  // namespace slowburn::query
