#include "ingest/label_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/json.h"

namespace slowburn::ingest {
namespace {

// Bytes that begin a character; good enough as a count for text that is checked elsewhere.
size_t Chars(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string Quoted(std::string_view text) {
  std::string out;
  base::AppendJsonString(out, Shorten(text, 200));
  return out;
}

absl::Status Bad(const std::string& what, const std::vector<tsdb::LabelView>& labels) {
  return absl::InvalidArgumentError(absl::StrCat(what, " in series ", DescribeLabels(labels)));
}

}  // namespace

std::string Shorten(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  size_t end = max_bytes;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;
  return absl::StrCat(std::string(text.substr(0, end)), "…");
}

std::string DescribeLabels(const std::vector<tsdb::LabelView>& labels, size_t max_bytes) {
  std::string out = "{";
  for (const tsdb::LabelView& label : labels) {
    if (out.size() > 1) out += ", ";
    const bool readable = tsdb::IsValidUtf8(label.name);
    absl::StrAppend(&out, readable ? Shorten(label.name, 100) : Quoted(label.name), "=",
                    Quoted(label.value));
    if (out.size() > max_bytes) return Shorten(out, max_bytes);
  }
  out += "}";
  return out;
}

absl::Status NormalizeSeriesLabels(std::vector<tsdb::LabelView>& labels) {
  const auto by_name = [](const tsdb::LabelView& a, const tsdb::LabelView& b) {
    return a.name < b.name;
  };
  if (!std::is_sorted(labels.begin(), labels.end(), by_name)) {
    std::stable_sort(labels.begin(), labels.end(), by_name);
  }
  bool has_name = false;
  for (size_t i = 0; i < labels.size(); ++i) {
    const tsdb::LabelView& label = labels[i];
    if (label.name.empty()) return Bad("empty label name", labels);
    if (i > 0 && labels[i - 1].name == label.name) {
      return Bad(absl::StrCat("label name ", Quoted(label.name), " is not unique"), labels);
    }
    if (!tsdb::IsValidUtf8(label.name)) return Bad("label name that is not valid UTF-8", labels);
    if (!tsdb::IsValidUtf8(label.value)) {
      return Bad(absl::StrCat("value of label ", Quoted(label.name), " is not valid UTF-8"),
                 labels);
    }
    if (label.name == tsdb::kMetricName && !label.value.empty()) has_name = true;
  }
  if (!has_name) return Bad("no metric name", labels);
  std::erase_if(labels, [](const tsdb::LabelView& label) { return label.value.empty(); });
  return absl::OkStatus();
}

bool ExemplarLabelsFit(const std::vector<tsdb::LabelView>& labels) {
  size_t chars = 0;
  for (const tsdb::LabelView& label : labels) chars += Chars(label.name) + Chars(label.value);
  return chars <= kMaxExemplarLabelChars;
}

}  // namespace slowburn::ingest
