#include "slo/slo_spec.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/number.h"
#include "base/status_macros.h"

namespace slowburn::slo {
namespace {

std::string Canonical(const tsdb::Matchers& matchers) {
  std::vector<std::string> texts;
  texts.reserve(matchers.size());
  for (const tsdb::Matcher& matcher : matchers) texts.push_back(matcher.ToString());
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return absl::StrCat("{", absl::StrJoin(texts, ","), "}");
}

// period / long as a fraction.
Ratio WindowsInPeriod(DurationMs period, DurationMs long_ms) {
  return MakeRatio(static_cast<uint64_t>(period), static_cast<uint64_t>(long_ms));
}

}  // namespace

uint8_t Sli::RolesOf(const tsdb::Labels& labels) const {
  uint8_t roles = 0;
  if (tsdb::MatchesAll(part, labels)) roles |= kPart;
  if (tsdb::MatchesAll(total, labels)) roles |= kTotal;
  return roles;
}

std::string Sli::CanonicalText() const {
  return absl::StrCat(part_kind == Part::kBad ? "bad" : "good", Canonical(part), " total",
                      Canonical(total));
}

std::vector<DurationMs> SloSpec::Windows() const {
  std::vector<DurationMs> windows;
  for (const Tier& tier : tiers) {
    windows.push_back(tier.long_ms);
    windows.push_back(tier.short_ms);
  }
  std::sort(windows.begin(), windows.end());
  windows.erase(std::unique(windows.begin(), windows.end()), windows.end());
  return windows;
}

DurationMs SloSpec::FastWindow() const {
  DurationMs fast = std::min(base::kHour, period_ms);
  for (size_t i = 0; i < tiers.size(); ++i) {
    if (i == 0 || tiers[i].long_ms < fast) fast = tiers[i].long_ms;
  }
  return fast;
}

const std::vector<TierPreset>* FindPreset(std::string_view name) {
  static const auto& google = *new std::vector<TierPreset>{
      {"fast", "P0", base::kHour, 5 * base::kMinute, 2},
      {"medium", "P1", 6 * base::kHour, 30 * base::kMinute, 5},
      {"slow", "P2", base::kDay, 2 * base::kHour, 10},
      {"longterm", "P2", 3 * base::kDay, 6 * base::kHour, 10},
  };
  return name == "google-30d" ? &google : nullptr;
}

absl::Status SetFactorFromFraction(Tier& tier, DurationMs period, const Ratio& budget,
                                   FactorFloor floor) {
  ASSIGN_OR_RETURN(tier.factor, Multiply(tier.fraction, WindowsInPeriod(period, tier.long_ms)));
  if (floor == FactorFloor::kOne && tier.factor < Ratio{1, 1}) {
    tier.factor = {1, 1};
    tier.fraction = MakeRatio(static_cast<uint64_t>(tier.long_ms), static_cast<uint64_t>(period));
  }
  ASSIGN_OR_RETURN(tier.threshold, Multiply(tier.factor, budget));
  return absl::OkStatus();
}

absl::Status SetFractionFromFactor(Tier& tier, DurationMs period, const Ratio& budget) {
  const Ratio share = MakeRatio(static_cast<uint64_t>(tier.long_ms), static_cast<uint64_t>(period));
  ASSIGN_OR_RETURN(tier.fraction, Multiply(tier.factor, share));
  ASSIGN_OR_RETURN(tier.threshold, Multiply(tier.factor, budget));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Tier>> TiersOf(const std::vector<TierPreset>& preset, DurationMs period,
                                          const Ratio& budget, std::vector<std::string>& warnings) {
  std::vector<Tier> tiers;
  for (const TierPreset& row : preset) {
    if (row.long_ms > period) {
      warnings.push_back(
          absl::StrCat("tier ", std::string(row.name), " is left out: its long window of ",
                       FormatWindow(row.long_ms), " exceeds the period of ", FormatWindow(period)));
      continue;
    }
    Tier tier;
    tier.name = std::string(row.name);
    tier.severity = std::string(row.severity);
    tier.long_ms = row.long_ms;
    tier.short_ms = row.short_ms;
    tier.fraction = MakeRatio(row.fraction_percent, 100);
    RETURN_IF_ERROR(SetFactorFromFraction(tier, period, budget, FactorFloor::kOne));
    tiers.push_back(std::move(tier));
  }
  return tiers;
}

bool IsFeasible(const Tier& tier, Comparator comparator) {
  const Ratio one{1, 1};
  return comparator == Comparator::kGreater ? tier.threshold < one : tier.threshold <= one;
}

std::string SloId(std::string_view service, std::string_view name) {
  std::string id;
  for (char c : absl::StrCat(std::string(service), "-", std::string(name))) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (kept) {
      id.push_back(c);
    } else if (!id.empty() && id.back() != '-') {
      id.push_back('-');
    }
  }
  while (!id.empty() && id.back() == '-') id.pop_back();
  return id;
}

std::string FormatWindow(DurationMs window) {
  if (window == 0 || window % base::kDay != 0) return base::FormatDuration(window);
  return absl::StrCat(window / base::kDay, "d");
}

std::string FormatPercent(double ratio) { return absl::StrFormat("%.6g%%", ratio * 100); }

}  // namespace slowburn::slo
