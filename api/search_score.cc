#include "api/search_score.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"

namespace slowburn::api {
namespace {

// What is not quite equal stays below what is, when rounded.
constexpr double kInexact = 0.999;
constexpr size_t kLongestPrefix = 4;
constexpr double kPrefixScale = 0.1;

using Runes = std::u32string;

// Code points; a byte that begins none stands for itself.
Runes ToRunes(std::string_view text) {
  Runes out;
  for (size_t i = 0; i < text.size();) {
    const auto first = uint8_t(text[i]);
    const size_t length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    char32_t rune = length == 1 ? first : first & (0xFF >> (length + 1));
    for (size_t k = 1; k < length && i + k < text.size(); ++k)
      rune = rune << 6 | (uint8_t(text[i + k]) & 0x3F);
    out.push_back(rune);
    i += length;
  }
  return out;
}

// Of the match that begins at `start`, where the term's first letter stands; nothing if it does not
// go on to the end.
std::optional<double> ScoreFrom(const Runes& term, const Runes& text, size_t start) {
  const double per_letter = 1 / double(text.size());
  double score = 0;
  size_t matched = 0, at = start, end = 0;  // end: behind the last run
  while (matched < term.size()) {
    at = text.find(term[matched], at);
    if (at == Runes::npos) return std::nullopt;
    const size_t run = at;
    while (matched < term.size() && at < text.size() && text[at] == term[matched]) ++matched, ++at;
    if (run > end) score -= double(run - end) * per_letter;
    score += double((at - run) * (at - run));
    end = at;
  }
  return score - double(text.size() - end) * per_letter * 0.5;
}

}  // namespace

double SubsequenceScore(std::string_view term_text, std::string_view text_text) {
  if (term_text.empty() || term_text == text_text) return 1;
  const Runes term = ToRunes(term_text), text = ToRunes(text_text);
  double best = -1;
  for (size_t start = 0; start + term.size() <= text.size(); ++start) {
    if (text[start] != term[0]) continue;
    const std::optional<double> score = ScoreFrom(term, text, start);
    if (!score.has_value()) break;  // there is even less behind
    best = std::max(best, *score);
  }
  return best < 0 ? 0 : best / double(term.size() * term.size()) * kInexact;
}

double JaroWinklerScore(std::string_view term, std::string_view text) {
  if (term == text) return 1;
  if (term.empty() || text.empty()) return 0;
  Runes a = ToRunes(term), b = ToRunes(text);
  if (a.size() > b.size()) std::swap(a, b);
  const size_t reach = std::max<size_t>(b.size() / 2, 1) - 1;
  std::vector<bool> in_a(a.size()), in_b(b.size());
  double matches = 0, moved = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const size_t end = std::min(i + reach + 1, b.size());
    for (size_t j = i - std::min(i, reach); j < end; ++j) {
      if (in_b[j] || a[i] != b[j]) continue;
      in_a[i] = in_b[j] = true;
      ++matches;
      break;
    }
  }
  if (matches == 0) return 0;
  for (size_t i = 0, k = 0; i < a.size(); ++i) {
    if (!in_a[i]) continue;
    while (!in_b[k]) ++k;
    if (a[i] != b[k++]) ++moved;
  }
  const double jaro = (matches * (1 / double(a.size())) + matches * (1 / double(b.size())) +
                       (matches - moved * 0.5) / matches) /
                      3;
  size_t prefix = 0;
  while (prefix < std::min(kLongestPrefix, a.size()) && a[prefix] == b[prefix]) ++prefix;
  return jaro + double(prefix) * kPrefixScale * (1 - jaro);
}

std::optional<double> SubstringScore(std::string_view term, std::string_view text) {
  const size_t at = text.find(term);
  if (at == text.npos) return std::nullopt;
  if (at == 0) return 1;
  const double places = double(ToRunes(text).size()) - double(ToRunes(term).size());
  return places <= 0 ? 1 : 1 - 0.9 * double(ToRunes(text.substr(0, at)).size()) / places;
}

SearchFilter::SearchFilter(const std::vector<std::string_view>& terms, FuzzAlgorithm algorithm,
                           double threshold, bool case_sensitive)
    : algorithm_(algorithm), threshold_(threshold), case_sensitive_(case_sensitive) {
  for (const std::string_view term : terms) {
    if (term.empty()) continue;
    terms_.emplace_back(term);
    if (!case_sensitive) absl::AsciiStrToLower(&terms_.back());
  }
}

std::optional<double> SearchFilter::Score(std::string_view text) const {
  if (terms_.empty()) return 1;
  std::string folded;
  if (!case_sensitive_) {
    folded = text;
    absl::AsciiStrToLower(&folded);
    text = folded;
  }
  std::optional<double> best;
  for (const std::string& term : terms_) best = std::max(best, ScoreOf(term, text));
  return best;
}

std::optional<double> SearchFilter::ScoreOf(const std::string& term, std::string_view text) const {
  if (algorithm_ == FuzzAlgorithm::kSubsequence) {
    const double score = text.starts_with(term) ? 1 : SubsequenceScore(term, text);
    return score > 0 && score >= threshold_ ? std::optional<double>(score) : std::nullopt;
  }
  if (const std::optional<double> score = SubstringScore(term, text)) return score;
  if (threshold_ == 0) return std::nullopt;
  const double score = JaroWinklerScore(term, text);
  return score >= threshold_ ? std::optional<double>(score) : std::nullopt;
}

}  // namespace slowburn::api
