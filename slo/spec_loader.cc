#include "slo/spec_loader.h"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/number.h"
#include "base/status_macros.h"
#include "base/yaml.h"
#include "query/parser/parser.h"
#include "slo/limits.h"
#include "slo/slice_log.h"

namespace slowburn::slo {
namespace {

using base::YamlNode;
using base::YamlReader;

const YamlNode& KeyNode(const YamlNode& mapping, std::string_view key) {
  for (const auto& [name, value] : mapping.entries) {
    if (name.scalar == key) return name;
  }
  return mapping;
}

// Keys of the model that later versions build. Refused by name, so that nobody hunts for a typing
// error.
void RefuseUnbuilt(YamlReader& reader, std::string_view where,
                   std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (reader.Find(key) == nullptr) continue;
    reader.Fail(KeyNode(reader.node(), key)
                    .Error(absl::StrCat(
                        "`", std::string(key), "` of ", std::string(where),
                        " is not built yet: remove it (it is refused, because ignoring it could "
                        "lose a page)")));
  }
}

// A key whose default is the only value so far.
void OnlyValue(YamlReader& reader, std::string_view key, std::string_view value) {
  const YamlNode* node = reader.Find(key);
  if (node == nullptr || node->scalar == value) return;
  reader.Fail(node->Error(absl::StrCat("`", std::string(key), ": ", node->scalar,
                                       "` is not built yet: only ", std::string(value), " is")));
}

absl::StatusOr<std::string> RequiredString(YamlReader& reader, std::string_view key,
                                           std::string_view what) {
  const YamlNode* node = reader.Find(key);
  if (node == nullptr) {
    return reader.node().Error(absl::StrCat(std::string(what), " needs `", std::string(key), "`"));
  }
  ASSIGN_OR_RETURN(std::string text, node->AsString());
  if (text.empty()) return node->Error(absl::StrCat("`", std::string(key), "` is empty"));
  return text;
}

absl::StatusOr<std::string> RequiredName(YamlReader& reader, std::string_view key) {
  ASSIGN_OR_RETURN(std::string name, RequiredString(reader, key, "an SLO"));
  if (name.size() > kMaxNameBytes) {
    return reader.Find(key)->Error(absl::StrCat("`", std::string(key), "` has ", name.size(),
                                                " bytes, at most ", kMaxNameBytes, " are allowed"));
  }
  if (!tsdb::IsValidUtf8(name)) {
    return reader.Find(key)->Error(absl::StrCat("`", std::string(key), "` is not valid UTF-8"));
  }
  return name;
}

absl::StatusOr<LabelPairs> ReadPairs(YamlReader& reader, std::string_view key) {
  LabelPairs pairs;
  if (!reader.StringMap(key, pairs)) return pairs;
  for (const auto& [name, value] : pairs) {
    const bool reserved = name.rfind("__", 0) == 0;
    if (!tsdb::IsLegacyLabelName(name) || reserved) {
      return KeyNode(*reader.Find(key), name)
          .Error(absl::StrCat("\"", name, "\" is not a name for `", std::string(key),
                              "`: wanted [a-zA-Z_][a-zA-Z0-9_]*, not beginning with __"));
    }
    if (!tsdb::IsValidUtf8(value)) {
      return KeyNode(*reader.Find(key), name)
          .Error(absl::StrCat("the value of \"", name, "\" is not valid UTF-8"));
    }
  }
  std::erase_if(pairs, [](const auto& pair) { return pair.second.empty(); });
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

absl::StatusOr<tsdb::Matchers> ReadSelector(YamlReader& reader, std::string_view key,
                                            std::string& text) {
  ASSIGN_OR_RETURN(text, RequiredString(reader, key, "an event SLI"));
  absl::StatusOr<tsdb::Matchers> matchers = query::ParseSelector(text);
  if (matchers.ok()) return matchers;
  const YamlNode& node = *reader.Find(key);
  return node.Error(absl::StrCat("`", std::string(key),
                                 "` wants a series selector such as x_total{job=\"a\"}: ",
                                 std::string(matchers.status().message())));
}

absl::Status ReadEvents(const YamlNode& node, SloSpec& spec) {
  YamlReader reader(node);
  const bool bad = reader.Find("bad") != nullptr;
  const bool good = reader.Find("good") != nullptr;
  absl::Status status;
  if (bad == good) {
    reader.Fail(node.Error("an event SLI needs `total` and either `bad` or `good`"));
  } else {
    spec.sli.part_kind = bad ? Sli::Part::kBad : Sli::Part::kGood;
    absl::StatusOr<tsdb::Matchers> part =
        ReadSelector(reader, bad ? "bad" : "good", spec.part_text);
    if (part.ok())
      spec.sli.part = *std::move(part);
    else
      reader.Fail(part.status());
    absl::StatusOr<tsdb::Matchers> total = ReadSelector(reader, "total", spec.total_text);
    if (total.ok())
      spec.sli.total = *std::move(total);
    else
      reader.Fail(total.status());
  }
  return reader.Finish("sli.events");
}

absl::Status ReadSli(const YamlNode& node, SloSpec& spec) {
  YamlReader reader(node);
  RefuseUnbuilt(reader, "sli", {"latency", "probe", "slice", "ratio", "composite", "group_by"});
  const YamlNode* events = reader.Find("events");
  RETURN_IF_ERROR(reader.Finish("sli"));
  if (events == nullptr) return node.Error("an SLI needs `events: {bad: …, total: …}`");
  return ReadEvents(*events, spec);
}

absl::Status ReadTarget(YamlReader& reader, SloSpec& spec) {
  ASSIGN_OR_RETURN(spec.objective, RequiredString(reader, "target", "an objective"));
  const YamlNode& node = *reader.Find("target");
  const absl::StatusOr<Ratio> percent = ParseDecimal(spec.objective);
  if (!percent.ok())
    return node.Error(absl::StrCat("`target`: ", std::string(percent.status().message())));
  if (percent->num == 0 || *percent >= Ratio{100, 1}) {
    return node.Error(
        absl::StrCat("`target` is ", spec.objective,
                     " percent, wanted more than 0 and less than 100 (at 100 there is no budget)"));
  }
  ASSIGN_OR_RETURN(const Ratio objective, Multiply(*percent, Ratio{1, 100}));
  spec.budget = Complement(objective);
  return absl::OkStatus();
}

absl::Status ReadPeriod(YamlReader& reader, SloSpec& spec) {
  const YamlNode* node = reader.Find("period");
  if (node == nullptr) return reader.node().Error("an objective needs `period`");
  if (node->kind == YamlNode::Kind::kMapping) {
    return node->Error("calendar periods are not built yet: wanted a duration such as 30d");
  }
  ASSIGN_OR_RETURN(spec.period_ms, node->AsDuration());
  if (spec.period_ms < kMinPeriod || spec.period_ms > kMaxPeriod ||
      spec.period_ms % base::kMinute != 0) {
    return node->Error(absl::StrCat("`period` is ", FormatWindow(spec.period_ms),
                                    ", wanted whole minutes from ", FormatWindow(kMinPeriod),
                                    " to ", FormatWindow(kMaxPeriod)));
  }
  return absl::OkStatus();
}

absl::Status ReadObjective(const YamlNode& node, SloSpec& spec) {
  YamlReader reader(node);
  reader.Fail(ReadTarget(reader, spec));
  reader.Fail(ReadPeriod(reader, spec));
  RefuseUnbuilt(reader, "objective", {"from"});
  return reader.Finish("objective");
}

absl::Status ReadWindow(YamlReader& reader, std::string_view key, DurationMs& out) {
  const YamlNode* node = reader.Find(key);
  if (node == nullptr)
    return reader.node().Error(absl::StrCat("a tier needs `", std::string(key), "`"));
  ASSIGN_OR_RETURN(out, node->AsDuration());
  if (out < kMinWindow || out % kSliceMs != 0) {
    return node->Error(absl::StrCat("`", std::string(key), "` is ", FormatWindow(out),
                                    ", wanted at least ", FormatWindow(kMinWindow),
                                    " and a multiple of ", FormatWindow(kSliceMs)));
  }
  return absl::OkStatus();
}

// `budget: 2%` (share of the budget a long window) or `factor: 14.4` (burn rate): one of them.
absl::Status ReadPace(YamlReader& reader, const SloSpec& spec, Tier& tier) {
  const YamlNode* budget = reader.Find("budget");
  const YamlNode* factor = reader.Find("factor");
  if ((budget == nullptr) == (factor == nullptr)) {
    return reader.node().Error(
        "a tier needs either `budget` (e.g. 2%) or `factor` (e.g. \"14.4\")");
  }
  const YamlNode& node = budget != nullptr ? *budget : *factor;
  ASSIGN_OR_RETURN(std::string text, node.AsString());
  if (budget != nullptr) {
    if (text.empty() || text.back() != '%') {
      return node.Error(
          absl::StrCat("`budget` is ", text, ", wanted a share of the budget such as 2%"));
    }
    text.pop_back();
  }
  const absl::StatusOr<Ratio> number = ParseDecimal(text);
  if (!number.ok()) return node.Error(std::string(number.status().message()));
  if (number->num == 0) return node.Error("wanted more than 0: a tier at 0 would always fire");
  absl::Status status;
  if (budget != nullptr) {
    ASSIGN_OR_RETURN(tier.fraction, Multiply(*number, Ratio{1, 100}));
    status = SetFactorFromFraction(tier, spec.period_ms, spec.budget, FactorFloor::kNone);
  } else {
    tier.factor = *number;
    status = SetFractionFromFactor(tier, spec.period_ms, spec.budget);
  }
  return status.ok() ? status : node.Error(std::string(status.message()));
}

absl::Status ReadTierKeys(YamlReader& reader, const SloSpec& spec, Tier& tier) {
  ASSIGN_OR_RETURN(tier.name, RequiredString(reader, "name", "a tier"));
  ASSIGN_OR_RETURN(tier.severity, RequiredString(reader, "severity", "a tier"));
  if (!tsdb::IsValidUtf8(tier.name) || !tsdb::IsValidUtf8(tier.severity)) {
    return reader.node().Error("`name` or `severity` is not valid UTF-8");
  }
  RETURN_IF_ERROR(ReadWindow(reader, "long", tier.long_ms));
  RETURN_IF_ERROR(ReadWindow(reader, "short", tier.short_ms));
  if (tier.short_ms >= tier.long_ms || tier.long_ms > spec.period_ms) {
    return reader.node().Error(absl::StrCat(
        "tier ", tier.name, " wants short < long <= period, got ", FormatWindow(tier.short_ms),
        ", ", FormatWindow(tier.long_ms), ", ", FormatWindow(spec.period_ms)));
  }
  std::string weight = "time";
  if (reader.String("weight", weight)) {
    if (weight != "time" && weight != "traffic") {
      return reader.Find("weight")->Error(
          absl::StrCat("`weight` is ", weight, ", wanted time or traffic"));
    }
    tier.weight = weight == "time" ? Weight::kTime : Weight::kTraffic;
  }
  if (reader.Int("min_bad", tier.min_bad) && tier.min_bad < 0) {
    return reader.Find("min_bad")->Error("`min_bad` is negative");
  }
  return ReadPace(reader, spec, tier);
}

absl::Status ReadTier(const YamlNode& node, const SloSpec& spec, Tier& tier) {
  YamlReader reader(node);
  RefuseUnbuilt(reader, "a tier", {"for", "keep_firing", "min_total"});
  reader.Fail(ReadTierKeys(reader, spec, tier));
  return reader.Finish("tiers");
}

absl::Status ReadTiers(const YamlNode& node, SloSpec& spec) {
  if (node.kind != YamlNode::Kind::kSequence) return node.Error("`tiers` wants a list");
  if (node.items.size() > kMaxTiers) {
    return node.Error(
        absl::StrCat(node.items.size(), " tiers, at most ", kMaxTiers, " are allowed"));
  }
  std::set<std::string> names;
  for (const YamlNode& item : node.items) {
    Tier tier;
    RETURN_IF_ERROR(ReadTier(item, spec, tier));
    if (!names.insert(tier.name).second) {
      return item.Error(absl::StrCat("a second tier is named ", tier.name));
    }
    spec.tiers.push_back(std::move(tier));
  }
  return absl::OkStatus();
}

absl::Status UsePreset(const YamlNode& node, const std::string& name, SloSpec& spec,
                       std::vector<std::string>& warnings) {
  const std::vector<TierPreset>* preset = FindPreset(name);
  if (preset == nullptr) {
    return node.Error(absl::StrCat("`preset: ", name,
                                   "` is not known: wanted google-30d, or custom with `tiers`"));
  }
  std::vector<std::string> left_out;
  absl::StatusOr<std::vector<Tier>> tiers = TiersOf(*preset, spec.period_ms, spec.budget, left_out);
  if (!tiers.ok()) return node.Error(std::string(tiers.status().message()));
  spec.tiers = *std::move(tiers);
  for (const std::string& text : left_out) {
    warnings.push_back(absl::StrCat(node.Where(), ": slo ", spec.id, ": ", text));
  }
  return absl::OkStatus();
}

absl::Status ReadAlertingKeys(YamlReader& reader, SloSpec& spec,
                              std::vector<std::string>& warnings) {
  std::string comparator = ">";
  if (reader.String("comparator", comparator)) {
    if (comparator != ">" && comparator != ">=") {
      return reader.Find("comparator")
          ->Error(absl::StrCat("`comparator` is ", comparator, ", wanted > or >="));
    }
    spec.comparator = comparator == ">" ? Comparator::kGreater : Comparator::kGreaterOrEqual;
  }
  OnlyValue(reader, "mode", "live");
  const YamlNode* tiers = reader.Find("tiers");
  std::string preset = tiers == nullptr ? "google-30d" : "custom";
  reader.String("preset", preset);
  if (tiers != nullptr && preset != "custom") {
    return tiers->Error(
        absl::StrCat("`tiers` and `preset: ", preset, "` exclude each other: use preset: custom"));
  }
  if (tiers != nullptr) return ReadTiers(*tiers, spec);
  if (preset == "custom") return reader.node().Error("`preset: custom` needs `tiers`");
  const YamlNode* at = reader.Find("preset");
  return UsePreset(at != nullptr ? *at : reader.node(), preset, spec, warnings);
}

absl::Status ReadAlerting(const YamlNode& node, SloSpec& spec, std::vector<std::string>& warnings) {
  YamlReader reader(node);
  RefuseUnbuilt(reader, "alerting", {"budget"});
  reader.Fail(ReadAlertingKeys(reader, spec, warnings));
  return reader.Finish("alerting");
}

void WarnOfDeadTiers(const SloSpec& spec, std::vector<std::string>& warnings) {
  for (const Tier& tier : spec.tiers) {
    if (IsFeasible(tier, spec.comparator)) continue;
    warnings.push_back(absl::StrCat(
        spec.where, ": slo ", spec.id, ": tier ", tier.name,
        " can never fire: it wants an error ratio above ", FormatPercent(tier.threshold.ToDouble()),
        " (factor ", base::FormatFloat(tier.factor.ToDouble()), " times a budget of ",
        FormatPercent(spec.budget.ToDouble()), ")"));
  }
}

absl::Status ReadSections(YamlReader& reader, SloSpec& spec, std::vector<std::string>& warnings) {
  ASSIGN_OR_RETURN(spec.name, RequiredName(reader, "name"));
  ASSIGN_OR_RETURN(spec.service, RequiredName(reader, "service"));
  spec.id = SloId(spec.service, spec.name);
  if (spec.id.empty())
    return reader.node().Error(
        "`service` and `name` hold no letter and no digit: no id can be made");
  reader.String("description", spec.description);
  ASSIGN_OR_RETURN(spec.labels, ReadPairs(reader, "labels"));
  ASSIGN_OR_RETURN(spec.annotations, ReadPairs(reader, "annotations"));
  const YamlNode* sli = reader.Find("sli");
  if (sli == nullptr) return reader.node().Error("an SLO needs `sli`");
  RETURN_IF_ERROR(ReadSli(*sli, spec));
  RefuseUnbuilt(reader, "an SLO", {"objectives", "exclusions", "coverage_floor"});
  const YamlNode* objective = reader.Find("objective");
  if (objective == nullptr)
    return reader.node().Error("an SLO needs `objective: {target: \"99.9\", period: 30d}`");
  RETURN_IF_ERROR(ReadObjective(*objective, spec));
  if (const YamlNode* alerting = reader.Find("alerting"))
    return ReadAlerting(*alerting, spec, warnings);
  return UsePreset(reader.node(), "google-30d", spec, warnings);
}

// What other tools' files look like, to say so instead of naming an unknown key.
absl::Status CheckKind(YamlReader& reader) {
  const YamlNode* kind = reader.Find("kind");
  if (kind != nullptr && kind->scalar == "SLO" && reader.node().Find("apiVersion") == nullptr)
    return absl::OkStatus();
  const YamlNode& at = kind != nullptr ? *kind : reader.node();
  for (const auto& [key, tool] :
       {std::pair{"apiVersion", "a Pyrra, OpenSLO or Kubernetes"}, {"version", "a Sloth"}}) {
    if (reader.node().Find(key) == nullptr) continue;
    return at.Error(absl::StrCat("this looks like ", tool,
                                 " document, which is not read yet: wanted kind: SLO"));
  }
  return at.Error(kind == nullptr
                      ? "a document needs `kind: SLO`"
                      : absl::StrCat("`kind: ", kind->scalar, "` is not known: wanted kind: SLO"));
}

absl::StatusOr<SloSpec> ReadSlo(const YamlNode& node, std::vector<std::string>& warnings) {
  if (node.kind != YamlNode::Kind::kMapping)
    return node.Error("an SLO document is a mapping that begins with kind: SLO");
  YamlReader reader(node);
  RETURN_IF_ERROR(CheckKind(reader));
  SloSpec spec;
  spec.where = node.Where();
  OnlyValue(reader, "budgeting", "occurrences");
  OnlyValue(reader, "missing", "gap");
  OnlyValue(reader, "empty", "neutral");
  reader.Fail(ReadSections(reader, spec, warnings));
  RETURN_IF_ERROR(reader.Finish("the SLO"));
  WarnOfDeadTiers(spec, warnings);
  return spec;
}

void AddSpec(SloSpec spec, const YamlNode& node, SloFiles& out) {
  for (const SloSpec& other : out.specs) {
    if (other.id != spec.id) continue;
    out.errors.push_back(std::string(
        node.Error(absl::StrCat("the id ", spec.id, " is taken by the SLO at ", other.where))
            .message()));
    return;
  }
  if (out.specs.size() >= kMaxSlos) {
    out.errors.push_back(
        std::string(node.Error(absl::StrCat("more than ", kMaxSlos, " SLOs")).message()));
    return;
  }
  out.specs.push_back(std::move(spec));
}

void LoadOneFile(const std::string& path, SloFiles& out) {
  const absl::StatusOr<std::string> text = base::ReadFile(path);
  if (!text.ok()) {
    out.errors.push_back(std::string(text.status().message()));
    return;
  }
  LoadSloText(*text, path, out);
}

}  // namespace

absl::Status SloFiles::status() const {
  if (errors.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
}

void LoadSloText(std::string_view text, std::string_view file_name, SloFiles& out) {
  if (text.size() > kMaxSloFileBytes) {
    out.errors.push_back(absl::StrCat(std::string(file_name), ":1:1: the file has ", text.size(),
                                      " bytes, at most ", kMaxSloFileBytes, " are allowed"));
    return;
  }
  absl::StatusOr<std::vector<YamlNode>> documents = base::ParseYamlStream(text, file_name);
  if (!documents.ok()) {
    out.errors.push_back(std::string(documents.status().message()));
    return;
  }
  for (const YamlNode& document : *documents) {
    if (document.IsNull()) continue;
    absl::StatusOr<SloSpec> spec = ReadSlo(document, out.warnings);
    if (!spec.ok()) {
      out.errors.push_back(std::string(spec.status().message()));
      continue;
    }
    AddSpec(*std::move(spec), document, out);
  }
}

SloFiles LoadSloFiles(const std::vector<std::string>& globs) {
  SloFiles out;
  std::set<std::string> seen;
  for (const std::string& glob : globs) {
    std::vector<std::string> paths = base::Glob(glob);
    // Reading it names the reason.
    if (paths.empty() && !base::HasWildcard(glob)) paths.push_back(glob);
    if (paths.empty()) out.warnings.push_back(absl::StrCat(glob, ": no SLO file matches"));
    for (const std::string& path : paths) {
      if (seen.insert(path).second) LoadOneFile(path, out);
    }
  }
  return out;
}

}  // namespace slowburn::slo
