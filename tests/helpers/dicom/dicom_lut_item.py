"""A LUT item of a DICOM header."""

import numpy as np


def lut_item(entries, first=0, bits=16, vr="OW", pack=False, descriptor="US", big=False):
    """A LUT item; pack: one byte an entry, two to a word."""
    from pydicom.dataset import Dataset

    entries = np.asarray(entries)
    ds = Dataset()
    ds.add_new("LUTDescriptor", descriptor, [len(entries) % 65536, first, bits])
    if pack:
        data = entries.astype(np.uint8).tobytes() + b"\0" * (len(entries) % 2)
        words = np.frombuffer(data, "<u2")
    else:
        words = entries.astype(np.uint16)
    data = words.astype(">u2" if big else "<u2").tobytes()
    ds.add_new("LUTData", vr, data if vr in ("OW", "OB") else [int(word) for word in words])
    ds.ModalityLUTType = "US"
    return ds
