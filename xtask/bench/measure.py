"""Runs a command and writes what it used as JSON: measure.py RESULT LOG CPUS WATCH COMMAND...

Wall seconds, CPU seconds (user and system, with all threads and waited-for children) and the peak resident set come
from `wait4`, so nothing is sampled. The peak includes that of this small interpreter before `exec` (some 10 MiB), which
matters for no engine. The command sees the first CPUS processors only. WATCH is a folder, or `-`: `first_s` is when the first
file could be seen in it (hidden ones are not seen), looked for every millisecond.
"""

import json
import os
import sys
import time


def shows_a_file(folder):
    for _, inner, names in os.walk(folder):
        inner[:] = [d for d in inner if not d.startswith(".")]
        if any(not n.startswith(".") for n in names):
            return True
    return False


def main():
    result, log, cpus, watch, command = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5:]
    allowed = sorted(os.sched_getaffinity(0))[:cpus]
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        try:
            out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(out, 1)
            os.dup2(out, 2)
            os.sched_setaffinity(0, allowed)
            os.execvp(command[0], command)
        except OSError as error:
            os.write(2, f"{command[0]}: {error}\n".encode())
            os._exit(127)
    first = None
    ended = 0
    while watch != "-" and first is None and not ended:
        if shows_a_file(watch):
            first = time.perf_counter() - started
            break
        time.sleep(0.001)
        ended, status, usage = os.wait4(child, os.WNOHANG)
    if not ended:
        _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - started
    measured = {
        "wall_s": wall,
        "first_s": first,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        # Linux counts in KiB.
        "peak_rss_mib": usage.ru_maxrss / 1024,
        "code": os.waitstatus_to_exitcode(status),
    }
    with open(result, "w") as f:
        json.dump(measured, f)


if __name__ == "__main__":
    main()
