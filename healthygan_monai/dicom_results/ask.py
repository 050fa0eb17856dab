"""Ask an archive whether it has an instance: C-FIND (PS3.4 C) or QIDO-RS (PS3.18 10.6)."""

from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from healthygan_monai.dicom_results.send import Node, Web, associate, quiet, web_client

FIND = "1.2.840.10008.5.1.4.1.2.2.1"  # Study Root Query/Retrieve Information Model - FIND
PENDING = (0xFF00, 0xFF01)  # PS3.4 table C.4-1
LEVELS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def holds(result: Path, destination: Node | Web) -> bool | None:
    """Tell whether an archive has the instance of a file; None if it does not answer that.

    Args:
        result: a file that we wrote.
        destination: the archive.

    Raises:
        ConnectionError: nobody answers at all.
    """
    tags = ["SOPClassUID", *LEVELS]
    header = pydicom.dcmread(result, stop_before_pixels=True, specific_tags=list(tags))
    with quiet():
        if isinstance(destination, Node):
            return _by_find(header, destination)
        return _by_web(header, destination)


def _by_find(header: Dataset, node: Node) -> bool | None:
    syntax = str(header.file_meta.TransferSyntaxUID)
    # with the context of the instance: an archive that answers no questions takes that one
    kinds = {(FIND, "1.2.840.10008.1.2"), (str(header.SOPClassUID), syntax)}
    link = associate(node, kinds)
    if not link.is_established:
        raise ConnectionError
    question = Dataset()
    question.QueryRetrieveLevel = "IMAGE"
    for keyword in LEVELS:
        setattr(question, keyword, header[keyword].value)
    try:
        answers = [status for status, _ in link.send_c_find(question, FIND)]
    except ValueError:  # it has no such service
        return None
    except RuntimeError:
        raise ConnectionError from None
    finally:
        if link.is_established:
            link.release()
    if any(status and status.Status in PENDING for status in answers):
        return True
    return False if answers and answers[-1] and answers[-1].Status == 0 else None


def _by_web(header: Dataset, web: Web) -> bool | None:
    import requests

    study, series, instance = (str(header[keyword].value) for keyword in LEVELS)
    try:
        with web_client(web) as client:
            only = {"SOPInstanceUID": instance}
            found = client.search_for_instances(study, series, search_filters=only)
    except requests.HTTPError as error:
        missing = error.response is not None and error.response.status_code == 404
        return False if missing else None
    except (requests.RequestException, OSError):
        raise ConnectionError from None
    return bool(found)
