#include "query/promqltest/start_sequence.h"

#include <charconv>
#include <cstdint>
#include <string>

#include "base/number.h"
#include "base/status_macros.h"
#include "query/parser/quote.h"
#include "query/promqltest/series_literal.h"

namespace slowburn::query {
namespace {

using Starts = std::vector<std::optional<tsdb::DurationMs>>;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

absl::Status BadItem(std::string_view item, std::string_view why) {
  return absl::InvalidArgumentError("invalid start timestamp item " + GoQuote(item) + ": " +
                                    std::string(why));
}

// Takes a signed duration from the front of `rest`. No unit ends in x, which begins the repetition.
bool TakeDuration(std::string_view& rest, tsdb::DurationMs& ms) {
  size_t end = 0;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  while (end < rest.size() && IsDigit(rest[end])) ++end;
  while (end < rest.size() && rest[end] >= 'a' && rest[end] <= 'z' && rest[end] != 'x') ++end;
  const absl::StatusOr<tsdb::DurationMs> parsed = base::ParseDuration(rest.substr(0, end));
  if (!parsed.ok()) return false;
  ms = negative ? -*parsed : *parsed;
  rest.remove_prefix(end);
  return true;
}

// "xN" and nothing else.
bool TakeCount(std::string_view rest, uint64_t& count) {
  if (!rest.starts_with('x')) return false;
  const char* end = rest.data() + rest.size();
  const auto result = std::from_chars(rest.data() + 1, end, count);
  return result.ec == std::errc() && result.ptr == end && count < kMaxSequenceValues;
}

absl::Status AppendItem(Starts& starts, std::string_view item) {
  std::string_view rest = item;
  uint64_t count = 0;
  if (item == "_") {
    starts.emplace_back();
    return absl::OkStatus();
  }
  if (item.starts_with('_')) {
    if (!TakeCount(rest.substr(1), count) || count == 0) return BadItem(item, "want _ or _xN");
    starts.insert(starts.end(), count, std::nullopt);
    return absl::OkStatus();
  }
  tsdb::DurationMs offset = 0;
  tsdb::DurationMs step = 0;
  if (!TakeDuration(rest, offset)) return BadItem(item, "want a duration");
  if (rest.empty()) {
    starts.emplace_back(offset);
    return absl::OkStatus();
  }
  if ((rest[0] == '+' || rest[0] == '-') && !TakeDuration(rest, step)) {
    return BadItem(item, "want a duration after the sign");
  }
  if (!TakeCount(rest, count)) return BadItem(item, "want xN at the end");
  for (uint64_t i = 0; i <= count; ++i, offset += step) starts.emplace_back(offset);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Starts> ParseStartSequence(std::string_view text) {
  Starts starts;
  while (!text.empty()) {
    const size_t begin = text.find_first_not_of(" \t");
    if (begin == text.npos) break;
    const size_t end = std::min(text.find_first_of(" \t", begin), text.size());
    RETURN_IF_ERROR(AppendItem(starts, text.substr(begin, end - begin)));
    text.remove_prefix(end);
  }
  return starts;
}

}  // namespace slowburn::query
