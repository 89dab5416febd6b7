"""What the end-to-end tests share: the binary on a free port, a webhook sink, remote write, real peers.

Everything listens on 127.0.0.1 on ports that the kernel picked, is ended by pid, and is bounded in time.
"""
import atexit
import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("SLOWBURN_BINARY", os.path.join(ROOT, "build/release/slowburn"))
PEERS = os.environ.get("SLOWBURN_PEERS", "")
LONG = os.environ.get("SLOWBURN_LONG", "") != ""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def peer(*names):
    """Path of the first of these programs, from --peers DIR before PATH; None when there is none."""
    for name in names:
        for folder in ([PEERS, os.path.join(PEERS, "usr/bin")] if PEERS else []):
            path = os.path.join(folder, name)
            if os.access(path, os.X_OK):
                return path
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    return None


def wait_for(what, condition, seconds=30, every=0.1):
    """Polls until condition() is true or not None; returns its value. Fails naming what it waited for."""
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            value = condition()
            if value:
                return value
        except (OSError, urllib.error.URLError, KeyError, IndexError, ValueError) as error:
            last = error
        time.sleep(every)
    raise AssertionError(f"waited {seconds} s for {what}" + (f"; last: {last!r}" if last else ""))


def temp_dir():
    path = tempfile.mkdtemp(prefix="slowburn-e2e-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def write_file(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def read_file(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Process:
    """A child that dies with the test."""

    def __init__(self, argv, folder, name):
        self.log_path = os.path.join(folder, name + ".log")
        self.log_file = open(self.log_path, "ab")
        self.child = subprocess.Popen(argv, stdout=self.log_file, stderr=subprocess.STDOUT, cwd=folder)
        atexit.register(self.kill)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self, seconds=20):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            self.child.wait(seconds)
        return self.child.returncode

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait(20)


class Slowburn:
    """Our server. start() again after kill() opens the same data."""

    def __init__(self, folder, *flags, command="serve"):
        self.folder, self.flags, self.command = folder, list(flags), command
        self.port, self.grpc_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self, wait=True):
        self.process = Process(
            [BINARY, self.command, f"--web.listen-address=127.0.0.1:{self.port}",
             f"--grpc.listen-address=127.0.0.1:{self.grpc_port}", f"--storage.path={self.folder}/data", *self.flags],
            self.folder, "slowburn")
        if wait:
            def ready():
                if self.process.child.poll() is not None:
                    raise AssertionError(f"slowburn ended with {self.process.child.returncode}:\n{self.process.log()}")
                return fetch(self.url + "/-/ready")[0] == 200
            wait_for("slowburn to be ready", ready, 60, 0.02)
        return self

    def kill(self):
        self.process.kill()

    def stop(self):
        return self.process.stop()

    def query(self, expr, at=None):
        params = {"query": expr, **({} if at is None else {"time": at})}
        return api(self.url + "/api/v1/query?" + urllib.parse.urlencode(params))

    def value(self, expr, at=None):
        """The single value of an instant query, or None when it is empty."""
        result = self.query(expr, at)["result"]
        return float(result[0]["value"][1]) if result else None


def fetch(url, body=None, headers=None, method=None, timeout=20):
    """(status, body bytes, headers) whatever the status."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return response.status, response.read(), response.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def api(url):
    """`data` of a /api/v1 answer; fails on an error."""
    status, body, _ = fetch(url)
    answer = json.loads(body)
    if status != 200 or answer["status"] != "success":
        raise AssertionError(f"{url}: {status} {answer}")
    return answer["data"]


class WebhookSink:
    """An on-call webhook: keeps what it gets. `answers` are the next status codes; then 200."""

    def __init__(self):
        self.received, self.answers = [], []
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code = sink.answers.pop(0) if sink.answers else 200
                if code == 200:
                    sink.received.append(json.loads(body))
                self.send_response(code)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def statuses(self, alertname):
        return [m["status"] for m in self.received if any(a["labels"].get("alertname") == alertname for a in m["alerts"])]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Target:
    """A scrape target whose text the test sets."""

    def __init__(self, text="", content_type="text/plain; version=0.0.4"):
        self.text, self.content_type = text, content_type
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = (target.text() if callable(target.text) else target.text).encode()
                self.send_response(200)
                self.send_header("Content-Type", target.content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


# Remote write 1.0 by hand: protobuf's wire format, and snappy's block format with literals only.


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def write_request(series):
    """series: [({label: value}, [(t_ms, value), …]), …]"""
    out = bytearray()
    for labels, samples in series:
        body = b"".join(field(1, field(1, k.encode()) + field(2, v.encode())) for k, v in sorted(labels.items()))
        for t, v in samples:
            body += field(2, b"\x09" + struct.pack("<d", v) + b"\x10" + varint(t & (1 << 64) - 1))
        out += field(1, body)
    return bytes(out)


def snappy(data):
    out = bytearray(varint(len(data)))
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536]
        out += bytes([61 << 2]) + struct.pack("<H", len(piece) - 1) + piece
    return bytes(out)


def remote_write(url, series, timeout=20):
    """(status, text)"""
    status, body, _ = fetch(url + "/api/v1/write", snappy(write_request(series)),
                            {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
                             "X-Prometheus-Remote-Write-Version": "0.1.0"}, "POST", timeout)
    return status, body.decode()


@contextlib.contextmanager
def closing(*things):
    try:
        yield things
    finally:
        for thing in things:
            (getattr(thing, "close", None) or getattr(thing, "kill"))()
