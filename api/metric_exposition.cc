#include "api/metric_exposition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "api/proto_writer.h"
#include "base/number.h"
#include "query/histogram/buckets.h"
#include "query/parser/quote.h"

namespace slowburn::api {
namespace {

// Fields of io.prometheus.client: MetricFamily, Metric, LabelPair, Untyped, Histogram, BucketSpan,
// Bucket.
constexpr uint32_t kFamilyName = 1, kFamilyType = 3, kFamilyMetric = 4;
constexpr uint32_t kMetricLabel = 1, kMetricUntyped = 5, kMetricTimestamp = 6, kMetricHistogram = 7;
constexpr uint32_t kHistogramSum = 2, kHistogramBucket = 3, kHistogramCountFloat = 4,
                   kHistogramSchema = 5, kHistogramZeroThreshold = 6, kHistogramZeroCountFloat = 8,
                   kHistogramNegativeSpan = 9, kHistogramNegativeCount = 11,
                   kHistogramPositiveSpan = 12, kHistogramPositiveCount = 14;
constexpr uint32_t kBucketUpperBound = 2, kBucketCountFloat = 4;
constexpr uint64_t kTypeUntyped = 3, kTypeHistogram = 4, kTypeGaugeHistogram = 5;

bool IsLegacyByte(unsigned char c, bool first) {
  return absl::ascii_isalpha(c) || c == '_' || c == ':' || (!first && absl::ascii_isdigit(c));
}

std::string_view TextOf(NameEscaping escaping) {
  switch (escaping) {
    case NameEscaping::kAllowUtf8:
      return "allow-utf-8";
    case NameEscaping::kDots:
      return "dots";
    case NameEscaping::kValues:
      return "values";
    case NameEscaping::kUnderscores:
      break;
  }
  return "underscores";
}

struct MediaRange {
  std::string type;  // lower case
  std::map<std::string, std::string> params;
  double weight = 1;
};

std::string Trim(std::string_view text) {
  return std::string(absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size())));
}

// The ranges of an Accept header, the most wanted first.
std::vector<MediaRange> ParseAccept(std::string_view accept) {
  std::vector<MediaRange> out;
  while (!accept.empty()) {
    const size_t comma = accept.find(',');
    std::string_view item = accept.substr(0, comma);
    accept = comma == std::string_view::npos ? std::string_view() : accept.substr(comma + 1);
    MediaRange range;
    const size_t semicolon = item.find(';');
    range.type = absl::AsciiStrToLower(Trim(item.substr(0, semicolon)));
    item = semicolon == std::string_view::npos ? std::string_view() : item.substr(semicolon + 1);
    while (!item.empty()) {
      const size_t end = item.find(';');
      const std::string_view param = item.substr(0, end);
      item = end == std::string_view::npos ? std::string_view() : item.substr(end + 1);
      const size_t equals = param.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string key = Trim(param.substr(0, equals));
      const std::string value = Trim(param.substr(equals + 1));
      if (key == "q") {
        base::ParseFloat(value, range.weight);
      } else {
        range.params[key] = value;
      }
    }
    out.push_back(std::move(range));
  }
  std::ranges::stable_sort(out, std::greater<>(), &MediaRange::weight);
  return out;
}

void AppendEscapedValue(std::string& out, std::string_view value) {
  out += '"';
  for (const char c : value) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '"':
        out += "\\\"";
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        out += c;
    }
  }
  out += '"';
}

void AppendInt(std::string& out, int64_t value) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

std::string NumberText(double v) { return base::FormatFloat(v, base::FloatStyle::kGeneral); }

// visit(upper bound, count up to it) for the bounds of a histogram with custom buckets.
template <typename Visit>
void EachCumulative(const tsdb::Histogram& h, Visit visit) {
  std::vector<double> counts(h.custom_values.size() + 1, 0);
  size_t bucket = 0;
  int64_t index = 0;
  for (const tsdb::HistogramSpan& span : h.positive_spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length && bucket < h.positive_buckets.size(); ++i, ++index) {
      if (index >= 0 && size_t(index) < counts.size()) {
        counts[size_t(index)] = h.positive_buckets[bucket];
      }
      ++bucket;
    }
  }
  double sum = 0;
  for (size_t i = 0; i < h.custom_values.size(); ++i) {
    sum += counts[i];
    visit(h.custom_values[i], sum);
  }
}

