#include "query/promqltest/comparison.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "base/number.h"
#include "query/histogram/arithmetic.h"
#include "query/parser/quote.h"

namespace slowburn::query {
namespace {

std::string Text(double v) {
  if (tsdb::IsStaleNaN(v)) return "stale";
  return base::FormatFloat(v, base::FloatStyle::kGeneral);
}

std::string Text(const SequenceValue& v) {
  if (v.omitted) return "_";
  return v.histogram != nullptr ? v.histogram->ToString() : Text(v.value);
}

std::string Text(const Series& series) {
  std::string out = std::to_string(series.floats.size()) + " floats [";
  for (const tsdb::Sample& s : series.floats) out += " " + Text(s.v) + "@" + std::to_string(s.t);
  out += " ] and " + std::to_string(series.histograms.size()) + " histograms [";
  for (const HistogramPoint& p : series.histograms) {
    out += " " + p.h->ToString() + "@" + std::to_string(p.t);
  }
  return out + " ]";
}

bool AlmostEqualAll(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return AlmostEqual(x, y); });
}

// Where each bucket lies: spans that say the same in other words are the same.
std::vector<int64_t> Places(const std::vector<tsdb::HistogramSpan>& spans) {
  std::vector<int64_t> places;
  int64_t next = 0;
  for (const tsdb::HistogramSpan& span : spans) {
    next += span.offset;
    for (uint32_t i = 0; i < span.length; ++i) places.push_back(next++);
  }
  return places;
}

CompareHint HintOf(const SequenceValue& v) {
  return v.reset_hint_written ? CompareHint::kYes : CompareHint::kNo;
}

bool PointMatches(const SequenceValue& expected, const tsdb::HistogramPtr& got) {
  return got != nullptr && AlmostEqualHistograms(*expected.histogram, *got, HintOf(expected));
}

std::string CompareVectorElement(const EvalCommand& expected, const Series& got, size_t position) {
  const std::string name = got.labels.ToString();
  const auto found = expected.series.find(got.labels);
  if (found == expected.series.end()) return "unexpected series " + name + " with " + Text(got);
  if (expected.ordered && found->second.position != position) {
    return "expected series " + name + " at position " + std::to_string(found->second.position) +
           " but it is at " + std::to_string(position);
  }
  const SequenceValue& value = found->second.values.front();
  const bool is_histogram = !got.histograms.empty();
  bool equal = false;
  if (value.histogram != nullptr) {
    equal = is_histogram && PointMatches(value, got.histograms.front().h);
  } else if (!is_histogram && !got.floats.empty()) {
    equal = AlmostEqual(value.value, got.floats.front().v);
  }
  return equal ? "" : "expected " + Text(value) + " for " + name + " but got " + Text(got);
}

std::string FindMissing(const EvalCommand& expected, const std::vector<Series>& got) {
  for (const auto& [labels, series] : expected.series) {
    const bool found = std::any_of(
        got.begin(), got.end(), [&labels = labels](const Series& s) { return s.labels == labels; });
    if (!found) {
      return "expected series " + labels.ToString() + " with " + Text(series.values.front()) +
             " not found";
    }
  }
  return "";
}

std::string CompareVector(const EvalCommand& expected, const QueryResult& result) {
  if (expected.scalar.has_value()) return "expected a scalar, but got an instant vector";
  for (size_t i = 0; i < result.series.size(); ++i) {
    std::string problem = CompareVectorElement(expected, result.series[i], i + 1);
    if (!problem.empty()) return problem;
  }
  return FindMissing(expected, result.series);
}

std::string CompareSeries(const EvalCommand& expected, const Series& got) {
  const std::string name = got.labels.ToString();
  const auto found = expected.series.find(got.labels);
  if (found == expected.series.end()) return "unexpected series " + name + " with " + Text(got);
  size_t floats = 0;
  size_t histograms = 0;
  tsdb::TimestampMs t = expected.start;
  for (const SequenceValue& value : found->second.values) {
    if (t > expected.end)
      return "more values are expected for " + name + " than the range can have";
    const std::string wanted = "expected " + Text(value) + " at " + std::to_string(t) + " for " +
                               name + ", but got " + Text(got);
    if (value.omitted) {
      // Nothing may be there; a surplus is seen at the end.
    } else if (value.histogram != nullptr) {
      if (histograms >= got.histograms.size()) return wanted;
      const HistogramPoint& point = got.histograms[histograms++];
      if (point.t != t || !PointMatches(value, point.h)) return wanted;
    } else {
      if (floats >= got.floats.size()) return wanted;
      const tsdb::Sample& point = got.floats[floats++];
      if (point.t != t || !AlmostEqual(point.v, value.value)) return wanted;
    }
    t += expected.step;
  }
  if (floats == got.floats.size() && histograms == got.histograms.size()) return "";
  return "expected " + std::to_string(floats) + " floats and " + std::to_string(histograms) +
         " histograms for " + name + ", but got " + Text(got);
}

