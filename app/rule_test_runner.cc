#include "app/rule_test_runner.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/metrics.h"
#include "base/number.h"
#include "query/engine.h"
#include "rules/rule_group.h"
#include "rules/spec_loader.h"
#include "tsdb/memory_storage.h"

namespace slowburn::app {
namespace {

using base::DurationMs;
using base::TimestampMs;
using Groups = std::vector<std::shared_ptr<const rules::GroupSpec>>;

class TestClock final : public base::Clock {
 public:
  TimestampMs Now() const override { return now; }
  int64_t MonotonicNs() const override { return Now() * 1'000'000; }
  std::atomic<TimestampMs> now = 0;  // the engine's threads look at it
};

class NullSink final : public rules::AlertSink {
 public:
  absl::Status Send(std::vector<rules::Alert>) override { return absl::OkStatus(); }
};

// Go's time.Duration text, of whole milliseconds: promtool's error messages have it.
std::string Elapsed(DurationMs ms) { return base::FormatDuration(ms); }

std::string Indented(const std::string& text, const std::string& indent) {
  std::string out = indent;
  for (const char c : text) {
    out += c;
    if (c == '\n') out += indent;
  }
  return out;
}

rules::LabelPairs PairsOf(const tsdb::Labels& labels) {
  rules::LabelPairs pairs;
  for (const tsdb::LabelView label : labels) pairs.emplace_back(label.name, label.value);
  return pairs;
}

std::string PairsText(const rules::LabelPairs& pairs) {
  std::string out = "{";
  for (const auto& [name, value] : pairs) {
    absl::StrAppend(&out, out.size() > 1 ? ", " : "", name, "=\"");
    for (const char c : value) {
      if (c == '"' || c == '\\') out += '\\';
      if (c == '\n') {
        out += "\\n";
      } else {
        out += c;
      }
    }
    out += '"';
  }
  return out + "}";
}

struct LabelsAndAnnotations {
  rules::LabelPairs labels, annotations;
  friend auto operator<=>(const LabelsAndAnnotations&, const LabelsAndAnnotations&) = default;
};

std::string AlertsText(const std::vector<LabelsAndAnnotations>& alerts) {
  if (alerts.empty()) return "[]";
  std::string out = "[\n";
  for (size_t i = 0; i < alerts.size(); ++i) {
    absl::StrAppend(&out, Indented(absl::StrCat(i, ":"), "        "), "\n",
                    Indented(absl::StrCat("Labels:", PairsText(alerts[i].labels),
                                          "\nAnnotations:", PairsText(alerts[i].annotations)),
                             "          "),
                    i + 1 < alerts.size() ? ",\n" : "\n");
  }
  return out + "        ]";
}

struct GotSample {
  tsdb::Labels labels;
  double value = 0;
  std::string histogram;  // empty: the value
};

std::string SamplesText(const std::vector<GotSample>& samples) {
  if (samples.empty()) return "nil";
  std::string out;
  for (const GotSample& s : samples) {
    std::string number = base::FormatFloat(s.value, base::FloatStyle::kExponent);
    std::replace(number.begin(), number.end(), 'e', 'E');
    absl::StrAppend(&out, out.empty() ? "" : ", ", PairsText(PairsOf(s.labels)), " ",
                    s.histogram.empty() ? number : s.histogram);
  }
  return out;
}

bool SameValue(double a, double b, bool fuzzy) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return true;
  return fuzzy && (std::nextafter(a, -std::numeric_limits<double>::infinity()) == b ||
                   std::nextafter(a, std::numeric_limits<double>::infinity()) == b);
}

// One test: its own store, engine and groups.
class TestRun {
 public:
  TestRun(const RuleTestFile& file, const RuleTestFile::Test& test, const Groups& groups,
          const query::ParserOptions& features)
      : file_(file),
        test_(test),
        engine_(storage_, clock_, EngineOptionsOf(features), registry_),
        services_{clock_, storage_, rules::EngineRuleQuery(engine_), sink_, nullptr, metrics_, {}} {
    services_.options.external_url = test.external_url;
    for (const auto& spec : groups) {
      rules::GroupSettings settings;
      settings.interval = spec->interval.value_or(file.evaluation_interval);
      settings.query_offset = spec->query_offset.value_or(0);
      settings.external_labels = tsdb::Labels::FromPairs(test.external_labels);
      groups_.push_back(std::make_unique<rules::RuleGroup>(spec, std::move(settings), services_));
    }
  }

