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


# msgspec's own making of types is not safe for a second thread: before it was behind a lock, this
# ended in a crash about one time in four.
_DECODE_FIRST = """
import sys, threading
from meetlat.contract.fast import read_certain
sys.setswitchinterval(1e-6)
start = threading.Barrier(8)
found = []
event = (b'{"specversion":"1.0","id":"1","source":"/s","type":"meetlat.task.v1",'
         b'"time":"2026-03-02T09:30:00Z","data":{"process":"quote","error_kinds":{"typo":1}}}')
def ask():
    start.wait()
    for _ in range(50):
        found.append(read_certain(event) is not None)
threads = [threading.Thread(target=ask) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(found), all(found))
"""


def test_threads_that_decode_first_at_the_same_time_do_not_crash() -> None:
    for _ in range(4):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", _DECODE_FIRST],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout.strip()) == (0, "400 True"), done.stderr[-2000:]


_FORK_AT_FIRST = """
import os, threading, sys
from meetlat.contract import fast
sys.setswitchinterval(1e-6)
event = (b'{"specversion":"1.0","id":"1","source":"/s","type":"meetlat.task.v1",'
         b'"time":"2026-03-02T09:30:00Z","data":{"process":"quote"}}')
began = threading.Event()
def decode():
    began.set()
    fast.read_certain(event)
thread = threading.Thread(target=decode)
thread.start()
began.wait()
child = os.fork()
if child == 0:
    os._exit(0 if fast.read_certain(event) is not None else 1)
thread.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_fork_while_the_decoder_is_made_leaves_the_child_a_whole_one() -> None:
    for _ in range(4):
        done = subprocess.run(
            [sys.executable, "-c", _FORK_AT_FIRST],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        assert done.stdout.strip() == "0"
