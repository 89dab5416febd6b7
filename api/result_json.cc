#include "api/result_json.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <vector>

#include "base/json.h"
#include "base/number.h"
#include "query/histogram/buckets.h"
#include "query/limits.h"
#include "query/stats_json.h"

namespace slowburn::api {
namespace {

constexpr size_t kBytesPerPoint = 32;  // [1435781451.781,"1.2345678"],
constexpr size_t kBytesPerSeries = 256;
constexpr size_t kBytesPerHistogram = 1024;

void AppendInt(std::string& out, int64_t value) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void AppendPoint(std::string& out, const tsdb::Sample& point) {
  out += '[';
  AppendTimestamp(out, point.t);
  out += ',';
  AppendValue(out, point.v);
  out += ']';
}

void AppendPoint(std::string& out, const query::HistogramPoint& point) {
  out += '[';
  AppendTimestamp(out, point.t);
  out += ',';
  AppendHistogram(out, *point.h);
  out += ']';
}

// `[<t>,"`: the series of a matrix have their points on one grid, so that most of these texts were
// made before.
class PointBegins {
 public:
  static constexpr size_t kRoom = 32;

  // The times of one series ascend; Restart comes before those of the next.
  void Restart() { at_ = 0; }
  // To `out`, which has kRoom; returns the end.
  char* Write(char* out, tsdb::TimestampMs t) {
    // A few, so that series on grids of their own do not go through it all.
    for (int i = 0; i < kSkippedAtOnce && at_ < texts_.size() && texts_[at_].t < t; ++i) ++at_;
    if (at_ == texts_.size() && at_ < query::kMaxPointsPerSeries) texts_.push_back(Make(t));
    const bool known = at_ < texts_.size() && texts_[at_].t == t;
    const Text text = known ? texts_[at_++] : Make(t);
    std::memcpy(out, text.text, sizeof text.text);
    return out + text.size;
  }