  std::vector<std::string> Run() {
    DurationMs last = 0;
    for (const auto& c : test_.alerts) last = std::max(last, c.eval_time);
    for (const auto& c : test_.exprs) last = std::max(last, c.eval_time);
    const DurationMs interval = file_.evaluation_interval;
    if (last / interval >= kMaxRuleTestSteps) {
      Fail(absl::StrCat("eval_time ", Elapsed(last), " is more than ", kMaxRuleTestSteps,
                        " intervals of ", Elapsed(interval)));
      return std::move(failures_);
    }
    for (DurationMs t = 0; t <= last; t += interval) {
      LoadUntil(t);
      clock_.now = test_.start + t;
      for (const auto& group : groups_) Evaluate(*group, t);
      for (const auto& c : test_.alerts) {
        if (c.eval_time >= t && c.eval_time < t + interval) CheckAlerts(c);
      }
    }
    LoadUntil(last);
    for (const auto& c : test_.exprs) CheckExpr(c);
    return std::move(failures_);
  }

 private:
  static query::EngineOptions EngineOptionsOf(const query::ParserOptions& features) {
    query::EngineOptions options;
    options.parser = features;
    return options;
  }

  void Fail(const std::string& text) { failures_.push_back(Indented(text, "    ")); }

  // Values become visible when their time comes, so that nothing sees the future.
  void LoadUntil(DurationMs t) {
    const std::unique_ptr<tsdb::Appender> appender = storage_.NewAppender();
    bool any = false;
    for (; loaded_ * test_.interval <= t; ++loaded_) {
      for (const query::SeriesLiteral& series : test_.series) {
        if (static_cast<size_t>(loaded_) >= series.values.size()) continue;
        const query::SequenceValue& value = series.values[static_cast<size_t>(loaded_)];
        if (value.omitted) continue;
        const absl::StatusOr<tsdb::SeriesRef> ref = appender->Resolve(series.labels, nullptr);
        if (!ref.ok()) {
          Fail(std::string(ref.status().message()));
          continue;
        }
        const TimestampMs at = test_.start + loaded_ * test_.interval;
        if (value.histogram != nullptr) {
          appender->AppendHistogram(*ref, at, value.histogram);
        } else {
          appender->Append(*ref, at, value.value);
        }
        any = true;
      }
      if (loaded_ > longest_) break;
    }
    if (!any) return;
    const auto result = appender->Commit();
    if (!result.ok()) Fail(std::string(result.status().message()));
  }

  void Evaluate(rules::RuleGroup& group, DurationMs t) {
    group.Evaluate(clock_.now);
    for (const rules::RuleStatus& rule : group.Status().rules) {
      if (rule.last_error.empty()) continue;
      Fail(absl::StrCat("rule: ", rule.spec->name, ", time: ", Elapsed(t),
                        ", err: ", rule.last_error));
    }
  }

  void CheckAlerts(const RuleTestFile::AlertCase& c) {
    std::vector<LabelsAndAnnotations> expected, got;
    for (const auto& e : c.expected) {
      LabelsAndAnnotations alert{e.labels, e.annotations};
      std::erase_if(alert.labels, [](const auto& pair) { return pair.first == "alertname"; });
      alert.labels.emplace_back("alertname", c.alertname);
      std::sort(alert.labels.begin(), alert.labels.end());
      expected.push_back(std::move(alert));
    }
    for (const auto& group : groups_) {
      const rules::GroupStatus status = group->Status();
      for (const rules::RuleStatus& rule : status.rules) {
        if (rule.spec->kind != rules::RuleKind::kAlerting || rule.spec->name != c.alertname)
          continue;
        for (const rules::ActiveAlert& alert : rule.alerts) {
          if (alert.state != rules::AlertState::kFiring) continue;
          got.push_back({PairsOf(alert.labels), alert.annotations});
        }
      }
    }
    std::sort(expected.begin(), expected.end());
    std::sort(got.begin(), got.end());
    if (expected == got) return;
    Fail(absl::StrCat(test_.name.empty() ? "" : absl::StrCat("name: ", test_.name, ",\n"),
                      "alertname: ", c.alertname, ", time: ", Elapsed(c.eval_time),
                      ", \n    exp:", AlertsText(expected), ", \n    got:", AlertsText(got)));
  }

