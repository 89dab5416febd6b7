// Natural order of texts: runs of digits count as numbers, so "disk9" comes before "disk10".
#ifndef SLOWBURN_QUERY_FUNCTIONS_NATURAL_ORDER_H_
#define SLOWBURN_QUERY_FUNCTIONS_NATURAL_ORDER_H_

#include <string_view>

namespace slowburn::query {

// A strict weak order.
bool NaturallyBefore(std::string_view a, std::string_view b);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_FUNCTIONS_NATURAL_ORDER_H_
