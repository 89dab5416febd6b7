"""Random series for tests that feed two servers alike: floats and native histograms with every oddity that real data has.

What is made depends on the seed alone. Times start at START, which is long past, so that a seed repeats a run exactly.
"""
import dataclasses
import math
import random
import struct

import harness

START = 1_700_000_003_000  # on no multiple of a minute
SECONDS = 5400
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
NAN = math.nan
CUSTOM = -53


@dataclasses.dataclass
class Histogram:
    """Buckets by index; custom bounds where the schema is CUSTOM. Counts are whole unless `is_float`."""
    schema: int = 0
    sum: float = 0.0
    zero_threshold: float = 0.001
    zero_count: float = 0
    positive: dict = dataclasses.field(default_factory=dict)
    negative: dict = dataclasses.field(default_factory=dict)
    custom: tuple = ()
    is_float: bool = False
    hint: int = 0  # 0 unknown, 3 gauge
    nan_observations: int = 0  # in the count, in no bucket

    def copy(self):
        return dataclasses.replace(self, positive=dict(self.positive), negative=dict(self.negative))

    def count(self):
        return self.zero_count + sum(self.positive.values()) + sum(self.negative.values()) + self.nan_observations


def double(number, value):
    return harness.varint(number << 3 | 1) + struct.pack("<d", value)


def integer(number, value):
    return harness.varint(number << 3) + harness.varint(value & (1 << 64) - 1)


def zigzag(n):
    return n << 1 if n >= 0 else -n * 2 - 1


def side(first_field, buckets, is_float):
    """Spans, and deltas or counts, of one side; `first_field` is that of its spans."""
    out, counts, spans = b"", [], []
    for index in sorted(buckets):
        if spans and spans[-1][0] + spans[-1][1] == index:
            spans[-1][1] += 1
        else:
            spans.append([index, 1])
        counts.append(buckets[index])
    end = 0
    for start, length in spans:
        out += harness.field(first_field, harness.varint(1 << 3) + harness.varint(zigzag(start - end)) + integer(2, length))
        end = start + length
    if not counts:
        return out
    if is_float:
        return out + harness.field(first_field + 2, b"".join(struct.pack("<d", c) for c in counts))
    deltas = [int(b) - int(a) for a, b in zip([0] + counts, counts)]
    return out + harness.field(first_field + 1, b"".join(harness.varint(zigzag(d)) for d in deltas))


def encode_histogram(t, h):
    out = double(2, h.count()) if h.is_float else integer(1, int(h.count()))
    out += double(3, h.sum) + harness.varint(4 << 3) + harness.varint(zigzag(h.schema))
    if h.schema != CUSTOM:
        out += double(5, h.zero_threshold)
        out += double(7, h.zero_count) if h.is_float else integer(6, int(h.zero_count))
    out += side(8, h.negative, h.is_float) + side(11, h.positive, h.is_float)
    out += integer(14, h.hint) + integer(15, t)
    if h.custom:
        out += harness.field(16, b"".join(struct.pack("<d", b) for b in h.custom))
    return out


def encode_series(labels, samples):
    body = b"".join(harness.field(1, harness.field(1, k.encode()) + harness.field(2, v.encode())) for k, v in sorted(labels.items()))
    for t, v in samples:
        if isinstance(v, Histogram):
            body += harness.field(4, encode_histogram(t, v))
        else:
            body += harness.field(2, double(1, v) + integer(2, t))
    return harness.field(1, body)


def kind(value):
    return isinstance(value, Histogram), not isinstance(value, Histogram) and value != value and struct.pack("<d", value) == struct.pack("<d", STALE)


def requests(series, slice_ms=600_000):
    """Bodies of remote write, one slice of time after the other.

    No body has floats and histograms of one series, nor a stale marker beside floats: Prometheus stores all floats of a
    request before its histograms, makes histograms of markers after histograms, and then refuses what comes earlier.
    """
    at = min(samples[0][0] for _, samples in series)
    position = [0] * len(series)
    while any(i < len(samples) for i, (_, samples) in zip(position, series)):
        body = b""
        for i, (labels, samples) in enumerate(series):
            first = end = position[i]
            while end < len(samples) and samples[end][0] < at + slice_ms and kind(samples[end][1]) == kind(samples[first][1]):
                end += 1
            position[i] = end
            if end > first:
                body += encode_series(labels, samples[first:end])
        if body:
            yield harness.snappy(body)
        else:
            at += slice_ms