  void CheckExpr(const RuleTestFile::ExprCase& c) {
    const std::string head =
        absl::StrCat("expr: \"", c.expr, "\", time: ", Elapsed(c.eval_time), ",");
    const absl::StatusOr<query::QueryResult> result =
        engine_.Instant(c.expr, test_.start + c.eval_time);
    if (!result.ok()) {
      Fail(absl::StrCat(head, " err: ", std::string(result.status().message())));
      return;
    }
    std::vector<GotSample> expected, got;
    for (const auto& e : c.expected) {
      expected.push_back(
          {e.labels, e.value, e.histogram != nullptr ? e.histogram->ToString() : ""});
    }
    if (result->type == query::ValueType::kScalar) got.push_back({{}, result->scalar.v, ""});
    for (const query::Series& series : result->series) {
      if (!series.histograms.empty()) {
        got.push_back({series.labels, 0, series.histograms.back().h->ToString()});
      } else if (!series.floats.empty()) {
        got.push_back({series.labels, series.floats.back().v, ""});
      }
    }
    const auto by_labels = [](const GotSample& a, const GotSample& b) {
      return a.labels < b.labels;
    };
    std::stable_sort(expected.begin(), expected.end(), by_labels);
    std::stable_sort(got.begin(), got.end(), by_labels);
    const bool same = std::equal(
        expected.begin(), expected.end(), got.begin(), got.end(),
        [&](const GotSample& a, const GotSample& b) {
          return a.labels == b.labels && a.histogram == b.histogram &&
                 (!a.histogram.empty() || SameValue(a.value, b.value, file_.fuzzy_compare));
        });
    if (!same)
      Fail(absl::StrCat(head, "\n    exp: ", SamplesText(expected),
                        "\n    got: ", SamplesText(got)));
  }

  static int64_t LongestOf(const RuleTestFile::Test& test) {
    size_t longest = 0;
    for (const auto& series : test.series) longest = std::max(longest, series.values.size());
    return static_cast<int64_t>(longest);
  }

  const RuleTestFile& file_;
  const RuleTestFile::Test& test_;
  const int64_t longest_ = LongestOf(test_);
  TestClock clock_;
  prometheus::Registry registry_;
  tsdb::MemoryStorage storage_;
  query::Engine engine_;
  NullSink sink_;
  rules::RuleMetrics metrics_{registry_};
  rules::RuleServices services_;
  std::vector<std::unique_ptr<rules::RuleGroup>> groups_;
  int64_t loaded_ = 0;  // values of each series that are in the store
  std::vector<std::string> failures_;
};

// Groups that group_eval_order names come in that order, behind those that it does not name.
void Order(const std::vector<std::string>& names, Groups& groups) {
  const auto place = [&](const auto& group) {
    return std::find(names.begin(), names.end(), group->name) == names.end()
               ? -1
               : std::find(names.begin(), names.end(), group->name) - names.begin();
  };
  std::stable_sort(groups.begin(), groups.end(),
                   [&](const auto& a, const auto& b) { return place(a) < place(b); });
}

}  // namespace

std::vector<std::string> RunRuleTests(const RuleTestFile& file,
                                      const query::ParserOptions& features) {
  std::vector<std::string> failures;
  Groups groups;
  std::set<std::string> seen;
  for (const std::string& glob : file.rule_files) {
    for (const std::string& path : base::Glob(glob)) {
      if (!seen.insert(path).second) continue;
      rules::RuleFile loaded = rules::LoadRuleFile(path, features);
      for (const absl::Status& fault : loaded.faults) failures.emplace_back(fault.message());
      groups.insert(groups.end(), loaded.groups.begin(), loaded.groups.end());
    }
  }
  if (!failures.empty()) return failures;
  Order(file.group_eval_order, groups);
  for (const RuleTestFile::Test& test : file.tests) {
    std::vector<std::string> failed = TestRun(file, test, groups, features).Run();
    failures.insert(failures.end(), std::make_move_iterator(failed.begin()),
                    std::make_move_iterator(failed.end()));
  }
  return failures;
}

}  // namespace slowburn::app
