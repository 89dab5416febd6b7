#include "query/functions/natural_order.h"

#include <cstddef>

namespace slowburn::query {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes the next run of digits, or of anything else, off the front.
std::string_view TakeRun(std::string_view& text) {
  size_t n = 1;
  while (n < text.size() && IsDigit(text[n]) == IsDigit(text[0])) ++n;
  const std::string_view run = text.substr(0, n);
  text.remove_prefix(n);
  return run;
}

std::string_view WithoutLeadingZeros(std::string_view digits) {
  while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
  return digits;
}

// Numbers of any length: the longer one is larger.
int CompareNumbers(std::string_view a, std::string_view b) {
  a = WithoutLeadingZeros(a);
  b = WithoutLeadingZeros(b);
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

}  // namespace

bool NaturallyBefore(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    const std::string_view run_a = TakeRun(a), run_b = TakeRun(b);
    const bool numbers = IsDigit(run_a[0]) && IsDigit(run_b[0]);
    const int order = numbers ? CompareNumbers(run_a, run_b) : run_a.compare(run_b);
    if (order != 0) return order < 0;
  }
  return a.empty() && !b.empty();
}

}  // namespace slowburn::query
