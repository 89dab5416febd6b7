#!/usr/bin/env python3
"""Random queries over random data: we and the real Prometheus answer the same.

Needs a Prometheus 3 in --peers DIR (SLOWBURN_PEERS); skipped without. Two pairs of servers, with and without delayed name
removal, hold the same data. The short run asks some hundreds of queries, the long one (SLOWBURN_LONG) 5,000.
SLOWBURN_SEED=n repeats a run; SLOWBURN_QUERIES=n sets the number of queries.

Values may differ by 1e-9 of the larger of the result and the sum of the magnitudes of the terms that it is made of. On a
difference the query, both answers and the smallest query that still differs are printed.
"""
import collections
import dataclasses
import json
import os
import random
import re
import time
import unittest

import answers
import harness
import random_promql
import random_series

SEED = int(os.environ.get("SLOWBURN_SEED") or time.time_ns() % 1_000_000_000)
QUERIES = int(os.environ.get("SLOWBURN_QUERIES") or (5000 if harness.LONG else 300))

FEATURES = "promql-experimental-functions,promql-duration-expr,native-histograms"
DELAYED = FEATURES + ",promql-delayed-name-removal"
GATED = ["limitk", "limit_ratio", "info", "sort_by_label", *random_promql.RANGE_FUNCTIONS]

# Notes that have the metric's name in one version only.
NAMELESS = r'(bucket label "le" .*|input to histogram_.*|mix of classic and native histograms)'

# Annotations in which today's Prometheus (3.5) and the language that we implement (that of 3.14) differ:
# (who says it, what, what stands there on the other side (None: nothing), why).
DELTAS = [
    ("theirs", r'(?<!and floats) for metric name ""$', "", "3.14 leaves an empty metric name out"),
    ("theirs, immediate", NAMELESS + r' for metric name ".*"$', r"\1",
     "3.14 names the metric only with delayed name removal, since the name is gone otherwise"),
    ("", r'(?<=sample types encountered for binary operator).*', "", "of a step's pairs the last is told, and the storage orders the series"),
    ("ours", r", from buckets .* to .*, over \d+ samples from .*Z$", "", "3.14 says how far buckets were from monotonic"),
    ("ours", r'histogram metric is not a counter: (?!"sizes_gauge")', None, "3.14 makes gauges of histograms that are subtracted or negated"),
    ("ours", r"sort is ineffective for range queries", None, "new after 3.5"),
    ("ours", r"conflicting counter resets during histogram", None, "new after 3.5"),
    ("ours", r"mismatched custom buckets were reconciled", None, "3.14 reconciles what 3.5 refuses"),
    ("theirs", r"vector contains histograms with incompatible custom buckets", None, "3.14 reconciles what 3.5 refuses"),
]

# Queries that may negate or subtract histograms.
SUBTRACTS = re.compile(r"\(-\(| - ")

REMEMBERS = "3.14 remembers through a subquery that a name is to go"
LASTS = re.compile(r"(last|first)_over_time\(\(")

# The same for success: (who fails, with what, why).
ERROR_DELTAS = [
    ("ours", "multiple matches for labels", "3.14 looks for double matches before a comparison filters"),
    ("theirs", "vector cannot contain metrics with the same labelset", "3.14 merges series that become equal and share no time"),
]


class Pair:
    """Both servers, the same flags, the same data."""

    def __init__(self, folder, prometheus, features, names):
        os.makedirs(folder)
        self.names = names
        config = harness.write_file(folder, "prometheus.yml", "global: {evaluation_interval: 60s}\n")
        self.ours = harness.Slowburn(folder, f"--config.file={config}", f"--enable-feature={features}", "--storage.tsdb.retention.time=100y",
                                     "--storage.wal-sync=os")
        port = harness.free_port()
        self.theirs = f"http://127.0.0.1:{port}"
        self.peer = harness.Process([prometheus, f"--config.file={config}", f"--storage.tsdb.path={folder}/peer", f"--enable-feature={features}",
                                     f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
                                     "--storage.tsdb.retention.time=100y"], folder, "prometheus")
        self.ours.start()
        harness.wait_for("prometheus to be ready", lambda: harness.fetch(self.theirs + "/-/ready")[0] == 200, 60)

    def ask(self, query, path, times):
        return [self.ask_one(url, query, path, times) for url in (self.ours.url, self.theirs)]

    def ask_one(self, url, query, path, times):
        try:
            return answers.ask(url, path, {"query": query, **times})
        except ConnectionError as error:
            process = self.peer if url == self.theirs else self.ours.process
            raise AssertionError(f"{process.child.args[0]} gave no answer ({error}) to {path} {times} {query}\n"
                                 f"{process.log()[-4000:]}") from error

    def stop(self):
        self.ours.kill()
        self.peer.kill()


