#include "query/promqltest/test_script.h"

#include <algorithm>
#include <utility>

#include "base/number.h"
#include "base/status_macros.h"
#include "query/parser/parser.h"
#include "query/parser/quote.h"
#include "query/promqltest/start_sequence.h"

namespace slowburn::query {
namespace {

constexpr ParserOptions kEveryFeature{
    .experimental_functions = true, .extended_range_selectors = true, .binop_fill_modifiers = true};

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n\v\f");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n\v\f") - first + 1);
}

// Takes the first word, the rest is trimmed.
std::string_view TakeWord(std::string_view& rest) {
  const size_t end = std::min(rest.find_first_of(" \t"), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest = Trim(rest.substr(end));
  return word;
}

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::string_view Message(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

// A plain number as the only thing in the line: a scalar.
std::optional<double> ParseScalar(std::string_view text) {
  double value = 0;
  if (base::ParseFloat(text, value)) return value;
  const bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  if (hex && base::ParseFloat(std::string(text) + "p0", value)) return value;
  return std::nullopt;
}

struct TimeSpan {
  tsdb::TimestampMs start = 0, end = 0;
  tsdb::DurationMs step = 0;
};

class ScriptParser {
 public:
  explicit ScriptParser(std::string_view text) {
    for (;;) {
      const size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = Trim(text.substr(0, end));
      lines_.push_back(line.starts_with('#') ? std::string_view() : line);
      if (end == text.size()) break;
      text.remove_prefix(end + 1);
    }
  }

  absl::StatusOr<TestScript> Parse() {
    TestScript script;
    for (; at_ < lines_.size(); ++at_) {
      if (lines_[at_].empty()) continue;
      const size_t line = at_ + 1;
      std::string_view rest = lines_[at_];
      std::string command(TakeWord(rest));
      std::transform(command.begin(), command.end(), command.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
      if (command == "clear") {
        script.commands.push_back({line, ClearCommand{}});
      } else if (command.starts_with("load")) {
        ASSIGN_OR_RETURN(LoadCommand load, Load(command, rest));
        script.commands.push_back({line, std::move(load)});
      } else if (command.starts_with("eval")) {
        ASSIGN_OR_RETURN(EvalCommand eval, Eval(command, rest));
        script.commands.push_back({line, std::move(eval)});
      } else {
        return Error("invalid command " + GoQuote(lines_[at_]));
      }
    }
    return script;
  }

 private:
  absl::Status ErrorAt(size_t line, std::string_view message) const {
    return absl::InvalidArgumentError(std::to_string(line + 1) + ": " + std::string(message));
  }
  absl::Status Error(std::string_view message) const { return ErrorAt(at_, message); }

  // Moves to the next line of the command; false at its end.
  bool NextLine() {
    if (at_ + 1 >= lines_.size() || lines_[at_ + 1].empty()) return false;
    ++at_;
    return true;
  }

  absl::StatusOr<tsdb::DurationMs> Duration(std::string_view what, std::string_view text) const {
    const absl::StatusOr<tsdb::DurationMs> ms = base::ParseDuration(text);
    if (ms.ok()) return *ms;
    return Error("invalid " + std::string(what) + " " + GoQuote(text) + ": " +
                 std::string(Message(ms.status())));
  }

  absl::StatusOr<SeriesLiteral> Series(std::string_view text) const {
    absl::StatusOr<SeriesLiteral> series = ParseSeriesLiteral(text);
    if (!series.ok()) {
      return Error("invalid series " + GoQuote(text) + ": " +
                   std::string(Message(series.status())));
    }
    return series;
  }

  absl::StatusOr<LoadCommand> Load(std::string_view command, std::string_view rest) {
    LoadCommand load;
    load.with_nhcb = command == "load_with_nhcb";
    if (!load.with_nhcb && command != "load") {
      return Error("invalid load command, want load[_with_nhcb] STEP");
    }
    ASSIGN_OR_RETURN(const tsdb::DurationMs step, Duration("step definition", rest));
    std::optional<StartLine> starts;
    while (NextLine()) {
      const std::string_view line = lines_[at_];
      const std::string_view metric = line.substr(0, line.find_first_of(" \t"));
      if (metric.size() < line.size() && metric.ends_with("@st")) {
        if (starts.has_value()) return ErrorAt(starts->line, "the @st line has no sample line");
        ASSIGN_OR_RETURN(starts,
                         Starts(metric.substr(0, metric.size() - 3), line.substr(metric.size())));
        continue;
      }
      ASSIGN_OR_RETURN(SeriesLiteral series, Series(line));
      RETURN_IF_ERROR(AddSeries(load, step, std::move(series), starts));
      starts.reset();
    }
    if (starts.has_value()) return ErrorAt(starts->line, "the @st line has no sample line");
    return load;
  }

  struct StartLine {
    size_t line = 0;
    tsdb::Labels labels;
    std::vector<std::optional<tsdb::DurationMs>> starts;
  };

  absl::StatusOr<StartLine> Starts(std::string_view metric, std::string_view sequence) const {
    StartLine out;
    out.line = at_;
    ASSIGN_OR_RETURN(SeriesLiteral series, Series(metric));
    out.labels = std::move(series.labels);
    absl::StatusOr<std::vector<std::optional<tsdb::DurationMs>>> starts =
        ParseStartSequence(sequence);
    if (!starts.ok()) return Error(Message(starts.status()));
    out.starts = *std::move(starts);
    return out;
  }

  absl::Status AddSeries(LoadCommand& load, tsdb::DurationMs step, SeriesLiteral series,
                         const std::optional<StartLine>& starts) const {
    if (starts.has_value()) {
      if (starts->labels != series.labels) {
        return ErrorAt(starts->line, "the @st line is of another metric than its sample line");
      }
      if (starts->starts.size() != series.values.size()) {
        return ErrorAt(starts->line, "the @st line has " + std::to_string(starts->starts.size()) +
                                         " values but its sample line has " +
                                         std::to_string(series.values.size()));
      }
    }
    std::vector<LoadedSample> samples;
    tsdb::TimestampMs t = 0;
    for (size_t i = 0; i < series.values.size(); ++i, t += step) {
      if (series.values[i].omitted) continue;
      LoadedSample sample{t, std::move(series.values[i]), 0};
      if (starts.has_value() && starts->starts[i].has_value())
        sample.start = t + *starts->starts[i];
      samples.push_back(std::move(sample));
    }
    load.series[series.labels] = std::move(samples);
    return absl::OkStatus();
  }

  absl::StatusOr<EvalCommand> Eval(std::string_view command, std::string_view rest) {
    EvalCommand eval;
    const std::string_view kind = TakeWord(rest);
    if (kind == "instant" && TakeWord(rest) == "at") {
      ASSIGN_OR_RETURN(eval.at, Duration("timestamp definition", TakeWord(rest)));
    } else if (kind == "range") {
      eval.is_range = true;
      ASSIGN_OR_RETURN(const TimeSpan span, Span(rest));
      eval.start = span.start, eval.end = span.end, eval.step = span.step;
    } else {
      return Error(
          "invalid evaluation command, want eval instant at TIME EXPR or eval range from "
          "TIME to TIME step DURATION EXPR");
    }
    eval.expr = std::string(rest);
    const absl::StatusOr<ExprPtr> parsed = query::Parse(eval.expr, kEveryFeature);
    if (!parsed.ok()) return Error(Message(parsed.status()));
    RETURN_IF_ERROR(Modifier(command.substr(4), eval));
    return Expectations(std::move(eval));
  }

  // from TIME to TIME step DURATION
  absl::StatusOr<TimeSpan> Span(std::string_view& rest) const {
    TimeSpan span;
    if (TakeWord(rest) != "from") return Error("want from TIME to TIME step DURATION");
    ASSIGN_OR_RETURN(span.start, Duration("start timestamp definition", TakeWord(rest)));
    if (TakeWord(rest) != "to") return Error("want to TIME after from TIME");
    ASSIGN_OR_RETURN(span.end, Duration("end timestamp definition", TakeWord(rest)));
    if (TakeWord(rest) != "step") return Error("want step DURATION after to TIME");
    ASSIGN_OR_RETURN(span.step, Duration("step definition", TakeWord(rest)));
    if (span.end < span.start) return Error("the end timestamp is before the start timestamp");
    return span;
  }

  // The older way to say what is expected: eval_fail, eval_warn, …
  absl::Status Modifier(std::string_view modifier, EvalCommand& eval) const {
    if (modifier.empty()) return absl::OkStatus();
    if (modifier == "_fail") {
      eval.fail.emplace();
    } else if (modifier == "_warn") {
      eval.warnings.emplace_back();
    } else if (modifier == "_info") {
      eval.infos.emplace_back();
    } else if (modifier == "_ordered" && !eval.is_range) {
      eval.ordered = true;
    } else {
      return Error("unknown evaluation command eval" + std::string(modifier));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<EvalCommand> Expectations(EvalCommand eval) {
    size_t position = 0;
    while (NextLine()) {
      std::string_view line = lines_[at_];
      if (eval.fail.has_value() && TakePrefix(line, "expected_fail_message")) {
        eval.fail->message = std::string(Trim(line));
        break;
      }
      if (eval.fail.has_value() && TakePrefix(line, "expected_fail_regexp")) {
        ASSIGN_OR_RETURN(*eval.fail, Pattern(Trim(line)));
        break;
      }
      if (line.substr(0, line.find(' ')) == "expect") {
        RETURN_IF_ERROR(Expectation(Trim(line.substr(6)), eval));
        continue;
      }
      ++position;
      if (const std::optional<double> scalar = ParseScalar(line); scalar.has_value()) {
        eval.scalar = scalar;
        break;
      }
      ASSIGN_OR_RETURN(SeriesLiteral series, Series(line));
      if (series.values.size() > 1 && !eval.is_range && !eval.expects_range_vector) {
        return Error(
            "an instant query has one value for each series; 'expect range vector from "
            "TIME to TIME step DURATION' allows more");
      }
      if (series.values.empty()) return Error("the series has no value");
      eval.series[series.labels] = {position, std::move(series.values)};
    }
    return eval;
  }

  // What follows "expect".
  absl::Status Expectation(std::string_view rest, EvalCommand& eval) {
    if (std::string_view span_text = rest; TakePrefix(span_text, "range vector")) {
      span_text = Trim(span_text);
      ASSIGN_OR_RETURN(const TimeSpan span, Span(span_text));
      eval.start = span.start, eval.end = span.end, eval.step = span.step;
      eval.at = span.end;
      eval.expects_range_vector = true;
      return absl::OkStatus();
    }
    const std::string_view kind = TakeWord(rest);
    if (kind == "string") {
      eval.string = GoUnquote(rest);
      return eval.string.has_value() ? absl::OkStatus() : Error("want expect string \"…\"");
    }
    TextPattern pattern;
    if (TakePrefix(rest, "msg:")) {
      pattern.message = std::string(Trim(rest));
    } else if (TakePrefix(rest, "regex:")) {
      ASSIGN_OR_RETURN(pattern, Pattern(Trim(rest)));
    } else if (!rest.empty()) {
      return Error("want expect KIND, expect KIND msg: TEXT or expect KIND regex: PATTERN");
    }
    return AddExpectation(kind, std::move(pattern), eval);
  }

  absl::Status AddExpectation(std::string_view kind, TextPattern pattern, EvalCommand& eval) {
    if (kind == "ordered") {
      eval.ordered = true;
    } else if (kind == "fail") {
      if (eval.fail.has_value()) return Error("multiple expect fail lines are not allowed");
      eval.fail = std::move(pattern);
    } else if (kind == "warn") {
      eval.warnings.push_back(std::move(pattern));
    } else if (kind == "info") {
      eval.infos.push_back(std::move(pattern));
    } else if (kind == "no_warn") {
      eval.no_warnings = true;
    } else if (kind == "no_info") {
      eval.no_infos = true;
    } else {
      return Error("invalid expect statement " + GoQuote(kind));
    }
    if (eval.no_warnings && !eval.warnings.empty()) {
      return Error("warn and no_warn cannot be used together");
    }
    if (eval.no_infos && !eval.infos.empty()) {
      return Error("info and no_info cannot be used together");
    }
    return absl::OkStatus();
  }

  absl::StatusOr<TextPattern> Pattern(std::string_view pattern) const {
    absl::StatusOr<base::Regex> regex = base::Regex::CompileUnanchored(pattern);
    if (!regex.ok()) return Error(Message(regex.status()));
    TextPattern out;
    out.regex = *std::move(regex);
    return out;
  }

  std::vector<std::string_view> lines_;
  size_t at_ = 0;  // the current line, from 0
};

}  // namespace

bool TextPattern::Matches(std::string_view text) const {
  if (message.has_value()) return *message == text;
  return !regex.has_value() || regex->Matches(text);
}

std::string TextPattern::ToString() const {
  if (message.has_value()) return *message;
  return regex.has_value() ? regex->pattern() : "anything";
}

absl::StatusOr<TestScript> ParseTestScript(std::string_view text) {
  return ScriptParser(text).Parse();
}

}  // namespace slowburn::query
