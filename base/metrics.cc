#include "base/metrics.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/number.h"
#include "prometheus/metric_family.h"

namespace slowburn::base {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

std::string_view TypeName(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Summary:
      return "summary";
    case MetricType::Histogram:
      return "histogram";
    case MetricType::Untyped:
      return "untyped";
  }
  return "untyped";
}

// Backslash and newline, and the quote within label values.
void AppendEscaped(std::string& out, std::string_view text, bool in_quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && in_quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

void AppendLabel(std::string& out, std::string_view name, std::string_view value) {
  out += out.back() == '{' ? "" : ",";
  out.append(name).append("=\"");
  AppendEscaped(out, value, true);
  out += '"';
}

// name suffix{labels,extra="…"} value
void AppendLine(std::string& out, std::string_view name, std::string_view suffix,
                const ClientMetric& metric, double value, std::string_view extra = "",
                std::string_view extra_value = "") {
  out.append(name).append(suffix);
  if (!metric.label.empty() || !extra.empty()) {
    out += '{';
    for (const ClientMetric::Label& label : metric.label) AppendLabel(out, label.name, label.value);
    if (!extra.empty()) AppendLabel(out, extra, extra_value);
    out += '}';
  }
  out += ' ';
  AppendFloat(out, value, FloatStyle::kGeneral);
  out += '\n';
}

void AppendHistogram(std::string& out, const std::string& name, const ClientMetric& metric) {
  const ClientMetric::Histogram& h = metric.histogram;
  const auto count = static_cast<double>(h.sample_count);
  bool has_infinity = false;
  for (const ClientMetric::Bucket& bucket : h.bucket) {
    has_infinity |= std::isinf(bucket.upper_bound);
    AppendLine(out, name, "_bucket", metric, static_cast<double>(bucket.cumulative_count), "le",
               FormatFloat(bucket.upper_bound, FloatStyle::kGeneral));
  }
  if (!has_infinity) AppendLine(out, name, "_bucket", metric, count, "le", "+Inf");
  AppendLine(out, name, "_sum", metric, h.sample_sum);
  AppendLine(out, name, "_count", metric, count);
}

void AppendSummary(std::string& out, const std::string& name, const ClientMetric& metric) {
  for (const ClientMetric::Quantile& q : metric.summary.quantile) {
    AppendLine(out, name, "", metric, q.value, "quantile",
               FormatFloat(q.quantile, FloatStyle::kGeneral));
  }
  AppendLine(out, name, "_sum", metric, metric.summary.sample_sum);
  AppendLine(out, name, "_count", metric, static_cast<double>(metric.summary.sample_count));
}

void AppendMetric(std::string& out, const MetricFamily& family, const ClientMetric& metric) {
  switch (family.type) {
    case MetricType::Counter:
      AppendLine(out, family.name, "", metric, metric.counter.value);
      break;
    case MetricType::Gauge:
      AppendLine(out, family.name, "", metric, metric.gauge.value);
      break;
    case MetricType::Untyped:
      AppendLine(out, family.name, "", metric, metric.untyped.value);
      break;
    case MetricType::Histogram:
      AppendHistogram(out, family.name, metric);
      break;
    case MetricType::Summary:
      AppendSummary(out, family.name, metric);
      break;
  }
}

}  // namespace

// The registry merges families of one name, and a family returns the metric it already has for
// these labels.
prometheus::Counter& AddCounter(prometheus::Registry& registry, const std::string& name,
                                const std::string& help, const MetricLabels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
}

prometheus::Gauge& AddGauge(prometheus::Registry& registry, const std::string& name,
                            const std::string& help, const MetricLabels& labels) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(labels);
}

prometheus::Histogram& AddHistogram(prometheus::Registry& registry, const std::string& name,
                                    const std::string& help, const std::vector<double>& bounds,
                                    const MetricLabels& labels) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(labels, bounds);
}

std::string ExposeText(const prometheus::Registry& registry) {
  std::vector<MetricFamily> families = registry.Collect();
  std::stable_sort(families.begin(), families.end(),
                   [](const MetricFamily& a, const MetricFamily& b) { return a.name < b.name; });
  std::string out;
  for (const MetricFamily& family : families) {
    if (family.metric.empty()) continue;
    out.append("# HELP ").append(family.name).append(" ");
    AppendEscaped(out, family.help, false);
    out.append("\n# TYPE ")
        .append(family.name)
        .append(" ")
        .append(TypeName(family.type))
        .append("\n");
    for (const ClientMetric& metric : family.metric) AppendMetric(out, family, metric);
  }
  return out;
}

}  // namespace slowburn::base
