"""What Linux knows about a running process: CPU, memory and written bytes, from /proc."""
import os
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid):
    """{"anon", "file", "rss", "peak"} in bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        values = dict(line.split(":", 1) for line in file)
    kib = {name: int(values[name].split()[0]) * 1024 for name in ("RssAnon", "RssFile", "RssShmem", "VmRSS", "VmHWM")}
    return {"anon": kib["RssAnon"] + kib["RssShmem"], "file": kib["RssFile"], "rss": kib["VmRSS"], "peak": kib["VmHWM"]}


def written_bytes(pid):
    """Bytes that the process gave to files, those of files that were deleted again before they reached the disk included."""
    with open(f"/proc/{pid}/io", encoding="ascii") as file:
        values = dict(line.split(":") for line in file)
    return int(values["write_bytes"])


class PeakMemory:
    """The most that anonymous and file memory each came to, looked at every 50 ms."""

    def __init__(self, pid):
        self.pid, self.anon, self.file = pid, 0, 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.done.wait(0.05):
            try:
                now = memory(self.pid)
            except (OSError, KeyError):
                return
            self.anon, self.file = max(self.anon, now["anon"]), max(self.file, now["file"])

    def close(self):
        self.done.set()
        self.thread.join()


def wait_idle(pid, quiet_after, at_most):
    """Waits until the process uses less than 4 % of a core over 2 s, not before `quiet_after` seconds.

    Returns (seconds waited, whether it became idle)."""
    begin = time.monotonic()
    window = []
    while True:
        now = time.monotonic()
        window.append((now, cpu_seconds(pid)))
        window = [entry for entry in window if now - entry[0] <= 2.5]
        if now - begin >= quiet_after and now - window[0][0] >= 2:
            if (window[-1][1] - window[0][1]) / (now - window[0][0]) < 0.04:
                return now - begin, True
        if now - begin >= at_most:
            return now - begin, False
        time.sleep(0.25)
