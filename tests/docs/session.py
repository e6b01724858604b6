"""How the commands of a page are run: one bash for all blocks, and one program for each that stays in its terminal."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.docs.pages import Block

WITHIN = 60.0


class Session:
    """A folder, a bash in it, and the programs that were started beside it. `swaps` replaces text before it is run."""

    def __init__(self, folder: Path, swaps: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self.folder, self.swaps, self.environment = folder, swaps, environment
        self.programs: dict[str, Program] = {}
        self.bash = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, text: str) -> str:
        """Run a block to its end and return what it printed. Fails when a command of it does."""
        assert self.bash.stdin is not None
        assert self.bash.stdout is not None
        mark = "\x1eended with "
        self.bash.stdin.write(f"set -eo pipefail\n{self._swapped(text)}\nset +e; printf '\\n{mark}0\\n'\n")
        self.bash.stdin.flush()
        printed: list[str] = []
        for line in self.bash.stdout:
            if line.startswith(mark):
                return "".join(printed).removesuffix("\n")
            printed.append(line)
        raise AssertionError(f"this ended the shell:\n{text}\n{''.join(printed)}")

    def start(self, name: str, text: str) -> None:
        """Start a program that stays, and wait for its first line."""
        program = Program(self._swapped(text), self.folder, self.environment)
        self.programs[name] = program
        program.wait_for("…")

    def play(self, blocks: Iterable[Block], page: str) -> int:
        """Run blocks as a page has them, each with what it says it prints; how many were run to their end."""
        printed: str | None = None
        run = 0
        for block in blocks:
            match block.kind:
                case ["bash", "no-test"]:
                    pass
                case ["bash", "background", name]:
                    self.start(name, block.text)
                case ["bash"]:
                    printed = self.run(block.text)
                    run += 1
                case ["text"]:
                    assert printed is not None
                    assert is_shown(block.text, printed), f"{page} line {block.line} prints\n{printed}"
                case ["text", name]:
                    for line in block.text.splitlines():
                        self.programs[name].wait_for(line)
                case kind:
                    raise AssertionError(f"{page} line {block.line}: nobody knows what to do with {kind}")
        return run

    def close(self) -> None:
        for program in self.programs.values():
            program.stop()
        self.bash.kill()
        self.bash.communicate()

    def _swapped(self, text: str) -> str:
        for old, new in self.swaps.items():
            text = text.replace(old, new)
        return text


class Program:
    """One terminal: what was typed into it, and the lines that it has shown."""

    def __init__(self, text: str, folder: Path, environment: Mapping[str, str]) -> None:
        # `exec` makes bash become the program, so that stopping it stops that and nothing else.
        *before, last = text.strip().split("\n")
        self.process = subprocess.Popen(
            ["bash", "-c", "\n".join([*before, f"exec {last}"])],
            cwd=folder,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.lines: list[str] = []
        self._grew = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._grew:
                self.lines.append(line.rstrip("\n"))
                self._grew.notify_all()
        with self._grew:
            self._ended = True
            self._grew.notify_all()

    def wait_for(self, expected: str) -> None:
        """Until a line was shown that is `expected`."""

        def shown() -> bool:
            return self._ended or any(is_shown(expected, line) for line in self.lines)

        with self._grew:
            self._grew.wait_for(shown, WITHIN)
            assert any(is_shown(expected, line) for line in self.lines), f"{expected}\n\n" + "\n".join(self.lines)

    def stop(self) -> None:
        """As Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(20)
        self.close()
        assert status == 0, "\n".join(self.lines)

    def close(self) -> None:
        """End it, now, if it has not ended."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


def is_shown(expected: str, printed: str) -> bool:
    """Whether `printed` is `expected`, in which … stands for anything."""
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def environment(**changes: str) -> dict[str, str]:
    """This process's, without settings of Tidings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TIDINGS_")} | changes


def free_ports(count: int) -> list[str]:
    """Ports of loopback that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [str(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()