def grid(subquery):
    """The times at which a subquery evaluates, over all the data."""
    step = re.search(r":(\d+)?(s|m)?\]", str(subquery.parts[-2]))
    seconds = int(step[1] or 60) * (60 if step[2] == "m" else 1)
    start = random_series.START // 1000 // seconds * seconds
    return {"start": str(start), "end": str(start + random_series.SECONDS + 600), "step": str(seconds)}


def comparable(notes, query, side):
    """The notes less what versions say differently. Positions look through parentheses, as those of 3.14 do."""
    kept = set()
    for note in notes:
        text, line, column = re.fullmatch(r"(.*?)(?: \((\d+):(\d+)\))?", note, re.DOTALL).groups()
        for where, pattern, instead, _ in DELTAS:
            if text is not None and side.startswith(where) and re.search(pattern, text):
                text = None if instead is None else re.sub(pattern, instead, text)
        if "histogram metric is not a gauge:" in note and SUBTRACTS.search(query):
            text = None  # 3.14 makes gauges of histograms that are subtracted or negated
        if text is not None:
            text = re.sub(r"\d+\.\d{10,}", lambda number: f"{float(number[0]):.12g}", text)  # last digits are the libraries'
            at = int(column or 1) - 1
            while at < len(query) and query[at] in "( ":
                at += 1
            # Without their names, notes of two places are one, which has the place that came last.
            merged = ", immediate" in side and re.search(NAMELESS, text)
            kept.add(text if merged else f"{text} ({line}:{at + 1})")
    return sorted(kept)


def error_text(answer):
    """3.14 names the two series of a double match in order, 3.5 as they come; so only the text around them."""
    return re.sub(r"match group .* hand-side of the operation: .*?;many", "match group …;many", answer.error)


@dataclasses.dataclass
class Difference:
    what: str
    ours: answers.Answer
    theirs: answers.Answer


