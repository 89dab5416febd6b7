// Queries that parse, at random: every construct of the grammar, nested.
#ifndef SLOWBURN_TESTS_QUERY_RANDOM_QUERY_H_
#define SLOWBURN_TESTS_QUERY_RANDOM_QUERY_H_

#include <string>

#include "tests/testing/random.h"

namespace slowburn::query {

std::string RandomQuery(testing::Random& random, int depth);

}  // namespace slowburn::query

#endif  // SLOWBURN_TESTS_QUERY_RANDOM_QUERY_H_
