#include "tsdb/admission.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kShownBytes = 64;  // of a text that is too long or not UTF-8

std::string Shown(std::string_view text) {
  std::string out;
  AppendQuoted(out, text.substr(0, kShownBytes));
  if (text.size() > kShownBytes) out += "...";
  return out;
}

absl::Status Exceeded(const std::string& what, const char* limit, size_t value) {
  return absl::ResourceExhaustedError(absl::StrCat(what, ", the limit ", limit, " is ", value));
}

}  // namespace

absl::Status CheckSeriesLabels(const Labels& labels, const Limits& limits) {
  if (labels.empty()) return absl::InvalidArgumentError("a series without labels");
  if (labels.size() > limits.labels_per_series) {
    return Exceeded(absl::StrCat("series has ", labels.size(), " labels"), "labels_per_series",
                    limits.labels_per_series);
  }
  for (const LabelView label : labels) {
    if (label.name.size() > limits.label_name_bytes) {
      return Exceeded(
          absl::StrCat("label name ", Shown(label.name), " has ", label.name.size(), " bytes"),
          "label_name_bytes", limits.label_name_bytes);
    }
    if (label.value.size() > limits.label_value_bytes) {
      return Exceeded(
          absl::StrCat("value of label ", Shown(label.name), " has ", label.value.size(), " bytes"),
          "label_value_bytes", limits.label_value_bytes);
    }
    if (label.name.empty()) return absl::InvalidArgumentError("a label without a name");
    if (!IsValidUtf8(label.name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("label name ", Shown(label.name), " is not UTF-8"));
    }
    if (!IsValidUtf8(label.value)) {
      return absl::InvalidArgumentError(absl::StrCat("value ", Shown(label.value), " of label ",
                                                     Shown(label.name), " is not UTF-8"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSeriesCount(size_t existing, const Limits& limits) {
  if (existing < limits.active_series) return absl::OkStatus();
  return Exceeded(absl::StrCat("a new series beside ", existing), "active_series",
                  limits.active_series);
}

}  // namespace slowburn::tsdb
