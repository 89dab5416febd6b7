"""Random well-typed PromQL over the metrics of random_series, as trees that can be made smaller.

A node is a list of parts: text, and nodes. Text in Spare may be left out when a difference is minimised. `scale` of a node
is a query for the magnitude of the terms that the node adds up, by which rounding is judged.
"""
import dataclasses
import random

SCALAR, VECTOR, MATRIX = "scalar", "vector", "matrix"


class Spare(str):
    """Text that may go."""


@dataclasses.dataclass
class Node:
    type: str
    parts: list
    scale: str = ""  # PromQL, or empty: nothing cancels here
    squares: bool = False  # the scale is that of the square of the result
    ties: bool = False  # which of equal elements come out is not defined
    picks: bool = False  # which elements come out is not defined, only their number
    ordered: bool = False  # the order of an instant vector means something

    def __str__(self):
        return "".join(map(str, self.parts))

    def children(self):
        return [part for part in self.parts if isinstance(part, Node)]

    def walk(self):
        yield self
        for child in self.children():
            yield from child.walk()

    def smaller(self):
        """Trees with one thing less, the smallest first."""
        for node in sorted((n for n in self.walk() if n is not self and n.type != MATRIX), key=lambda n: len(str(n))):
            yield node
        yield from self.trimmed()

    def trimmed(self):
        for i, part in enumerate(self.parts):
            if isinstance(part, Spare) and part:
                yield self.with_part(i, Spare(""))
            elif isinstance(part, Node):
                for other in part.walk():
                    if other is not part and other.type == part.type:
                        yield self.with_part(i, other)
                for other in part.trimmed():
                    yield self.with_part(i, other)

    def with_part(self, i, part):
        # The scale spoke of the parts that were.
        return dataclasses.replace(self, parts=[part if j == i % len(self.parts) else old for j, old in enumerate(self.parts)], scale="", squares=False)


FLOATS = ["requests_total", "cpu_seconds_total", "temperature", "level", '{"http.server.errors"}', "lonely", "extreme"]
COUNTERS = ["requests_total", "cpu_seconds_total", '{"http.server.errors"}', "latency_seconds_count", "latency_seconds_sum"]
GAUGES = ["temperature", "level", "lonely", "extreme"]
NATIVE = ["sizes", "sizes_float", "sizes_custom", "sizes_gauge", "sizes_restless"]
MATCHERS = ['job="api"', 'job!="db"', 'instance=~"api-.*"', 'instance!~".*-[12]"', 'instance=~"api-1|db-2"', 'code=~"2..|404"',
            'code=""', 'instance=~".*1.*"', 'nothing=~".*"', 'job=~"(?i)API"', '"k8s.pod"="p1"']

# name: (kind of range vector, scalar arguments before, after, needs experimental)
RANGE_FUNCTIONS = {
    "rate": "counter", "irate": "counter", "increase": "counter", "resets": "counter", "delta": "gauge", "idelta": "gauge",
    "deriv": "gauge", "changes": "any", "avg_over_time": "any", "min_over_time": "any", "max_over_time": "any",
    "sum_over_time": "any", "count_over_time": "any", "stddev_over_time": "any", "stdvar_over_time": "any",
    "last_over_time": "any", "present_over_time": "any", "absent_over_time": "any", "mad_over_time": "any",
    "ts_of_min_over_time": "any", "ts_of_max_over_time": "any", "ts_of_last_over_time": "any", "predict_linear": "gauge",
    "quantile_over_time": "any", "double_exponential_smoothing": "gauge", "first_over_time": "any", "ts_of_first_over_time": "any",
}
MATH = ["abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh",
        "tanh", "asinh", "acosh", "atanh", "deg", "rad"]
DATE = ["minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"]
AGGREGATORS = ["sum", "avg", "min", "max", "group", "count", "stddev", "stdvar"]

# All that a long run must have asked for.
WORDS = [*RANGE_FUNCTIONS, *MATH, *DATE, *AGGREGATORS, "quantile", "count_values", "topk", "bottomk", "limitk", "limit_ratio", "histogram_quantile",
         "histogram_fraction", "histogram_count", "histogram_sum", "histogram_avg", "histogram_stddev", "histogram_stdvar", "label_replace",
         "label_join", "sort", "sort_desc", "sort_by_label", "sort_by_label_desc", "scalar", "vector", "absent", "time", "timestamp", "pi", "info",
         "round", "clamp", "clamp_min", "clamp_max", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "and", "or", "unless",
         "atan2", "offset", "start", "end"]


