"""Any bytes at all: every reading of them says the same, or refuses them in one line."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support import differential
from support.crowds import crowd
from support.events import encode, event, headers_of, mutated_events, valid_events

# Inside a string: control characters as escapes and as they are, halves of surrogates, and so on.
# fmt: off
NASTY = (
    b"\\u0000", b"\\u007f", b"\\u0085", b"\\n", b"\\ud800", b"\\udc00\\ud800", b"\\/", b"\\x",
    b"\x7f", b"\\ud83d\\ude00", b"\xc2\x85", b"\xc2\xa0", b"\xc0\x80", b"\xed\xa0\x80", b"\x00",
    b"\n", b'"', b"\xf4\x90\x80\x80", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\\",
)
# fmt: on
QUICK = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(QUICK, max_examples=20_000)
real = st.sampled_from([one.value for one in crowd(1)])


@st.composite
def nasty(draw: st.DrawFn) -> bytes:
    """A real event with something in one of its texts or names that readers are prone to differ
    about.
    """
    value = draw(real | valid_events().map(encode))
    places = [n + 1 for n, byte in enumerate(value) if byte == ord('"')]
    at = draw(st.sampled_from(places or [0]))
    return value[:at] + draw(st.sampled_from(NASTY)) + value[at:]


anything = st.binary(max_size=300) | mutated_events() | real | nasty()
texts = st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass"))


@st.composite
def headed(draw: st.DrawFn) -> tuple[dict[str, bytes], bytes]:
    """A message in binary mode, some of its headers replaced, added or left out."""
    tree = draw(valid_events())
    headers = {name: text.encode() for name, text in headers_of(tree).items()}
    names = st.sampled_from(sorted(headers)) | st.sampled_from(["CE_ID", "ce_", "ce_data", "x"])
    for name in draw(st.lists(names, max_size=2)):
        headers[name] = draw(texts | st.binary(max_size=5) | st.sampled_from([b"true", b"false"]))
    body = draw(anything | st.just(b'{"tool":"bot"}'))
    return headers, body


@QUICK
@given(anything)
@example(b"")
@example(b"\xff" * 10)
@example(event(tool="a\u2028b"))
@example(b"[" * 50_000)
@example(event().replace(b'"data"', b'"data":{"tool":"x"},"data"'))
@example(event().replace(b'"type":', b'"type":"meetlat.task.v1","type":'))
def test_one_record_of_any_bytes(value: bytes) -> None:
    differential.one(value)


@QUICK
@given(st.lists(anything, max_size=5))
def test_a_batch_of_any_bytes(values: list[bytes]) -> None:
    differential.batch(values)


@QUICK
@given(headed())
def test_a_binary_message_of_any_headers_and_body(message: tuple[dict[str, bytes], bytes]) -> None:
    differential.binary(*message)


def test_all_real_events_are_read_alike() -> None:
    """And most of them fast, or the tests above would say little."""
    values = [one.value for one in crowd(2)]
    read = [differential.one(value) for value in values]
    assert sum(read) > len(read) * 0.7
    differential.batch(values)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("law", "strategy"),
    [
        (test_one_record_of_any_bytes, anything),
        (test_a_batch_of_any_bytes, st.lists(anything, max_size=5)),
        (test_a_binary_message_of_any_headers_and_body, headed()),
    ],
    ids=["one", "batch", "binary"],
)
def test_thousands_of_inputs(law: object, strategy: st.SearchStrategy[object]) -> None:
    MANY(given(strategy)(law.hypothesis.inner_test))()  # type: ignore[attr-defined]


@pytest.mark.soak
def test_inputs_that_reach_new_code_are_read_alike(tmp_path: Path) -> None:
    """Atheris, for MEETLAT_FUZZ_SECONDS (600)."""
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris has no wheel for this Python or system; the tests above stand in")
    seconds = os.environ.get("MEETLAT_FUZZ_SECONDS", "600")
    done = subprocess.run(
        [sys.executable, "-m", "support.fuzz_decoders", str(tmp_path), seconds],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
    found = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    assert found is not None, done.stderr[-2000:]
    assert int(found[1]) > 1000