void WriteSpans(ProtoWriter& w, uint32_t field, const std::vector<tsdb::HistogramSpan>& spans) {
  for (const tsdb::HistogramSpan& span : spans) {
    w.Message(field, [&](ProtoWriter& s) {
      s.Sint(1, span.offset);
      s.Uint(2, span.length);
    });
  }
}

void WriteHistogram(ProtoWriter& w, const tsdb::Histogram& h) {
  w.Double(kHistogramSum, h.sum);
  if (h.schema == tsdb::kCustomBucketsSchema) {
    EachCumulative(h, [&](double bound, double count) {
      w.Message(kHistogramBucket, [&](ProtoWriter& b) {
        b.Double(kBucketUpperBound, bound);
        b.Double(kBucketCountFloat, count);
      });
    });
    w.Double(kHistogramCountFloat, h.count);
    return;
  }
  w.Double(kHistogramCountFloat, h.count);
  w.Sint(kHistogramSchema, h.schema);
  w.Double(kHistogramZeroThreshold, h.zero_threshold);
  w.Double(kHistogramZeroCountFloat, h.zero_count);
  WriteSpans(w, kHistogramNegativeSpan, h.negative_spans);
  // proto2: not packed.
  for (const double c : h.negative_buckets) w.Double(kHistogramNegativeCount, c);
  WriteSpans(w, kHistogramPositiveSpan, h.positive_spans);
  for (const double c : h.positive_buckets) w.Double(kHistogramPositiveCount, c);
}

}  // namespace

std::string EscapeName(std::string_view name, NameEscaping escaping) {
  const bool legacy = tsdb::IsLegacyMetricName(name);
  if (escaping == NameEscaping::kAllowUtf8 || name.empty()) return std::string(name);
  // Dots are escaped in legacy names too, which have underscores.
  if (legacy && escaping != NameEscaping::kDots) return std::string(name);
  std::string out = escaping == NameEscaping::kValues ? "U__" : "";
  for (size_t i = 0; i < name.size();) {
    const query::Rune rune = query::DecodeRune(name.substr(i));
    const bool ascii = rune.size == 1 && static_cast<unsigned char>(name[i]) < 0x80;
    const char c = name[i];
    const bool plain = ascii && IsLegacyByte(static_cast<unsigned char>(c), i == 0);
    switch (escaping) {
      case NameEscaping::kDots:
        if (c == '_') {
          out += "__";
        } else if (c == '.') {
          out += "_dot_";
        } else if (plain) {
          out += c;
        } else {
          out += "__";
        }
        break;
      case NameEscaping::kValues:
        if (c == '_') {
          out += "__";
        } else if (plain) {
          out += c;
        } else {
          out += absl::StrCat("_", absl::Hex(uint32_t(rune.code)), "_");
        }
        break;
      default:
        out += plain ? c : '_';
    }
    i += rune.size;
  }
  return out;
}

ExpositionFormat NegotiateExposition(std::string_view accept) {
  ExpositionFormat format;
  for (const MediaRange& range : ParseAccept(accept)) {
    const auto param = [&](const char* key) {
      const auto it = range.params.find(key);
      return it == range.params.end() ? std::string_view() : std::string_view(it->second);
    };
    // The last one said before the format is chosen, even of a range that is not.
    for (const NameEscaping escaping : {NameEscaping::kAllowUtf8, NameEscaping::kUnderscores,
                                        NameEscaping::kDots, NameEscaping::kValues}) {
      if (param("escaping") == TextOf(escaping)) format.escaping = escaping;
    }
    if (range.type == "application/vnd.google.protobuf" &&
        param("proto") == "io.prometheus.client.MetricFamily" && param("encoding") == "delimited") {
      format.kind = ExpositionFormat::Kind::kProtoDelimited;
      return format;
    }
    if (range.type != "text/plain") continue;
    const std::string_view version = param("version");
    if (version == "1.0.0") {
      format.kind = ExpositionFormat::Kind::kText100;
      return format;
    }
    if (version.empty() || version == "0.0.4") return format;
  }
  return format;
}

std::string ContentTypeOf(const ExpositionFormat& format) {
  const std::string escaping = "; escaping=" + std::string(TextOf(format.escaping));
  switch (format.kind) {
    case ExpositionFormat::Kind::kProtoDelimited:
      return "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
             "encoding=delimited" +
             escaping;
    case ExpositionFormat::Kind::kText100:
      return "text/plain; version=1.0.0; charset=utf-8" + escaping;
    case ExpositionFormat::Kind::kText004:
      break;
  }
  return "text/plain; version=0.0.4; charset=utf-8" + escaping;
}