class Generator:
    """Makes queries of one seed. `functions`: those that both sides know; None: all."""

    def __init__(self, seed, functions=None, duration_expressions=True):
        self.random = random.Random(seed)
        self.functions = functions
        self.duration_expressions = duration_expressions

    def query(self):
        r = self.random
        if r.random() < 0.06:
            return self.scalar(2)
        if r.random() < 0.03:
            return self.range_vector("any", 1)
        return self.top(r.choice([1, 1, 2, 2, 3]))

    def known(self, name):
        return self.functions is None or name in self.functions

    def pick(self, *choices):
        return self.random.choice(choices)

    def top(self, depth):
        """What may only stand at the top, or anything."""
        kind = self.random.random()
        if kind < 0.05:
            op, grouping = self.pick("topk", "bottomk"), self.grouping()
            return Node(VECTOR, [op, Spare(grouping), "(", self.pick("1", "2", "3", "7"), ", ", self.floats(depth - 1), ")"],
                        ties=True, ordered=not grouping)
        if kind < 0.07 and self.known("limitk"):
            return Node(VECTOR, ["limitk", Spare(self.grouping()), "(", self.pick("1", "2", "5"), ", ", self.vector(depth - 1), ")"], picks=True)
        if kind < 0.09 and self.known("limit_ratio"):
            return Node(VECTOR, ["limit_ratio", Spare(self.grouping()), "(", self.pick("0.3", "-0.3", "0.5", "1.5", "-1"), ", ",
                                 self.vector(depth - 1), ")"])
        if kind < 0.12:
            return Node(VECTOR, [self.pick("sort", "sort_desc"), "(", self.floats(depth - 1), ")"], ordered=True)
        if kind < 0.14 and self.known("sort_by_label"):
            return Node(VECTOR, [self.pick("sort_by_label", "sort_by_label_desc"), "(", self.vector(depth - 1), ', "instance", "code")'],
                        ordered=True)
        return self.vector(depth)

    # --- scalars ---

    def number(self):
        return self.pick("0", "1", "-1", "2", "0.5", "3.7", "100", "1e3", "-2.5", "5m", "0x1f", "NaN", "Inf", "-Inf", "1e300")

    def scalar(self, depth):
        kind = self.random.random()
        if depth <= 0 or kind < 0.3:
            return Node(SCALAR, [self.number()])
        if kind < 0.5:
            left, op, right = self.scalar(depth - 1), self.pick(" + ", " - ", " * ", " / ", " % ", " ^ ", " atan2 "), self.scalar(depth - 1)
            terms = {" + ": [left, right], " - ": [left, right], " % ": [left]}.get(op, [])
            return Node(SCALAR, ["(", left, op, right, ")"], " + ".join(f"abs(vector({term}))" for term in terms))
        if kind < 0.6:
            return Node(SCALAR, ["(", self.scalar(depth - 1), self.pick(" == ", " != ", " > ", " <= "), "bool ", self.scalar(depth - 1), ")"])
        if kind < 0.7:
            return Node(SCALAR, ["-", self.scalar(depth - 1)])
        if kind < 0.9:
            return Node(SCALAR, ["scalar(", self.floats(depth - 1), ")"])
        return Node(SCALAR, [self.pick("time()", "pi()")])

    # --- selectors ---

    def selector(self, name, braces=""):
        matchers = [braces] if braces else []
        if self.random.random() < 0.35:
            matchers.append(self.random.choice(MATCHERS))
        if name.startswith("{"):
            return name[:-1] + "".join(", " + m for m in matchers) + "}"
        return name + ("{" + ", ".join(matchers) + "}" if matchers else "")

    def duration(self):
        if self.duration_expressions and self.random.random() < 0.08:
            return self.pick("1m * 2", "5m + 30", "(10m - 4m) / 2", "2 ^ 8", "7m % 4m")
        return self.pick("1m", "90s", "2m", "5m", "5m", "7m30s", "10m", "20m", "300", "61.5s", "1h")

    def modifiers(self):
        out = ""
        if self.random.random() < 0.12:
            out += " offset " + self.pick("1m", "5m", "-2m", "37s", "13m")
        if self.random.random() < 0.06:
            out += " @ " + self.pick("start()", "end()", "1700003000", "1700001234.567")
        return Spare(out)

    def instant_selector(self, kind):
        if kind == "native":
            name = self.random.choice(NATIVE)
        elif kind == "any":
            name = self.random.choice(FLOATS + NATIVE + ["mixed", "mixed", "latency_seconds_bucket", "odd_bucket", "absent_metric"])
        else:
            name = self.random.choice(FLOATS + ["latency_seconds_count"])
        return Node(VECTOR, [self.selector(name), self.modifiers()])

    def range_vector(self, kind, depth):
        r = self.random
        if r.random() < 0.2:
            step = self.pick("30s", "1m", "45s", "2m", "", "10s")
            inner = self.vector(depth - 1) if kind == "any" else self.floats(depth - 1)
            if kind == "counter" and "sizes_gauge" in str(inner):
                inner = self.instant_selector("float")
            return Node(MATRIX, ["(", inner, ")", f"[{self.pick('3m', '5m', '10m', '4m30s')}:{step}]", self.modifiers()])
        if r.random() < 0.1 and kind != "counter":
            kind = "any"
        name = {"counter": r.choice(COUNTERS + ["sizes", "sizes_custom", "sizes_float", "mixed", "sizes_restless"]),
                "gauge": r.choice(GAUGES + ["sizes_gauge"])}.get(kind)
        if name is None:
            name = r.choice(FLOATS + NATIVE + ["mixed", "mixed", "latency_seconds_bucket", "absent_metric"])
        if kind == "counter" and r.random() < 0.1:
            name = r.choice(GAUGES)
        return Node(MATRIX, [self.selector(name), "[", self.duration(), "]", self.modifiers()])

    # --- vectors ---

    def grouping(self):
        if self.random.random() < 0.35:
            return ""
        labels = self.pick("()", "(job)", "(instance)", "(job, instance)", "(code)", '("k8s.pod", job)', "(nothing)", "(__name__)")
        return " " + self.pick("by ", "by ", "without ") + labels + " "

    def floats(self, depth):
        """Mostly floats."""
        kind = self.random.random()
        if depth <= 0 or kind < 0.15:
            return self.instant_selector("float")
        if kind < 0.3:
            return self.range_call(depth)
        return self.vector(depth)

    def vector(self, depth):
        if depth <= 0:
            return self.instant_selector(self.pick("float", "float", "native", "any"))
        makers = [(self.range_call, 6), (self.aggregate, 5), (self.binary, 5), (self.math, 2), (self.histogram, 3), (self.label_call, 2),
                  (self.other, 2), (self.negated, 1), (lambda d: self.instant_selector("any"), 1), (self.set_operation, 2)]
        return self.random.choices([m for m, _ in makers], [w for _, w in makers])[0](depth)

    def negated(self, depth):
        return Node(VECTOR, ["-(", self.vector(depth - 1), ")"])

    def range_call(self, depth):
        name = self.random.choice([n for n in RANGE_FUNCTIONS if self.known(n)])
        vector = self.range_vector(RANGE_FUNCTIONS[name], depth)
        largest = f"(max_over_time({vector}) > -min_over_time({vector}) or -min_over_time({vector}))"
        scale, squares = "", False
        if name in ("rate", "increase", "delta", "idelta", "irate", "deriv", "sum_over_time", "avg_over_time", "stddev_over_time",
                    "stdvar_over_time", "predict_linear", "mad_over_time", "quantile_over_time", "double_exponential_smoothing"):
            scale = {"sum_over_time": f"{largest} * count_over_time({vector})", "stdvar_over_time": f"{largest} ^ 2",
                     "stddev_over_time": f"{largest} ^ 2"}.get(name, largest)
            squares = name == "stddev_over_time"
        if name == "quantile_over_time":
            return Node(VECTOR, [name, "(", self.quantile(depth), ", ", vector, ")"], scale)
        if name == "predict_linear":
            return Node(VECTOR, [name, "(", vector, ", ", self.pick("60", "3600", "-100"), ")"], scale)
        if name == "double_exponential_smoothing":
            return Node(VECTOR, [name, "(", vector, ", ", self.pick("0.3", "0.9"), ", ", self.pick("0.1", "0.6"), ")"], scale)
        return Node(VECTOR, [name, "(", vector, ")"], scale, squares)

    def quantile(self, depth):
        if self.random.random() < 0.1:
            return self.scalar(depth - 1)
        return Node(SCALAR, [self.pick("0", "0.1", "0.5", "0.9", "0.99", "1", "-1", "1.5", "NaN")])

    def aggregate(self, depth):
        r = self.random
        grouping = self.grouping()
        inner = self.vector(depth - 1) if r.random() < 0.6 else self.floats(depth - 1)
        kind = r.random()
        if kind < 0.1:
            return Node(VECTOR, ["quantile", Spare(grouping), "(", self.quantile(depth), ", ", inner, ")"])
        if kind < 0.17:
            # Of exact values: a last digit that differs would be another series.
            exact = self.pick(self.instant_selector("any"), Node(VECTOR, ["round(", inner, ")"]))
            return Node(VECTOR, ["count_values", Spare(grouping), '("value", ', exact, ")"])
        if kind < 0.21:
            # Which ones are taken may differ, their number may not.
            op = self.pick(*[op for op in ("topk", "bottomk", "limitk") if self.known(op)])
            return Node(VECTOR, ["count(", op, Spare(grouping), "(2, ", inner, "))"])
        return self.plain_aggregate(grouping, inner)

    def plain_aggregate(self, grouping, inner):
        op = self.random.choice(AGGREGATORS)
        scale = {"sum": f"sum{grouping}(abs({inner}))", "avg": f"avg{grouping}(abs({inner}))", "stdvar": f"avg{grouping}(({inner}) ^ 2)",
                 "stddev": f"avg{grouping}(({inner}) ^ 2)"}.get(op, "")
        parts = [op, "(", inner, ")", Spare(grouping)] if self.random.random() < 0.2 else [op, Spare(grouping), "(", inner, ")"]
        return Node(VECTOR, parts, scale, op == "stddev")

    def binary(self, depth):
        r = self.random
        op = self.pick("+", "-", "*", "/", "%", "^", "atan2", "+", "-", "*", "/", "==", "!=", ">", "<", ">=", "<=")
        compares = op in ("==", "!=", ">", "<", ">=", "<=")
        if compares and r.random() < 0.4:
            op += " bool"
        kind = r.random()
        if kind < 0.35:
            sides = [self.vector(depth - 1), self.scalar(depth - 1)]
            if r.random() < 0.4:
                sides.reverse()
            return self.joined(op, "", *sides)
        if kind < 0.55:  # against itself at another time, or another reading of it
            left = self.vector(depth - 1)
            return self.joined(op, self.pick("", "", " on (job, instance)", " ignoring (code)"), left,
                               left if r.random() < 0.5 else self.vector(depth - 1))
        if kind < 0.75:
            matching = self.pick(" on (job)", " on (job, instance)", " ignoring (code)", " on ()") + \
                self.pick(" group_left ()", " group_left (version)", ' group_left ("k8s.pod", zone)')
            one = Node(VECTOR, [self.pick("target_info", "max by (job) (level)", "sum by (job, instance) (requests_total)", "lonely",
                                          "avg by (job) (sizes)", "temperature")])
            many = self.vector(depth - 1)
            if r.random() < 0.3:
                return self.joined(op, matching.replace("group_left", "group_right"), one, many)
            return self.joined(op, matching, many, one)
        grouping = self.pick(" by (job) ", " by (job, instance) ", " by (code) ", " ")
        return self.joined(op, "", *[self.plain_aggregate(grouping, self.vector(depth - 1)) for _ in range(2)])

    def joined(self, op, matching, left, right):
        scale = ""
        if op in ("+", "-"):
            both = [str(side) if side.type == SCALAR else f"abs({side})" for side in (left, right)]
            both = [f"abs(vector({side}))" if node.type == SCALAR else side for side, node in zip(both, (left, right))]
            scale = f"{both[0]} +{matching} {both[1]}" if SCALAR not in (left.type, right.type) else ""
        if op == "%":  # what remains has the rounding of all
            scale = f"abs(vector({left}))" if left.type == SCALAR else f"abs({left})"
        return Node(VECTOR, ["(", left, f" {op}", Spare(matching), " ", right, ")"], scale)

    def set_operation(self, depth):
        return Node(VECTOR, ["(", self.vector(depth - 1), " ", self.pick("and", "or", "unless"),
                             Spare(self.pick("", " on (job)", " on (job, instance)", " ignoring (code)", " on ()")), " ", self.vector(depth - 1), ")"])

    def math(self, depth):
        inner = self.vector(depth - 1) if self.random.random() < 0.3 else self.floats(depth - 1)
        kind = self.random.random()
        if kind < 0.15:
            return Node(VECTOR, ["round(", inner, Spare(", " + self.pick("5", "0.1", "-2")), ")"])
        if kind < 0.25:
            return Node(VECTOR, ["clamp(", inner, ", ", self.scalar(0), ", ", self.scalar(0), ")"])
        if kind < 0.35:
            return Node(VECTOR, [self.pick("clamp_min", "clamp_max"), "(", inner, ", ", self.scalar(depth - 1), ")"])
        return Node(VECTOR, [self.random.choice(MATH), "(", inner, ")"])

    def histogram(self, depth):
        native = self.instant_selector("native")
        if self.random.random() < 0.5:
            function = self.pick("rate", "increase", "delta", "sum_over_time", "avg_over_time")
            kind = "counter" if function in ("rate", "increase") else "any"
            native = Node(VECTOR, [function, "(", self.range_vector(kind, 0), ")"])
        if self.random.random() < 0.3:
            native = Node(VECTOR, [self.pick("sum", "avg"), Spare(self.grouping()), "(", native, ")"])
        kind = self.random.random()
        if kind < 0.35:
            classic = Node(VECTOR, [self.pick("rate(latency_seconds_bucket[5m])", "latency_seconds_bucket", "increase(latency_seconds_bucket[2m])",
                                              "sum by (le) (rate(latency_seconds_bucket[5m]))", "sum by (le, job) (latency_seconds_bucket)",
                                              "odd_bucket", '{__name__=~"sizes|latency_seconds_bucket"}', "latency_seconds_count")])
            inner = classic if self.random.random() < 0.6 else native
            if self.random.random() < 0.3 and "__name__" not in str(inner):
                return Node(VECTOR, ["histogram_fraction(", self.scalar(0), ", ", self.scalar(0), ", ", inner, ")"])
            return Node(VECTOR, ["histogram_quantile(", self.quantile(depth), ", ", inner, ")"])
        if kind < 0.5:
            return Node(VECTOR, ["histogram_quantile(", self.quantile(depth), ", ", native, ")"])
        if kind < 0.6:
            return Node(VECTOR, ["histogram_fraction(", self.pick("0", "-1", "-Inf", "0.7"), ", ", self.pick("1", "2", "Inf", "100"), ", ", native, ")"])
        if kind < 0.75:
            return native
        inner = native if self.random.random() < 0.8 else self.vector(depth - 1)
        return Node(VECTOR, [self.pick("histogram_count", "histogram_sum", "histogram_avg", "histogram_stddev", "histogram_stdvar"), "(", inner, ")"])

    def label_call(self, depth):
        inner = self.vector(depth - 1)
        if self.random.random() < 0.3:
            return Node(VECTOR, ["label_join(", inner, ', "joined", "-", "job", "instance", "none")'])
        return Node(VECTOR, ["label_replace(", inner, ", ", self.pick(
            '"port", "$1", "instance", ".*-(.*)"', '"job", "x", "none", ""', '"job", "${1}y", "job", "(a.)."', '"instance", "", "instance", ".*"',
            '"__name__", "renamed_$1", "__name__", "(.*)_total"', '"code", "$2", "job", "(.)(.*)"', '"odd name", "v", "job", "(?P<all>.*)"',
            '"to", "$all", "job", "(?P<all>.*)"'), ")"])

    def other(self, depth):
        kind = self.random.random()
        if kind < 0.2:
            return Node(VECTOR, ["timestamp(", self.vector(self.pick(0, depth - 1)), ")"])
        if kind < 0.4:
            return Node(VECTOR, ["absent(", self.vector(self.pick(0, depth - 1)), ")"])
        if kind < 0.6:
            return Node(VECTOR, [self.random.choice(DATE), "(", self.pick("", "timestamp(level)", "temperature * 1e7", "vector(time() * 1.37)"), ")"])
        if kind < 0.75:
            return Node(VECTOR, ["vector(", self.scalar(depth - 1), ")"])
        if kind < 0.78:
            # Only that they warn: with the empty buckets that their storage adds, 3.5 sees fewer resets in gauge histograms.
            return Node(VECTOR, ["count(", self.pick("rate", "irate", "increase"), "(sizes_gauge[", self.duration(), "]))"])
        if kind < 0.9 and self.known("info"):
            # Of series with names and without gaps: 3.5 brings names back, and joins the labels of a neighbour where one is missing.
            steady = Node(VECTOR, [self.pick("steady_total", 'steady_total{job="api"}')])
            return Node(VECTOR, ["info(", steady, Spare(self.pick("", ', {version=~".+"}', ', {zone="z", version!="v1"}',
                                                                                 ', {__name__="target_info"}')), ")"])
        return Node(VECTOR, ["(", self.vector(depth - 1), ")"])
