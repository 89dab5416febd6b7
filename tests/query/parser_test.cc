#include "query/parser/parser.h"

#include <gtest/gtest.h>

#include <string>

#include "query/functions/function_table.h"
#include "query/limits.h"
#include "query/parser/printer.h"
#include "tests/testing/status_matchers.h"

namespace slowburn::query {
namespace {

constexpr ParserOptions kAll{
    .experimental_functions = true, .extended_range_selectors = true, .binop_fill_modifiers = true};

std::string ErrorOf(std::string_view query, const ParserOptions& options = {}) {
  const absl::StatusOr<ExprPtr> expr = Parse(query, options);
  return expr.ok() ? "OK" : std::string(expr.status().message());
}

template <typename Node>
std::unique_ptr<Node> MustParse(std::string_view query) {
  absl::StatusOr<ExprPtr> expr = Parse(query, kAll);
  EXPECT_OK(expr) << query;
  if (!expr.ok()) return nullptr;
  auto* node = dynamic_cast<Node*>(expr->get());
  EXPECT_NE(node, nullptr) << query;
  if (node != nullptr) expr->release();
  return std::unique_ptr<Node>(node);
}

struct ErrorCase {
  std::string_view query, error;
};

// What Prometheus 3.5 answers to the same queries, in the words of 3.14 where those changed.
constexpr ErrorCase kErrors[] = {
#include "tests/query/parser_errors.inc"
};

TEST(Parser, ErrorsAreThoseOfPrometheus) {
  for (const ErrorCase& c : kErrors) {
    EXPECT_EQ(ErrorOf(c.query, {.experimental_functions = true}), c.error) << c.query;
  }
}

TEST(Parser, FeaturesMustBeEnabled) {
  constexpr ErrorCase kCases[] = {
      {"sort_by_label(foo)", "1:1: parse error: function \"sort_by_label\" is not enabled"},
      {"foo + step()", "1:7: parse error: function \"step\" is not enabled"},
      {"limitk(1, foo)",
       "1:1: parse error: limitk() is experimental and must be enabled with "
       "--enable-feature=promql-experimental-functions"},
      {"foo + fill(0) bar",
       "1:1: parse error: binop fill modifiers are experimental and not enabled"},
      {"rate(foo[5m] smoothed)",
       "1:6: parse error: smoothed modifier is experimental and not enabled"},
      {"rate(foo[5m] anchored)",
       "1:6: parse error: anchored modifier is experimental and not enabled"},
  };
  for (const ErrorCase& c : kCases) {
    EXPECT_EQ(ErrorOf(c.query), c.error) << c.query;
    EXPECT_EQ(ErrorOf(c.query, kAll), "OK") << c.query;
  }
}

TEST(Parser, ExtendedSelectorsRefuseWhatTheyCannotDo) {
  constexpr ErrorCase kCases[] = {
      {"rate(foo[5m] anchored smoothed)",
       "1:6: parse error: anchored and smoothed modifiers cannot be used together"},
      {"rate(foo[5m:1m] anchored)",
       "1:6: parse error: anchored modifier is not supported for subqueries"},
      {"sum(foo) smoothed", "1:1: parse error: smoothed modifier not implemented"},
      {"foo and fill(0) bar",
       "1:1: parse error: filling in missing series not allowed for set operators"},
      {"foo + fill(0) 1",
       "1:1: parse error: filling in missing series only allowed between instant vectors"},
      {"foo[step():1m]",
       "1:12: parse error: unexpected colon before duration in duration expression"},
      {"foo[foo]", "1:5: parse error: unexpected character in duration expression: 'f'"},
      {"foo[5m foo]", "1:8: parse error: unexpected character: 'f', expected ':'"},
      {"foo[5m-5m]", "OK"},
      {"foo offset nan", "1:12: parse error: duration out of range"},
      {"foo[nan]", "1:5: parse error: unexpected character in duration expression: 'n'"},
  };
  for (const ErrorCase& c : kCases) EXPECT_EQ(ErrorOf(c.query, kAll), c.error) << c.query;
}

TEST(Parser, NumbersAreReadAsGoReadsThem) {
  struct Case {
    std::string_view text;
    double value;
  };
  constexpr Case kCases[] = {
      {"1", 1},        {"010", 8},      {"08", 8},        {"0x1F", 31},
      {"0x_1F", 31},   {"1_000", 1000}, {"1e3", 1000},    {".5", 0.5},
      {"5.", 5},       {"1e-2", 0.01},  {"-1", -1},       {"+1", 1},
      {"1h30m", 5400}, {"5ms", 0.005},  {"0.5e1_0", 5e9}, {"9223372036854775808", 0x1p63},
  };
  for (const Case& c : kCases) {
    const auto number = MustParse<NumberLiteral>(c.text);
    ASSERT_NE(number, nullptr) << c.text;
    EXPECT_EQ(number->value, c.value) << c.text;
  }
  EXPECT_EQ(MustParse<NumberLiteral>("-iNf")->value, -std::numeric_limits<double>::infinity());
  EXPECT_NE(MustParse<NumberLiteral>("NaN")->value, MustParse<NumberLiteral>("NaN")->value);
  EXPECT_TRUE(MustParse<NumberLiteral>("1h30m")->written_as_duration);
}

TEST(Parser, StringsAreReadAsGoReadsThem) {
  constexpr std::pair<std::string_view, std::string_view> kCases[] = {
      {R"("a\nb")", "a\nb"},
      {R"('a"b')", "a\"b"},
      {R"("\u00e9\x41\101")", "\u00e9AA"},
      {"`raw\\n`", "raw\\n"},
      {"`two\nlines`", "two\nlines"},
      {R"("\U0001F600")", "\U0001F600"},
      {R"("\xff")", "\xff"},
      {R"('\'')", "'"},
  };
  for (const auto& [text, value] : kCases) {
    EXPECT_EQ(MustParse<StringLiteral>(text)->value, value) << text;
  }
}

TEST(Parser, OperatorsBindInOrder) {
  // ((-(a ^ (b ^ c))) * d) + e, and the set operators below everything.
  const auto set = MustParse<Binary>("-a ^ b ^ c * d + e or f and g > h");
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(set->op, BinaryOp::kOr);
  const auto& sum = static_cast<const Binary&>(*set->left);
  EXPECT_EQ(sum.op, BinaryOp::kAdd);
  const auto& product = static_cast<const Binary&>(*sum.left);
  EXPECT_EQ(product.op, BinaryOp::kMul);
  ASSERT_EQ(product.left->kind, NodeKind::kUnary);
  const auto& power = static_cast<const Binary&>(*static_cast<const Unary&>(*product.left).inner);
  EXPECT_EQ(power.op, BinaryOp::kPow);
  EXPECT_EQ(power.right->kind, NodeKind::kBinary);
  const auto& conjunction = static_cast<const Binary&>(*set->right);
  EXPECT_EQ(conjunction.op, BinaryOp::kAnd);
  EXPECT_EQ(static_cast<const Binary&>(*conjunction.right).op, BinaryOp::kGt);
  EXPECT_EQ(set->matching->cardinality, VectorMatching::Cardinality::kManyToMany);
}

TEST(Parser, OffsetEndsWithItsLiteral) {
  const auto sum = MustParse<Binary>("foo offset -5m ^ 2");
  ASSERT_NE(sum, nullptr);
  EXPECT_EQ(static_cast<const VectorSelector&>(*sum->left).offset.ms, -300'000);
  // A bare parenthesis goes on with operators, a signed one does not.
  EXPECT_NE(MustParse<VectorSelector>("foo offset (5m) + 3"), nullptr);
  EXPECT_NE(MustParse<Binary>("foo offset -(5m) + 3"), nullptr);
}

TEST(Parser, KeywordsAreMetricAndLabelNames) {
  for (const char* word : {"sum", "by", "offset", "start", "and", "fill", "smoothed", "min_of"}) {
    EXPECT_EQ(MustParse<VectorSelector>(word)->name, word);
    EXPECT_OK(Parse("sum by (" + std::string(word) + ") (foo)", kAll));
    EXPECT_OK(Parse("foo{" + std::string(word) + "=\"x\"}", kAll));
  }
  EXPECT_NE(MustParse<Binary>("and and and"), nullptr);
  EXPECT_NE(MustParse<Binary>("fill + fill"), nullptr);
  EXPECT_NE(MustParse<Aggregate>("SUM(foo)"), nullptr);
}

TEST(Parser, QuotedNamesAreNames) {
  const auto selector = MustParse<VectorSelector>(R"({"my.metric", "k8s.pod"=~"x.*"})");
  ASSERT_NE(selector, nullptr);
  EXPECT_EQ(selector->name, "");
  ASSERT_EQ(selector->matchers.size(), 2U);
  EXPECT_EQ(selector->matchers[0].name(), "__name__");
  EXPECT_EQ(selector->matchers[1].name(), "k8s.pod");
  EXPECT_EQ(MustParse<Aggregate>(R"(sum by ("k8s.pod", a) (foo))")->grouping.front(), "k8s.pod");
}

TEST(Parser, PositionsCoverTheNode) {
  const auto binary = MustParse<Binary>("  rate(foo[5m]) + on (a) sum(bar)");
  ASSERT_NE(binary, nullptr);
  EXPECT_EQ(binary->position.begin, 2U);
  EXPECT_EQ(binary->position.end, 33U);
  EXPECT_EQ(binary->op_position.begin, 16U);
  EXPECT_EQ(binary->left->position.end, 15U);
  const auto& call = static_cast<const Call&>(*binary->left);
  EXPECT_EQ(call.args[0]->position.begin, 7U);
  EXPECT_EQ(call.args[0]->position.end, 14U);
}

TEST(Parser, DepthIsLimited) {
  const auto nested = [](int n) { return std::string(n, '(') + "1" + std::string(n, ')'); };
  EXPECT_OK(Parse(nested(kMaxParseDepth - 2)));
  EXPECT_THAT(Parse(nested(kMaxParseDepth)),
              testing::IsCode(absl::StatusCode::kInvalidArgument, "limit of 1000 levels"));
  EXPECT_THAT(Parse(nested(100'000)),
              testing::IsCode(absl::StatusCode::kInvalidArgument, "nests deeper"));
  std::string powers = "1";
  for (int i = 0; i < 2'000; ++i) powers += "^1";
  EXPECT_THAT(Parse(powers), testing::IsCode(absl::StatusCode::kInvalidArgument, "nests deeper"));
  EXPECT_THAT(Parse(std::string(100'000, '-') + "foo"),
              testing::IsCode(absl::StatusCode::kInvalidArgument, "nests deeper"));
  EXPECT_THAT(Parse("foo[" + std::string(100'000, '(') + "5m"),
              testing::IsCode(absl::StatusCode::kInvalidArgument, "nests deeper"));
  std::string subqueries = "foo";
  for (int i = 0; i < 100'000; ++i) subqueries += "[5m:]";
  EXPECT_THAT(Parse(subqueries),
              testing::IsCode(absl::StatusCode::kInvalidArgument, "nests deeper"));
}

TEST(Parser, ChainsMayBeLong) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer keeps 65,536 calls of a thread at most";
#endif
  const auto chain = [](int links, const std::string& link) {
    std::string out = "a";
    for (int i = 0; i < links; ++i) out += link;
    return out;
  };
  for (const char* link : {" or a", "+1", " > bool (1+2)", " and on (x) -b", "*1+1"}) {
    const absl::StatusOr<ExprPtr> expr = Parse(chain(5'000, link));
    ASSERT_OK(expr) << link;
    EXPECT_GE((*expr)->height, 5'000);
    const std::string text = Print(**expr);
    ASSERT_OK_AND_ASSIGN(const ExprPtr again, Parse(text));
    EXPECT_EQ(Print(*again), text);
    EXPECT_GT(Pretty(**expr).size(), text.size());
  }
  EXPECT_OK(Parse("sum((" + chain(20'000, "+1") + ") / (" + chain(20'000, "*1") + "))"));
  EXPECT_OK(Parse(chain(kMaxTreeHeight - 2, "+1")));
  EXPECT_THAT(Parse(chain(kMaxTreeHeight, "+1")),
              testing::IsCode(absl::StatusCode::kInvalidArgument,
                              "chains more operators than the limit of 50000"));
}

TEST(Parser, LengthIsLimited) {
  EXPECT_OK(Parse("1" + std::string(kMaxQueryBytes - 1, ' ')));
  EXPECT_THAT(Parse("1" + std::string(kMaxQueryBytes, ' ')),
              testing::IsCode(absl::StatusCode::kInvalidArgument, "the limit is 1048576"));
}

TEST(ParseSelector, TakesMatchersOnly) {
  ASSERT_OK_AND_ASSIGN(const tsdb::Matchers matchers, ParseSelector("up{job=~\"a|b\"}"));
  ASSERT_EQ(matchers.size(), 2U);
  EXPECT_EQ(matchers[0].name(), "job");
  EXPECT_EQ(matchers[1].value(), "up");
  EXPECT_THAT(ParseSelector("{a=\"\"}"),
              testing::IsCode(absl::StatusCode::kInvalidArgument,
                              "match[] must contain at least one non-empty matcher"));
  EXPECT_THAT(ParseSelector("up + up"), testing::IsCode(absl::StatusCode::kInvalidArgument,
                                                        "1:4: parse error: unexpected <op:+>"));
  EXPECT_THAT(ParseSelector("1"), testing::IsCode(absl::StatusCode::kInvalidArgument,
                                                  "1:1: parse error: unexpected number \"1\""));
}

TEST(FunctionTable, IsComplete) {
  EXPECT_EQ(AllFunctions().size(), 90U);
  size_t experimental = 0;
  for (const Function& f : AllFunctions()) {
    EXPECT_EQ(FindFunction(f.name), &f);
    experimental += f.experimental ? 1 : 0;
  }
  EXPECT_EQ(experimental, 17U);
  EXPECT_EQ(FindFunction("Rate"), nullptr);
  EXPECT_EQ(FindFunction(""), nullptr);
}

TEST(LineColumn, CountsLinesAndBytes) {
  EXPECT_EQ(LineColumn("", 0), "unknown position");
  EXPECT_EQ(LineColumn("abc", 0), "1:1");
  EXPECT_EQ(LineColumn("a\nbc", 3), "2:2");
  EXPECT_EQ(LineColumn("\xC3\xA9x", 2), "1:3");
}

}  // namespace
}  // namespace slowburn::query
