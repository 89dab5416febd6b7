#include "rules/template/prometheus_functions.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/number.h"
#include "base/regex.h"
#include "base/status_macros.h"
#include "base/url.h"
#include "query/histogram/buckets.h"
#include "rules/template/builtins.h"
#include "rules/template/format.h"
#include "rules/template/humanize.h"
#include "rules/template/time_value.h"

namespace slowburn::rules {
namespace {

using Kind = TemplateValue::Kind;
using Result = absl::StatusOr<TemplateValue>;

absl::Status Bad(std::string message) { return absl::InvalidArgumentError(std::move(message)); }

absl::StatusOr<double> ToFloat(const TemplateValue& v) {
  if (IsDurationValue(v)) return static_cast<double>(v.int_value()) / 1e9;
  switch (v.kind()) {
    case Kind::kFloat:
      return v.float_value();
    case Kind::kInt:
      return static_cast<double>(v.int_value());
    case Kind::kString: {
      double out = 0;
      if (base::ParseFloat(v.string_value(), out)) return out;
      return Bad(absl::StrCat("strconv.ParseFloat: parsing ", QuoteGo(v.string_value()),
                              ": invalid syntax"));
    }
    default:
      return Bad(absl::StrCat("can't convert ", v.TypeName(), " to float"));
  }
}

TemplateFunction OfFloat(std::string (*convert)(double)) {
  return {"a", [convert](TemplateArgs a) -> Result {
            ASSIGN_OR_RETURN(const double v, ToFloat(a[0]));
            return TemplateValue::String(convert(v));
          }};
}

TemplateFunction OfString(std::string (*convert)(std::string_view)) {
  return {"s", [convert](TemplateArgs a) -> Result {
            return TemplateValue::String(convert(a[0].string_value()));
          }};
}

// Host and port of "host:port" and "[v6]:port"; nullopt for everything else, as Go's
// net.SplitHostPort.
std::optional<std::pair<std::string_view, std::string_view>> SplitHostPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (!text.empty() && text[0] == '[') {
    const size_t close = text.find(']');
    if (close == std::string_view::npos || close + 1 != colon) return std::nullopt;
    host = text.substr(1, close - 1);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  if (host.find_first_of("[]") != std::string_view::npos ||
      port.find_first_of("[]") != std::string_view::npos) {
    return std::nullopt;
  }
  return std::pair(host, port);
}

bool IsIpV4(std::string_view text) {
  for (int part = 0; part < 4; ++part) {
    unsigned n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    const auto length = static_cast<size_t>(end - text.data());
    if (error != std::errc() || n > 255 || length > 3 || (length > 1 && text[0] == '0'))
      return false;
    text.remove_prefix(length);
    if (part == 3) return text.empty();
    if (text.empty() || text[0] != '.') return false;
    text.remove_prefix(1);
  }
  return false;
}

// Good enough to tell an address from a name: a name never has a colon.
bool IsIp(std::string_view text) {
  if (text.find(':') == std::string_view::npos) return IsIpV4(text);
  return text.find_first_not_of("0123456789abcdefABCDEF:.%") == std::string_view::npos;
}

std::string StripPort(std::string_view text) {
  const auto split = SplitHostPort(text);
  return std::string(split ? split->first : text);
}

std::string StripDomain(std::string_view text) {
  const auto split = SplitHostPort(text);
  const std::string_view host = split ? split->first : text;
  if (IsIp(host)) return std::string(text);
  std::string out(host.substr(0, host.find('.')));
  if (split && !split->second.empty()) absl::StrAppend(&out, ":", std::string(split->second));
  return out;
}

// ASCII letters, and the Latin-1 and Greek and Cyrillic ones whose case differs by a fixed step.
uint32_t ToUpperRune(uint32_t r) {
  if (r < 0x80) return static_cast<uint32_t>(std::toupper(static_cast<int>(r)));
  if ((r >= 0xe0 && r <= 0xfe && r != 0xf7) || (r >= 0x3b1 && r <= 0x3c9 && r != 0x3c2) ||
      (r >= 0x430 && r <= 0x44f)) {
    return r - 32;
  }
  if (r >= 0x450 && r <= 0x45f) return r - 80;
  if (r == 0xff) return 0x178;
  if (r >= 0x100 && r <= 0x137 && r % 2 == 1) return r - 1;
  return r;
}
uint32_t ToLowerRune(uint32_t r) {
  if (r < 0x80) return static_cast<uint32_t>(std::tolower(static_cast<int>(r)));
  if ((r >= 0xc0 && r <= 0xde && r != 0xd7) || (r >= 0x391 && r <= 0x3a9 && r != 0x3a2) ||
      (r >= 0x410 && r <= 0x42f)) {
    return r + 32;
  }
  if (r >= 0x400 && r <= 0x40f) return r + 80;
  if (r >= 0x100 && r <= 0x136 && r % 2 == 0) return r + 1;
  return r;
}

template <uint32_t (*kMap)(uint32_t)>
std::string MapRunes(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const DecodedRune d = DecodeRune(text);
    AppendRune(out, kMap(d.rune));
    text.remove_prefix(d.length);
  }
  return out;
}

bool IsLetter(uint32_t r) {
  if (r < 0x80) return std::isalpha(static_cast<int>(r)) != 0;
  return r >= 0xc0 && r != 0xd7 && r != 0xf7 && (r < 0x2000 || r > 0x206f) && r != 0x3000;
}

// The first letter of each word in upper case, the others as they are. One of . : ' between word
// characters does not end a word, two do: "it's" is one word, "a..b" is two.
std::string Title(std::string_view text) {
  std::string out;
  bool titled = false, after_mark = false;
  while (!text.empty()) {
    const DecodedRune d = DecodeRune(text);
    const uint32_t r = d.rune;
    const bool letter = IsLetter(r);
    const bool mark = r == '.' || r == ':' || r == '\'' || r == 0x2018 || r == 0x2019 || r == 0xb7;
    AppendRune(out, letter && !titled ? ToUpperRune(r) : r);
    if (letter) {
      titled = true;
    } else if (mark ? after_mark : !(r == '_' || (r >= '0' && r <= '9'))) {
      titled = false;
    }
    after_mark = mark;
    text.remove_prefix(d.length);
  }
  return out;
}

std::string PathOf(std::string_view url) {
  const size_t scheme = url.find("://");
  const size_t path = scheme == std::string_view::npos ? 0 : url.find('/', scheme + 3);
  if (path == std::string_view::npos) return "";
  return std::string(url.substr(path, url.find_first_of("?#", path) - path));
}

std::string GraphLink(std::string_view expr) {
  return absl::StrCat("/graph?g0.expr=", base::EscapeQuery(expr), "&g0.tab=0");
}

absl::Status RegexError(const absl::Status& status, std::string_view prefix) {
  return Bad(absl::StrCat(std::string(prefix), std::string(status.message())));
}

Result ReReplaceAll(TemplateArgs a) {
  auto regex = base::Regex::CompileUnanchored(a[0].string_value());
  if (!regex.ok()) {
    return RegexError(regex.status(),
                      absl::StrCat("regexp: Compile(`", a[0].string_value(), "`): "));
  }
  return TemplateValue::String(regex->ReplaceAll(a[2].string_value(), a[1].string_value()));
}

Result Match(TemplateArgs a) {
  auto regex = base::Regex::CompileUnanchored(a[0].string_value());
  if (!regex.ok()) return RegexError(regex.status(), "");
  return TemplateValue::Bool(regex->Matches(a[1].string_value()));
}

const TemplateType& SampleType() {
  static const TemplateType* const type = new TemplateType{
      .name = "*template.sample", .zero_is_string = false, .methods = {}, .print = nullptr};
  return *type;
}
const TemplateType& ResultType() {
  static const TemplateType* const type = new TemplateType{
      .name = "template.queryResult", .zero_is_string = false, .methods = {}, .print = nullptr};
  return *type;
}
constexpr std::string_view kHistogramText;  // a field that no template can name

const TemplateType& HistogramType() {
  static const TemplateType* const type = new TemplateType{
      .name = "*histogram.FloatHistogram",
      .zero_is_string = false,
      .methods = {},
      .print = [](const TemplateValue& v) { return v.Find(kHistogramText)->string_value(); }};
  return *type;
}

absl::Status WantSample(const TemplateValue& v) {
  if (v.type() == &SampleType()) return absl::OkStatus();
  return Bad(absl::StrCat("wrong type for value; expected *template.sample; got ", v.TypeName()));
}

std::string LabelOf(const TemplateValue& sample, std::string_view name) {
  const TemplateValue* labels = sample.Find("Labels");
  const TemplateValue* value = labels != nullptr ? labels->Find(name) : nullptr;
  return value != nullptr && value->kind() == Kind::kString ? value->string_value() : "";
}

Result First(TemplateArgs a) {
  if (a[0].items().empty()) return Bad("first() called on vector with no elements");
  return a[0].items()[0];
}

Result SortByLabel(TemplateArgs a) {
  TemplateValue::Items items = a[1].items();
  const std::string& name = a[0].string_value();
  std::stable_sort(items.begin(), items.end(), [&](const TemplateValue& x, const TemplateValue& y) {
    return LabelOf(x, name) < LabelOf(y, name);
  });
  return TemplateValue::List(std::move(items), a[1].type());
}

Result Args(TemplateArgs a) {
  TemplateValue::Fields entries;
  for (size_t i = 0; i < a.size(); ++i) entries.emplace_back(absl::StrCat("arg", i), a[i]);
  return TemplateValue::Map(std::move(entries));
}

// Seconds as nanoseconds that fit into int64.
absl::StatusOr<int64_t> Nanoseconds(const TemplateValue& v, std::string_view what) {
  ASSIGN_OR_RETURN(const double seconds, ToFloat(v));
  if (!std::isfinite(seconds)) return Bad("value is NaN or Inf");
  const double ns = seconds * 1e9;
  if (ns > 9.223372036854775e18 || ns < -9.223372036854775e18) {
    return Bad(absl::StrCat(FormatV(seconds), " cannot be represented as a nanoseconds ",
                            std::string(what), " since it overflows int64"));
  }
  return static_cast<int64_t>(ns);
}

Result ToTime(TemplateArgs a) {
  ASSIGN_OR_RETURN(const int64_t ns, Nanoseconds(a[0], "timestamp"));
  return TimeValue(ns / 1'000'000);
}

Result ToDuration(TemplateArgs a) {
  ASSIGN_OR_RETURN(const int64_t ns, Nanoseconds(a[0], "duration"));
  return DurationValue(ns);
}

Result ParseDurationFunction(TemplateArgs a) {
  ASSIGN_OR_RETURN(const base::DurationMs ms, base::ParseDuration(a[0].string_value()));
  return TemplateValue::Float(static_cast<double>(ms) / 1000);
}

Result HumanizeTimestampFunction(TemplateArgs a) {
  ASSIGN_OR_RETURN(const double v, ToFloat(a[0]));
  ASSIGN_OR_RETURN(const std::string text, HumanizeTimestamp(v));
  return TemplateValue::String(text);
}

std::string Unchanged(std::string_view text) { return std::string(text); }

}  // namespace

