"""Answers of /api/v1/query and query_range, and where two of them differ."""
import dataclasses
import json
import math
import urllib.parse

import harness

TOLERANCE = 1e-9


@dataclasses.dataclass
class Answer:
    error_type: str = ""
    error: str = ""
    kind: str = ""
    points: dict = dataclasses.field(default_factory=dict)  # (labels, t): float, or dict of a histogram
    order: list = dataclasses.field(default_factory=list)  # labels, as they came
    warnings: list = dataclasses.field(default_factory=list)
    infos: list = dataclasses.field(default_factory=list)

    def ok(self):
        return not self.error_type


def number(text):
    return float(text)


def histogram(h):
    """Bounds are kept to 12 digits: powers of two to a fraction end differently in different libraries."""
    bound = "{:.12g}".format
    return {"count": float(h["count"]), "sum": float(h["sum"]),
            "buckets": {(b[0], bound(float(b[1])), bound(float(b[2]))): float(b[3]) for b in h.get("buckets", [])}}


def parse(body):
    answer = json.loads(body)
    out = Answer(warnings=answer.get("warnings", []), infos=answer.get("infos", []))
    if answer["status"] != "success":
        out.error_type, out.error = answer["errorType"], answer["error"]
        return out
    data = answer["data"]
    out.kind = data["resultType"]
    if out.kind in ("scalar", "string"):
        t, value = data["result"]
        out.points[("", t)] = number(value) if out.kind == "scalar" else value
        return out
    for series in data["result"]:
        labels = json.dumps(series["metric"], sort_keys=True)
        out.order.append(labels)
        for t, value in series.get("values", []) + ([series["value"]] if "value" in series else []):
            out.points[labels, t] = number(value)
        for t, value in series.get("histograms", []) + ([series["histogram"]] if "histogram" in series else []):
            out.points[labels, t] = histogram(value)
    return out


def ask(url, path, params):
    """Like api() of the harness, but an error is an answer."""
    body = urllib.parse.urlencode(params).encode()
    _, answer, _ = harness.fetch(f"{url}/api/v1/{path}", body, {"Content-Type": "application/x-www-form-urlencoded"}, "POST", 130)
    return parse(answer)


def close(a, b, scale=0.0):
    if a == b or (math.isnan(a) and math.isnan(b)):
        return True
    if math.isnan(a) or math.isnan(b):
        return False
    if math.isinf(a) or math.isinf(b):
        return a * b > 0 and min(abs(a), abs(b)) > 1e308  # libraries overflow a little earlier or later
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b), scale)


def same_histogram(a, b):
    """Buckets are sums of counts, so the largest count is their scale; a bucket that is not there counts 0.

    NaN stands where an empty bucket was multiplied by infinity or NaN, and whether empty buckets are kept is the storage's affair.
    """
    counts = [abs(v) for h in (a, b) for v in [h["count"], *h["buckets"].values()] if math.isfinite(v)]
    scale = max(counts, default=0.0)
    if not close(a["count"], b["count"], scale) or not close(a["sum"], b["sum"]):
        return False
    return all(close(a["buckets"].get(k, 0.0), b["buckets"].get(k, 0.0), scale)
               or (not math.isfinite(a["count"]) and math.isnan(a["buckets"].get(k, 0.0) + b["buckets"].get(k, 0.0)))
               for k in a["buckets"].keys() | b["buckets"].keys())


def proportional(a, b):
    """Whether every number of histogram a is the same share, at most 1, of that of b."""
    if not b["count"] or a["buckets"].keys() != b["buckets"].keys():
        return False
    share = a["count"] / b["count"]
    scaled = {"count": a["count"], "sum": b["sum"] * share, "buckets": {k: v * share for k, v in b["buckets"].items()}}
    return 0 < share <= 1 + TOLERANCE and same_histogram(a, scaled)


def same_point(a, b):
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    if isinstance(a, dict) != isinstance(b, dict):
        return False
    return same_histogram(a, b) if isinstance(a, dict) else close(a, b)


def by_step(answer):
    steps = {}
    for (_, t), value in answer.points.items():
        steps.setdefault(t, []).append(value)
    return steps


