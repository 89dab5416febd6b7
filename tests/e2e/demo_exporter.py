"""A deterministic demo service: metrics with the names and the shape of those that PromQL compliance queries ask for.

Three instances of job "demo", read every five seconds: CPU and memory, disks that fill, a batch job, requests by method,
path and status with a classic histogram, and a metric that comes and goes.
"""
import math

INSTANCES = [f"demo.promlabs.com:{port}" for port in (10000, 10001, 10002)]
INTERVAL_MS = 5000
BOUNDS = [0.0001 * 1.5 ** i for i in range(25)] + [math.inf]
REQUESTS = [("GET", "/api/foo", "200", 9.0), ("GET", "/api/foo", "500", 0.3), ("GET", "/api/bar", "200", 4.0), ("POST", "/api/bar", "200", 2.5),
            ("POST", "/api/foo", "404", 0.1), ("GET", "/api/nonexistent", "404", 0.7)]


def noise(*key):
    """A number in [0, 1) that depends on the key alone."""
    x = 0x9E3779B97F4A7C15
    for part in key:
        x = (x ^ part) * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
        x ^= x >> 29
    return (x >> 11) / (1 << 53)


class Instance:
    """One process. read(t) moves it on to t and gives {(name, ((label, value), …)): number}."""

    def __init__(self, number):
        self.number = number
        self.cpu = {mode: 1000.0 * (1 + noise(number, i)) for i, mode in enumerate(("user", "system", "idle"))}
        self.disk = 4e10 * (1 + noise(number, 9))
        self.batch_success = 0.0
        self.counts = [[0.0] * len(BOUNDS) for _ in REQUESTS]
        self.sums = [0.0] * len(REQUESTS)
        self.ticks = 0

    def advance(self, t):
        n, tick = self.number, t // INTERVAL_MS
        self.ticks += 1
        if self.ticks == 300 + 100 * n:  # a restart: counters begin again
            self.__init__(n)
            self.cpu = dict.fromkeys(self.cpu, 0.0)
        wave = 0.5 + 0.4 * math.sin(t / 400_000 + n)
        for i, mode in enumerate(self.cpu):
            self.cpu[mode] += 5 * 4 * (0.1 + 0.8 * noise(n, tick, i)) * (wave if mode != "idle" else 1 - wave)
        self.disk += 1e6 * noise(n, tick, 20)
        if noise(n, tick, 21) < 0.02:
            self.batch_success = t / 1000
        for i, (_, _, _, rate) in enumerate(REQUESTS):
            for k in range(int(rate * 5 * wave * (0.5 + noise(n, tick, i, 30)))):
                seconds = 0.002 * math.exp(3 * noise(n, tick, i, k, 31) - 1)
                self.sums[i] += seconds
                for b, bound in enumerate(BOUNDS):
                    self.counts[i][b] += seconds <= bound

    def read(self, t):
        self.advance(t)
        n, tick = self.number, t // INTERVAL_MS
        out = {("demo_num_cpus", ()): 4.0, ("demo_disk_usage_bytes", ()): self.disk, ("demo_disk_total_bytes", ()): 2.5e11,
               ("demo_batch_last_success_timestamp_seconds", ()): self.batch_success,
               ("demo_batch_last_run_duration_seconds", ()): 10 + 5 * noise(n, tick, 40),
               ("demo_api_http_requests_in_progress", ()): float(int(10 * noise(n, tick, 41)))}
        if tick // 24 % 3 != 0:
            out["demo_intermittent_metric", ()] = 1.0
        for mode, seconds in self.cpu.items():
            out["demo_cpu_usage_seconds_total", (("mode", mode),)] = seconds
        for i, kind in enumerate(("used", "cached", "buffers", "free")):
            out["demo_memory_usage_bytes", (("type", kind),)] = float(int(1e9 * (i + 1) * (0.7 + 0.3 * noise(n, tick // 6, i, 50))))
        for i, (method, path, status, _) in enumerate(REQUESTS):
            labels = (("method", method), ("path", path), ("status", status))
            for b, bound in enumerate(BOUNDS):
                le = "+Inf" if math.isinf(bound) else repr(bound)
                out["demo_api_request_duration_seconds_bucket", (*labels, ("le", le))] = self.counts[i][b]
            out["demo_api_request_duration_seconds_count", labels] = self.counts[i][-1]
            out["demo_api_request_duration_seconds_sum", labels] = self.sums[i]
        return out


def scraped(start_ms, end_ms, stale):
    """[({label: value}, [(t_ms, number), …]), …] as a scraper would send them; `stale` is its marker."""
    series = {}
    for number, address in enumerate(INSTANCES):
        instance, before = Instance(number), {}
        for t in range(start_ms + 137 * number, end_ms, INTERVAL_MS):
            now = instance.read(t)
            for key in before.keys() - now.keys():
                series[key, address].append((t, stale))
            for key, value in now.items():
                series.setdefault((key, address), []).append((t, value))
            before = now
    return [({"__name__": name, "instance": address, "job": "demo", **dict(labels)}, samples)
            for ((name, labels), address), samples in series.items()]
