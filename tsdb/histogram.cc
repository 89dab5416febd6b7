#include "tsdb/histogram.h"

#include <bit>
#include <cmath>
#include <span>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/number.h"
#include "base/status_macros.h"

namespace slowburn::tsdb {
namespace {

constexpr int kMinSchema = -4, kMaxSchema = 8;
constexpr double kMaxWhole = 0x1p53;
constexpr int32_t kMaxShownGap = 1000;  // a gap may have two billion empty places

std::string Number(double value) { return base::FormatFloat(value, base::FloatStyle::kGeneral); }

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool SameBits(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!SameBits(a[i], b[i])) return false;
  }
  return true;
}

absl::Status Invalid(const std::string& text) {
  return absl::InvalidArgumentError(absl::StrCat("histogram: ", text));
}

absl::Status CheckSpans(const char* side, const std::vector<HistogramSpan>& spans, size_t buckets) {
  uint64_t places = 0;
  for (size_t i = 0; i < spans.size(); ++i) {
    if (i > 0 && spans[i].offset < 0) {
      return Invalid(absl::StrCat(side, " span number ", i + 1, " has offset ", spans[i].offset,
                                  ", only the first may be negative"));
    }
    places += spans[i].length;
  }
  if (places != buckets) {
    return Invalid(absl::StrCat(side, " spans have ", places, " places for ", buckets, " buckets"));
  }
  return absl::OkStatus();
}

absl::Status CheckCount(const Histogram& h, const std::string& what, double count) {
  if (count < 0 && h.reset_hint != Histogram::ResetHint::kGauge) {
    return Invalid(absl::StrCat(what, " has the negative count ", Number(count)));
  }
  if (!h.is_float && (count != std::trunc(count) || std::abs(count) > kMaxWhole)) {
    return Invalid(absl::StrCat(what, " has the count ", Number(count),
                                ", an integer histogram wants whole numbers"));
  }
  return absl::OkStatus();
}

absl::Status CheckCounts(const Histogram& h, const char* side, const std::vector<double>& buckets) {
  for (size_t i = 0; i < buckets.size(); ++i) {
    RETURN_IF_ERROR(CheckCount(h, absl::StrCat(side, " bucket number ", i + 1), buckets[i]));
  }
  return absl::OkStatus();
}

absl::Status CheckCustom(const Histogram& h) {
  if (h.zero_count != 0 || h.zero_threshold != 0)
    return Invalid("custom buckets have no zero bucket");
  if (!h.negative_spans.empty() || !h.negative_buckets.empty())
    return Invalid("custom buckets have no negative side");
  double previous = -HUGE_VAL;
  for (const double bound : h.custom_values) {
    if (!(bound > previous))
      return Invalid(absl::StrCat("custom bound ", Number(bound), " does not ascend"));
    previous = bound;
  }
  if (previous == HUGE_VAL)
    return Invalid("the last custom bound is +Inf, which is to be left out");
  int64_t end = 0;
  for (const HistogramSpan& span : h.positive_spans) end += span.offset + int64_t{span.length};
  const bool below = !h.positive_spans.empty() && h.positive_spans[0].offset < 0;
  if (below || end > static_cast<int64_t>(h.custom_values.size()) + 1) {
    return Invalid(
        absl::StrCat("spans reach outside of the ", h.custom_values.size() + 1, " custom buckets"));
  }
  return absl::OkStatus();
}

// Counts of integer histograms add up; the rounding of float ones makes that no test. Observations
// of NaN are in the count and in no bucket.
absl::Status CheckTotal(const Histogram& h) {
  if (h.is_float || h.reset_hint == Histogram::ResetHint::kGauge) return absl::OkStatus();
  double total = h.zero_count;
  for (const double count : h.positive_buckets) total += count;
  for (const double count : h.negative_buckets) total += count;
  if (std::isnan(h.sum) ? total > h.count : total != h.count) {
    return Invalid(absl::StrCat("buckets hold ", Number(total), " observations, the count says ",
                                Number(h.count)));
  }
  return absl::OkStatus();
}

