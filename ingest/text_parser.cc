#include "ingest/text_parser.h"

#include <charconv>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace slowburn::ingest {
namespace {

using tsdb::MetricType;
using Kind = ExpositionEntry::Kind;

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

bool TypeOf(std::string_view name, MetricType& out) {
  if (name == "counter")
    out = MetricType::kCounter;
  else if (name == "gauge")
    out = MetricType::kGauge;
  else if (name == "histogram")
    out = MetricType::kHistogram;
  else if (name == "summary")
    out = MetricType::kSummary;
  else if (name == "untyped")
    out = MetricType::kUnknown;
  else
    return false;
  return true;
}

class TextParser final : public ExpositionParser {
 public:
  explicit TextParser(std::string_view body) : ExpositionParser(body, Dialect::kText) {}

  bool Next(ExpositionEntry& out) override {
    if (!status_.ok()) return false;
    SkipBlankLines();
    if (p_ == end_) return false;
    line_ = next_line_;
    out = {};
    if (*p_ == '#') return Comment(out);
    return Sample(out);
  }

 private:
  void SkipBlanks() {
    while (p_ < end_ && IsBlank(*p_)) ++p_;
  }

  void SkipBlankLines() {
    for (SkipBlanks(); p_ < end_ && *p_ == '\n'; SkipBlanks()) {
      ++p_;
      ++next_line_;
    }
  }

  std::string_view RestOfLine() {
    const char* const begin = p_;
    const void* stop = std::memchr(p_, '\n', static_cast<size_t>(end_ - p_));
    p_ = stop == nullptr ? end_ : static_cast<const char*>(stop);
    return {begin, static_cast<size_t>(p_ - begin)};
  }

  bool EndLine(const char* wanted) {
    SkipBlanks();
    if (p_ == end_) return true;
    if (*p_ != '\n') return Fail(wanted, p_);
    ++p_;
    ++next_line_;
    return true;
  }

  // Behind '#' and blanks: the keyword and at least one blank.
  bool TakeKeyword(std::string_view keyword) {
    const std::string_view rest(p_, static_cast<size_t>(end_ - p_));
    if (rest.size() <= keyword.size() || rest.substr(0, keyword.size()) != keyword ||
        !IsBlank(rest[keyword.size()])) {
      return false;
    }
    p_ += keyword.size();
    SkipBlanks();
    return true;
  }

  bool Comment(ExpositionEntry& out) {
    ++p_;
    const bool blank = p_ < end_ && IsBlank(*p_);
    SkipBlanks();
    if (blank && TakeKeyword("HELP")) {
      out.kind = Kind::kHelp;
    } else if (blank && TakeKeyword("TYPE")) {
      out.kind = Kind::kType;
    } else {
      out.text = RestOfLine();
      return EndLine("expected the end of the comment");
    }
    if (!ScanFamily(out.family)) return false;
    const char* const text_begin = p_;
    std::string_view text = RestOfLine();
    if (!text.empty()) text.remove_prefix(1);
    if (out.kind == Kind::kType) {
      if (!TypeOf(text, type_)) {
        return Fail("expected counter, gauge, histogram, summary or untyped as the metric's type",
                    text_begin);
      }
      out.type = type_;
    } else {
      if (!tsdb::IsValidUtf8(text)) return Fail("help text is not valid UTF-8", text_begin);
      out.text = Unescaped(text, false);
    }
    return EndLine("expected the end of the line");
  }

  bool Sample(ExpositionEntry& out) {
    out.kind = Kind::kSample;
    if (!ScanSeries(out.series)) return false;
    SkipBlanks();
    if (!ScanFloat("a value behind the series", out.value)) return false;
    SkipBlanks();
    if (p_ < end_ && *p_ >= '0' && *p_ <= '9') {
      const auto [stop, error] = std::from_chars(p_, end_, out.t);
      if (error != std::errc())
        return Fail("expected a timestamp in milliseconds that fits 64 bits", p_);
      p_ = stop;
      out.has_timestamp = true;
      return EndLine("expected the end of the line behind the timestamp");
    }
    return EndLine("expected a timestamp or the end of the line");
  }
};

}  // namespace

std::unique_ptr<ExpositionParser> NewTextParser(std::string_view body) {
  return std::make_unique<TextParser>(body);
}

}  // namespace slowburn::ingest
