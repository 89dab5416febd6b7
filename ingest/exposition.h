// ExpositionParser: what a scraped target says, entry by entry, without copying it.
//
//   ASSIGN_OR_RETURN(auto parser, NewExpositionParser(body, content_type, fallback_media_type));
//   ExpositionEntry entry;
//   while (parser->Next(entry)) {
//     if (entry.kind == kSample && !cache.Knows(entry.series))
//       RETURN_IF_ERROR(parser->ParseLabels(entry, labels));
//   }
//   RETURN_IF_ERROR(parser->status());
//
// The text of a series is its identity: the labels inside it are parsed, checked and unescaped only
// when ParseLabels is called, which a scraper does the first time that it sees the text. Who does
// not call it has not checked the series.
//
// Lifetimes: views point into the body, which outlives the parser. Threads: one at a time.
// Errors: kInvalidArgument, "line N: what was wanted, what was found".
#ifndef SLOWBURN_INGEST_EXPOSITION_H_
#define SLOWBURN_INGEST_EXPOSITION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tsdb/labels.h"
#include "tsdb/sample.h"
#include "tsdb/storage.h"

namespace slowburn::ingest {

struct ExpositionEntry {
  enum class Kind : uint8_t { kSample, kType, kHelp, kUnit, kComment };
  Kind kind = Kind::kComment;

  // kSample: the text from the name to the closing brace.
  std::string_view series;
  double value = 0;
  bool has_timestamp = false;
  tsdb::TimestampMs t = 0;
  bool has_exemplar = false;
  std::string_view exemplar_labels;  // {…}, checked, for ParseExemplarLabels
  double exemplar_value = 0;
  bool exemplar_has_timestamp = false;
  tsdb::TimestampMs exemplar_t = 0;

  // kType, kHelp, kUnit: the family; kHelp, kUnit: the text, unescaped.
  std::string_view family;
  std::string_view text;
  tsdb::MetricType type = tsdb::MetricType::kUnknown;
};

// Label pairs and the strings that had to be unescaped for them. Reused from call to call.
struct LabelScratch {
  std::vector<tsdb::LabelView> labels;
  std::deque<std::string> owned;
  void Clear();
};

class ExpositionParser {
 public:
  virtual ~ExpositionParser() = default;
  // False at the end, or when status() is not OK.
  virtual bool Next(ExpositionEntry& out) = 0;
  const absl::Status& status() const { return status_; }

  // The labels of `entry`, the last that Next gave: sorted, unique, with __name__; le and quantile
  // in float form when the family's type asks for it (1 is 1.0, as Prometheus 3 stores it). Views
  // live until the next call with `out`.
  absl::Status ParseLabels(const ExpositionEntry& entry, LabelScratch& out) const;
  absl::Status ParseExemplarLabels(const ExpositionEntry& entry, LabelScratch& out) const;

  // The type that holds for the samples now: equal series text under another type may mean other
  // labels.
  tsdb::MetricType current_type() const { return type_; }
  int line() const { return line_; }  // of the last entry, from 1

 protected:
  // kText allows blanks between tokens and missing commas, as Prometheus' reader of the text format
  // does.
  enum class Dialect : uint8_t { kText, kOpenMetrics };
  ExpositionParser(std::string_view body, Dialect dialect)
      : p_(body.data()), end_(body.data() + body.size()), dialect_(dialect) {}

  // Records the error with the line and a piece of the text from `at` on. Returns false.
  bool Fail(const std::string& what, const char* at);
  // Moves p_ from '{' to after the matching '}', minding quotes. False (and Fail) when there is
  // none.
  bool SkipBraces();
  // p_ at the first byte of a series; afterwards behind it. False (and Fail) when no series is
  // there.
  bool ScanSeries(std::string_view& series);
  // HELP, TYPE and UNIT lines: the name (quotes taken off) behind the keyword.
  bool ScanFamily(std::string_view& family);
  // The token up to a blank or the end of the line, as a number.
  bool ScanFloat(const char* what, double& out);
  std::string_view Unescaped(std::string_view text, bool quotes);

  const char* p_;
  const char* const end_;
  const Dialect dialect_;
  tsdb::MetricType type_ = tsdb::MetricType::kUnknown;
  int line_ = 1;       // of the entry being read
  int next_line_ = 1;  // of p_
  absl::Status status_;
  std::string unescaped_;

 private:
  absl::Status LineError(const std::string& what) const;
  absl::Status ParseSeriesText(std::string_view text, bool exemplar, LabelScratch& out) const;
};

// Picks the parser by the Content-Type, as Prometheus 3: a blank or unknown one needs
// `fallback_media_type` (kInvalidArgument without). kUnimplemented: protobuf.
absl::StatusOr<std::unique_ptr<ExpositionParser>> NewExpositionParser(
    std::string_view body, std::string_view content_type, std::string_view fallback_media_type);

// Text of a float as OpenMetrics writes it in le and quantile: 1 is "1.0", 1e6 is "1e+06", infinity
// "+Inf".
std::string OpenMetricsFloat(double value);

}  // namespace slowburn::ingest

#endif  // SLOWBURN_INGEST_EXPOSITION_H_