def feed(series, *urls):
    """Writes the same requests to every server; fails unless all are taken."""
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "0.1.0"}
    for body in requests(series):
        for url in urls:
            status, text, _ = harness.fetch(url + "/api/v1/write", body, headers, "POST", 60)
            if status not in (200, 204):
                raise AssertionError(f"{url} refused a write: {status} {text.decode()}")


class Maker:
    """Makes the series of one seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.series = []

    def times(self, interval, jitter=0, gap=0.004):
        """Scrape times with gaps, some longer than the lookback; None marks where a stale marker is due."""
        r, out = self.random, []
        t = START + r.randrange(interval * 1000)
        while t < START + SECONDS * 1000:
            out.append(t + r.randrange(-jitter, jitter + 1) if jitter else t)
            t += interval * 1000
            if r.random() < gap:
                t += r.choice([2, 3, 8, 30]) * interval * 1000
        return out

    def add(self, name, labels, times, next_value, stale=0.004):
        """next_value() gives each sample; now and then the series goes stale for a while, marked as senders mark it."""
        samples, silent = [], 0
        for t in times:
            if silent:
                silent -= 1
                continue
            if self.random.random() < stale:
                last = samples[-1][1] if samples else STALE
                samples.append((t, Histogram(sum=STALE, is_float=last.is_float) if isinstance(last, Histogram) else STALE))
                silent = self.random.choice([0, 1, 6, 30])
                continue
            samples.append((t, next_value()))
        self.series.append(({"__name__": name, **labels}, samples))

    def counter(self, whole=True, reset=0.01):
        value = [float(self.random.randrange(1000))]

        def step():
            r = self.random
            if r.random() < reset:
                value[0] = float(r.choice([0, 0, 1, r.randrange(50)]))
            elif r.random() < 0.8:
                value[0] += r.randrange(20) if whole else r.expovariate(0.3)
            return value[0]
        return step

    def gauge(self, oddities=0.0):
        value = [self.random.uniform(-50, 50)]

        def step():
            r = self.random
            if r.random() < oddities:
                return r.choice([NAN, math.inf, -math.inf, 0.0, -0.0])
            if r.random() < 0.8:
                value[0] += r.gauss(0, 5)
            return value[0]
        return step

    def observe(self, h, observations):
        r = self.random
        for _ in range(observations):
            kind = r.random()
            if h.schema == CUSTOM:
                value = r.lognormvariate(0, 1)
                index = sum(1 for bound in h.custom if bound < value)
                h.positive[index] = h.positive.get(index, 0) + 1
            else:
                value = 0.0 if kind < 0.1 else r.lognormvariate(0, 1.5) * (-1 if kind < 0.2 else 1)
                if abs(value) <= h.zero_threshold:
                    h.zero_count += 1
                else:
                    index = math.ceil(math.log2(abs(value)) * 2.0 ** h.schema)
                    of = h.negative if value < 0 else h.positive
                    of[index] = of.get(index, 0) + 1
            h.sum += value

    def native(self, schema, custom=(), gauge=False, is_float=False, restless=0.0):
        """A histogram that counts on and resets; a gauge one that is made anew each time; a restless one changes its layout."""
        h = [Histogram(schema=schema, custom=custom, is_float=is_float, hint=3 if gauge else 0)]
        self.observe(h[0], 1)

        def step():
            # A new one is not left empty: two empty ones would be equal, but not as Prometheus stores them.
            r = self.random
            anew = gauge or r.random() < 0.02
            if anew:
                h[0] = Histogram(schema=h[0].schema, custom=custom, is_float=is_float, hint=h[0].hint, zero_threshold=h[0].zero_threshold)
            if r.random() < restless:
                anew = True
                h[0] = Histogram(schema=r.choice([-1, 0, 1, 2, 3]), is_float=is_float, zero_threshold=r.choice([0.001, 0.0001, 0.25, 1e-128]),
                                 hint=h[0].hint)
            if anew or r.random() < 0.9:
                self.observe(h[0], r.randrange(int(anew), 12))
            out = h[0].copy()
            if is_float:
                factor = 1.5
                out.positive = {k: v * factor for k, v in out.positive.items()}
                out.negative = {k: v * factor for k, v in out.negative.items()}
                out.zero_count *= factor
            return out
        return step

    def classic(self, labels, bounds, broken=False):
        """name_bucket, _count and _sum that rise together; broken ones have a bucket that lags behind."""
        r, times = self.random, self.times(15)
        counts, rows, total = [0.0] * len(bounds), [], 0.0
        for _ in times:
            if r.random() < 0.01:
                counts, total = [0.0] * len(bounds), 0.0
            for _ in range(r.randrange(10)):
                value = r.lognormvariate(-1, 1)
                total += value
                for i, bound in enumerate(bounds):
                    counts[i] += value <= bound
            rows.append((list(counts), total))
        texts = ["+Inf" if math.isinf(b) else repr(b) for b in bounds]
        for i, le in enumerate(texts):
            rows_of = iter(rows)

            def bucket(i=i, rows_of=rows_of):
                value = next(rows_of)[0][i]
                return value - 5 if broken and i == 1 and value > 5 else value
            self.add("latency_seconds_bucket", {**labels, "le": le}, times, bucket, stale=0)
        rows_of, rows_again = iter(rows), iter(rows)
        self.add("latency_seconds_count", labels, times, lambda: next(rows_of)[0][-1], stale=0)
        self.add("latency_seconds_sum", labels, times, lambda: next(rows_again)[1], stale=0)

    def make(self):
        r = self.random
        targets = [{"job": job, "instance": f"{job}-{i}"} for job in ("api", "db") for i in (1, 2, 3)]
        for i, target in enumerate(targets):
            for code in ("200", "404", "500"):
                self.add("requests_total", {**target, "code": code}, self.times(15), self.counter())
            self.add("cpu_seconds_total", target, self.times(30, jitter=900), self.counter(whole=False))
            self.add("temperature", target, self.times(15), self.gauge(oddities=0.03 if i < 2 else 0))
            self.add("level", target, self.times(60), lambda: float(r.choice([0, 1, 1, 2, 3])))
            self.add("http.server.errors", {**target, "k8s.pod": f"p{i % 2}"}, self.times(15), self.counter())
            steady = range(START, START + SECONDS * 1000, 15_000)
            self.add("target_info", {**target, "version": f"v{i % 3}", "zone": "z"}, steady, lambda: 1.0, stale=0)
            self.add("steady_total", target, steady, self.counter(), stale=0)
            self.add("sizes", target, self.times(15), self.native(r.choice([0, 1, 3])))
            self.add("sizes_float", target, self.times(30), self.native(1, is_float=True))
            self.add("sizes_custom", target, self.times(15), self.native(CUSTOM, custom=(0.25, 0.5, 1.0, 2.0, 5.0)))
        for i, target in enumerate(targets[:3]):
            self.add("sizes_gauge", target, self.times(15), self.native(2, gauge=True, is_float=i == 1))
            self.add("sizes_restless", target, self.times(15), self.native(1, restless=0.05))
            self.classic(target, [0.1, 0.25, 0.5, 1.0, math.inf], broken=i == 2)
            float_step, histogram_step = self.counter(), self.native(1)
            kind = [False]

            def mixed(float_step=float_step, histogram_step=histogram_step, kind=kind):
                if r.random() < 0.05:
                    kind[0] = not kind[0]
                return histogram_step() if kind[0] else float_step()
            self.add("mixed", target, self.times(15), mixed)
        scale = iter(range(4))
        for target in targets[:4]:
            size = 10.0 ** (-300 + 200 * next(scale))
            self.add("extreme", target, self.times(15), lambda size=size: size * r.choice([1.7, -1.7, 1.0, 0.5]) * 1e8)
        self.add("lonely", {}, self.times(15), self.gauge())
        # A bucket without le, one that is no number, and a histogram that lacks +Inf.
        self.add("odd_bucket", {"job": "api"}, self.times(15), self.counter())
        self.add("odd_bucket", {"job": "api", "le": "much"}, self.times(15), self.counter())
        self.add("odd_bucket", {"job": "db", "le": "1"}, self.times(15), self.counter())
        self.add("odd_bucket", {"job": "db", "le": "2"}, self.times(15), self.counter())
        return self.series


def make(seed):
    """[({label: value}, [(t_ms, float or Histogram), …]), …]"""
    return Maker(seed).make()
