"""healthygan listen beside a real Orthanc, killed on the way; and a thousand requests to it.

    NODE=benchmarks/hospital/dicom_node.py
    python $NODE make films --films 20 --pictures FOLDER
    python $NODE make many --films 900 --bad 100 --size 512 --pictures FOLDER
    unshare -n sh -c "ip link set lo up; python $NODE run films --to stow"
    unshare -n sh -c "ip link set lo up; python $NODE flood many"

``make`` wraps pictures (drawn ones without --pictures) as CR films, each with its own grain, and so
many bad ones: cut off, lateral, without pixels, reports. ``run`` gives the films to Orthanc, which
sends them to the node (C-STORE); the node scores them and sends results back (--to store or stow);
it is killed by SIGKILL --kills times. Orthanc counts every instance that reaches it. Results are
found by QIDO-RS and rendered by WADO-RS. ``flood`` sends everything straight to the node, whose
results go to a C-STORE SCP that counts, and reads the memory of the node. Needs Debian's
orthanc, orthanc-dicomweb and orthanc-gdcm, which listen on all addresses: hence ``unshare``.
"""

import argparse
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, _config, evt

CR, CAPTURE = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.7"
REPORT, SEG = "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.66.4"
REPORTS = [f"1.2.840.10008.5.1.4.1.1.88.{n}" for n in (11, 22, 33, 34)]
PORT, WEB, DICOM, COUNTING = 11312, 18142, 14342, 14343
KINDS = ("cut off", "lateral", "no pixels", "report")
LUA = """function ReceivedInstanceFilter(dicom, origin)
    print('GOT ' .. dicom.SOPInstanceUID)
    return true
end"""


