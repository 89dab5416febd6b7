"""Prometheus' data directories in and out: a real Prometheus is fed, stopped and killed, and its directory read here as
promtool reads it; what we export, promtool and Prometheus read.

Needs prometheus and promtool, from SLOWBURN_PEERS (3.x: everything) or PATH (2.42 of Debian: without custom buckets and
UTF-8 names); skipped aloud without.
"""
import glob
import hashlib
import json
import math
import os
import re
import shutil
import struct
import subprocess
import unittest
import urllib.parse

import harness
from harness import field, varint

PROMETHEUS, PROMTOOL = harness.peer("prometheus"), harness.peer("promtool")
STALE, ODD_NAN = 0x7FF0000000000002, 0x7FF8DEADBEEF0001
HOUR = 3600_000
START = 1_700_000_000_000 // (2 * HOUR) * 2 * HOUR  # where a partition of two hours begins


def version():
    out = subprocess.run([PROMTOOL, "--version"], capture_output=True, text=True)
    return tuple(int(n) for n in re.search(r"version (\d+)\.(\d+)", out.stdout + out.stderr).groups())


def number(n, value):  # a varint field
    return varint(n << 3) + varint(value & (1 << 64) - 1)


def signed(value):
    return (value << 1) ^ (value >> 63)


def double(n, value):
    return varint(n << 3 | 1) + struct.pack("<d", value)


def float_of(bits):
    return struct.unpack("<d", struct.pack("<Q", bits))[0]


def spans(n, pairs):
    return b"".join(field(n, number(1, signed(offset)) + number(2, length)) for offset, length in pairs)


def deltas(counts):
    return b"".join(varint(signed(c - before) & (1 << 64) - 1) for c, before in zip(counts, [0, *counts]))


def doubles(values):
    return struct.pack(f"<{len(values)}d", *values)


def histogram(t, schema, positive, negative=(), is_float=False, hint=0, bounds=None, total=None):
    """positive, negative: ([(offset, length)], [count])."""
    zero = 0 if bounds is not None else 3
    negative = negative or ([], [])
    count = zero + sum(positive[1]) + sum(negative[1]) if total is None else total
    out = double(2, count) if is_float else number(1, int(count))
    out += double(3, count * 1.5) + number(4, signed(schema))
    if bounds is None:
        out += double(5, 0.001) + (double(7, zero) if is_float else number(6, zero))
    out += spans(8, negative[0]) + spans(11, positive[0])
    if is_float:
        out += field(10, doubles(negative[1])) + field(13, doubles(positive[1]))
    else:
        out += field(9, deltas(negative[1])) + field(12, deltas(positive[1]))
    out += number(14, hint) + number(15, t)
    return out + (field(16, doubles(bounds)) if bounds is not None else b"")


def stale_histogram(t, is_float):
    return (double(2, 0) if is_float else number(1, 0)) + double(3, float_of(STALE)) + number(15, t)


class Request:
    def __init__(self):
        self.body = b""

    def add(self, labels, samples=(), histograms=(), exemplars=()):
        body = b"".join(field(1, field(1, k.encode()) + field(2, v.encode())) for k, v in sorted(labels.items()))
        for t, v in samples:
            body += field(2, double(1, v) + number(2, t))
        for t, v, trace in exemplars:
            body += field(3, field(1, field(1, b"trace_id") + field(2, trace.encode())) + double(2, v) + number(3, t))
        for one in histograms:
            body += field(4, one)
        self.body += field(1, body)

    def metadata(self, kind, name, help_text):
        self.body += field(3, number(1, kind) + field(2, name.encode()) + field(4, help_text.encode()))

    def send(self, url):
        status, text, _ = harness.fetch(url + "/api/v1/write", harness.snappy(self.body),
                                        {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
                                         "X-Prometheus-Remote-Write-Version": "0.1.0"}, "POST", 60)
        if status not in (200, 204):
            raise AssertionError(f"remote write: {status} {text[:500]!r}")


