"""The real Apache Kafka for tests: one broker or three, in KRaft mode, on loopback.

`python -m support.kafka` (with PYTHONPATH=tests) fetches the jars beforehand. Brokers end with
the process that started them, also when that is killed.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ctypes
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from meetlat.settings import Settings
from support.kafka_jars import jars

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
START_SECONDS = 60.0
USER = "tester"
# Linux ends a child with the *thread* that forked it, so a lasting thread forks the brokers.
_spawner = ThreadPoolExecutor(1, thread_name_prefix="kafka-spawner")


class Given:
    """A Kafka that runs already, as MEETLAT_TEST_KAFKA names it."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def topic(self, name: str = "events") -> str:
        """A topic name that nobody else uses."""
        return f"{name}-{uuid.uuid4().hex[:12]}"

    def settings(self, **environ: str) -> Settings:
        """Settings whose log is this Kafka; with `MEETLAT_…` values of the caller's own."""
        return Settings({"MEETLAT_LOG": f"kafka://{self.bootstrap}", **environ})


class Cluster(Given):
    """Brokers that are also the controllers, numbered from 0. Every method blocks.

    In an async test use `await asyncio.to_thread(cluster.kill, 0)`.
    """

    def __init__(self, directory: Path, size: int) -> None:
        self.size = size
        self.password = secrets.token_hex(8)
        self._directory = directory
        self._jars = jars()
        self._ports = [free_port() for _ in range(size)]
        super().__init__(",".join(f"127.0.0.1:{port}" for port in self._ports))
        self._controllers = [free_port() for _ in range(size)]
        self._tls = [free_port() for _ in range(size)]
        self._behind = [free_port() for _ in range(size)]
        self._proxies = [free_port() for _ in range(size)]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self.ca_file = directory / "ca.pem"

    @property
    def bootstrap_sasl_ssl(self) -> str:
        """`host:port,…` of the listeners with TLS (see `ca_file`) and SASL PLAIN."""
        return ",".join(f"127.0.0.1:{port}" for port in self._tls)

    @property
    def behind_proxies(self) -> list[tuple[int, int]]:
        """Per broker, a port that it tells clients to use and nobody listens on, and the port
        behind it: for a proxy of the test's own.
        """
        return list(zip(self._proxies, self._behind, strict=True))

    @property
    def bootstrap_behind_proxies(self) -> str:
        """`host:port,…` of those proxies."""
        return ",".join(f"127.0.0.1:{port}" for port in self._proxies)

    def up(self) -> None:
        """Format and start all brokers; returns when all of them serve."""
        self._make_certificate()
        # The first byte makes it start with a letter: a dash would look like an option.
        cluster_id = base64.urlsafe_b64encode(b"M" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        formats = []
        for index in range(self.size):
            self._write_properties(index)
            formats.append(
                self._java(index, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c")
            )
        for process in formats:
            if process.wait(START_SECONDS) != 0:
                raise RuntimeError(f"Kafka's storage was not formatted: see {self._directory}")
        for index in range(self.size):
            self._processes[index] = self._java(index, "kafka.Kafka")
        self.wait_ready()
        self._wait(lambda: _in_thread(lambda: asyncio.run(_groups_work(self.bootstrap))))

    def start(self, index: int) -> None:
        """Start a broker that was killed, with what it had stored; returns when all serve."""
        assert index not in self._processes, "it runs"
        self._processes[index] = self._java(index, "kafka.Kafka")
        self.wait_ready()

    def start_all(self) -> None:
        """Start every broker that does not run; one alone would wait for the others."""
        for index in range(self.size):
            if index not in self._processes:
                self._processes[index] = self._java(index, "kafka.Kafka")
        self.wait_ready()

    def kill(self, index: int) -> None:
        """End a broker as a power cut would (SIGKILL)."""
        process = self._processes.pop(index)
        process.kill()
        process.wait(10)

    def pause(self, index: int) -> None:
        """Stop a broker without ending it (SIGSTOP): its connections hang."""
        self._processes[index].send_signal(signal.SIGSTOP)

    def resume(self, index: int) -> None:
        """Let a paused broker go on."""
        self._processes[index].send_signal(signal.SIGCONT)

    def down(self) -> None:
        """End all brokers."""
        for index in list(self._processes):
            self.kill(index)

    def wait_ready(self) -> None:
        """Return when every broker that runs takes part and answers."""
        ports = {self._ports[index] for index in self._processes}
        self._wait(lambda: _in_thread(lambda: asyncio.run(_all_answer(ports))))

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            for index, process in self._processes.items():
                if process.poll() is not None:
                    raise RuntimeError(f"broker {index} ended: {self._last_words(index)}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Kafka did not start in {START_SECONDS:g} s: {self._directory}")
            time.sleep(0.2)

    def _java(self, index: int, main: str, *arguments: str) -> subprocess.Popen[bytes]:
        home = self._directory / str(index)
        command = [
            shutil.which("java") or "java", "-Xmx320m", "-Xms128m", "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1", "-Xshare:auto",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp", f"{self._jars}/*", main, *arguments, str(home / "server.properties"),
        ]  # fmt: skip

        def spawn() -> subprocess.Popen[bytes]:
            with (home / "output.log").open("ab") as output:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=home,
                    start_new_session=True,  # a Ctrl-C at pytest is not for it
                    preexec_fn=_end_with_parent,  # noqa: PLW1509 - one system call, no lock
                )

        return _spawner.submit(spawn).result()

    def _write_properties(self, index: int) -> None:
        home = self._directory / str(index)
        home.mkdir(parents=True)
        voters = ",".join(f"{i}@127.0.0.1:{p}" for i, p in enumerate(self._controllers))
        here = "127.0.0.1"
        copies = min(3, self.size)
        login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        lines = {
            "process.roles": "broker,controller",
            "node.id": index,
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{here}:{self._ports[index]},"
            f"SASL_SSL://{here}:{self._tls[index]},PROXIED://{here}:{self._behind[index]},"
            f"CONTROLLER://{here}:{self._controllers[index]}",
            "advertised.listeners": f"PLAINTEXT://{here}:{self._ports[index]},"
            f"SASL_SSL://{here}:{self._tls[index]},PROXIED://{here}:{self._proxies[index]}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,"
            "PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": f"{login} "
            f'user_{USER}="{self.password}";',
            "ssl.keystore.location": self._directory / "keystore.p12",
            "ssl.keystore.password": self.password,
            "log.dirs": home / "data",
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.num.partitions": 4,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "broker.heartbeat.interval.ms": 500,
            "broker.session.timeout.ms": 3000,
            "log.retention.check.interval.ms": 1000,
            # A broker that is back soon leads again what it led.
            "leader.imbalance.check.interval.seconds": 3,
            "log.cleaner.dedupe.buffer.size": 4_194_304,
            "num.network.threads": 2,
            "num.io.threads": 4,
        }
        text = "".join(f"{name}={value}\n" for name, value in lines.items())
        (home / "server.properties").write_text(text)

    def _make_certificate(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        store = ["-keystore", str(self._directory / "keystore.p12"), "-storepass", self.password]
        named = ["-alias", "broker"]
        subject = ["-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1", "-ext", "bc:c=ca:true"]
        for command in (
            ["-genkeypair", "-keyalg", "EC", "-validity", "2", "-storetype", "PKCS12", *subject],
            ["-exportcert", "-rfc", "-file", str(self.ca_file)],
        ):
            subprocess.run(["keytool", *command, *named, *store], check=True, capture_output=True)

    def _last_words(self, index: int) -> str:
        said = (self._directory / str(index) / "output.log").read_text(errors="replace")
        errors = [line for line in said.splitlines() if "ERROR" in line or "Exception" in line]
        return (errors or said.splitlines() or ["it said nothing"])[-1]


def free_port() -> int:
    """A port below the range that outgoing connections use, so that it stays free meanwhile."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


async def _all_answer(ports: set[int]) -> bool:
    """Whether each port's broker knows exactly these brokers."""
    for port in ports:
        admin = AIOKafkaAdminClient(
            bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=2000, client_id="tests"
        )
        try:
            async with asyncio.timeout(5):
                await admin.start()
                found = await admin.describe_cluster()
        except Exception:
            return False
        finally:
            with contextlib.suppress(Exception):
                await admin.close()
        if {broker["port"] for broker in found["brokers"]} != ports:
            return False
    return True


async def _groups_work(bootstrap: str) -> bool:
    """Whether consumer groups have a coordinator; the first to ask makes Kafka's own topic."""
    admin = AIOKafkaAdminClient(
        bootstrap_servers=bootstrap, request_timeout_ms=5000, client_id="tests"
    )
    try:
        await admin.start()
        await admin.find_coordinator("any-group")
    except Exception:
        return False
    finally:
        await admin.close()
    return True


def _in_thread(action: Callable[[], bool]) -> bool:
    """Run it in a thread of its own, since the caller may be inside an event loop."""
    answer: list[bool] = []
    thread = threading.Thread(target=lambda: answer.append(action()))
    thread.start()
    thread.join()
    return bool(answer and answer[0])


def _end_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(1, signal.SIGKILL)  # 1: PR_SET_PDEATHSIG


if __name__ == "__main__":
    sys.stdout.write(f"Apache Kafka is in {jars()}\n")
