#include "tests/query/random_query.h"

#include <initializer_list>
#include <string_view>

#include "query/functions/function_table.h"

namespace slowburn::query {
namespace {

class Generator {
 public:
  explicit Generator(testing::Random& random) : random_(random) {}

  std::string Expr(int depth) { return random_.OneIn(4) ? Scalar(depth) : Vector(depth); }

 private:
  std::string Pick(std::initializer_list<std::string_view> choices) {
    return std::string(choices.begin()[random_.Below(choices.size())]);
  }
  bool Maybe() { return random_.OneIn(2); }

  std::string Literal() {
    return Pick({"0", "1", "-1", "+2.5", "1e20", "1e-7", "0x1f", "1_000", "5m", "-1h30m", "Inf",
                 "-inf", "NaN"});
  }

  std::string Scalar(int depth) {
    if (depth <= 0) return Literal();
    switch (random_.Below(6)) {
      case 0:
        return "(" + Scalar(depth - 1) + ")";
      case 1:
        return "-" + Scalar(depth - 1);
      case 2:
        return Scalar(depth - 1) + " " + Pick({"+", "-", "*", "/", "%", "^", "atan2"}) + " " +
               Scalar(depth - 1);
      case 3:
        return Scalar(depth - 1) + Pick({"==", ">=", "<"}) + " bool " + Scalar(depth - 1);
      case 4:
        return "scalar(" + Vector(depth - 1) + ")";
      default:
        return Pick({"time()", "pi()", "step()", "start()", "min_of(1, step())"});
    }
  }

  std::string Duration(int depth) {
    if (depth <= 0 || random_.OneIn(3)) return Pick({"5m", "300", "1h30m", "0.5", "90s", "3e2"});
    switch (random_.Below(4)) {
      case 0:
        return "(" + Duration(depth - 1) + ")";
      case 1:
        return Pick({"step()", "range()"}) + " + " + Duration(depth - 1);
      case 2:
        return "max_of(" + Duration(depth - 1) + ", -" + Duration(depth - 1) + " ^ 2)";
      default:
        return Duration(depth - 1) + " " + Pick({"+", "-", "*", "/", "%", "^"}) + " " +
               Duration(depth - 1);
    }
  }

  std::string TimeModifiers() {
    std::string out;
    if (random_.OneIn(4)) {
      out += " offset " + Pick({"5m", "-5m", "90", "-step()", "(1m + range())", "-(5m * 2)",
                                "min_of(1, 2)", "+5"});
    }
    if (random_.OneIn(4)) out += " @ " + Pick({"123", "-1.5", "1e3", "start()", "end()", "5m"});
    return out;
  }

  std::string Selector() {
    std::string out = Pick({"foo", "a:b", "sum", "offset", "inf_total", ""});
    const bool needs_matcher = out.empty();
    if (needs_matcher || Maybe()) {
      out += "{";
      if (needs_matcher) out += Pick({"\"utf8.name\"", "a=\"b\"", "__name__=~\"x.+\""});
      if (Maybe()) {
        out += (needs_matcher ? "," : "") +
               Pick({"c!=\"d\"", "e=~\"f|g\"", "h!~'i\\n'", "\"k.l\"=`m`", "bool=\"\""});
      }
      out += "}";
    }
    return out;
  }

  std::string Matrix(int depth) {
    if (depth > 0 && random_.OneIn(3)) {
      return Subject(depth - 1) + "[" + Duration(2) + ":" + (Maybe() ? Duration(2) : "") + "]" +
             TimeModifiers();
    }
    return Selector() + "[" + Duration(2) + "]" + Pick({"", "", " anchored", " smoothed"}) +
           TimeModifiers();
  }

  // A vector to which a suffix may be attached.
  std::string Subject(int depth) { return Maybe() ? Selector() : "(" + Vector(depth) + ")"; }

  std::string Labels() { return Pick({"()", "(a)", "(a, b)", "(\"x.y\", by)", "(sum, a)"}); }

  std::string AggregateCall(int depth) {
    const std::string modifier = Pick({" by ", " without "}) + Labels();
    std::string args = "(" + Vector(depth) + ")";
    std::string op = Pick({"sum", "avg", "min", "max", "group", "count", "stddev", "stdvar"});
    if (random_.OneIn(3)) {
      op = Pick({"topk", "bottomk", "quantile", "limitk", "limit_ratio"});
      args = "(" + Scalar(depth) + ", " + Vector(depth) + ")";
    } else if (random_.OneIn(6)) {
      op = "count_values";
      args = "(\"l\", " + Vector(depth) + ")";
    }
    switch (random_.Below(3)) {
      case 0:
        return op + args;
      case 1:
        return op + modifier + args;
      default:
        return op + args + modifier;
    }
  }

  std::string Matching(bool set) {
    std::string out;
    if (Maybe()) {
      const bool on = Maybe();
      out += on ? " on(a)" : " ignoring(b, \"c.d\")";
      if (!set && Maybe()) out += Pick({" group_left", " group_right (e)", " group_left ()"});
    }
    if (!set && random_.OneIn(5)) {
      out +=
          Pick({" fill(0)", " fill_left(-1)", " fill_right(NaN)", " fill_left(1) fill_right(2)"});
    }
    return out + " ";
  }

  std::string BinaryExpr(int depth) {
    if (random_.OneIn(4)) {
      return Vector(depth) + " " + Pick({"and", "or", "unless"}) + Matching(true) + Vector(depth);
    }
    if (random_.OneIn(3)) {
      return Vector(depth) + Pick({" == ", " > bool ", " </ ", " ^ ", " - "}) + Scalar(depth);
    }
    return Vector(depth) + " " + Pick({"+", "*", ">=", ">= bool", ">/", "%", "atan2"}) +
           Matching(false) + Vector(depth);
  }

  std::string FunctionCall(int depth) {
    const auto all = AllFunctions();
    const Function& f = all[random_.Below(all.size())];
    if (f.return_type != ValueType::kVector) return "vector(" + Scalar(depth) + ")";
    std::string out = std::string(f.name) + "(";
    size_t count = f.arg_count;
    if (f.variadic != 0 && Maybe()) --count;
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) out += ", ";
      if (f.id == FunctionId::kInfo && i == 1) {
        out += "{data=\"x\"}";
        continue;
      }
      switch (f.arg_type_list[i]) {
        case ValueType::kScalar:
          out += Scalar(depth);
          break;
        case ValueType::kMatrix:
          out += Matrix(depth);
          break;
        case ValueType::kString:
          out += Pick({"\"s\"", "'$1'", "`a\\b`", "\"\\u00e9\\n\""});
          break;
        default:
          out += Vector(depth);
          break;
      }
    }
    return out + ")";
  }

  std::string Vector(int depth) {
    if (depth <= 0) return Selector() + TimeModifiers();
    switch (random_.Below(6)) {
      case 0:
        return "(" + Vector(depth - 1) + ")";
      case 1:
        return Pick({"-", "+"}) + Vector(depth - 1);
      case 2:
        return AggregateCall(depth - 1);
      case 3:
        return BinaryExpr(depth - 1);
      case 4:
        return FunctionCall(depth - 1);
      default:
        return Selector() + TimeModifiers();
    }
  }

  testing::Random& random_;
};

}  // namespace

std::string RandomQuery(testing::Random& random, int depth) {
  return Generator(random).Expr(depth);
}

}  // namespace slowburn::query
