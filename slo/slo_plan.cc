#include "slo/slo_plan.h"

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/number.h"

namespace slowburn::slo {
namespace {

// Durations for people: the two largest units, seconds to a tenth below an hour.
std::string Human(double seconds) {
  if (seconds < 60) return absl::StrFormat("%.3gs", seconds);
  if (seconds < 3600) {
    const double tenths = std::round(seconds * 10);
    return absl::StrFormat("%dm%04.1fs", static_cast<int64_t>(tenths) / 600,
                           std::fmod(tenths, 600) / 10);
  }
  const int64_t whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 86400)
    return absl::StrFormat("%dh%02dm%02ds", whole / 3600, whole / 60 % 60, whole % 60);
  return absl::StrFormat("%dd%02dh%02dm", whole / 86400, whole / 3600 % 24, whole / 60 % 60);
}

double Seconds(DurationMs ms) {
  return static_cast<double>(ms) / static_cast<double>(base::kSecond);
}

std::string Number(double value) { return absl::StrFormat("%.6g", value); }

// For a constant error ratio on flat traffic: the long window must fill up to the threshold.
std::string Detection(const Tier& tier, Comparator comparator, double ratio) {
  const double threshold = tier.threshold.ToDouble();
  const bool fires = comparator == Comparator::kGreater ? ratio > threshold : ratio >= threshold;
  return fires ? Human(Seconds(tier.long_ms) * threshold / ratio) : "never";
}

// Afterwards the short window drains.
std::string Reset(const Tier& tier, double ratio) {
  const double threshold = tier.threshold.ToDouble();
  return ratio > threshold ? Human(Seconds(tier.short_ms) * (1 - threshold / ratio)) : "-";
}

using Row = std::array<std::string, 10>;

std::string Table(const std::vector<Row>& rows) {
  std::array<size_t, std::tuple_size_v<Row>> widths{};
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line = " ";
    for (size_t i = 0; i < row.size(); ++i) {
      absl::StrAppend(&line, " ", row[i]);
      line.append(widths[i] - row[i].size() + 1, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

std::string BudgetLines(const SloSpec& spec, std::optional<double> per_second) {
  const double budget = spec.budget.ToDouble();
  const double period = Seconds(spec.period_ms);
  std::string out = absl::StrCat("  budget     ", FormatPercent(budget), " of all events in ",
                                 FormatWindow(spec.period_ms), "; a full outage spends it in ",
                                 Human(period * budget), "\n");
  if (per_second.has_value()) {
    absl::StrAppend(&out, "  events     ", Number(*per_second * period * budget), " of ",
                    Number(*per_second * period), " may be bad, at ", Number(*per_second),
                    " a second\n");
  } else {
    absl::StrAppend(&out, "  events     1 in ", Number(1 / budget),
                    " may be bad; --traffic says how many that are\n");
  }
  return out;
}

// Below this traffic one bad event alone exceeds the threshold in the long window.
std::string LowTrafficLine(const SloSpec& spec, std::optional<double> per_second) {
  if (spec.tiers.empty()) return "";
  const Tier& tier = spec.tiers.front();
  if (tier.weight == Weight::kTraffic || tier.min_bad > 1 || !IsFeasible(tier, spec.comparator))
    return "";
  const double least = 1 / tier.threshold.ToDouble();
  const std::string window = FormatWindow(tier.long_ms);
  std::string out = absl::StrCat("  traffic    with fewer than ", Number(std::ceil(least)),
                                 " events in ", window, " a single bad one trips tier ", tier.name);
  if (per_second.has_value() && *per_second * Seconds(tier.long_ms) < least) {
    absl::StrAppend(&out, ": this SLO has ", Number(*per_second * Seconds(tier.long_ms)),
                    "; set min_bad, or weight: traffic");
  }
  return out + "\n";
}

}  // namespace

std::string DescribePlan(const SloSpec& spec, std::optional<double> per_second) {
  std::string out = absl::StrCat(spec.id, "  (", spec.where, ")\n", "  objective  ", spec.objective,
                                 "% over ", FormatWindow(spec.period_ms), ", rolling\n");
  absl::StrAppend(&out, "  ", spec.sli.part_kind == Sli::Part::kBad ? "bad        " : "good       ",
                  spec.part_text, "\n  total      ", spec.total_text, "\n",
                  BudgetLines(spec, per_second), LowTrafficLine(spec, per_second));
  if (spec.tiers.empty()) return out + "  no alerts\n";
  std::vector<Row> rows = {
      {"tier", "severity", "long", "short", "budget", "factor",
       spec.comparator == Comparator::kGreater ? "errors >" : "errors >=", "100% bad: seen after",
       "10% bad: seen after", "silent again after 100% / 10%"}};
  std::string dead;
  for (const Tier& tier : spec.tiers) {
    rows.push_back({tier.name, tier.severity, FormatWindow(tier.long_ms),
                    FormatWindow(tier.short_ms), FormatPercent(tier.fraction.ToDouble()),
                    Number(tier.factor.ToDouble()), FormatPercent(tier.threshold.ToDouble()),
                    Detection(tier, spec.comparator, 1), Detection(tier, spec.comparator, 0.1),
                    absl::StrCat(Reset(tier, 1), " / ", Reset(tier, 0.1))});
    if (IsFeasible(tier, spec.comparator)) continue;
    absl::StrAppend(&dead, "  warning: tier ", tier.name, " can never fire: its threshold is ",
                    FormatPercent(tier.threshold.ToDouble()), " errors\n");
  }
  return absl::StrCat(out, Table(rows), dead);
}

absl::StatusOr<double> ParseTraffic(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string_view unit = slash == std::string_view::npos ? "s" : text.substr(slash + 1);
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
  double value = 0;
  if (base::ParseFloat(text.substr(0, slash), value) && std::isfinite(value) && value > 0) {
    for (const auto& [name, seconds] : kUnits) {
      if (name == unit) return value / seconds;
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", std::string(text), "\" is not traffic: wanted events per s, m, h or d, e.g. 120/s"));
}

}  // namespace slowburn::slo
