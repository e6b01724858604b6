"""How fast does Node-RED send the same signed bodies to the same receiver, remembering nothing?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from urllib.error import URLError

from bench.measure import Run
from bench.peers.install import NotInstalled, ran
from bench.processes import cores, free_port, pin

PACKAGE = "node-red@4.1.8"
START_FOR, SEND_FOR = 60.0, 300.0

#: Sends every body at once, as its documents do it: the requests queue inside its HTTP client.
SEND = """
flow.set('asked', msg); flow.set('left', global.get('bodies').length); flow.set('began', Date.now());
global.get('bodies').forEach((body, number) => {
  const id = 'msg_' + number, at = String(1700000000 + number);
  const signed = global.get('crypto').createHmac('sha256', 'key').update(id + '.' + at + '.' + body).digest('base64');
  node.send({url: global.get('url'), method: 'POST', payload: body, headers: {'content-type': 'application/json',
    'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': 'v1,' + signed}});
});
"""
COUNT = """
if (msg.statusCode !== 200) { node.error('answered ' + msg.statusCode); return; }
const left = flow.get('left') - 1; flow.set('left', left);
if (left === 0) { const asked = flow.get('asked'); asked.payload = {ms: Date.now() - flow.get('began')}; return asked; }
"""


def sent(url: str, bodies: Sequence[bytes], folder: Path) -> Run:
    """One run of all bodies, after one that is not counted. Raises NotInstalled when it cannot be had or started."""
    program = node_package(PACKAGE) / "node_modules" / "node-red" / "red.js"
    port = free_port()
    (folder / "bodies.json").write_text(json.dumps([body.decode() for body in bodies]))
    (folder / "flows.json").write_text(json.dumps(_flow()))
    (folder / "settings.js").write_text(
        f"module.exports = {{uiPort: {port}, uiHost: '127.0.0.1', httpAdminRoot: false, flowFile: 'flows.json', "
        "logging: {console: {level: 'warn'}}, functionGlobalContext: {crypto: require('crypto'), "
        f"url: {json.dumps(url)}, bodies: require({json.dumps(str(folder / 'bodies.json'))})}}}};"
    )
    command = ["node", str(program), "--userDir", str(folder), "--settings", str(folder / "settings.js")]
    here = os.sched_getaffinity(0)
    pin(cores()[0])
    try:
        with open(folder / "log", "wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
            try:
                _ready(port, process, folder / "log")
                took = [_go(port) for _ in range(2)]
            finally:
                process.terminate()
    finally:
        pin(here)
    return Run(len(bodies), took[-1], took[-1])


def node_package(requirement: str, cache: Path = Path(sys.prefix) / "peers") -> Path:
    """The folder where npm has put a package of exactly this version, its own dependencies beside it."""
    home = cache / requirement.replace("@", "-")
    if not (home / "installed").exists():
        home.mkdir(parents=True, exist_ok=True)
        ran(["npm", "install", "--prefix", str(home), "--no-audit", "--no-fund", requirement])
        (home / "installed").touch()
    return home


def _flow() -> list[dict[str, object]]:
    return [
        {"id": "tab", "type": "tab", "label": "deliver"},
        {"id": "go", "type": "http in", "z": "tab", "url": "/go", "method": "get", "wires": [["send"]]},
        {"id": "send", "type": "function", "z": "tab", "outputs": 1, "func": SEND, "wires": [["post"]]},
        {
            "id": "post",
            "type": "http request",
            "z": "tab",
            "method": "use",
            "ret": "txt",
            "persist": True,
            "wires": [["count"]],
        },
        {"id": "count", "type": "function", "z": "tab", "outputs": 1, "func": COUNT, "wires": [["done"]]},
        {"id": "done", "type": "http response", "z": "tab", "wires": []},
        {"id": "up", "type": "http in", "z": "tab", "url": "/up", "method": "get", "wires": [["done"]]},
    ]


def _ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_FOR
    while process.poll() is None and time.monotonic() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/up", timeout=5).close()
            return
        except URLError:  # nobody listens yet, or the flow is not there yet
            time.sleep(0.2)
    raise NotInstalled(f"it does not start: {log.read_text(errors='replace')[-200:]}")


def _go(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/go", timeout=SEND_FOR) as answer:
        return float(json.load(answer)["ms"]) / 1000