 private:
  static constexpr int kSkippedAtOnce = 8;
  struct Text {
    tsdb::TimestampMs t = 0;
    uint32_t size = 0;
    char text[24];
  };
  static_assert(sizeof(Text::text) <= kRoom);
  static Text Make(tsdb::TimestampMs t) {
    std::string text = "[";
    AppendTimestamp(text, t);
    text += ",\"";
    Text out{t, uint32_t(text.size()), {}};
    text.copy(out.text, sizeof out.text);
    return out;
  }
  std::vector<Text> texts_;  // ascending
  size_t at_ = 0;
};

template <typename Point>
void AppendPoints(std::string& out, std::string_view key, const std::vector<Point>& points) {
  if (points.empty()) return;
  out += key;
  for (const Point& point : points) {
    AppendPoint(out, point);
    out += ',';
  }
  out.back() = ']';
}

void AppendFloats(std::string& out, const std::vector<tsdb::Sample>& points, PointBegins& begins) {
  constexpr size_t kBuffer = 4096;
  constexpr size_t kRoomOfPoint = PointBegins::kRoom + base::kMaxJsonFloat + 4;
  if (points.empty()) return;
  out += ",\"values\":[";
  begins.Restart();
  char buffer[kBuffer];
  char* at = buffer;
  for (const tsdb::Sample& point : points) {
    if (at + kRoomOfPoint > buffer + kBuffer) {
      out.append(buffer, at);
      at = buffer;
    }
    at = begins.Write(at, point.t);
    at = base::WriteJsonFloat(at, point.v);
    std::memcpy(at, "\"],", 3);
    at += 3;
  }
  out.append(buffer, at);
  out.back() = ']';
}

size_t BytesOfSeries(const std::vector<query::Series>& all) {
  size_t bytes = all.size() * kBytesPerSeries;
  for (const query::Series& series : all) {
    bytes += series.floats.size() * kBytesPerPoint;
    bytes += series.histograms.size() * kBytesPerHistogram;
  }
  return bytes;
}

void AppendMatrix(std::string& out, const std::vector<query::Series>& matrix) {
  out.reserve(out.size() + BytesOfSeries(matrix));
  PointBegins begins;
  for (const query::Series& series : matrix) {
    out += "{\"metric\":";
    AppendLabels(out, series.labels);
    AppendFloats(out, series.floats, begins);
    AppendPoints(out, ",\"histograms\":[", series.histograms);
    out += "},";
  }
}

void AppendVector(std::string& out, const std::vector<query::Series>& vector) {
  out.reserve(out.size() + vector.size() * (kBytesPerSeries + kBytesPerPoint));
  for (const query::Series& element : vector) {
    out += "{\"metric\":";
    AppendLabels(out, element.labels);
    if (!element.histograms.empty()) {
      out += ",\"histogram\":";
      AppendPoint(out, element.histograms.front());
    } else if (!element.floats.empty()) {
      out += ",\"value\":";
      AppendPoint(out, element.floats.front());
    }
    out += "},";
  }
}

// Elements were written with a comma after each: the last one becomes the end of the array.
void EndArray(std::string& out) {
  if (out.back() == ',') {
    out.back() = ']';
  } else {
    out += ']';
  }
}

// 0 (l,u]  1 [l,u)  2 (l,u)  3 [l,u]
char BoundaryRule(const query::Bucket& bucket) {
  if (bucket.lower_inclusive) return bucket.upper_inclusive ? '3' : '1';
  return bucket.upper_inclusive ? '0' : '2';
}

}  // namespace

void AppendQueryData(std::string& out, const query::QueryResult& result, WithStats stats) {
  out += "{\"resultType\":\"";
  switch (result.type) {
    case query::ValueType::kMatrix:
      out += "matrix\",\"result\":[";
      AppendMatrix(out, result.series);
      EndArray(out);
      break;
    case query::ValueType::kScalar:
      out += "scalar\",\"result\":";
      AppendPoint(out, result.scalar);
      break;
    case query::ValueType::kString:
      out += "string\",\"result\":[";
      AppendTimestamp(out, result.scalar.t);
      out += ',';
      base::AppendJsonString(out, result.string, base::JsonEscapes::kGo);
      out += ']';
      break;
    case query::ValueType::kVector:
    case query::ValueType::kNone:
      out += "vector\",\"result\":[";
      AppendVector(out, result.series);
      EndArray(out);
      break;
  }
  if (stats == WithStats::kYes) {
    out += ",\"stats\":";
    query::AppendStatsJson(out, result.stats);
  }
  out += '}';
}

size_t BytesOfQueryData(const query::QueryResult& result) {
  return BytesOfSeries(result.series) + result.string.size();
}

void AppendExplained(std::string& out, const query::ExplainedNode& node) {
  double below = 0;
  for (const query::ExplainedNode& child : node.children) below += child.seconds;
  base::JsonWriter w(out, base::JsonEscapes::kGo);
  w.BeginObject();
  w.Field("node", node.node);
  w.Field("begin", int64_t(node.position.begin));
  w.Field("end", int64_t(node.position.end));
  w.Field("from", double(node.start) / 1000);
  w.Field("to", double(node.end) / 1000);
  w.Field("step", double(node.step) / 1000);
  w.Field("series", node.series);
  w.Field("points", node.points);
  w.Field("samples", node.samples);
  w.Field("seconds", node.seconds);
  w.Field("selfSeconds", std::max(node.seconds - below, 0.0));
  if (node.omitted > 0) w.Field("omittedNodes", int64_t(node.omitted));
  w.Key("children");
  w.BeginArray();
  for (const query::ExplainedNode& child : node.children) {
    std::string text;
    AppendExplained(text, child);
    w.Raw(text);
  }
  w.EndArray();
  w.EndObject();
}

void AppendLabels(std::string& out, const tsdb::Labels& labels) {
  out += '{';
  bool first = true;
  for (const tsdb::LabelView label : labels) {
    if (!first) out += ',';
    first = false;
    base::AppendJsonString(out, label.name);
    out += ':';
    base::AppendJsonString(out, label.value);
  }
  out += '}';
}

void AppendTimestamp(std::string& out, tsdb::TimestampMs t) {
  if (t < 0) out += '-';
  const uint64_t ms = t < 0 ? -uint64_t(t) : uint64_t(t);
  AppendInt(out, int64_t(ms / 1000));
  const unsigned fraction = unsigned(ms % 1000);
  if (fraction == 0) return;
  out += '.';
  out += char('0' + fraction / 100);
  out += char('0' + fraction / 10 % 10);
  out += char('0' + fraction % 10);
}

void AppendValue(std::string& out, double v) {
  out += '"';
  base::AppendFloat(out, v, base::FloatStyle::kJson);
  out += '"';
}

void AppendHistogram(std::string& out, const tsdb::Histogram& histogram) {
  out += "{\"count\":";
  AppendValue(out, histogram.count);
  out += ",\"sum\":";
  AppendValue(out, histogram.sum);
  std::vector<query::Bucket> buckets;
  query::AllBuckets(histogram, buckets);
  bool any = false;
  for (const query::Bucket& bucket : buckets) {
    if (bucket.count == 0) continue;
    out += any ? ",[" : ",\"buckets\":[[";
    any = true;
    out += BoundaryRule(bucket);
    for (const double v : {bucket.lower, bucket.upper, bucket.count}) {
      out += ',';
      AppendValue(out, v);
    }
    out += ']';
  }
  out += any ? "]}" : "}";
}

void AppendExemplars(std::string& out, const tsdb::Querier::SeriesExemplars& series) {
  out += "{\"seriesLabels\":";
  AppendLabels(out, series.labels);
  out += ",\"exemplars\":[";
  for (const tsdb::Exemplar& exemplar : series.exemplars) {
    out += "{\"labels\":";
    AppendLabels(out, exemplar.labels);
    out += ",\"value\":";
    AppendValue(out, exemplar.value);
    out += ",\"timestamp\":";
    AppendTimestamp(out, exemplar.t);
    out += "},";
  }
  EndArray(out);
  out += '}';
}

}  // namespace slowburn::api
