// MetricExposition: samples of many series as one exposition that Prometheus scrapes, in the text
// formats 0.0.4 and 1.0.0 or in delimited protobuf. What /federate answers.
//
//   MetricExposition out(NegotiateExposition(accept));
//   out.Add(labels, {.t = t, .v = 1});          // sorted by metric name
//   response.content_type = out.content_type(); response.body = std::move(out).Finish();
//
// Families have no type (untyped), but for histograms. Exponential native histograms go into
// protobuf only; those with custom bounds become classic ones. Not thread-safe.
#ifndef SLOWBURN_API_METRIC_EXPOSITION_H_
#define SLOWBURN_API_METRIC_EXPOSITION_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tsdb/histogram.h"
#include "tsdb/labels.h"
#include "tsdb/sample.h"

namespace slowburn::api {

// How names that are no legacy names are written.
enum class NameEscaping : uint8_t { kAllowUtf8, kUnderscores, kDots, kValues };
std::string EscapeName(std::string_view name, NameEscaping escaping);

struct ExpositionFormat {
  enum class Kind : uint8_t { kText004, kText100, kProtoDelimited } kind = Kind::kText004;
  NameEscaping escaping = NameEscaping::kUnderscores;
};
// From an Accept header. What is not offered is answered in text 0.0.4.
ExpositionFormat NegotiateExposition(std::string_view accept);
std::string ContentTypeOf(const ExpositionFormat& format);

class MetricExposition {
 public:
  struct Point {
    tsdb::TimestampMs t = 0;
    double v = 0;
    tsdb::HistogramPtr h;  // null: a float
  };
  using LabelPairs = std::vector<std::pair<std::string, std::string>>;

  explicit MetricExposition(ExpositionFormat format) : format_(format) {}

  // Families must come in one piece: a name that comes again begins a new one. False: the format
  // has no words for this point, and it was left out.
  bool Add(std::string_view name, const LabelPairs& labels, const Point& point);
  std::string Finish() &&;

 private:
  enum class Type : uint8_t { kUntyped, kHistogram, kGaugeHistogram };
  void BeginFamily(std::string_view name, Type type);
  void EndFamily();
  void AddText(const LabelPairs& labels, const Point& point);
  void AddClassicText(const LabelPairs& labels, const Point& point);
  void AddProto(const LabelPairs& labels, const Point& point);
  void Line(std::string_view suffix, const LabelPairs& labels, std::string_view le, double v,
            tsdb::TimestampMs t);

  const ExpositionFormat format_;
  bool in_family_ = false;
  std::string name_;  // of the family, as given
  Type type_ = Type::kUntyped;
  std::string escaped_;  // as written
  std::string family_;   // protobuf: the family so far
  std::string out_;
};

}  // namespace slowburn::api

#endif  // SLOWBURN_API_METRIC_EXPOSITION_H_