// All spans as one run of counts, gaps filled with zeros.
void AppendRun(std::string& out, const std::vector<HistogramSpan>& spans,
               const std::vector<double>& buckets, std::string_view prefix) {
  if (spans.empty() || buckets.empty()) return;
  const std::string side(prefix);
  if (spans[0].offset != 0) absl::StrAppend(&out, " ", side, "offset:", spans[0].offset);
  absl::StrAppend(&out, " ", side, "buckets:[");
  const char* separator = "";
  size_t next = 0;
  for (size_t i = 0; i < spans.size(); ++i) {
    for (int32_t gap = 0; i > 0 && gap < spans[i].offset; ++gap) {
      if (gap == kMaxShownGap) {
        out += " ...";
        break;
      }
      absl::StrAppend(&out, separator, "0");
      separator = " ";
    }
    for (uint32_t k = 0; k < spans[i].length && next < buckets.size(); ++k) {
      absl::StrAppend(&out, separator, Number(buckets[next++]));
      separator = " ";
    }
  }
  out += ']';
}

std::string_view HintText(Histogram::ResetHint hint) {
  switch (hint) {
    case Histogram::ResetHint::kUnknown:
      return "";
    case Histogram::ResetHint::kReset:
      return "reset";
    case Histogram::ResetHint::kNotReset:
      return "not_reset";
    case Histogram::ResetHint::kGauge:
      return "gauge";
  }
  return "";
}

void AppendField(std::string& out, const char* name, double value) {
  if (value != 0) absl::StrAppend(&out, " ", name, ":", Number(value));
}

}  // namespace

absl::Status Histogram::Validate() const {
  if (schema != kCustomBucketsSchema && (schema < kMinSchema || schema > kMaxSchema)) {
    return Invalid(absl::StrCat("schema ", schema, ", wanted ", kMinSchema, " to ", kMaxSchema,
                                " or ", kCustomBucketsSchema));
  }
  if (!(zero_threshold >= 0))
    return Invalid(absl::StrCat("zero threshold ", Number(zero_threshold)));
  RETURN_IF_ERROR(CheckSpans("positive", positive_spans, positive_buckets.size()));
  RETURN_IF_ERROR(CheckSpans("negative", negative_spans, negative_buckets.size()));
  if (schema == kCustomBucketsSchema) {
    RETURN_IF_ERROR(CheckCustom(*this));
  } else if (!custom_values.empty()) {
    return Invalid("custom bounds belong to schema -53 only");
  }
  RETURN_IF_ERROR(CheckCounts(*this, "positive", positive_buckets));
  RETURN_IF_ERROR(CheckCounts(*this, "negative", negative_buckets));
  RETURN_IF_ERROR(CheckCount(*this, "the zero bucket", zero_count));
  RETURN_IF_ERROR(CheckCount(*this, "the histogram", count));
  return CheckTotal(*this);
}

bool operator==(const Histogram& a, const Histogram& b) {
  return a.reset_hint == b.reset_hint && a.schema == b.schema && a.is_float == b.is_float &&
         SameBits(a.zero_threshold, b.zero_threshold) && SameBits(a.zero_count, b.zero_count) &&
         SameBits(a.count, b.count) && SameBits(a.sum, b.sum) &&
         a.positive_spans == b.positive_spans && a.negative_spans == b.negative_spans &&
         SameBits(a.positive_buckets, b.positive_buckets) &&
         SameBits(a.negative_buckets, b.negative_buckets) &&
         SameBits(a.custom_values, b.custom_values);
}

std::string Histogram::ToString() const {
  std::string out = absl::StrCat("{{schema:", schema);
  AppendField(out, "count", count);
  AppendField(out, "sum", sum);
  AppendField(out, "z_bucket", zero_count);
  AppendField(out, "z_bucket_w", zero_threshold);
  if (!custom_values.empty()) {
    out += " custom_values:[";
    for (size_t i = 0; i < custom_values.size(); ++i) {
      absl::StrAppend(&out, i == 0 ? "" : " ", Number(custom_values[i]));
    }
    out += ']';
  }
  if (reset_hint != ResetHint::kUnknown) {
    absl::StrAppend(&out, " counter_reset_hint:", std::string(HintText(reset_hint)));
  }
  AppendRun(out, positive_spans, positive_buckets, "");
  AppendRun(out, negative_spans, negative_buckets, "n_");
  out += "}}";
  return out;
}

}  // namespace slowburn::tsdb
