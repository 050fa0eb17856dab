"""Small studies, a PACS that counts, and a scorer without a network, for tests of the node."""

import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CR = "1.2.840.10008.5.1.4.1.1.1"
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"


def uid(*words: object) -> str:
    return str(generate_uid("1.2.826.0.1.3680043.8.498.", [str(word) for word in words]))


def film(number: int, study: object = None, **attributes: Any) -> Dataset:
    """A CR of 8 x 8 pixels, of its own study unless one is given."""
    study = number if study is None else study
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CR
    dataset.SOPInstanceUID = uid("film", number)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uid("study", study), uid("ser", study)
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "4711-secret"
    dataset.Modality, dataset.PhotometricInterpretation = "CR", "MONOCHROME2"
    dataset.Rows = dataset.Columns = 8
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelData = np.full((8, 8), number % 256, np.uint8).tobytes()
    for name, value in attributes.items():
        setattr(dataset, name, value)
    return dataset


def encoded(dataset: Dataset) -> bytes:
    """The data set as a Part 10 file."""
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, dataset, **_whole_file())
    return stream.getvalue()


def _whole_file() -> dict[str, Any]:
    new = int(pydicom.__version__.split(".")[0]) >= 3
    return {"enforce_file_format": True} if new else {"write_like_original": False}


def drawn(folder: Path, output: Path) -> Any:
    """Score a study without a model: one result a film, whose UID follows from the film's."""
    from healthygan_monai.node.parts import Made, StudyAnswer

    results, refused = [], {}
    for path in sorted(folder.iterdir()):
        source = pydicom.dcmread(path)
        if source.Modality != "CR":
            refused[path.name] = "not a radiograph"
            continue
        result = film(0, SOPInstanceUID=uid("result of", source.SOPInstanceUID))
        result.file_meta.MediaStorageSOPInstanceUID = result.SOPInstanceUID
        result.file_meta.MediaStorageSOPClassUID = result.SOPClassUID = CAPTURE
        result.StudyInstanceUID = source.StudyInstanceUID
        result.SeriesInstanceUID = uid("results of", source.SeriesInstanceUID)
        name = hashlib.sha256(path.name.encode()).hexdigest()[:12]
        (output / f"{name}.dcm").write_bytes(encoded(result))
        results.append(Made(output / f"{name}.dcm", str(result.SOPInstanceUID)))
    score = 0.25 if results else None
    return StudyAnswer(score, 0.2, len(results), refused, results)


class Pacs:
    """A DICOM node that counts what it gets and answers with ``status``."""

    def __init__(self) -> None:
        self.got: Counter[str] = Counter()
        self.status, self.asked, self.port = 0x0000, 0, 0

    @property
    def text(self) -> str:
        return f"PACS@127.0.0.1:{self.port}"

    def store(self, event: Any) -> int:
        if self.status == 0:
            self.got[str(event.request.AffectedSOPInstanceUID)] += 1
        return self.status

    def find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        self.asked += 1
        if str(event.identifier.SOPInstanceUID) in self.got:
            yield 0xFF00, event.identifier


@contextmanager
def pacs(port: int = 0, finds: bool = True, **options: Any) -> Iterator[Pacs]:
    """A running Pacs."""
    from pynetdicom import AE, evt

    counting = Pacs()
    entity = AE(ae_title="PACS")
    for each in (CR, CAPTURE):
        entity.add_supported_context(each)
    if finds:
        entity.add_supported_context(FIND)
    handlers = [(evt.EVT_C_STORE, counting.store), (evt.EVT_C_FIND, counting.find)]
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers, **options)
    counting.port = server.server_address[1]
    try:
        yield counting
    finally:
        entity.shutdown()


def send(
    port: int, datasets: Sequence[Dataset], ae_title: str = "CR1", **options: Any
) -> list[int]:
    """The statuses of the data sets, by one association; empty if it was refused."""
    from pynetdicom import AE

    entity = AE(ae_title=ae_title)
    for each in datasets:
        entity.add_requested_context(each.SOPClassUID, each.file_meta.TransferSyntaxUID)
    link = entity.associate("127.0.0.1", port, **options)
    if not link.is_established:
        return []
    try:
        return [link.send_c_store(each).Status for each in datasets]
    finally:
        link.release()
