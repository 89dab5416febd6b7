#include "ingest/exposition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "ingest/label_check.h"
#include "ingest/openmetrics_parser.h"
#include "ingest/text_parser.h"

namespace slowburn::ingest {
namespace {

constexpr size_t kShownBytes = 80;  // of the faulty text in an error

bool IsBlank(char c) { return c == ' ' || c == '\t'; }
bool IsNameStart(char c) {
  return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_' || c == ':';
}
bool IsNameChar(char c) { return IsNameStart(c) || (c >= '0' && c <= '9'); }
bool IsLabelStart(char c) { return IsNameStart(c) && c != ':'; }
bool IsLabelChar(char c) { return IsNameChar(c) && c != ':'; }

std::string Quoted(std::string_view text) {
  std::string out;
  base::AppendJsonString(out, Shorten(text, kShownBytes));
  return out;
}

// \\ and \n, and \" where `quotes`; any other backslash stays.
void AppendUnescaped(std::string& out, std::string_view text, bool quotes) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      const char next = text[i + 1];
      if (next == '\\' || next == 'n' || (quotes && next == '"')) {
        out += next == 'n' ? '\n' : next;
        ++i;
        continue;
      }
    }
    out += text[i];
  }
}

std::string_view UnescapedInto(LabelScratch& scratch, std::string_view text) {
  if (text.find('\\') == std::string_view::npos) return text;
  std::string& copy = scratch.owned.emplace_back();
  AppendUnescaped(copy, text, true);
  return copy;
}

// Reads the inside of one series text. Blanks between tokens only where `blanks`.
struct Cursor {
  const char* p;
  const char* end;
  bool blanks;

  bool done() const { return p == end; }
  void Skip() {
    while (blanks && p < end && IsBlank(*p)) ++p;
  }
  bool Take(char c) {
    if (p == end || *p != c) return false;
    ++p;
    return true;
  }
  bool At(char c) const { return p < end && *p == c; }
  std::string_view Rest() const { return {p, static_cast<size_t>(end - p)}; }
  // A quoted string, without its quotes and still escaped.
  bool TakeQuoted(std::string_view& out) {
    if (!Take('"')) return false;
    const char* begin = p;
    while (p < end && *p != '"') p += (*p == '\\' && p + 1 < end) ? 2 : 1;
    if (p == end) return false;
    out = {begin, static_cast<size_t>(p - begin)};
    ++p;
    return true;
  }
};

bool NormalizedLabel(tsdb::MetricType type, std::string_view name) {
  return (type == tsdb::MetricType::kHistogram && name == "le") ||
         (type == tsdb::MetricType::kSummary && name == "quantile");
}

}  // namespace

void LabelScratch::Clear() {
  labels.clear();
  owned.clear();
}

std::string OpenMetricsFloat(double value) {
  if (value == 0) return "0.0";  // of -0 as well
  std::string out = base::FormatFloat(value, base::FloatStyle::kGeneral);
  if (std::isfinite(value) && out.find_first_of("e.") == std::string::npos) out += ".0";
  return out;
}

bool ExpositionParser::Fail(const std::string& what, const char* at) {
  if (!status_.ok()) return false;
  const char* stop =
      static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end_ - at)));
  const std::string_view shown(at, static_cast<size_t>((stop == nullptr ? end_ : stop) - at));
  status_ = LineError(
      absl::StrCat(what, ", got ", shown.empty() ? "the end of the line" : Quoted(shown)));
  return false;
}

absl::Status ExpositionParser::LineError(const std::string& what) const {
  return absl::InvalidArgumentError(absl::StrCat("line ", line_, ": ", what));
}

bool ExpositionParser::SkipBraces() {
  const char* const open = p_;
  ++p_;
  while (p_ < end_) {
    const char c = *p_++;
    if (c == '}') return true;
    if (c == '\n') break;
    if (c != '"') continue;
    while (p_ < end_ && *p_ != '"') {
      if (*p_ == '\n') ++next_line_;
      if (*p_ == '\\' && p_ + 1 < end_) {
        ++p_;
        if (*p_ == '\n') ++next_line_;
      }
      ++p_;
    }
    if (p_ == end_) break;
    ++p_;
  }
  return Fail("labels without a closing brace or quote", open);
}

bool ExpositionParser::ScanSeries(std::string_view& series) {
  const char* const begin = p_;
  if (*p_ == '{') {
    if (!SkipBraces()) return false;
  } else {
    if (!IsNameStart(*p_)) return Fail("expected a metric name", p_);
    while (p_ < end_ && IsNameChar(*p_)) ++p_;
    const char* const name_end = p_;
    while (dialect_ == Dialect::kText && p_ < end_ && IsBlank(*p_)) ++p_;
    if (p_ < end_ && *p_ == '{') {
      if (!SkipBraces()) return false;
    } else {
      p_ = name_end;
    }
  }
  series = {begin, static_cast<size_t>(p_ - begin)};
  return true;
}

bool ExpositionParser::ScanFamily(std::string_view& family) {
  Cursor cursor{p_, end_, false};
  if (cursor.TakeQuoted(family)) {
    p_ = cursor.p;
    return true;
  }
  const char* const begin = p_;
  if (p_ == end_ || !IsNameStart(*p_)) return Fail("expected a metric name in the metadata", p_);
  while (p_ < end_ && IsNameChar(*p_)) ++p_;
  family = {begin, static_cast<size_t>(p_ - begin)};
  return true;
}

