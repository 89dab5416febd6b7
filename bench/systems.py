"""The systems that bench/side_by_side measures: how each is started, flushed, asked, and what its files are.

A system runs on a free port of 127.0.0.1 on a fresh directory, with the defaults of its makers except for what makes
the comparison fair: nothing is thrown away for its age, the newest samples are visible, and where a data set has late
samples, they are allowed.
"""
import gzip
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/e2e"))
import harness  # noqa: E402

LATE_WINDOW = "30m"


class System:
    """One server. start(), kill() and start() again; `folder` keeps its data, its configuration and its log."""

    key = name = ""
    write_path = "/api/v1/write"
    ready_path = "/-/ready"
    query_extra = {}
    quiet_after = 3  # seconds without load before background work that runs on a timer must have begun

    def __init__(self, program, folder, late=False, cpus=None):
        self.program, self.folder, self.late, self.cpus = program, folder, late, cpus
        self.data = os.path.join(folder, "data")
        self.port = harness.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        os.makedirs(folder, exist_ok=True)
        window = f"storage: {{tsdb: {{out_of_order_time_window: {LATE_WINDOW}}}}}\n" if late else ""
        self.config = harness.write_file(folder, "prometheus.yml", "global: {scrape_interval: 15s}\n" + window)

    def argv(self):
        raise NotImplementedError

    def version(self):
        text = subprocess.run([self.program, "--version"], capture_output=True, text=True, check=False)
        lines = (text.stdout + text.stderr).strip().splitlines()
        return lines[0] if lines else ""

    def start(self):
        self.process = harness.Process(self.argv(), self.folder, self.key)
        if self.cpus:
            os.sched_setaffinity(self.pid, self.cpus)

    def wait_ready(self, seconds=120):
        def ready():
            self.check_alive()
            return harness.fetch(self.url + self.ready_path)[0] == 200
        harness.wait_for(f"{self.name} to be ready", ready, seconds, 0.02)

    def check_alive(self):
        if self.process.child.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self.process.child.returncode}:\n{self.process.log()[-3000:]}")

    @property
    def pid(self):
        return self.process.child.pid

    def kill(self):
        self.process.child.send_signal(signal.SIGKILL)
        self.process.child.wait(60)

    def stop(self):
        if self.process and self.process.child.poll() is None:
            try:
                self.process.stop(60)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def query(self, expr, at_ms, timeout=120):
        """The value of an instant query with one result; 0 where there is none; an OSError where there is no answer."""
        query = urllib.parse.urlencode({"query": expr, "time": f"{at_ms / 1000:.3f}", **self.query_extra})
        status, body, _ = harness.fetch(f"{self.url}/api/v1/query?{query}", timeout=timeout)
        if status != 200:
            raise OSError(f"{status} {body[:300]!r}")
        result = json.loads(body)["data"]["result"]
        return float(result[0]["value"][1]) if result else 0.0

    def flush(self):
        """Makes the system put its samples where they will stay. Returns what was done, or "" for nothing."""
        return ""

    def kind(self, path):
        """data, index or log: what the file at this path, relative to the data folder, is for."""
        raise NotImplementedError

    def blocks_bytes(self):
        """Bytes of the samples when all are in blocks, where that differs from the files before; else None."""
        return None


class Slowburn(System):
    key, name = "slowburn", "Slowburn"
    flags = []

    def argv(self):
        return [self.program, "serve", f"--config.file={self.config}", f"--storage.path={self.data}",
                f"--web.listen-address=127.0.0.1:{self.port}", "--grpc.listen-address", "",
                "--storage.tsdb.retention.time=400d", "--web.enable-admin-api", *self.flags]

    def blocks_bytes(self):
        status, body, _ = harness.fetch(self.url + "/api/v1/admin/tsdb/seal", b"", method="POST", timeout=300)
        if status != 204:
            raise OSError(f"seal: {status} {body[:300]!r}")
        return sum(size for _, size in files(self.data))

    def kind(self, path):
        top = path.split("/")[0]
        return "log" if top in ("wal", "log") else "index" if top in ("state", "index") else "data"


