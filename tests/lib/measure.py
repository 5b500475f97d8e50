#!/usr/bin/env python3
"""measure.py FILE COMMAND... - run it; wall seconds, CPU seconds and peak
resident MiB of it and its children go to FILE as one JSON line."""
import json
import os
import resource
import subprocess
import sys
import time

begin = time.monotonic()
status = subprocess.call(sys.argv[2:])
wall = time.monotonic() - begin
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w", encoding="utf-8") as f:
    f.write(json.dumps({
        "wall": round(wall, 2), "cpu": round(used.ru_utime + used.ru_stime, 2),
        "rss": round(used.ru_maxrss / 1024, 1), "status": status}) + "\n")
sys.exit(status if status >= 0 else 128 - status)