def make(arguments: argparse.Namespace) -> None:
    """Write films and bad files, and truth.json."""
    folder, rng = arguments.folder, np.random.default_rng(0)
    folder.mkdir(parents=True)
    pictures = sorted(arguments.pictures.rglob("*.*g")) if arguments.pictures else []
    truth = {}
    for number in range(arguments.films + arguments.bad):
        if pictures:
            with Image.open(pictures[number % len(pictures)]) as opened:
                picture = np.asarray(opened.convert("L").resize((arguments.size,) * 2), np.float32)
        else:
            from data_prep.phantom.film import film

            picture = film(np.random.default_rng(number % 20), arguments.size, None)[0] * 255
        grain = rng.normal(0, 2, picture.shape).astype(np.float32)
        pixels = np.clip(picture + grain, 0, 255).astype(np.uint8)
        kind = "" if number < arguments.films else KINDS[number % len(KINDS)]
        name = f"{number:04d}.dcm"
        truth[name] = kind
        _film(pixels, number, kind).save_as(folder / name, enforce_file_format=True)
        if kind == "cut off":
            data = (folder / name).read_bytes()
            (folder / name).write_bytes(data[: len(data) // 2])
    (folder / "truth.json").write_text(json.dumps(truth))


def _film(pixels: np.ndarray, number: int, kind: str) -> Dataset:
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.SOPClassUID = {"report": REPORT, "no pixels": CAPTURE}.get(kind, CR)
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID
    one.SOPInstanceUID = generate_uid(entropy_srcs=["film", str(number)])
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
    one.StudyInstanceUID = generate_uid(entropy_srcs=["study", str(number)])
    one.SeriesInstanceUID = generate_uid(entropy_srcs=["series", str(number)])
    one.PatientName, one.PatientID = f"Test^{number}", f"T{number}"
    one.PatientBirthDate, one.PatientSex, one.StudyDate, one.StudyTime = "", "O", "20240101", "1200"
    one.AccessionNumber = one.StudyID = one.ReferringPhysicianName = ""
    one.Modality = "SR" if kind == "report" else "CR"
    one.BodyPartExamined, one.ViewPosition = "CHEST", "LL" if kind == "lateral" else "PA"
    one.SeriesNumber = one.InstanceNumber = "1"
    one.PatientOrientation = ["L", "F"]
    if kind in ("report", "no pixels"):
        return one
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.Rows, one.Columns = pixels.shape
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 8, 8, 7, 0
    one.PixelData = pixels.tobytes()
    return one


class Listener:
    """``healthygan listen`` as a child process."""

    def __init__(self, arguments: argparse.Namespace, to: str, folder: Path) -> None:
        self.words = [sys.executable, "-m", "healthygan_monai", "listen", str(arguments.model)]
        self.words += ["--destination", to, "--queue", str(folder / "queue"), "--device", "cpu"]
        self.words += ["--port", str(PORT), "--allow", "PACS", "SENDER"]
        self.log, self.process = folder / "listen.txt", None
        self.base = folder / "queue" / "queue.sqlite"

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(self.words, stdout=log, stderr=log)
        begun = self.log.read_text().count("listening as")
        _wait(lambda: self.log.read_text().count("listening as") > begun, 120)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(120) == 0, self.log.read_text()[-2000:]

    def memory(self) -> tuple[float, float]:
        """MB of the node itself, and of its guarded children together."""
        found = {}
        for status in Path("/proc").glob("[0-9]*/status"):
            with suppress(OSError):
                text = status.read_text()
                parent = int(re.search(r"PPid:\s+(\d+)", text)[1])
                size = re.search(r"VmRSS:\s+(\d+)", text)
                found[int(status.parent.name)] = (parent, int(size[1]) / 1024 if size else 0.0)
        own = self.process.pid
        return found[own][1], sum(size for parent, size in found.values() if parent == own)

    def states(self, table: str) -> Counter[str]:
        with sqlite3.connect(f"file:{self.base}?mode=ro", uri=True) as base:
            return Counter(
                dict(base.execute(f"SELECT state, COUNT(*) FROM {table} GROUP BY state"))
            )

    def sent(self) -> int:
        with suppress(sqlite3.Error):
            return self.states("results")["sent"]
        return 0

    def done(self, images: int) -> bool:
        with suppress(sqlite3.Error):
            found, results = self.states("images"), self.states("results")
            finished = found["scored"] + found["refused"] == images == found.total()
            return finished and results.total() == results["sent"]
        return False


@contextmanager
def orthanc(folder: Path) -> Iterator[Path]:
    """Start Orthanc with DICOMweb in the current network namespace; yields its log."""
    (folder / "count.lua").write_text(LUA)
    settings = {
        "Name": "PACS", "DicomAet": "PACS", "DicomPort": DICOM, "HttpPort": WEB,
        "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "storage"),
        "RemoteAccessAllowed": True, "AuthenticationEnabled": False,
        "DicomAlwaysAllowFind": True, "DicomAlwaysAllowStore": True, "DicomCheckCalledAet": False,
        "DicomModalities": {"node": ["HEALTHYGAN", "127.0.0.1", PORT]},
        "LuaScripts": [str(folder / "count.lua")], "Plugins": ["/usr/share/orthanc/plugins"],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }  # fmt: skip
    (folder / "o.json").write_text(json.dumps(settings))
    log = folder / "orthanc.txt"
    with log.open("w") as stream:
        server = subprocess.Popen(["Orthanc", str(folder / "o.json")], stdout=stream, stderr=stream)
    try:
        _wait(lambda: _rest("system") is not None, 60)
        yield log
    finally:
        server.terminate()
        server.wait()


def _rest(path: str, data: object = None, accept: str = "application/json") -> Any:
    headers = {"Accept": accept}
    body = (
        None if data is None else (data if isinstance(data, bytes) else json.dumps(data).encode())
    )
    request = urllib.request.Request(f"http://127.0.0.1:{WEB}/{path}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            found = answer.read()
            return json.loads(found) if "json" in accept else found
    except (urllib.error.URLError, OSError, ValueError):
        return None


def _wait(done: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            sys.exit(f"not done within {seconds:g} s")
        time.sleep(0.1)


def run(arguments: argparse.Namespace) -> None:
    """Films -> Orthanc -> node -> Orthanc, with kills; print what came of it."""
    folder = arguments.work
    folder.mkdir(parents=True)
    films = sorted(arguments.folder.glob("*.dcm"))
    web = f"http://127.0.0.1:{WEB}/dicom-web"
    rng = random.Random(arguments.seed)
    with orthanc(folder) as log:
        node = Listener(
            arguments, f"PACS@127.0.0.1:{DICOM}" if arguments.to == "store" else web, folder
        )
        node.start()
        for path in films:
            _store(path, DICOM)
        studies = _rest("studies")
        sent, start, kills = set(), time.monotonic(), 0
        share = 4 * len(films) // (arguments.kills + 1)  # of the results, between two kills
        while kills < arguments.kills or len(sent) < len(studies) or not node.done(len(films)):
            if kills < arguments.kills and node.sent() >= share * (kills + 1):
                time.sleep(rng.uniform(0, 1.5))
                node.kill()
                kills += 1
                node.start()
            for study in studies:
                if study not in sent and _rest("modalities/node/store", study.encode()):
                    sent.add(study)
            time.sleep(0.2)
            if time.monotonic() - start > 1500:
                sys.exit("not done within 25 minutes")
        seconds = time.monotonic() - start
        # the same films once more: nothing is scored or sent again
        before = node.states("results").total()
        assert [_store(path, PORT) for path in films] == [0] * len(films)
        time.sleep(5)
        assert node.states("results").total() == before and node.done(len(films))
        node.stop()
        _report(films, log, arguments, kills, seconds)


def _report(
    films: list[Path], log: Path, arguments: argparse.Namespace, kills: int, seconds: float
) -> None:
    got = Counter(re.findall(r"GOT (\S+)", log.read_text()))
    own = {str(pydicom.dcmread(p, stop_before_pixels=True).SOPInstanceUID) for p in films}
    classes, rendered, missing = Counter(), Counter(), 0
    for path in films:
        study = str(pydicom.dcmread(path, stop_before_pixels=True).StudyInstanceUID)
        found = _rest(f"dicom-web/studies/{study}/instances?includefield=00080016")
        kinds: Counter[str] = Counter()
        for one in found:
            uid, series = one["00080018"]["Value"][0], one["0020000E"]["Value"][0]
            if uid in own:
                continue
            sop = one["00080016"]["Value"][0]
            name = {CAPTURE: "overlay (SC)", SEG: "segmentation"}.get(
                sop, "report" if sop in REPORTS else sop
            )
            kinds[name] += 1
            place = f"dicom-web/studies/{study}/series/{series}/instances/{uid}"
            if sop not in REPORTS:
                rendered[name] += _rest(f"{place}/rendered", accept="image/jpeg") is not None
        classes += kinds
        missing += kinds != Counter({"overlay (SC)": 1, "segmentation": 2, "report": 1})
    results = {uid: number for uid, number in got.items() if uid not in own}
    each = seconds / len(films)
    print(f"films in: {len(films)}; by {arguments.to}; kills: {kills}; {each:.2f} s a film")
    print(f"found by QIDO: {dict(classes)}; studies without exactly four: {missing}")
    print(f"rendered by WADO: {dict(rendered)}")
    twice = sum(number > 1 for number in results.values())
    print(f"results that reached Orthanc: {len(results)}; more than once: {twice}")


def _store(path: Path, port: int) -> int | None:
    """Send one file's bytes as they are; None where no context was accepted."""
    meta = pydicom.filereader.read_file_meta_info(path)
    entity = AE(ae_title="SENDER")
    entity.add_requested_context(meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID)
    link = entity.associate("127.0.0.1", port)
    if not link.is_established:
        return None
    try:
        return link.send_c_store(path).Status
    finally:
        link.release()


def flood(arguments: argparse.Namespace) -> None:
    """Send every file to the node; print what became of each, and its memory."""
    folder = arguments.work
    folder.mkdir(parents=True)
    truth = json.loads((arguments.folder / "truth.json").read_text())
    got: Counter[str] = Counter()

    def count(event: evt.Event) -> int:
        got[str(event.request.AffectedSOPInstanceUID)] += 1
        return 0

    entity = AE(ae_title="PACS")
    for each in (CAPTURE, SEG, *REPORTS):
        entity.add_supported_context(each, _config_syntaxes())
    server = entity.start_server(
        ("127.0.0.1", COUNTING), block=False, evt_handlers=[(evt.EVT_C_STORE, count)]
    )
    node = Listener(arguments, f"PACS@127.0.0.1:{COUNTING}", folder)
    node.start()
    statuses, start, turned_away = Counter(), time.monotonic(), 0
    memory, names = [], sorted(truth)
    random.Random(arguments.seed).shuffle(names)
    for number, name in enumerate(names, 1):
        status = _store(arguments.folder / name, PORT)
        statuses[status] += 1
        turned_away += status is None
        if number % 100 == 0:
            expected = number - turned_away
            _wait(partial(node.done, expected), 3600)
            memory.append(node.memory())
            print(
                number,
                "MB of the node, of its children:",
                *(f"{m:.0f}" for m in memory[-1]),
                flush=True,
            )
    seconds = time.monotonic() - start
    _wait(lambda: node.done(len(names) - turned_away), 3600)
    states = node.states("images")
    node.stop()
    server.shutdown()
    good = sum(not kind for kind in truth.values())
    print(f"{len(names)} requests, {len(names) - good} bad")
    print(f"statuses {dict(statuses)}; states {dict(states)}")
    twice = sum(number > 1 for number in got.values())
    print(f"results expected {4 * good}, got {len(got)}, more than once {twice}")
    print(f"{seconds / len(names):.2f} s a request")
    assert states["scored"] == good and len(got) == 4 * good and set(got.values()) == {1}


def _config_syntaxes() -> list[str]:
    from pynetdicom import ALL_TRANSFER_SYNTAXES

    return list(ALL_TRANSFER_SYNTAXES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("step", choices=["make", "run", "flood"])
    parser.add_argument("folder", type=Path, help="of the films")
    parser.add_argument("--films", type=int, default=20)
    parser.add_argument("--bad", type=int, default=0)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--model", type=Path, default=Path("bundle/models/model.pt"))
    parser.add_argument("--to", choices=["store", "stow"], default="store")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("dicom-node"), help="a new folder")
    arguments = parser.parse_args()
    _config.STORE_SEND_CHUNKED_DATASET = True  # bytes as they are, broken ones too
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    {"make": make, "run": run, "flood": flood}[arguments.step](arguments)


if __name__ == "__main__":
    main()