class VictoriaMetrics(System):
    key, name = "victoriametrics", "VictoriaMetrics"
    ready_path = "/health"
    query_extra = {"nocache": "1"}
    quiet_after = 7  # parts in memory go to disk after 5 s

    def argv(self):
        return [self.program, f"-storageDataPath={self.data}", f"-httpListenAddr=127.0.0.1:{self.port}",
                "-retentionPeriod=10y", "-search.latencyOffset=0s"]

    def version(self):
        line = super().version()
        changes = os.path.join(os.path.dirname(self.program), "../share/doc/victoria-metrics/changelog.Debian.gz")
        if not line and os.path.exists(changes):
            with gzip.open(changes, "rt", encoding="utf-8") as file:
                line = file.readline().split(";")[0].strip() + " (Debian's changelog; --version prints nothing)"
        return line

    def flush(self):
        for path in ("/internal/force_flush", "/internal/force_merge"):
            status, body, _ = harness.fetch(self.url + path)
            if status != 200:
                raise OSError(f"{path}: {status} {body[:300]!r}")
        return "force_flush and force_merge"

    def kind(self, path):
        return "index" if "indexdb" in path.split("/") else "data"


class Prometheus(System):
    key, name = "prometheus", "Prometheus"

    def argv(self):
        return [self.program, f"--config.file={self.config}", f"--storage.tsdb.path={self.data}",
                f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-remote-write-receiver",
                "--storage.tsdb.retention.time=400d", "--web.enable-admin-api"]

    def flush(self):
        status, body, _ = harness.fetch(self.url + "/api/v1/admin/tsdb/snapshot", b"", method="POST", timeout=300)
        if status != 200:
            raise OSError(f"snapshot: {status} {body[:300]!r}")
        return "a snapshot, which writes the head as a block"

    def kind(self, path):
        top, name = path.split("/")[0], os.path.basename(path)
        if top == "snapshots":
            return "copy"
        return "log" if top in ("wal", "wbl") else "index" if name in ("index", "tombstones", "meta.json") else "data"

    def blocks_bytes(self):
        return sum(size for path, size in files(self.data) if path.split("/")[0] == "snapshots") or None


def files(folder):
    """(path relative to the folder, bytes) of each file; files that vanish meanwhile are left out."""
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            try:
                yield os.path.relpath(path, folder), os.lstat(path).st_size
            except OSError:
                continue


def disk_use(system):
    """{"data": bytes, "index": …, "log": …, "folders": {top-level name: bytes}}"""
    use = {"data": 0, "index": 0, "log": 0, "folders": {}}
    for path, size in files(system.data):
        kind = system.kind(path)
        if kind not in use:
            continue
        use[kind] += size
        top = path.split("/")[0]
        use["folders"][top] = use["folders"].get(top, 0) + size
    return use


def find(key, peers, binary):
    """(class, path of its program), or (class, None) where it is not there."""
    os.environ["SLOWBURN_PEERS"] = harness.PEERS = os.path.abspath(peers) if peers else ""
    if key == Slowburn.key:
        return Slowburn, os.path.abspath(binary) if os.access(binary, os.X_OK) else None
    if key == VictoriaMetrics.key:
        return VictoriaMetrics, harness.peer("victoria-metrics")
    return Prometheus, harness.peer("prometheus")


KEYS = [Slowburn.key, VictoriaMetrics.key, Prometheus.key]


def wait_right(system, expr, at_ms, expected, seconds, answers=None):
    """Seconds until the query gives `expected`; None when it did not within `seconds`, or not after `answers` s of other answers."""
    begin, answered = time.monotonic(), None
    while time.monotonic() - begin < seconds:
        system.check_alive()
        try:
            if system.query(expr, at_ms) == expected:
                return time.monotonic() - begin
            answered = answered or time.monotonic()
            if answers is not None and time.monotonic() - answered > answers:
                return None
        except (OSError, urllib.error.URLError, ValueError, KeyError):
            pass
        time.sleep(0.01)
    return None
