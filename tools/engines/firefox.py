"""Firefox, driven by WebDriver BiDi over a websocket, which it speaks by itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

NAMES = ("firefox-esr", "firefox")
TIMEOUT = 90  # seconds for one answer
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")

# No question at the start, and no request of the browser's own.
SETTINGS = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.update": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
}


class Firefox:
    """A tab of Firefox as an `Engine`."""

    def __init__(self, address: str) -> None:
        import websocket  # selenium depends on it

        self.socket = websocket.create_connection(f"{address}/session", timeout=TIMEOUT, suppress_origin=True)
        self.asked, self.heard = 0, []  # type: int, list[str]
        session = self.ask("session.new", capabilities={})
        self.name = f"Firefox {session['capabilities']['browserVersion']}"
        self.ask("session.subscribe", events=["log.entryAdded"])
        self.tab = self.ask("browsingContext.getTree")["contexts"][0]["context"]

    def ask(self, method: str, **params: Any) -> dict:
        """Send a command and wait for its answer; events that come before it are kept."""
        self.asked += 1
        self.socket.send(json.dumps({"id": self.asked, "method": method, "params": params}))
        while True:
            said = json.loads(self.socket.recv())
            if said.get("method") == "log.entryAdded" and said["params"]["level"] == "error":
                self.heard.append(said["params"]["text"])
            if said.get("id") == self.asked:
                break
        if said["type"] == "error":
            raise RuntimeError(f"{method}: {said['error']}: {said['message']}")
        return said["result"]

    def resize(self, width: int, height: int) -> None:
        self.ask("browsingContext.setViewport", context=self.tab, viewport={"width": width, "height": height})

    def goto(self, url: str) -> None:
        self.ask("browsingContext.navigate", context=self.tab, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        in_json = f"(async () => JSON.stringify((await ({expression})) ?? null))()"
        answer = self.ask("script.evaluate", expression=in_json, target={"context": self.tab}, awaitPromise=True)
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def click(self, selector: str) -> None:
        x, y = self.evaluate(f"crawl.stands({json.dumps(selector)})")
        steps = [
            {"type": "pointerMove", "x": round(x), "y": round(y)},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "actions": steps}
        self.ask("input.performActions", context=self.tab, actions=[mouse])

    def errors(self) -> list[str]:
        heard, self.heard = self.heard, []
        return heard


def find() -> str | None:
    """The path of a Firefox that is here, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def missing() -> str | None:
    """What has to be installed, or None."""
    return None if find() else "install Firefox (for instance: sudo apt-get install firefox-esr)"


def address(process: subprocess.Popen) -> str:
    """Where the browser listens, which it says on stderr; what it says there later is read and dropped."""
    found: Queue[str | None] = Queue()

    def read() -> None:
        for line in process.stderr or ():
            if said := LISTENING.search(line):
                found.put(said[1])
        found.put(None)

    threading.Thread(target=read, daemon=True).start()
    said = found.get(timeout=TIMEOUT)
    if said is None:
        raise RuntimeError("Firefox ended before it was ready")
    return said


@contextmanager
def start() -> Iterator[Firefox]:
    """Start Firefox with an empty profile, and end it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        lines = [f'user_pref("{name}", {json.dumps(value)});\n' for name, value in SETTINGS.items()]
        (Path(profile) / "user.js").write_text("".join(lines), encoding="utf-8")
        command = [find() or NAMES[0], "--headless", "--remote-debugging-port=0", "--profile", profile, "--no-remote"]
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, text=True, **pipes) as process:
            try:
                engine = Firefox(address(process))
                yield engine
                engine.socket.close()
            finally:
                process.terminate()
                process.wait(timeout=TIMEOUT)
