// How well a name answers a search term: as Prometheus' search API, from 0 (not at all) to 1.
//
// Threads: stateless; a SearchFilter may be used by many.
#ifndef SLOWBURN_API_SEARCH_SCORE_H_
#define SLOWBURN_API_SEARCH_SCORE_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slowburn::api {

// The letters in order, perhaps with others in between: runs count for, gaps count against.
double SubsequenceScore(std::string_view term, std::string_view text);
double JaroWinklerScore(std::string_view term, std::string_view text);
// Nothing: the term is not in the text. The earlier it begins the better.
std::optional<double> SubstringScore(std::string_view term, std::string_view text);

enum class FuzzAlgorithm { kSubsequence, kJaroWinkler };

class SearchFilter {
 public:
  // `terms`: one of them is enough; empty ones do not count. `threshold` from 0 to 1. Case is
  // folded for ASCII only.
  SearchFilter(const std::vector<std::string_view>& terms, FuzzAlgorithm algorithm,
               double threshold, bool case_sensitive);

  // The best score of any term; nothing: the text is not wanted.
  std::optional<double> Score(std::string_view text) const;

 private:
  std::optional<double> ScoreOf(const std::string& term, std::string_view text) const;

  std::vector<std::string> terms_;
  const FuzzAlgorithm algorithm_;
  const double threshold_;
  const bool case_sensitive_;
};

}  // namespace slowburn::api

#endif  // SLOWBURN_API_SEARCH_SCORE_H_
