#include "query/parser/token.h"

#include <algorithm>
#include <iterator>

#include "query/parser/quote.h"

namespace slowburn::query {
namespace {

struct Keyword {
  std::string_view word;
  TokenType type;
};

// Sorted by word.
constexpr Keyword kKeywords[] = {
    {"anchored", TokenType::kAnchored},
    {"and", TokenType::kAnd},
    {"atan2", TokenType::kAtan2},
    {"avg", TokenType::kAvg},
    {"bool", TokenType::kBool},
    {"bottomk", TokenType::kBottomk},
    {"by", TokenType::kBy},
    {"count", TokenType::kCount},
    {"count_values", TokenType::kCountValues},
    {"end", TokenType::kEnd},
    {"fill", TokenType::kFill},
    {"fill_left", TokenType::kFillLeft},
    {"fill_right", TokenType::kFillRight},
    {"group", TokenType::kGroup},
    {"group_left", TokenType::kGroupLeft},
    {"group_right", TokenType::kGroupRight},
    {"ignoring", TokenType::kIgnoring},
    {"inf", TokenType::kNumber},
    {"limit_ratio", TokenType::kLimitRatio},
    {"limitk", TokenType::kLimitk},
    {"max", TokenType::kMax},
    {"max_of", TokenType::kMaxOf},
    {"min", TokenType::kMin},
    {"min_of", TokenType::kMinOf},
    {"nan", TokenType::kNumber},
    {"offset", TokenType::kOffset},
    {"on", TokenType::kOn},
    {"or", TokenType::kOr},
    {"quantile", TokenType::kQuantile},
    {"range", TokenType::kRange},
    {"smoothed", TokenType::kSmoothed},
    {"start", TokenType::kStart},
    {"stddev", TokenType::kStddev},
    {"stdvar", TokenType::kStdvar},
    {"step", TokenType::kStep},
    {"sum", TokenType::kSum},
    {"topk", TokenType::kTopk},
    {"unless", TokenType::kUnless},
    {"without", TokenType::kWithout},
};
constexpr size_t kLongestKeyword = 12;

constexpr bool IsSorted() {
  for (size_t i = 1; i < std::size(kKeywords); ++i) {
    if (!(kKeywords[i - 1].word < kKeywords[i].word)) return false;
  }
  return true;
}
static_assert(IsSorted(), "FindKeyword searches");

bool IsBetween(TokenType type, TokenType first, TokenType last) {
  return type >= first && type <= last;
}
bool IsOperator(TokenType type) { return IsBetween(type, TokenType::kAdd, TokenType::kAt); }
bool IsModifier(TokenType type) { return IsBetween(type, TokenType::kBool, TokenType::kSmoothed); }
bool IsMoment(TokenType type) { return IsBetween(type, TokenType::kStart, TokenType::kMaxOf); }

// The first ten characters, with an ellipsis if there are more bytes than that.
std::string QuoteShort(std::string_view text) {
  if (text.size() <= 10) return GoQuote(text);
  size_t cut = 0;
  for (int runes = 0; runes < 10 && cut < text.size(); ++runes)
    cut += DecodeRune(text.substr(cut)).size;
  return GoQuote(text.substr(0, cut)) + "...";
}

}  // namespace

std::optional<TokenType> FindKeyword(std::string_view word) {
  if (word.size() > kLongestKeyword) return std::nullopt;
  char lower[kLongestKeyword];
  std::transform(word.begin(), word.end(), lower,
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  const std::string_view wanted(lower, word.size());
  const auto* it =
      std::lower_bound(std::begin(kKeywords), std::end(kKeywords), wanted,
                       [](const Keyword& k, std::string_view w) { return k.word < w; });
  if (it == std::end(kKeywords) || it->word != wanted) return std::nullopt;
  return it->type;
}

bool IsAggregator(TokenType type) {
  return IsBetween(type, TokenType::kSum, TokenType::kLimitRatio);
}

bool IsMetricName(TokenType type) {
  switch (type) {
    case TokenType::kIdentifier:
    case TokenType::kMetricIdentifier:
    case TokenType::kAnd:
    case TokenType::kOr:
    case TokenType::kUnless:
      return true;
    case TokenType::kBool:
    case TokenType::kOn:
    case TokenType::kIgnoring:
    case TokenType::kGroupLeft:
    case TokenType::kGroupRight:
      return false;
    default:
      return IsAggregator(type) || IsModifier(type) || IsMoment(type);
  }
}

bool IsLabelName(TokenType type) {
  if (type == TokenType::kWithout) return false;  // Prometheus' grammar forgets it, and only it
  return IsMetricName(type) || IsModifier(type) || type == TokenType::kAtan2;
}

std::optional<BinaryOp> AsBinaryOp(TokenType type) {
  switch (type) {
    case TokenType::kAdd:
      return BinaryOp::kAdd;
    case TokenType::kSub:
      return BinaryOp::kSub;
    case TokenType::kMul:
      return BinaryOp::kMul;
    case TokenType::kDiv:
      return BinaryOp::kDiv;
    case TokenType::kMod:
      return BinaryOp::kMod;
    case TokenType::kPow:
      return BinaryOp::kPow;
    case TokenType::kAtan2:
      return BinaryOp::kAtan2;
    case TokenType::kEq:
      return BinaryOp::kEq;
    case TokenType::kNe:
      return BinaryOp::kNe;
    case TokenType::kLt:
      return BinaryOp::kLt;
    case TokenType::kLe:
      return BinaryOp::kLe;
    case TokenType::kGt:
      return BinaryOp::kGt;
    case TokenType::kGe:
      return BinaryOp::kGe;
    case TokenType::kTrimUpper:
      return BinaryOp::kTrimUpper;
    case TokenType::kTrimLower:
      return BinaryOp::kTrimLower;
    case TokenType::kAnd:
      return BinaryOp::kAnd;
    case TokenType::kOr:
      return BinaryOp::kOr;
    case TokenType::kUnless:
      return BinaryOp::kUnless;
    default:
      return std::nullopt;
  }
}

AggregateOp AsAggregateOp(TokenType type) {
  return AggregateOp(uint8_t(type) - uint8_t(TokenType::kSum));
}
static_assert(uint8_t(TokenType::kLimitRatio) - uint8_t(TokenType::kSum) ==
              uint8_t(AggregateOp::kLimitRatio));

std::string Describe(const Token& token) {
  const std::string text(token.text);
  switch (token.type) {
    case TokenType::kEof:
      return "end of input";
    case TokenType::kError:
      return "error";
    case TokenType::kIdentifier:
      return "identifier " + GoQuote(text);
    case TokenType::kMetricIdentifier:
      return "metric identifier " + GoQuote(text);
    case TokenType::kString:
      return "string " + QuoteShort(text);
    case TokenType::kNumber:
      return "number " + QuoteShort(text);
    case TokenType::kDuration:
      return "duration " + QuoteShort(text);
    default:
      break;
  }
  if (IsOperator(token.type)) return "<op:" + text + ">";
  if (IsAggregator(token.type)) return "<aggr:" + text + ">";
  if (IsModifier(token.type)) return "<" + text + ">";
  return QuoteShort(text);
}

}  // namespace slowburn::query