TemplateFunctions PrometheusTemplateFunctions(TemplateContext context) {
  const auto shared = std::make_shared<const TemplateContext>(std::move(context));
  return {
      {"query",
       {"s",
        [shared](TemplateArgs a) -> Result {
          if (!shared->query) return Bad("there is no query engine here");
          ASSIGN_OR_RETURN(const query::QueryResult result, shared->query(a[0].string_value()));
          return QueryResultValue(result);
        }}},
      {"first", {"l", First}},
      {"label",
       {"so",
        [](TemplateArgs a) -> Result {
          RETURN_IF_ERROR(WantSample(a[1]));
          return TemplateValue::String(LabelOf(a[1], a[0].string_value()));
        }}},
      {"value",
       {"o",
        [](TemplateArgs a) -> Result {
          RETURN_IF_ERROR(WantSample(a[0]));
          return *a[0].Find("Value");
        }}},
      {"strvalue",
       {"o",
        [](TemplateArgs a) -> Result {
          RETURN_IF_ERROR(WantSample(a[0]));
          return TemplateValue::String(LabelOf(a[0], "__value__"));
        }}},
      {"sortByLabel", {"sl", SortByLabel}},
      {"args", {"a*", Args}},
      {"humanize", OfFloat(Humanize)},
      {"humanize1024", OfFloat(Humanize1024)},
      {"humanizeDuration", OfFloat(HumanizeDuration)},
      {"humanizePercentage", OfFloat(HumanizePercentage)},
      {"humanizeTimestamp", {"a", HumanizeTimestampFunction}},
      {"toTime", {"a", ToTime}},
      {"toDuration", {"a", ToDuration}},
      {"now",
       {"",
        [shared](TemplateArgs) {
          return TemplateValue::Float(static_cast<double>(shared->now) / 1000);
        }}},
      {"parseDuration", {"s", ParseDurationFunction}},
      {"title", OfString(Title)},
      {"toUpper", OfString(MapRunes<ToUpperRune>)},
      {"toLower", OfString(MapRunes<ToLowerRune>)},
      {"match", {"ss", Match}},
      {"reReplaceAll", {"sss", ReReplaceAll}},
      {"stripPort", OfString(StripPort)},
      {"stripDomain", OfString(StripDomain)},
      {"urlQueryEscape", OfString(base::EscapeQuery)},
      {"graphLink", OfString(GraphLink)},
      {"tableLink", OfString(TableLink)},
      {"safeHtml", OfString(Unchanged)},
      {"externalURL",
       {"", [shared](TemplateArgs) { return TemplateValue::String(shared->external_url); }}},
      {"pathPrefix",
       {"",
        [shared](TemplateArgs) { return TemplateValue::String(PathOf(shared->external_url)); }}},
  };
}

