// What a rule file says: groups of recording and alerting rules, checked and parsed, but not
// running.
//
// Threads: immutable after loading; shared by the manager, the API and `test rules`.
#ifndef SLOWBURN_RULES_SPEC_H_
#define SLOWBURN_RULES_SPEC_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "query/parser/ast.h"
#include "rules/alert.h"
#include "rules/template/template.h"
#include "tsdb/labels.h"

namespace slowburn::rules {

using base::DurationMs;

struct TemplatedPair {
  std::string name;
  std::string text;
  std::optional<Template> compiled;  // absent when the text has no "{{": it stands for itself
};

enum class RuleKind : uint8_t { kRecording, kAlerting };

struct RuleSpec {
  RuleKind kind = RuleKind::kRecording;
  std::string name;            // `record` or `alert`
  std::string expr;            // as Print writes it: what the API shows and the engine runs
  DurationMs hold = 0;         // for
  DurationMs keep_firing = 0;  // keep_firing_for
  tsdb::Labels labels;         // the group's under the rule's own, unexpanded
  LabelPairs annotations;      // unexpanded
  std::vector<TemplatedPair> label_templates, annotation_templates;  // of an alert
  int line = 0, column = 0;

  // Name and labels: what connects the state of this rule with its state before a reload.
  friend bool SameIdentity(const RuleSpec& a, const RuleSpec& b) {
    const auto same = [](const TemplatedPair& x, const TemplatedPair& y) {
      return x.name == y.name && x.text == y.text;
    };
    return a.kind == b.kind && a.name == b.name &&
           std::equal(a.label_templates.begin(), a.label_templates.end(), b.label_templates.begin(),
                      b.label_templates.end(), same);
  }
  // Everything that matters to evaluation.
  friend bool SameDefinition(const RuleSpec& a, const RuleSpec& b) {
    return SameIdentity(a, b) && a.expr == b.expr && a.hold == b.hold &&
           a.keep_firing == b.keep_firing && a.annotations == b.annotations;
  }
};

struct GroupSpec {
  std::string file, name;
  std::optional<DurationMs> interval;      // absent: global.evaluation_interval
  std::optional<DurationMs> query_offset;  // absent: global.rule_query_offset
  int64_t limit = 0;                       // 0: none
  std::vector<std::shared_ptr<const RuleSpec>> rules;
  int line = 0, column = 0;

  std::string Key() const { return file + ";" + name; }
};

// "__alert_NAME": how templates of an alert are called in errors.
std::string AlertTemplateName(std::string_view alert);
// The variables that templates of alerts have: $labels $externalLabels $externalURL $value.
const std::vector<std::string>& AlertTemplateVariables();

}  // namespace slowburn::rules

#endif  // SLOWBURN_RULES_SPEC_H_
