"""A headless Chromium, driven by the DevTools protocol over its pipe: nothing to install."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
BINARY = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--remote-debugging-pipe", "--no-first-run", "--mute-audio"),
    # WebGL2 without a graphics card
    *("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--disable-background-networking", "--disable-dev-shm-usage", "--hide-scrollbars"),
)
# the browser reads from 3 and writes to 4
HAND_OVER = """
import fcntl, os, sys
free = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
os.dup2(free[0], 3)
os.dup2(free[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
SECONDS = 60.0


class Chromium:
    """One page of one browser; ``logged`` has the console's errors and the uncaught ones."""

    def __init__(self, width: int = 1400, height: int = 900) -> None:
        self.profile = tempfile.mkdtemp(prefix="chromium-")
        to_browser, from_browser = os.pipe(), os.pipe()
        given = to_browser[0], from_browser[1]
        assert BINARY is not None
        options = (f"--user-data-dir={self.profile}", f"--window-size={width},{height}")
        self.process = subprocess.Popen(
            [sys.executable, "-c", HAND_OVER, *map(str, given), BINARY, *FLAGS, *options],
            pass_fds=given,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser[0])
        os.close(from_browser[1])
        self._out, self._in = to_browser[1], from_browser[0]
        self._buffer, self._number, self._session = b"", 0, None
        self.logged: list[str] = []
        self.requested: list[str] = []
        pages = self.call("Target.getTargets")["targetInfos"]
        target = next(page["targetId"] for page in pages if page["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def __enter__(self) -> "Chromium":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._out)
        os.close(self._in)
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the result of a method of the protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + SECONDS
        while (answer := self._next(end)).get("id") != message["id"]:
            self._note(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _next(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser does not answer")
            if not (block := os.read(self._in, 1 << 20)):
                raise ConnectionError("the browser has ended")
            self._buffer += block
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        found = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = found["exceptionDetails"]
            self.logged.append(details.get("exception", {}).get("description", details["text"]))
        elif event.get("method") == "Log.entryAdded" and found["entry"]["level"] == "error":
            self.logged.append(f"{found['entry']['text']} {found['entry'].get('url', '')}")
        elif event.get("method") == "Runtime.consoleAPICalled" and found["type"] == "error":
            self.logged.append(" ".join(str(a.get("value", a)) for a in found["args"]))
        elif event.get("method") == "Network.requestWillBeSent":
            self.requested.append(found["request"]["url"])

    def open(self, address: str, ready: str = "document.readyState === 'complete'") -> None:
        """Open an address, and wait until ``ready`` is true there."""
        self.call("Page.navigate", url=address)
        self.wait(f"location.href.startsWith({json.dumps(address)}) && {ready}")

    def value(self, expression: str) -> Any:
        """Return the value of JavaScript; a promise is waited for."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"].get("exception", {}).get("description"))
        return found["result"].get("value")

    def wait(self, condition: str, seconds: float = SECONDS) -> None:
        """Wait until JavaScript is true; an error counts as not yet."""
        end = time.monotonic() + seconds
        quiet = f"(() => {{ try {{ return Boolean({condition}); }} catch {{ return false; }} }})()"
        while not self.value(quiet):
            if time.monotonic() > end:
                raise TimeoutError(f"never true: {condition}; {self.logged}")
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Press and release a key by the name that JavaScript has for it: ArrowRight, o, Enter."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowLeft": 37, "ArrowRight": 39}
        number = code.get(key, ord(key.upper()) if len(key) == 1 else 0)
        common = {"key": key, "windowsVirtualKeyCode": number}
        kind = "keyDown" if text else "rawKeyDown"
        self.call("Input.dispatchKeyEvent", type=kind, text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def picture(self, path: Path) -> Path:
        """Write a PNG of what is seen."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))
        return path
