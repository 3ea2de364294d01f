"""The fast decoder is made once, whichever threads ask for it first."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own, since the classes are made once per process.
_PROGRAM = """
import sys, threading
from meetlat.contract.events import EVENT_MODELS
from meetlat.contract.fast import struct_of
sys.setswitchinterval(1e-6)
start = threading.Barrier(8)
found = []
def ask():
    start.wait()
    found.append([struct_of(name) for name in EVENT_MODELS])
threads = [threading.Thread(target=ask) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(found), len({id(struct) for structs in found for struct in structs}), len(EVENT_MODELS))
"""


def test_threads_that_decode_first_at_the_same_time_get_the_same_classes() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    threads, classes, types = map(int, done.stdout.split())
    assert threads == 8
    assert classes == types
