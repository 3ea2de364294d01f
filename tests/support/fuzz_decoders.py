"""Coverage-guided fuzzing of the decoders: `python -m support.fuzz_decoders DIR SECONDS`.

DIR gets the corpus, seeded with real events of every type, and the input that broke something.
The first byte of an input says how the rest is read: one record, a batch of lines, or binary mode.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["meetlat", "meetlat_aggregator"]):
    from support import differential

from meetlat.contract.events import EVENT_MODELS
from support.crowds import crowd
from support.events import MINIMAL, event

WORDS = ('\\"', "null", "true", "1e999", "-0", "NaN", "\\\\u0000", "\\\\ud800", "\\xc2\\x85",
         "Z", "+00:00", "\\x00", "\\x7f", '\\"data\\":', '\\"currency\\":\\"EUR\\"')  # fmt: skip


def read(given: bytes) -> None:
    """One input."""
    mode, rest = given[:1], given[1:]
    if mode == b"b":
        differential.batch(rest.split(b"\n"))
    elif mode == b"h":
        lines = rest.split(b"\n")
        pairs = (line.partition(b"=") for line in lines[:-1])
        headers = {name.decode("latin-1"): text for name, _, text in pairs}
        differential.binary({"ce_specversion": b"1.0", **headers}, lines[-1])
    else:
        differential.one(rest)
        differential.batch([rest, event()])


def seeds() -> list[bytes]:
    """Inputs of every kind."""
    values = [event(name) for name in MINIMAL] + [one.value for one in crowd(1)]
    escapes = (b"\\u0000", b"\\u0085", b"\\ud800", b"\x7f", b"\xc2\x85")
    values += [event().replace(b"bot", b"b" + escape) for escape in escapes]
    found = [b"o" + value for value in values]
    found += [b"b" + b"\n".join(values[n : n + 5]) for n in range(0, len(values), 5)]
    head = b"hce_id=1\nce_source=/a\nce_time=2026-03-02T00:00:00Z\nce_type="
    found += [head + name.encode() + b'\n{"tool":"bot"}' for name in EVENT_MODELS]
    return found


def main(directory: str, seconds: str) -> None:
    """Fuzz for so long; a finding ends the process with a traceback and status 77."""
    corpus = Path(directory) / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed{number}").write_bytes(seed)
    words = Path(directory) / "words.txt"
    names = {name for model in EVENT_MODELS.values() for name in model.model_fields}
    words.write_text("".join(f'"{word}"\n' for word in (*WORDS, *sorted(names), *EVENT_MODELS)))
    options = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=20", f"-dict={words}"]
    # Instrumented, the interpreter grows by some 14 kB an input; by themselves the decoders do not.
    options += [f"-artifact_prefix={directory}/", "-print_final_stats=1", "-rss_limit_mb=8192"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