const TemplateFunctions& PrometheusFunctionNames() {
  static const TemplateFunctions* const functions =
      new TemplateFunctions(PrometheusTemplateFunctions({}));
  return *functions;
}

TemplateValue SampleValue(const query::Series& series) {
  if (series.histograms.empty())
    return TemplateValue::Float(series.floats.empty() ? 0 : series.floats.back().v);
  const tsdb::Histogram& h = *series.histograms.back().h;
  return TemplateValue::Struct(
      {{"Count", TemplateValue::Float(h.count)},
       {"Sum", TemplateValue::Float(h.sum)},
       {std::string(kHistogramText), TemplateValue::String(query::Describe(h))}},
      &HistogramType());
}

TemplateValue QueryResultValue(const query::QueryResult& result) {
  TemplateValue::Items items;
  const auto add = [&items](std::vector<std::pair<std::string, std::string>> labels,
                            TemplateValue value) {
    items.push_back(TemplateValue::Struct(
        {{"Labels", TemplateValue::StringMap(labels)}, {"Value", std::move(value)}},
        &SampleType()));
  };
  if (result.type == query::ValueType::kScalar) add({}, TemplateValue::Float(result.scalar.v));
  for (const query::Series& series : result.series) {
    std::vector<std::pair<std::string, std::string>> labels;
    for (const tsdb::LabelView label : series.labels) labels.emplace_back(label.name, label.value);
    add(std::move(labels), SampleValue(series));
  }
  return TemplateValue::List(std::move(items), &ResultType());
}

std::string TableLink(std::string_view expr) {
  return absl::StrCat("/graph?g0.expr=", base::EscapeQuery(expr), "&g0.tab=1");
}

}  // namespace slowburn::rules
