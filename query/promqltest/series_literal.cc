#include "query/promqltest/series_literal.h"

#include <string>
#include <utility>

#include "query/histogram/arithmetic.h"
#include "query/parser/quote.h"
#include "query/promqltest/histogram_literal.h"
#include "query/promqltest/literal_cursor.h"

namespace slowburn::query {
namespace {

class SeriesParser {
 public:
  explicit SeriesParser(std::string_view text) : cursor_(text) {}

  bool LabelSet(tsdb::Labels& labels) {
    std::vector<std::pair<std::string, std::string>> pairs;
    const std::string_view name = cursor_.Word(/*colons=*/true);
    if (!name.empty()) pairs.emplace_back(tsdb::kMetricName, name);
    if (cursor_.Accept('{')) {
      if (!LabelsInBraces(pairs)) return false;
    } else if (name.empty()) {
      return cursor_.Fail("expected a metric");
    }
    labels = tsdb::Labels::FromPairs(std::move(pairs));
    return true;
  }

  bool Values(std::vector<SequenceValue>& values) {
    while (!cursor_.AtEnd()) {
      if (!cursor_.SkipSpaces()) return cursor_.Fail("expected a space between values");
      if (cursor_.AtEnd()) return true;
      if (!Item(values)) return false;
    }
    return true;
  }

  bool ExpectEnd() {
    cursor_.SkipSpaces();
    return cursor_.AtEnd() || cursor_.Fail("expected the end of the metric");
  }

  const absl::Status& status() const { return cursor_.status(); }

 private:
  // After "{": name="value", "quoted"="value" or "metric name", separated by commas, one more at
  // the end.
  bool LabelsInBraces(std::vector<std::pair<std::string, std::string>>& pairs) {
    for (;;) {
      cursor_.SkipSpaces();
      if (cursor_.Accept('}')) return true;
      std::string name(cursor_.Word(/*colons=*/false));
      const bool quoted = name.empty();
      if (quoted && !cursor_.QuotedString(name)) return false;
      cursor_.SkipSpaces();
      if (quoted && cursor_.Peek() != '=') {
        pairs.emplace_back(tsdb::kMetricName, name);
      } else {
        std::string value;
        if (!cursor_.Expect('=')) return false;
        cursor_.SkipSpaces();
        if (!cursor_.QuotedString(value)) return false;
        pairs.emplace_back(std::move(name), std::move(value));
        cursor_.SkipSpaces();
      }
      if (cursor_.Accept('}')) return true;
      if (!cursor_.Expect(',')) return false;
    }
  }

  bool Item(std::vector<SequenceValue>& values) {
    if (cursor_.Peek() == '{') return HistogramItem(values);
    uint64_t times = 0;
    if (cursor_.Accept('_')) {
      if (!cursor_.Accept('x')) {
        values.push_back({.omitted = true});
        return true;
      }
      return Repetition(values, times) && Repeat(values, {.omitted = true}, times);
    }
    SequenceValue item;
    if (cursor_.Accept("stale")) {
      item.value = tsdb::StaleNaN();
    } else if (!cursor_.SignedNumber(item.value)) {
      return false;
    }
    double step = 0;
    if (cursor_.Peek() == '+' || cursor_.Peek() == '-') {
      if (!cursor_.SignedNumber(step)) return false;
      if (cursor_.Peek() != 'x') return cursor_.Expect('x');
    }
    if (!cursor_.Accept('x')) {
      values.push_back(item);
      return true;
    }
    if (!Repetition(values, times)) return false;
    for (uint64_t i = 0; i <= times; ++i) {
      values.push_back(item);
      item.value += step;
    }
    return true;
  }

  bool HistogramItem(std::vector<SequenceValue>& values) {
    HistogramLiteral base;
    if (!ParseHistogramLiteral(cursor_, base)) return false;
    const char sign = cursor_.Peek();
    if (sign == '+' || sign == '-') {
      cursor_.Accept(sign);
      return HistogramSteps(values, std::move(base.histogram), sign == '-');
    }
    SequenceValue item;
    item.histogram = std::make_shared<const tsdb::Histogram>(std::move(base.histogram));
    item.reset_hint_written = base.reset_hint_written;
    if (!cursor_.Accept('x')) {
      values.push_back(std::move(item));
      return true;
    }
    uint64_t times = 0;
    return Repetition(values, times) && Repeat(values, item, times + 1);
  }

  // After H+ or H-: the step and its repetition.
  bool HistogramSteps(std::vector<SequenceValue>& values, tsdb::Histogram current, bool subtract) {
    HistogramLiteral step;
    uint64_t times = 0;
    if (!ParseHistogramLiteral(cursor_, step) || !cursor_.Expect('x') ||
        !Repetition(values, times)) {
      return false;
    }
    for (uint64_t i = 0; i <= times; ++i) {
      if (i > 0) {
        if (current.schema > step.histogram.schema) {
          return cursor_.Fail("error combining histograms: cannot merge from schema " +
                              std::to_string(step.histogram.schema) + " to " +
                              std::to_string(current.schema));
        }
        const CombineResult combined =
            subtract ? Subtract(current, step.histogram) : Add(current, step.histogram);
        if (!combined.compatible) {
          return cursor_.Fail("error combining histograms: one has custom buckets, one has not");
        }
      }
      SequenceValue item;
      item.histogram = std::make_shared<const tsdb::Histogram>(current);
      item.reset_hint_written = step.reset_hint_written;
      values.push_back(std::move(item));
    }
    return true;
  }

  // The number after x.
  bool Repetition(const std::vector<SequenceValue>& values, uint64_t& times) {
    if (!cursor_.Count(times)) return false;
    if (times < kMaxSequenceValues - values.size()) return true;
    return cursor_.Fail("the series has more than " + std::to_string(kMaxSequenceValues) +
                        " values");
  }

  static bool Repeat(std::vector<SequenceValue>& values, const SequenceValue& item,
                     uint64_t times) {
    values.insert(values.end(), times, item);
    return true;
  }

  LiteralCursor cursor_;
};

}  // namespace

absl::StatusOr<SeriesLiteral> ParseSeriesLiteral(std::string_view text) {
  SeriesParser parser(text);
  SeriesLiteral out;
  if (!parser.LabelSet(out.labels) || !parser.Values(out.values)) return parser.status();
  return out;
}

absl::StatusOr<tsdb::Labels> ParseLabelsLiteral(std::string_view text) {
  SeriesParser parser(text);
  tsdb::Labels labels;
  if (!parser.LabelSet(labels) || !parser.ExpectEnd()) return parser.status();
  return labels;
}

}  // namespace slowburn::query