class Prometheus:
    def __init__(self, folder, data, *flags):
        self.folder, self.data, self.flags = folder, data, flags
        self.config = harness.write_file(folder, "prometheus.yml",
                                         "global: {scrape_interval: 1h}\n"
                                         "storage: {tsdb: {out_of_order_time_window: 30m}}\n")
        self.process = None

    def start(self):
        port = harness.free_port()
        self.url = f"http://127.0.0.1:{port}"
        features = "native-histograms,exemplar-storage"
        if version() >= (2, 50):
            features += ",metadata-wal-records"
        self.process = harness.Process(
            [PROMETHEUS, f"--config.file={self.config}", f"--storage.tsdb.path={self.data}",
             f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver", "--web.enable-admin-api",
             f"--enable-feature={features}", "--storage.tsdb.retention.time=100y", *self.flags],
            self.folder, "prometheus")

        def ready():
            if self.process.child.poll() is not None:
                raise AssertionError(f"prometheus ended:\n{self.process.log()}")
            return harness.fetch(self.url + "/-/ready")[0] == 200
        harness.wait_for("prometheus to be ready", ready, 60)
        return self

    def stop(self):
        self.process.stop(60)

    def kill(self):
        self.process.kill()


def feed(url, begin, end, step=15_000):
    """All kinds of series over [begin, end), a request for every ten minutes."""
    modern = version() >= (3, 0)
    t = begin
    while t < end:
        request = Request()
        times = list(range(t, min(end, t + 600_000), step))
        n = [(at - START) // step for at in times]
        for job in ("a", "b"):
            for i in range(4):
                labels = {"__name__": f"requests_{i}_total", "job": job, "instance": f"host-{i}:9100"}
                request.add(labels, [(at, float(k * (i + 1))) for at, k in zip(times, n)])
        request.add({"__name__": "temperature", "room": "süd \"1\"\n"},
                    [(at, 20 + math.sin(k / 7) * 1e-3) for at, k in zip(times, n)])
        special = [0.0, -0.0, math.inf, -math.inf, float_of(ODD_NAN), math.nan, 5e-324, 1.7e308, 1e21, 123456789.0]
        request.add({"__name__": "special"}, [(at, special[k % len(special)]) for at, k in zip(times, n)])
        request.add({"__name__": "comes_and_goes"},
                    [(at, float_of(STALE) if k % 50 == 49 else k / 3) for at, k in zip(times, n) if k % 50 >= 20])
        request.add({"__name__": "jittered"}, [(at + (k * 7919) % 997, float(k)) for at, k in zip(times, n)])
        # Integer histograms that grow, get buckets, fall back, and change their schema.
        request.add({"__name__": "h_int"}, histograms=[
            histogram(at, 2 if k < 700 else 1, ([(-2, 2), (1, 2)], [k % 400, 2, k % 400 + 1, 5]), ([(0, 1)], [k % 400]))
            for at, k in zip(times, n)], exemplars=[(times[0], 0.5, f"t{n[0]}")])
        request.add({"__name__": "h_more_buckets"}, histograms=[
            histogram(at, 3, ([(0, 2 + k // 60 % 5)], [k + b for b in range(2 + k // 60 % 5)])) for at, k in zip(times, n)])
        request.add({"__name__": "h_gauge"}, histograms=[
            histogram(at, 0, ([(0, 2)], [(k * 31) % 17, (k * 17) % 13]), hint=3) for at, k in zip(times, n)])
        request.add({"__name__": "h_float"}, histograms=[
            histogram(at, -1, ([(0, 3)], [k / 3, k / 7, 0.1]), is_float=True) for at, k in zip(times, n)])
        request.add({"__name__": "h_stale"}, histograms=[
            stale_histogram(at, False) if k % 40 == 39 else histogram(at, 1, ([(0, 1)], [k])) for at, k in zip(times, n)])
        request.add({"__name__": "h_float_stale"}, histograms=[
            stale_histogram(at, True) if k % 40 == 39 else histogram(at, 1, ([(0, 1)], [k / 2]), is_float=True)
            for at, k in zip(times, n)])
        if modern:
            bounds = [0.005, 0.01, 0.1, 1.0, 33554.430, 1e9]
            request.add({"__name__": "h_custom"}, histograms=[
                histogram(at, -53, ([(0, 3), (1, 2)], [k, 2 * k, 1, 0, k]), bounds=bounds) for at, k in zip(times, n)])
            request.add({"__name__": "h_custom_float"}, histograms=[
                histogram(at, -53, ([(1, 2)], [k / 2, k / 3]), bounds=bounds[: 3 + k // 500], is_float=True)
                for at, k in zip(times, n)])
            request.add({"__name__": "utf8.metric", "näme": "x"}, [(at, float(k)) for at, k in zip(times, n)])
        request.add({"__name__": f"short_lived_{t // 600_000}"}, [(at, 1.0) for at in times])
        request.metadata(1, "requests_0_total", "All requests.")
        request.send(url)
        t += 600_000


def feed_late(url, at):
    request = Request()
    request.add({"__name__": "special"}, [(at + i * 15_000 + 7, float(i)) for i in range(20)])
    request.add({"__name__": "late_only"}, [(at + i * 1000, float(i)) for i in reversed(range(20))])
    request.send(url)


def run(*argv, check=True):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
    if check and done.returncode != 0:
        raise AssertionError(f"{argv}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done


def promtool_dump(folder, data, *flags):
    """Sorted lines. From a copy, because promtool puts temporary files beside the blocks."""
    copy = os.path.join(folder, "copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(data, copy)
    # Prometheus' head begins where the blocks of samples in order end, promtool's where any block ends: it would not
    # show what the log has of the time of a block of late samples.
    metas = {path: json.loads(harness.read_file(path)) for path in glob.glob(copy + "/*/meta.json")}
    ordered = [meta["maxTime"] for meta in metas.values() if "hints" not in meta["compaction"]]
    for path, meta in metas.items():
        if "hints" in meta["compaction"] and ordered:
            meta["maxTime"] = min(meta["maxTime"], max(ordered))
            with open(path, "w") as file:
                json.dump(meta, file)
    os.makedirs(copy + "/wal", exist_ok=True)  # promtool refuses to do without
    return sorted(run(PROMTOOL, "tsdb", "dump", *flags, copy).stdout.splitlines())


def dump(data, *flags):
    """Our lines, sorted, without what promtool leaves out: it looks for floats, then for float histograms, then for
    integer histograms, and each look eats a sample of another kind. The one of 2.42 prints no histograms at all."""
    lines = run(harness.BINARY, "tsdb", "dump", f"--storage.path={data}", *flags).stdout.splitlines()
    out, series, seen, floats_only = [], None, 0, version() < (3, 0)
    for line in lines:
        name = line[: line.index("} ")]
        seen = seen + 1 if name == series else 0
        series = name
        if name.startswith('{__name__="h_') and (floats_only or seen < (1 if "float" in name else 2)):
            continue
        out.append(line)
    return sorted(out)


def fingerprint(folder):
    """Of every file: name, size, time and content."""
    out = {}
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            with open(path, "rb") as file:
                out[path] = (os.stat(path).st_mtime_ns, hashlib.sha256(file.read()).hexdigest())
    return out


@unittest.skipUnless(PROMETHEUS and PROMTOOL, "no prometheus or promtool: set SLOWBURN_PEERS, or install them")
class PrometheusDirectory(unittest.TestCase):
    maxDiff = 2000

    def assertSameLines(self, got, wanted, what):
        if got == wanted:
            return
        missing, extra = sorted(set(wanted) - set(got)), sorted(set(got) - set(wanted))
        self.fail(f"{what}: {len(got)} lines, wanted {len(wanted)}; missing {len(missing)}: {missing[:5]}; "
                  f"extra {len(extra)}: {extra[:5]}")

    def written_by_prometheus(self):
        """A directory with blocks, head chunks, late samples, deletions, and a log that ends with kill -9."""
        folder = harness.temp_dir()
        data = os.path.join(folder, "prometheus")
        prometheus = Prometheus(folder, data).start()
        feed(prometheus.url, START, START + 5 * HOUR)
        feed_late(prometheus.url, START + 5 * HOUR - 900_000)
        blocks = lambda: [n for n in os.listdir(data) if len(n) == 26]
        harness.wait_for("a block", blocks, 60)
        prometheus.stop()
        prometheus.start()
        feed(prometheus.url, START + 5 * HOUR, START + 6 * HOUR)
        for match in ("requests_3_total", "temperature"):
            status, text, _ = harness.fetch(
                prometheus.url + "/api/v1/admin/tsdb/delete_series?" + urllib.parse.urlencode(
                    {"match[]": match, "start": (START + HOUR) / 1000, "end": (START + 5.5 * HOUR) / 1000}), b"", method="POST")
            self.assertEqual(status, 204, text)
        prometheus.stop()
        prometheus.start()
        feed(prometheus.url, START + 6 * HOUR, START + 6 * HOUR + 1200_000)
        feed_late(prometheus.url, START + 6 * HOUR + 300_000)
        prometheus.kill()
        return folder, data

    def test_directory_is_read_as_promtool_reads_it(self):
        folder, data = self.written_by_prometheus()
        before = fingerprint(data)
        wanted = promtool_dump(folder, data)
        # How much 2.42 keeps of its head across the restarts varies: 15,977 lines, or 11,009.
        self.assertGreater(len(wanted), 10_000)
        self.assertSameLines(dump(data), wanted, "dump of Prometheus' directory")
        self.assertEqual(fingerprint(data), before, "the directory was touched")

    def test_promtool_and_prometheus_read_what_we_export(self):
        folder = harness.temp_dir()
        # Without a file it would scrape itself, now and then in time to be a block of its own.
        config = harness.write_file(folder, "prometheus.yml", "global: {}\n")
        server = harness.Slowburn(folder, f"--config.file={config}", "--storage.tsdb.retention.time=100y").start()
        feed(server.url, START, START + 5 * HOUR)
        server.stop()
        data, out = folder + "/data", folder + "/out"
        done = run(harness.BINARY, "tsdb", "export", f"--storage.path={data}", out)
        self.assertRegex(done.stdout, r"^3 blocks, \d+ series in them, \d+ samples, \d+ of them histograms\n")
        listed = run(PROMTOOL, "tsdb", "list", out).stdout
        self.assertEqual(len(re.findall(r"^01[0-9A-Z]{24} ", listed, re.M)), 3, listed)
        ours = dump(data)
        self.assertGreater(len(ours), 15_000)
        self.assertSameLines(ours, promtool_dump(folder, out), "what was exported")
        self.assertSameLines(dump(out), ours, "our dump of what was exported")
        again = run(harness.BINARY, "tsdb", "export", f"--storage.path={data}", out, check=False)
        self.assertEqual(again.returncode, 1)
        self.assertIn("not empty", again.stderr)

        part, begin, end = folder + "/part", START + HOUR + 1, START + 2 * HOUR
        flags = ['--match={job="a"}', "--match=h_int", f"--min-time={begin}", f"--max-time={end}"]
        run(harness.BINARY, "tsdb", "export", f"--storage.path={data}", *flags, part)
        self.assertSameLines(dump(data, *flags), promtool_dump(folder, part), "a part")

        prometheus = Prometheus(folder, out).start()
        answer = harness.api(prometheus.url + "/api/v1/query?" + urllib.parse.urlencode(
            {"query": "sum(requests_1_total)", "time": (START + 3 * HOUR) / 1000}))
        self.assertEqual(answer["result"][0]["value"][1], str(2 * 2 * 3 * 240))
        prometheus.stop()


if __name__ == "__main__":
    unittest.main()