std::string CompareMatrix(const EvalCommand& expected, const QueryResult& result) {
  if (expected.ordered) return "expected an ordered result, but got a matrix";
  if (expected.scalar.has_value()) return "expected a scalar, but got a matrix";
  for (size_t i = 0; i < result.series.size(); ++i) {
    if (i > 0 && result.series[i].labels < result.series[i - 1].labels) {
      return "the matrix is not sorted by labels: " + result.series[i].labels.ToString() +
             " comes after " + result.series[i - 1].labels.ToString();
    }
    std::string problem = CompareSeries(expected, result.series[i]);
    if (!problem.empty()) return problem;
  }
  return FindMissing(expected, result.series);
}

std::string CompareScalar(const EvalCommand& expected, const QueryResult& result) {
  if (!expected.scalar.has_value()) {
    return "expected a vector or matrix, but got the scalar " + Text(result.scalar.v);
  }
  if (AlmostEqual(*expected.scalar, result.scalar.v)) return "";
  return "expected scalar " + Text(*expected.scalar) + " but got " + Text(result.scalar.v);
}

std::string Join(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : "; ") + text;
  return out.empty() ? "none" : out;
}

// Every expectation is met by some annotation, and every annotation was expected.
std::string CompareTexts(std::string_view kind, const std::vector<TextPattern>& expected,
                         const std::vector<std::string>& got) {
  if (expected.empty()) return "";
  if (got.empty()) return "expected " + std::string(kind) + " annotations but got none";
  for (const TextPattern& pattern : expected) {
    const bool found = std::any_of(got.begin(), got.end(),
                                   [&](const std::string& text) { return pattern.Matches(text); });
    if (!found) {
      return "expected " + std::string(kind) + " annotation " + GoQuote(pattern.ToString()) +
             ", got: " + Join(got);
    }
  }
  for (const std::string& text : got) {
    const bool known = std::any_of(expected.begin(), expected.end(),
                                   [&](const TextPattern& p) { return p.Matches(text); });
    if (!known) return "unexpected " + std::string(kind) + " annotation " + GoQuote(text);
  }
  return "";
}

}  // namespace

bool AlmostEqual(double a, double b, double tolerance) {
  if (tsdb::IsStaleNaN(a) || tsdb::IsStaleNaN(b)) return tsdb::IsStaleNaN(a) && tsdb::IsStaleNaN(b);
  if (std::isnan(a) && std::isnan(b)) return true;
  if (a == b) return true;
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  const double sum = std::abs(a) + std::abs(b);
  const double difference = std::abs(a - b);
  if (a == 0 || b == 0 || sum < kMinNormal) return difference < tolerance * kMinNormal;
  return difference / std::min(sum, std::numeric_limits<double>::max()) < tolerance;
}

bool AlmostEqualHistograms(const tsdb::Histogram& a, const tsdb::Histogram& b, CompareHint hint) {
  tsdb::Histogram x = a;
  tsdb::Histogram y = b;
  Compact(x);
  Compact(y);
  if (x.schema != y.schema || !AlmostEqual(x.count, y.count) || !AlmostEqual(x.sum, y.sum)) {
    return false;
  }
  if (x.schema == tsdb::kCustomBucketsSchema && x.custom_values != y.custom_values) return false;
  if (x.zero_threshold != y.zero_threshold || !AlmostEqual(x.zero_count, y.zero_count))
    return false;
  if (Places(x.positive_spans) != Places(y.positive_spans)) return false;
  if (Places(x.negative_spans) != Places(y.negative_spans)) return false;
  if (!AlmostEqualAll(x.positive_buckets, y.positive_buckets)) return false;
  if (!AlmostEqualAll(x.negative_buckets, y.negative_buckets)) return false;
  return hint == CompareHint::kNo || x.reset_hint == y.reset_hint;
}

std::string CompareResult(const EvalCommand& expected, const QueryResult& result) {
  switch (result.type) {
    case ValueType::kVector:
      return CompareVector(expected, result);
    case ValueType::kMatrix:
      return CompareMatrix(expected, result);
    case ValueType::kScalar:
      return CompareScalar(expected, result);
    case ValueType::kString: {
      const std::string wanted = expected.string.value_or("");
      if (result.string == wanted) return "";
      return "expected string " + GoQuote(wanted) + " but got " + GoQuote(result.string);
    }
    case ValueType::kNone:
      break;
  }
  return "the query gave no value";
}

std::string CompareAnnotations(const EvalCommand& expected, const Annotations& annotations) {
  std::string problem = CompareTexts("warn", expected.warnings, annotations.warnings);
  if (problem.empty()) problem = CompareTexts("info", expected.infos, annotations.infos);
  if (!problem.empty()) return problem;
  if (expected.no_warnings && !annotations.warnings.empty()) {
    return "expected no warnings, got: " + Join(annotations.warnings);
  }
  if (expected.no_infos && !annotations.infos.empty()) {
    return "expected no infos, got: " + Join(annotations.infos);
  }
  return "";
}

}  // namespace slowburn::query