bool MetricExposition::Add(std::string_view name, const LabelPairs& labels, const Point& point) {
  const bool protobuf = format_.kind == ExpositionFormat::Kind::kProtoDelimited;
  Type type = Type::kUntyped;
  if (point.h) {
    if (!protobuf && point.h->schema != tsdb::kCustomBucketsSchema) return false;
    const bool gauge = point.h->reset_hint == tsdb::Histogram::ResetHint::kGauge;
    type = gauge ? Type::kGaugeHistogram : Type::kHistogram;
  }
  if (!in_family_ || name != name_ || type != type_) BeginFamily(name, type);
  if (protobuf) {
    AddProto(labels, point);
  } else if (point.h) {
    AddClassicText(labels, point);
  } else {
    AddText(labels, point);
  }
  return true;
}

std::string MetricExposition::Finish() && {
  EndFamily();
  return std::move(out_);
}

void MetricExposition::BeginFamily(std::string_view name, Type type) {
  EndFamily();
  in_family_ = true;
  name_ = name;
  type_ = type;
  escaped_ = EscapeName(name, format_.escaping);
  if (format_.kind == ExpositionFormat::Kind::kProtoDelimited) {
    ProtoWriter w(family_);
    w.Bytes(kFamilyName, escaped_);
    w.Uint(kFamilyType, type == Type::kUntyped     ? kTypeUntyped
                        : type == Type::kHistogram ? kTypeHistogram
                                                   : kTypeGaugeHistogram);
    return;
  }
  out_ += "# TYPE ";
  if (tsdb::IsLegacyMetricName(escaped_)) {
    out_ += escaped_;
  } else {
    AppendEscapedValue(out_, escaped_);
  }
  out_ += type == Type::kUntyped ? " untyped\n" : " histogram\n";
}

void MetricExposition::EndFamily() {
  if (!in_family_ || format_.kind != ExpositionFormat::Kind::kProtoDelimited) return;
  AppendVarint(out_, family_.size());
  out_ += family_;
  family_.clear();
}

void MetricExposition::AddText(const LabelPairs& labels, const Point& point) {
  Line("", labels, "", point.v, point.t);
}

void MetricExposition::AddClassicText(const LabelPairs& labels, const Point& point) {
  EachCumulative(*point.h, [&](double bound, double count) {
    Line("_bucket", labels, NumberText(bound), count, point.t);
  });
  Line("_bucket", labels, "+Inf", point.h->count, point.t);
  Line("_sum", labels, "", point.h->sum, point.t);
  Line("_count", labels, "", point.h->count, point.t);
}

// name_suffix{a="b",le="…"} v t, or {"na.me_suffix",a="b"} v t.
void MetricExposition::Line(std::string_view suffix, const LabelPairs& labels, std::string_view le,
                            double v, tsdb::TimestampMs t) {
  const std::string name = escaped_ + std::string(suffix);
  char separator = '{';
  if (tsdb::IsLegacyMetricName(name)) {
    out_ += name;
  } else {
    out_ += '{';
    AppendEscapedValue(out_, name);
    separator = ',';
  }
  const auto append = [&](std::string_view label, std::string_view value) {
    out_ += separator;
    separator = ',';
    if (tsdb::IsLegacyLabelName(label)) {
      out_ += label;
    } else {
      AppendEscapedValue(out_, label);
    }
    out_ += '=';
    AppendEscapedValue(out_, value);
  };
  for (const auto& [label, value] : labels) append(EscapeName(label, format_.escaping), value);
  if (!le.empty()) append("le", le);
  if (separator == ',') out_ += '}';
  out_ += ' ';
  base::AppendFloat(out_, v, base::FloatStyle::kGeneral);
  out_ += ' ';
  AppendInt(out_, t);
  out_ += '\n';
}

void MetricExposition::AddProto(const LabelPairs& labels, const Point& point) {
  ProtoWriter family(family_);
  family.Message(kFamilyMetric, [&](ProtoWriter& w) {
    for (const auto& label : labels) {
      w.Message(kMetricLabel, [&](ProtoWriter& pair) {
        pair.Bytes(1, EscapeName(label.first, format_.escaping));
        pair.Bytes(2, label.second);
      });
    }
    if (point.h) {
      w.Message(kMetricHistogram, [&](ProtoWriter& h) { WriteHistogram(h, *point.h); });
    } else {
      w.Message(kMetricUntyped, [&](ProtoWriter& untyped) { untyped.Double(1, point.v); });
    }
    w.Int(kMetricTimestamp, point.t);
  });
}

}  // namespace slowburn::api