bool ExpositionParser::ScanFloat(const char* what, double& out) {
  const char* const begin = p_;
  while (p_ < end_ && !IsBlank(*p_) && *p_ != '\n') ++p_;
  if (p_ == begin) return Fail(absl::StrCat("expected ", what), begin);
  // The usual number first; the rest (signs, NaN, Inf) through the exact reader of Go's grammar.
  const auto [stop, error] = std::from_chars(begin, p_, out);
  const bool plain =
      error == std::errc() && stop == p_ && (*begin == '-' ? begin[1] : *begin) <= '9';
  if (!plain) {
    const std::string_view text(begin, static_cast<size_t>(p_ - begin));
    if (text.find_first_of("pP_") != std::string_view::npos || !base::ParseFloat(text, out) ||
        (std::isinf(out) && text.find_first_of("iI") == std::string_view::npos)) {
      return Fail(absl::StrCat("expected ", what, " (a decimal number, NaN or Inf)"), begin);
    }
  }
  if (std::isnan(out)) out = std::bit_cast<double>(tsdb::kNormalNaNBits);
  return true;
}

std::string_view ExpositionParser::Unescaped(std::string_view text, bool quotes) {
  if (text.find('\\') == std::string_view::npos) return text;
  unescaped_.clear();
  AppendUnescaped(unescaped_, text, quotes);
  return unescaped_;
}

absl::Status ExpositionParser::ParseLabels(const ExpositionEntry& entry, LabelScratch& out) const {
  return ParseSeriesText(entry.series, false, out);
}

absl::Status ExpositionParser::ParseExemplarLabels(const ExpositionEntry& entry,
                                                   LabelScratch& out) const {
  return ParseSeriesText(entry.exemplar_labels, true, out);
}

absl::Status ExpositionParser::ParseSeriesText(std::string_view text, bool exemplar,
                                               LabelScratch& out) const {
  out.Clear();
  Cursor c{text.data(), text.data() + text.size(), dialect_ == Dialect::kText};
  const auto wanted = [&](const char* what) {
    return LineError(
        absl::StrCat("expected ", what, ", got ", c.done() ? "the end" : Quoted(c.Rest())));
  };
  bool has_name = exemplar;
  if (!exemplar && !c.done() && IsNameStart(*c.p)) {
    const char* const begin = c.p;
    while (!c.done() && IsNameChar(*c.p)) ++c.p;
    out.labels.push_back({tsdb::kMetricName, {begin, static_cast<size_t>(c.p - begin)}});
    has_name = true;
  }
  c.Skip();
  if (!c.done() && !c.Take('{')) return wanted("a brace");
  for (bool open = !text.empty() && text.back() == '}'; open;) {
    c.Skip();
    if (c.Take('}')) break;
    std::string_view name, value;
    bool quoted = false;
    if (c.At('"')) {
      quoted = c.TakeQuoted(name);
      if (!quoted) return wanted("a closing quote");
    } else if (!c.done() && IsLabelStart(*c.p)) {
      const char* const begin = c.p;
      while (!c.done() && IsLabelChar(*c.p)) ++c.p;
      name = {begin, static_cast<size_t>(c.p - begin)};
    } else {
      return wanted("a label name");
    }
    c.Skip();
    if (quoted && !exemplar && (c.At(',') || c.At('}'))) {
      if (has_name)
        return LineError(absl::StrCat("metric name already set, got ", Quoted(name), " as well"));
      out.labels.push_back({tsdb::kMetricName, UnescapedInto(out, name)});
      has_name = true;
      c.Take(',');
      continue;
    }
    if (!c.Take('=')) return wanted("= behind the label name");
    c.Skip();
    if (!c.TakeQuoted(value)) return wanted("a quoted label value");
    name = UnescapedInto(out, name);
    value = UnescapedInto(out, value);
    if (!exemplar && NormalizedLabel(type_, name)) {
      double number = 0;
      if (base::ParseFloat(value, number)) value = out.owned.emplace_back(OpenMetricsFloat(number));
    }
    out.labels.push_back({name, value});
    c.Skip();
    if (!c.Take(',') && dialect_ == Dialect::kOpenMetrics && !c.At('}')) {
      return wanted("a comma or a closing brace");
    }
  }
  if (!c.done()) return wanted("the end of the series");
  if (!has_name) return LineError(absl::StrCat("metric name not set in ", Quoted(text)));
  if (!exemplar) {
    if (const absl::Status valid = NormalizeSeriesLabels(out.labels); !valid.ok()) {
      return LineError(std::string(valid.message()));
    }
    return absl::OkStatus();
  }
  for (const tsdb::LabelView& label : out.labels) {
    if (label.name.empty() || !tsdb::IsValidUtf8(label.name) || !tsdb::IsValidUtf8(label.value)) {
      return LineError(
          absl::StrCat("exemplar label that is empty or not valid UTF-8 in ", Quoted(text)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ExpositionParser>> NewExpositionParser(
    std::string_view body, std::string_view content_type, std::string_view fallback_media_type) {
  std::string media(content_type.substr(0, content_type.find(';')));
  absl::StripAsciiWhitespace(&media);
  absl::AsciiStrToLower(&media);
  const std::string received = media;
  const auto known = [](std::string_view type) {
    return type == "application/openmetrics-text" || type == "text/plain" ||
           type == "application/vnd.google.protobuf";
  };
  if (!known(media)) media = fallback_media_type;
  if (media == "application/openmetrics-text") return NewOpenMetricsParser(body);
  if (media == "text/plain") return NewTextParser(body);
  if (known(media)) {
    return absl::UnimplementedError(
        "the target answered in the protobuf exposition format, which is not supported: "
        "leave PrometheusProto out of scrape_protocols");
  }
  if (received.empty()) {
    return absl::InvalidArgumentError(
        "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol "
        "specified for target");
  }
  return absl::InvalidArgumentError(
      absl::StrCat("received unsupported Content-Type ", Quoted(content_type),
                   " and no fallback_scrape_protocol specified for target"));
}

}  // namespace slowburn::ingest
