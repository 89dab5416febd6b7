// ASSERT_OK(expr), EXPECT_OK(expr), ASSERT_OK_AND_ASSIGN(auto x, expr),
// EXPECT_THAT(status, IsCode(code, substring)).
#ifndef SLOWBURN_TESTS_TESTING_STATUS_MATCHERS_H_
#define SLOWBURN_TESTS_TESTING_STATUS_MATCHERS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace slowburn::testing {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

// The code is as given, and the message contains `substring`.
MATCHER_P2(IsCode, code, substring, "") {
  const absl::Status& status = StatusOf(arg);
  *result_listener << "is " << status.ToString();
  return status.code() == code && std::string(status.message()).find(substring) != std::string::npos;
}

}  // namespace slowburn::testing

#define EXPECT_OK(expression) \
  EXPECT_EQ(::slowburn::testing::StatusOf(expression).ToString(), "OK")
#define ASSERT_OK(expression) \
  ASSERT_EQ(::slowburn::testing::StatusOf(expression).ToString(), "OK")
#define SLOWBURN_TEST_CONCAT_INNER_(a, b) a##b
#define SLOWBURN_TEST_CONCAT_(a, b) SLOWBURN_TEST_CONCAT_INNER_(a, b)
#define ASSERT_OK_AND_ASSIGN(lhs, expression) \
  SLOWBURN_ASSERT_OK_AND_ASSIGN_IMPL_(SLOWBURN_TEST_CONCAT_(status_or_, __LINE__), lhs, expression)
#define SLOWBURN_ASSERT_OK_AND_ASSIGN_IMPL_(tmp, lhs, expression) \
  auto tmp = (expression);                                        \
  ASSERT_OK(tmp);                                                 \
  lhs = std::move(tmp).value()

#endif  // SLOWBURN_TESTS_TESTING_STATUS_MATCHERS_H_
