"""Send many requests to a running MONAI Label server, one in ten with a bad file, and count.

    python benchmarks/hospital/monai_label_requests.py FILMS --pid PID

FILMS is a folder of DICOM films that the model can score, PID the server's process. Every film is
asked for once alone; then each answer must be that film's to the last digit, and each bad file
(empty, cut, text, noise) be refused with 422. Prints what came back, and the memory of the server
with all its children on the way.
"""

import argparse
import json
import random
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

STEPS = 10  # lines about memory


def main() -> int:
    """Return 0 where every request had its one right answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("films", type=Path)
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--url", default="http://127.0.0.1:8011")
    parser.add_argument("--model", default="healthygan")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--bad", type=float, default=0.1)
    parser.add_argument("--at-once", type=int, default=2)
    given = parser.parse_args()
    address = f"{given.url}/infer/{given.model}?output=json"
    films = {path.name: path.read_bytes() for path in sorted(given.films.glob("*.dcm"))}
    known = {name: ask(address, name, data)[1] for name, data in films.items()}
    names = [name for name, told in known.items() if told is not None]
    print(f"{len(names)} of {len(films)} films are scored, {len(set(known.values()))} scores")
    plan = list(planned(names, films, given.requests, given.bad))
    print(f"requests  MB of the server and its children  seconds\n{0:8d}  {held(given.pid):6.0f}")
    came: Counter[str] = Counter()
    begun = time.monotonic()
    with ThreadPoolExecutor(given.at_once) as pool:
        for number in range(STEPS):
            part = plan[number::STEPS]
            for (name, _), (status, score) in zip(
                part, pool.map(lambda item: ask(address, *item), part), strict=True
            ):
                right = "right" if score == known.get(name) else "WRONG"
                came[f"{'film' if name in known else 'bad file'}: {status}, {right}"] += 1
            done = sum(came.values())
            print(f"{done:8d}  {held(given.pid):6.0f}  {time.monotonic() - begun:6.0f}", flush=True)
    for what, number in sorted(came.items()):
        print(f"{number:5d}  {what}")
    expected = {"film: 200, right", "bad file: 422, right"}
    return 0 if set(came) == expected and sum(came.values()) == given.requests else 1


def planned(
    names: list[str], films: dict[str, bytes], requests: int, bad: float
) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) in an order that is the same every time."""
    chance = random.Random(0)
    for number in range(requests):
        film = chance.choice(names)
        if number >= round(requests * bad):
            yield film, films[film]
            continue
        whole = films[film]
        kinds = {
            "empty": b"",
            "cut": whole[: len(whole) // 3],
            "text": b"no image\n" * 40,
            "noise": whole[:132] + chance.randbytes(4000),
        }
        kind = sorted(kinds)[number % len(kinds)]
        yield f"{kind}.dcm", kinds[kind]


def ask(address: str, name: str, data: bytes) -> tuple[int, float | None]:
    """Return the status, and the score where there is one."""
    boundary = uuid.uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="params"\r\n\r\n{{"device": "cpu"}}'
        f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    request = urllib.request.Request(
        address,
        data=head.encode() + data + f"\r\n--{boundary}--\r\n".encode(),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=600) as reply:
            return reply.status, json.load(reply)["anomaly_score"]
    except urllib.error.HTTPError as error:
        return error.code, None


def held(pid: int) -> float:
    """Return the resident memory (proc(5), VmRSS) of a process and all its children in MB."""
    total = 0.0
    try:
        text = Path(f"/proc/{pid}/status").read_text()
        children = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except FileNotFoundError:  # ended meanwhile
        return 0.0
    for line in text.splitlines():
        if line.startswith("VmRSS:"):
            total = int(line.split()[1]) / 1000
    return total + sum(held(int(child)) for word in children for child in word.split())


if __name__ == "__main__":
    raise SystemExit(main())