def largest(answer):
    """By time, the largest magnitude of a float."""
    return {t: max((abs(v) for v in values if isinstance(v, float)), default=0.0) for t, values in by_step(answer).items()}


def sortable(value):
    return (1, json.dumps(str(value))) if isinstance(value, dict) else (0, -math.inf if math.isnan(value) else value)


def picked(ours, theirs, our_whole, their_whole):
    """Whether both took as many elements at each step, and each took only what is in its whole."""
    counts = [{t: len(values) for t, values in by_step(answer).items()} for answer in (ours, theirs)]
    return counts[0] == counts[1] and all(k in whole.points and same_point(v, whole.points[k])
                                          for answer, whole in ((ours, our_whole), (theirs, their_whole)) for k, v in answer.points.items())


def same_values(a, b):
    """Of answers with ties: at each step the same values, whoever has them."""
    left, right = by_step(a), by_step(b)
    if left.keys() != right.keys():
        return False
    return all(len(left[t]) == len(right[t]) and all(same_point(x, y) for x, y in zip(sorted(left[t], key=sortable), sorted(right[t], key=sortable)))
               for t in left)


def same_counts(a, b):
    """Of count_values("value", ...): the same counts, of values that are close."""
    def counts(answer):
        found = []
        for (text, t), count in answer.points.items():
            labels = json.loads(text)
            value = labels.pop("value")
            found.append((t, json.dumps(labels, sort_keys=True), count, value))
        return found

    def numbers(found):
        return sorted((t, labels, float(value), count) for t, labels, count, value in found if not value.startswith("{"))

    def histograms(found):
        return sorted((t, labels, value, count) for t, labels, count, value in found if value.startswith("{"))

    left, right = counts(a), counts(b)
    return histograms(left) == histograms(right) and len(left) == len(right) and \
        all(x[:2] == y[:2] and x[3] == y[3] and close(x[2], y[2]) for x, y in zip(numbers(left), numbers(right)))


def unequal_points(a, b):
    """Keys at which the answers differ: missing here or there, or not the same."""
    return [k for k in a.points.keys() | b.points.keys() if k not in a.points or k not in b.points or not same_point(a.points[k], b.points[k])]


def without_names(answer):
    """The points with __name__ taken from the labels."""
    points = {}
    for (text, t), value in answer.points.items():
        labels = json.loads(text) if text else {}
        labels.pop("__name__", None)
        points[json.dumps(labels, sort_keys=True), t] = value
    return dataclasses.replace(answer, points=points)


def same_order(a, b):
    """Of instant vectors: the values come in the same order; equal ones may change places."""
    if a.kind != "vector":
        return True
    values = [[answer.points[k] for labels in answer.order for k in answer.points if k[0] == labels] for answer in (a, b)]
    return all(same_point(x, y) for x, y in zip(*values))


def brief(value, other):
    """A histogram by what another does not have alike."""
    if not isinstance(value, dict):
        return "nothing" if value is None else repr(value)
    theirs = other["buckets"] if isinstance(other, dict) else {}
    buckets = {k: v for k, v in value["buckets"].items() if k not in theirs or not close(v, theirs[k])}
    shown = ", ".join(f"{k}: {v!r}" for k, v in list(buckets.items())[:4])
    return f"histogram count {value['count']!r} sum {value['sum']!r}, of {len(value['buckets'])} buckets {len(buckets)} not so there: {shown}"


def show(answer, other, limit=5):
    """A few lines for a person: where the answer is not as the other."""
    if not answer.ok():
        return f"  {answer.error_type}: {answer.error}"
    keys = (unequal_points(answer, other) if other.ok() else []) or list(answer.points)
    lines = [f"  {k[0][:300]} @ {k[1]}: {brief(answer.points.get(k), other.points.get(k))[:300]}" for k in sorted(keys)[:limit]]
    return "\n".join([f"  {answer.kind}, {len(answer.order)} series, {len(answer.points)} points, {len(keys)} shown or alike"] + lines
                     + [f"  {text}" for text in answer.warnings + answer.infos])
