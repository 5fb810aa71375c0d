"""A headless Chromium driven over its DevTools protocol: pages, keys, taps, screenshots, and what went wrong."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
]
PATIENCE_S = 120.0
_KEYS = {"Enter": ("Enter", "\r", 13), "Tab": ("Tab", "", 9), " ": ("Space", " ", 32), "p": ("KeyP", "p", 80)}
_KEYS |= {str(digit): (f"Digit{digit}", str(digit), 48 + digit) for digit in range(10)}


class Chromium:
    """One browser with one tab; use as a context manager.

    Args:
        profile: empty folder; cookies live there.
        touch: a phone with a touch screen.
    """

    def __init__(self, profile: Path, *, width: int, height: int, touch: bool) -> None:
        assert BROWSER is not None
        self.problems: list[str] = []
        self._number = 0
        self._process = subprocess.Popen(
            [BROWSER, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._socket = connect(_page_address(profile), max_size=None, open_timeout=PATIENCE_S)
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 2 if touch else 1, "mobile": touch}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        self.send("Emulation.setTouchEmulationEnabled", enabled=touch)

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(20)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Answer of one command; errors that the page reports meanwhile are collected."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(PATIENCE_S))
            if message.get("id") == self._number:
                return dict(message.get("result") or {"error": message.get("error")})
            self._note(message)

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("method") == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(event["params"]["exceptionDetails"]))
        elif event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            self.problems.append(event["params"]["entry"]["text"])

    def goto(self, url: str) -> None:
        self.send("Page.navigate", url=url)
        self.wait_for(
            f"document.readyState === 'complete' && location.href !== 'about:blank' && '{url}' !== ''"
        )

    def evaluate(self, expression: str) -> Any:
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return found.get("result", {}).get("value")

    def wait_for(self, expression: str) -> None:
        """Until the expression is true."""
        deadline = time.monotonic() + PATIENCE_S
        while self.evaluate(expression) is not True:
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{expression} never held; the page says: {self.evaluate('document.body.innerText')}"
                )
            time.sleep(0.05)

    def press(self, keys: str, *more: str) -> None:
        """Keys one after another: characters of the text, then named ones."""
        for key in (*keys, *more):
            code, text, number = _KEYS[key]
            shared = {"key": key, "code": code, "windowsVirtualKeyCode": number}
            self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **shared)
            self.send("Input.dispatchKeyEvent", type="keyUp", **shared)

    def tap(self, selector: str) -> None:
        """A finger on the middle of the first such element."""
        x, y = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}});"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        self.send("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def screenshot(self, path: Path) -> None:
        found = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))


def _page_address(profile: Path) -> str:
    deadline = time.monotonic() + PATIENCE_S
    port_file = profile / "DevToolsActivePort"
    while not (port_file.exists() and port_file.read_text().strip()):
        if time.monotonic() > deadline:
            raise TimeoutError("chromium did not start")
        time.sleep(0.1)
    port = int(port_file.read_text().split()[0])
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE_S) as answer:
        targets = json.load(answer)
    return next(str(target["webSocketDebuggerUrl"]) for target in targets if target["type"] == "page")