class Checker:
    """Asks and compares. check() gives a Difference or None."""

    def __init__(self, pair):
        self.pair = pair
        self.excuses = collections.Counter()  # why values may differ, and how often they did

    def check(self, node, path, times):
        ours, theirs = self.pair.ask(str(node), path, times)
        difference = self.compare(node, path, times, ours, theirs)
        if difference and difference.what == "values" and self.is_excused(node, path, times):
            return None, ours
        if difference and self.is_taken_back(node, path, times, difference):
            self.excuses["asked again, 3.5 agrees: now and then it mixes up the buckets of histograms"] += 1
            return None, ours
        return difference, ours

    def is_taken_back(self, node, path, times, difference):
        """Whether ours answers the same each time, and theirs soon as ours."""
        for _ in range(5):
            ours, theirs = self.pair.ask(str(node), path, times)
            if ours != difference.ours:
                return False
            if not self.compare(node, path, times, ours, theirs):
                return True
        return False

    def compare(self, node, path, times, ours, theirs):
        if ours.error_type != theirs.error_type:
            for side, text, why in ERROR_DELTAS:
                failed, other = (ours, theirs) if side == "ours" else (theirs, ours)
                if other.ok() and text in failed.error:
                    self.excuses[why] += 1
                    return None
            # Which elements limitk takes is not defined, and so whether two of them have the same labels.
            if any(part.picks for part in node.walk()) and "the same labelset" in ours.error + theirs.error:
                self.excuses["limitk takes other elements"] += 1
                return None
            if self.pair.names == "delayed" and "the same labelset" in ours.error and LASTS.search(str(node)) and \
                    len(answers.without_names(theirs).points) < len(theirs.points):
                self.excuses[REMEMBERS] += 1
                return None
            return Difference("success", ours, theirs)
        if not ours.ok():
            return None if error_text(ours) == error_text(theirs) else Difference("error", ours, theirs)
        if ours.kind != theirs.kind:
            return Difference("type of result", ours, theirs)
        if not self.same_points(node, path, times, ours, theirs) and not self.version_explains(ours, theirs):
            return Difference("values", ours, theirs)
        if node.ordered and not answers.same_order(ours, theirs):
            if not str(node).startswith("sort_by_label") or all(f'"{label}"' in text for text in ours.order for label in ("instance", "code")):
                return Difference("order", ours, theirs)
            self.excuses["3.5 has no order for a label that is absent: it comes behind all, and all come behind it"] += 1
        for notes, others in ((ours.warnings, theirs.warnings), (ours.infos, theirs.infos)):
            if sorted(notes) == sorted(others) or any("annotations omitted" in note for note in notes + others):
                continue
            if comparable(notes, str(node), f"ours, {self.pair.names}") != comparable(others, str(node), f"theirs, {self.pair.names}"):
                return Difference("annotations", ours, theirs)
        return None

    def same_points(self, node, path, times, ours, theirs):
        if node.ties:
            return answers.same_values(ours, theirs)
        if node.picks and answers.unequal_points(ours, theirs):
            operand = node.children()[-1]
            return answers.picked(ours, theirs, *self.pair.ask(str(operand), path, times)) and not self.check(operand, path, times)[0]
        return not answers.unequal_points(ours, theirs)

    def version_explains(self, ours, theirs):
        return any("mismatched custom buckets" in note for note in ours.infos) or \
            any("incompatible custom buckets" in note for note in theirs.warnings)

    def is_excused(self, node, path, times):
        """Whether all that differs starts in nodes whose operands agree, and those have an excuse."""
        guilty = list(self.guilty(node, path, times)[1])
        excuses = [self.excuse(*place) for place in guilty]
        if not excuses or not all(excuses):
            return False
        self.excuses.update(set(excuses))
        return True

    def guilty(self, node, path, times):
        """Whether the values of a node or of one below it differ, and the places at which that begins."""
        if node.type == random_promql.MATRIX:
            if node.children():
                path, times = "query_range", grid(node)
            differs = False
        else:
            differs = self.differs(node, path, times)
        below = [self.guilty(child, path, times) for child in node.children()]
        places = [place for _, more in below for place in more]
        if differs and not any(bad for bad, _ in below):
            places.append((node, path, times))
        return differs or bool(places), places

    def differs(self, node, path, times):
        ours, theirs = self.pair.ask(str(node), path, times)
        return bool(answers.unequal_points(ours, theirs))

    def excuse(self, node, path, times):
        """Why the values of a node whose operands agree may differ; None if they may not."""
        ours, theirs = self.pair.ask(str(node), path, times)
        pairs = [(key, ours.points.get(key), theirs.points.get(key)) for key in answers.unequal_points(ours, theirs)]
        name = str(node).split("(")[0]
        if name in ("rate", "increase") and all(isinstance(p, dict) for _, a, b in pairs for p in (a, b)) and \
                all(answers.proportional(a, b) for _, a, b in pairs):
            return "3.14 does not extrapolate the count of a histogram below zero"
        if name in ("last_over_time", "first_over_time") and self.pair.names == "delayed" and \
                not answers.unequal_points(ours, answers.without_names(theirs)):
            return REMEMBERS
        if name == "timestamp" and "@" in str(node):
            return "3.5 takes other samples where a selector in timestamp() has both @ and offset"
        if name == "mad_over_time" and all(a is not None and a != a for _, a, _ in pairs):
            return "3.14 gives NaN where one of the values is NaN"
        if name == "histogram_fraction" and all(a == a and b != b for _, a, b in pairs):
            return "3.14 knows where the first bucket of classic and custom histograms begins"
        if name in ("histogram_quantile", "histogram_fraction"):
            compact = node.with_part(-2, f"({node.parts[-2]}) * 1")
            if not answers.unequal_points(ours, answers.ask(self.pair.theirs, path, {"query": str(compact), **times})):
                return "their storage gives out empty buckets, and a histogram with empty negative buckets seems to have negative observations"
        if name == "histogram_quantile" and self.at_border(node, path, times, pairs):
            return "rounding of the rank where it falls on the border of a bucket"
        if name in ("rate", "increase", "irate") and SUBTRACTS.search(str(node)):
            return self.excuse_of_resets(node, path, times, pairs)
        if name == "resets" and SUBTRACTS.search(str(node)) and self.counts(falls, node, times, pairs):
            return "3.5 keeps what the chunk of a histogram said of resets when that is negated; 3.14 makes a gauge of it and compares"
        if name in ("sin", "cos", "tan") and self.at_large_angles(node, path, times, pairs):
            return "of a large angle the last digit decides"
        if name == "count_values" and answers.same_counts(ours, theirs):
            return "rounding of the values that are counted"
        if name == "changes" and self.counts(changes, node, times, pairs):
            return "their storage cuts chunks, and equal histograms with other empty buckets count as changed"
        if not node.scale or not all(isinstance(a, float) and isinstance(b, float) for _, a, b in pairs):
            return None
        scale = answers.ask(self.pair.theirs, path, {"query": node.scale, **times})
        largest = answers.largest(scale)  # by time, since the labels of the scale may lack the name that the answer keeps
        power = 2 if node.squares else 1
        divisor = self.divisor(node)
        if all(answers.close(a ** power, b ** power, largest.get(key[1], 0.0)) or
               divisor and answers.close(abs(a - b), divisor, largest.get(key[1], 0.0)) for key, a, b in pairs):
            return "rounding of large terms"
        return None

    def excuse_of_resets(self, node, path, times, pairs):
        """The excuse for counting other resets, if they are others wherever the rates are."""
        resets = random_promql.Node(random_promql.VECTOR, ["resets", *node.parts[1:]])
        ours, theirs = self.pair.ask(str(resets), path, times)
        unequal = answers.unequal_points(ours, theirs)
        return self.excuse(resets, path, times) if all(key in unequal for key, _, _ in pairs) else None

    @staticmethod
    def divisor(node):
        """Of a remainder: around its multiples rounding decides between nothing and all of it. None: not a number."""
        try:
            return abs(float(str(node.parts[-2]))) if node.parts[2] == " %" else None
        except (IndexError, ValueError):
            return None

    def at_border(self, node, path, times, pairs):
        """Whether a quantile a little smaller and one a little larger enclose ours."""
        around = [answers.ask(self.pair.theirs, path, {"query": str(node.with_part(1, f"({node.parts[1]}) {change}")), **times})
                  for change in ("- 1e-9", "+ 1e-9")]
        return all(isinstance(ours, float) and all(isinstance(a.points.get(key), float) for a in around)
                   and (1 - 1e-6) * around[0].points[key] <= ours <= (1 + 1e-6) * around[1].points[key] for key, ours, _ in pairs)

    def at_large_angles(self, node, path, times, pairs):
        """Whether the difference is that of an angle within the tolerance."""
        angles = answers.largest(answers.ask(self.pair.theirs, path, {"query": str(node.children()[0]), **times}))
        for (_, t), ours, theirs in pairs:
            if not isinstance(ours, float) or not isinstance(theirs, float):
                return False
            turned = answers.TOLERANCE * angles.get(t, 0.0)
            if turned < 1 and not abs(ours - theirs) <= 2 * turned * (1 + max(ours * ours, theirs * theirs)):
                return False
        return True

    def counts(self, happens, node, times, pairs):
        """Whether ours is between how many neighbours in a window something happens. Of windows with histograms."""
        vector = str(node.children()[0]).replace("start()", times.get("start", "start()")).replace("end()", times.get("end", "end()"))
        for (labels, t), ours, _ in pairs[:10]:
            window = answers.ask(self.pair.theirs, "query", {"query": vector, "time": t})
            samples = [v for k, v in sorted(window.points.items(), key=lambda point: point[0][1])
                       if json.loads(labels).items() <= json.loads(k[0]).items()]
            if not any(isinstance(v, dict) for v in samples) or \
                    ours != sum(happens(a, b) for a, b in zip(samples, samples[1:])):
                return False
        return True

    def minimise(self, node, path, times, difference, rounds=400):
        """The smallest query that still differs in the same way."""
        again = True
        while again and rounds > 0:
            again = False
            for candidate in node.smaller():
                rounds -= 1
                if rounds <= 0:
                    break
                found, _ = self.check(candidate, path, times)
                if found and found.what == difference.what:
                    node, difference, again = candidate, found, True
                    break
        return node, difference


