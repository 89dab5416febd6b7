#include "ingest/openmetrics_parser.h"

#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace slowburn::ingest {
namespace {

using tsdb::MetricType;
using Kind = ExpositionEntry::Kind;

constexpr std::array<std::pair<std::string_view, MetricType>, 8> kTypes = {{
    {"counter", MetricType::kCounter},
    {"gauge", MetricType::kGauge},
    {"histogram", MetricType::kHistogram},
    {"gaugehistogram", MetricType::kGaugeHistogram},
    {"summary", MetricType::kSummary},
    {"info", MetricType::kInfo},
    {"stateset", MetricType::kStateset},
    {"unknown", MetricType::kUnknown},
}};

constexpr double kMaxSeconds = 9.2e15;  // times 1000 still fits 64 bits

class OpenMetricsParser final : public ExpositionParser {
 public:
  explicit OpenMetricsParser(std::string_view body)
      : ExpositionParser(body, Dialect::kOpenMetrics) {}

  bool Next(ExpositionEntry& out) override {
    if (!status_.ok() || ended_) return false;
    line_ = next_line_;
    if (p_ == end_) return NoEof();
    out = {};
    return *p_ == '#' ? Metadata(out) : Sample(out);
  }

 private:
  bool NoEof() { return Fail("data does not end with # EOF", p_); }

  bool Take(std::string_view text) {
    if (static_cast<size_t>(end_ - p_) < text.size() ||
        std::memcmp(p_, text.data(), text.size()) != 0) {
      return false;
    }
    p_ += text.size();
    return true;
  }

  bool Metadata(ExpositionEntry& out) {
    const char* const begin = p_;
    if (Take("# EOF")) {
      Take("\n");
      if (p_ != end_) return Fail("unexpected data after # EOF", p_);
      ended_ = true;
      return false;
    }
    if (Take("# HELP "))
      out.kind = Kind::kHelp;
    else if (Take("# TYPE "))
      out.kind = Kind::kType;
    else if (Take("# UNIT "))
      out.kind = Kind::kUnit;
    else
      return Fail("expected # HELP, # TYPE, # UNIT or # EOF (OpenMetrics has no other comments)",
                  begin);
    if (!ScanFamily(out.family)) return false;
    const char* const text_begin = p_;
    if (!Take(" ")) return Fail("expected a blank and a text behind the name", p_);
    const void* stop = std::memchr(p_, '\n', static_cast<size_t>(end_ - p_));
    if (stop == nullptr) {
      p_ = end_;
      return NoEof();
    }
    const std::string_view text(p_, static_cast<size_t>(static_cast<const char*>(stop) - p_));
    p_ = static_cast<const char*>(stop) + 1;
    ++next_line_;
    switch (out.kind) {
      case Kind::kType:
        return Type(text, text_begin, out);
      case Kind::kUnit:
        return Unit(text, text_begin, out);
      default:
        break;
    }
    if (!tsdb::IsValidUtf8(text)) return Fail("help text is not valid UTF-8", text_begin);
    out.text = Unescaped(text, true);
    return true;
  }

  bool Type(std::string_view text, const char* at, ExpositionEntry& out) {
    for (const auto& [name, type] : kTypes) {
      if (text != name) continue;
      type_ = out.type = type;
      return true;
    }
    return Fail(
        "expected counter, gauge, histogram, gaugehistogram, summary, info, stateset or unknown as "
        "the "
        "metric's type",
        at);
  }

  bool Unit(std::string_view unit, const char* at, ExpositionEntry& out) {
    out.text = unit;
    const bool suffix = out.family.size() > unit.size() && out.family.ends_with(unit) &&
                        out.family[out.family.size() - unit.size() - 1] == '_';
    if (unit.empty() || suffix) return true;
    return Fail(absl::StrCat("expected a unit that is a suffix of metric \"",
                             std::string(out.family), "\""),
                at);
  }

  bool Sample(ExpositionEntry& out) {
    out.kind = Kind::kSample;
    if (!ScanSeries(out.series)) return false;
    if (!Take(" ")) return Fail("expected a blank and a value behind the series", p_);
    if (!ScanFloat("a value behind the series", out.value)) return false;
    if (p_ + 1 < end_ && *p_ == ' ' && p_[1] != '#') {
      ++p_;
      if (!Timestamp(out.t)) return false;
      out.has_timestamp = true;
    }
    if (Take(" # ")) return Exemplar(out);
    return EndLine("expected a timestamp, an exemplar or the end of the line");
  }

  bool Exemplar(ExpositionEntry& out) {
    const char* const begin = p_;
    if (p_ == end_ || *p_ != '{') return Fail("expected the labels of an exemplar", p_);
    if (!SkipBraces()) return false;
    out.exemplar_labels = {begin, static_cast<size_t>(p_ - begin)};
    if (!Take(" ")) return Fail("expected a blank and the exemplar's value", p_);
    if (!ScanFloat("a value behind the exemplar's labels", out.exemplar_value)) return false;
    out.has_exemplar = true;
    if (Take(" ")) {
      if (!Timestamp(out.exemplar_t)) return false;
      out.exemplar_has_timestamp = true;
    }
    return EndLine("expected the end of the line behind the exemplar");
  }

  bool Timestamp(tsdb::TimestampMs& out) {
    const char* const begin = p_;
    double seconds = 0;
    if (!ScanFloat("a timestamp in seconds", seconds)) return false;
    if (!(std::fabs(seconds) <= kMaxSeconds)) return Fail("invalid timestamp", begin);
    out = static_cast<tsdb::TimestampMs>(seconds * 1000);
    return true;
  }

  bool EndLine(const char* wanted) {
    if (p_ == end_) return NoEof();
    if (!Take("\n")) return Fail(wanted, p_);
    ++next_line_;
    return true;
  }

  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ExpositionParser> NewOpenMetricsParser(std::string_view body) {
  return std::make_unique<OpenMetricsParser>(body);
}

}  // namespace slowburn::ingest
