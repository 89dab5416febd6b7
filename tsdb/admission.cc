#include "tsdb/admission.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace slowburn::tsdb {
namespace {

constexpr size_t kShownBytes = 64;  // of a text that is too long or not UTF-8
constexpr std::string_view kJob = "job";

constexpr const char* kNames[] = {"active_series",    "active_series_per_job", "labels_per_series",
                                  "label_name_bytes", "label_value_bytes",     "head_bytes",
                                  "min_free_bytes"};

std::string Shown(std::string_view text) {
  std::string out;
  AppendQuoted(out, text.substr(0, kShownBytes));
  if (text.size() > kShownBytes) out += "...";
  return out;
}

}  // namespace

Admission::Admission(const Limits& limits, prometheus::Registry* registry) : limits_(limits) {
  static_assert(std::size(kNames) == kLimits);
  if (registry == nullptr) return;
  for (size_t i = 0; i < kLimits; ++i) {
    refusals_[i] =
        &base::AddCounter(*registry, "slowburn_tsdb_limit_refusals_total",
                          "Series and commits refused by a limit.", {{"limit", kNames[i]}});
  }
}

void Admission::Count(Limit limit) const {
  if (refusals_[limit] != nullptr) refusals_[limit]->Increment();
}

absl::Status Admission::Exceeded(Limit limit, const std::string& what, uint64_t value) const {
  Count(limit);
  return absl::ResourceExhaustedError(
      absl::StrCat(what, ", the limit ", kNames[limit], " is ", value));
}

absl::Status Admission::CheckLabels(const Labels& labels) const {
  if (labels.empty()) return absl::InvalidArgumentError("a series without labels");
  if (labels.size() > limits_.labels_per_series) {
    return Exceeded(kLabelsPerSeries, absl::StrCat("series has ", labels.size(), " labels"),
                    limits_.labels_per_series);
  }
  for (const LabelView label : labels) {
    if (label.name.size() > limits_.label_name_bytes) {
      return Exceeded(
          kLabelNameBytes,
          absl::StrCat("label name ", Shown(label.name), " has ", label.name.size(), " bytes"),
          limits_.label_name_bytes);
    }
    if (label.value.size() > limits_.label_value_bytes) {
      return Exceeded(
          kLabelValueBytes,
          absl::StrCat("value of label ", Shown(label.name), " has ", label.value.size(), " bytes"),
          limits_.label_value_bytes);
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

absl::Status Admission::CheckNewSeries(
    size_t existing, const Labels& labels,
    const std::function<size_t(std::string_view job)>& of_job) const {
  if (existing >= limits_.active_series) {
    return Exceeded(kActiveSeries, absl::StrCat("a new series beside ", existing),
                    limits_.active_series);
  }
  if (limits_.active_series_per_job == 0) return absl::OkStatus();
  const std::string_view job = labels.Get(kJob);
  if (job.empty()) return absl::OkStatus();
  const size_t of_this = of_job(job);
  if (of_this < limits_.active_series_per_job) return absl::OkStatus();
  return Exceeded(kActiveSeriesPerJob,
                  absl::StrCat("a new series beside ", of_this, " of job ", Shown(job)),
                  limits_.active_series_per_job);
}

absl::Status Admission::CheckHeadSeries(uint64_t head_bytes) const {
  if (head_bytes <= limits_.head_bytes) return absl::OkStatus();
  return Exceeded(kHeadBytes, absl::StrCat("a new series beside ", head_bytes, " bytes in memory"),
                  limits_.head_bytes);
}

absl::Status Admission::CheckHeadSamples(uint64_t head_bytes, uint64_t sample_bytes) const {
  if (head_bytes <= limits_.head_bytes || sample_bytes <= limits_.head_bytes / 4)
    return absl::OkStatus();
  Count(kHeadBytes);
  return absl::UnavailableError(
      absl::StrCat("series and samples take ", head_bytes, " bytes in memory, the limit ",
                   kNames[kHeadBytes], " is ", limits_.head_bytes, "; samples are being sealed"));
}

absl::Status Admission::CheckFreeBytes(uint64_t free_bytes) const {
  if (free_bytes >= limits_.min_free_bytes) return absl::OkStatus();
  Count(kMinFreeBytes);
  return absl::UnavailableError(absl::StrCat("the disk has ", free_bytes, " bytes left, the limit ",
                                             kNames[kMinFreeBytes], " is ",
                                             limits_.min_free_bytes));
}

}  // namespace slowburn::tsdb