def changes(before, after):
    return before != after and (before == before or after == after)  # NaN does not change into NaN


def falls(before, after):
    """Whether a sample is a reset of the one before: of a histogram, a count is lower or a bucket with something in it is gone."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return isinstance(before, dict) or isinstance(after, dict) or after < before
    gone = before["buckets"].keys() - after["buckets"].keys()
    return after["count"] < before["count"] or any(before["buckets"][k] for k in gone) or \
        any(count < before["buckets"].get(k, 0.0) for k, count in after["buckets"].items())


def random_times(rng):
    """Path and parameters of one evaluation; mostly within the data."""
    start = random_series.START / 1000
    at = start + rng.uniform(-100, random_series.SECONDS + 400)
    if rng.random() < 0.5:
        return "query", {"time": f"{at:.3f}"}
    step = rng.choice([1, 7.5, 15, 15, 30, 60, 60, 137, 300])
    return "query_range", {"start": f"{at:.3f}", "end": f"{at + step * rng.choice([0, 3, 20, 20, 80]):.3f}", "step": str(step)}


class DifferentialTest(unittest.TestCase):
    def test_random_queries(self):
        prometheus = harness.peer("prometheus") if harness.PEERS else None
        if not prometheus:
            self.skipTest("no Prometheus: --peers DIR was not given")
        print(f"seed {SEED}, {QUERIES} queries")
        folder = harness.temp_dir()
        series = random_series.make(SEED)
        pairs = [Pair(f"{folder}/{names}", prometheus, features, names) for names, features in (("immediate", FEATURES), ("delayed", DELAYED))]
        for pair in pairs:
            self.addCleanup(pair.stop)
        random_series.feed(series, *[url for pair in pairs for url in (pair.ours.url, pair.theirs)])
        checkers = [Checker(pair) for pair in pairs]
        generator = random_promql.Generator(SEED, self.known_functions(pairs[0]))
        rng = random.Random(SEED)
        differences, answered, failed = 0, 0, 0
        used = set()
        for _ in range(QUERIES):
            node, (path, times), which = generator.query(), random_times(rng), rng.randrange(len(pairs))
            if node.type == random_promql.MATRIX:
                path, times = "query", {"time": times.get("time") or times["end"]}
            difference, ours = checkers[which].check(node, path, times)
            answered += bool(ours.points)
            used.update(re.findall(r"[a-z_0-9]+", str(node)))
            failed += not ours.ok()
            if difference:
                differences += 1
                self.report(checkers[which], node, path, times, difference)
                self.assertLess(differences, 20, "too many differences")
        print(f"{QUERIES} queries: {answered} with values, {failed} errors on both sides, {differences} differences")
        for reason, count in sum((checker.excuses for checker in checkers), collections.Counter()).items():
            print(f"{count} excused: {reason}")
        self.assertEqual(differences, 0, f"repeat with SLOWBURN_SEED={SEED}")
        self.assertGreater(answered, QUERIES * 0.5, "a question without an answer compares nothing")
        if QUERIES >= 3000:
            self.assertEqual(set(random_promql.WORDS) - used - (set(GATED) - generator.functions), set(), "never asked")

    def known_functions(self, pair):
        """Those of the functions that came late which both sides know."""
        known = set(random_promql.RANGE_FUNCTIONS)
        known.update(GATED)
        for name in GATED:
            probe = {"limitk": "limitk(1, x)", "limit_ratio": "limit_ratio(1, x)", "info": "info(x)", "sort_by_label": 'sort_by_label(x, "a")',
                     "quantile_over_time": "quantile_over_time(1, x[1m])", "predict_linear": "predict_linear(x[1m], 1)",
                     "double_exponential_smoothing": "double_exponential_smoothing(x[1m], .1, .1)"}.get(name, f"{name}(x[1m])")
            ours, theirs = pair.ask(probe, "query", {"time": "1700000003"})
            self.assertTrue(ours.ok(), f"{probe}: {ours.error}")
            if not theirs.ok():
                known.discard(name)
                print(f"{name} is not compared: {theirs.error}")
        return known

    def report(self, checker, node, path, times, difference):
        small, last = checker.minimise(node, path, times, difference)
        print(f"\nDIFFERENCE in {difference.what}, {checker.pair.names} name removal, {path} {times}\n{node}\n"
              f"minimised:\n{small}\nours:\n{answers.show(last.ours, last.theirs)}\ntheirs:\n{answers.show(last.theirs, last.ours)}", flush=True)


if __name__ == "__main__":
    unittest.main()
