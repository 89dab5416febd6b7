#include "query/promqltest/histogram_literal.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "query/parser/quote.h"

namespace slowburn::query {
namespace {

class HistogramParser {
 public:
  HistogramParser(LiteralCursor& cursor, HistogramLiteral& out) : cursor_(cursor), out_(out) {}

  bool Parse() {
    if (!cursor_.Accept("{{")) return cursor_.Fail("expected \"{{\"");
    for (;;) {
      cursor_.SkipSpaces();
      if (cursor_.Accept("}}")) break;
      if (!Field()) return false;
    }
    tsdb::Histogram& h = out_.histogram;
    AddSpan(h.positive_spans, offset_, h.positive_buckets.size());
    AddSpan(h.negative_spans, negative_offset_, h.negative_buckets.size());
    return true;
  }

 private:
  bool Field() {
    std::string key(cursor_.Letters());
    std::transform(key.begin(), key.end(), key.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    if (key.empty()) return cursor_.Fail("expected a histogram key, e.g. buckets:[5 10 7]");
    if (!seen_.insert(key).second) {
      return cursor_.Fail("duplicate key " + GoQuote(key) + " in histogram");
    }
    if (!cursor_.Expect(':')) return false;
    tsdb::Histogram& h = out_.histogram;
    if (key == "schema") return Schema();
    if (key == "sum") return cursor_.SignedNumber(h.sum);
    if (key == "count") return cursor_.SignedNumber(h.count);
    if (key == "z_bucket") return cursor_.SignedNumber(h.zero_count);
    if (key == "z_bucket_w") return cursor_.Number(h.zero_threshold);
    if (key == "custom_values") return Numbers(h.custom_values);
    if (key == "buckets") return Numbers(h.positive_buckets);
    if (key == "n_buckets") return Numbers(h.negative_buckets);
    if (key == "offset") return Offset(offset_);
    if (key == "n_offset") return Offset(negative_offset_);
    if (key == "counter_reset_hint") return ResetHint();
    return cursor_.Fail("bad histogram descriptor found: " + GoQuote(key));
  }

  bool Schema() {
    int64_t schema = 0;
    if (!cursor_.Integer(schema)) return false;
    out_.histogram.schema = int32_t(schema);
    return true;
  }

  bool Offset(int32_t& offset) {
    int64_t value = 0;
    if (!cursor_.Integer(value)) return false;
    if (value != int32_t(value)) return cursor_.Fail("the offset is too large");
    offset = int32_t(value);
    return true;
  }

  bool Numbers(std::vector<double>& numbers) {
    if (!cursor_.Expect('[')) return false;
    for (;;) {
      cursor_.SkipSpaces();
      if (cursor_.Accept(']')) return true;
      double value = 0;
      if (!cursor_.SignedNumber(value)) return false;
      numbers.push_back(value);
    }
  }

  bool ResetHint() {
    using Hint = tsdb::Histogram::ResetHint;
    const std::string_view word = cursor_.Letters();
    out_.reset_hint_written = true;
    Hint& hint = out_.histogram.reset_hint;
    if (word == "unknown") {
      hint = Hint::kUnknown;
    } else if (word == "reset") {
      hint = Hint::kReset;
    } else if (word == "not_reset") {
      hint = Hint::kNotReset;
    } else if (word == "gauge") {
      hint = Hint::kGauge;
    } else {
      return cursor_.Fail("counter_reset_hint is " + GoQuote(word) +
                          ", want unknown, reset, not_reset or gauge");
    }
    return true;
  }

  static void AddSpan(std::vector<tsdb::HistogramSpan>& spans, int32_t offset, size_t length) {
    if (length > 0) spans.push_back({offset, uint32_t(length)});
  }

  LiteralCursor& cursor_;
  HistogramLiteral& out_;
  std::set<std::string> seen_;
  int32_t offset_ = 0, negative_offset_ = 0;
};

}  // namespace

bool ParseHistogramLiteral(LiteralCursor& cursor, HistogramLiteral& out) {
  return HistogramParser(cursor, out).Parse();
}

}  // namespace slowburn::query
