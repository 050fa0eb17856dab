"""The background of a stripped or masked scan: one value on its faces, whatever that value is."""

import numpy as np

LEAST_SHARE = 0.2  # of the voxels on the six faces; noise in the air has no value so often
DEPTH = 0.05  # of the grey range: what lies deeper below the background is no ringing around 0
RANGE = (0.5, 98.0)  # per cent


def background_level(data: np.ndarray) -> float | None:
    """The value that most voxels on the faces of (I, J, K) have; None where it is a rare one."""
    ends = (np.take(data, (0, -1), axis=axis).ravel() for axis in range(3))
    values, counts = np.unique(np.concatenate(list(ends)), return_counts=True)
    most = int(counts.argmax())
    return float(values[most]) if counts[most] >= LEAST_SHARE * counts.sum() else None


def outside(data: np.ndarray, level: float) -> np.ndarray:
    """Bool (I, J, K): at or below the level, and connected so with the faces."""
    from scipy.ndimage import label

    parts, _ = label(data <= level)
    on_faces = {int(n) for axis in range(3) for n in np.unique(np.take(parts, (0, -1), axis=axis))}
    return np.isin(parts, sorted(on_faces - {0}))


def below_all(data: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The data with the background darkest: 0, or just below the lowest value if it is negative."""
    values = data[~background]
    lowest = values.min() if values.size else np.float32(0)
    dark = np.float32(0) if lowest >= 0 else np.nextafter(lowest, np.float32(-np.inf))
    return np.where(background, dark, data)


def darkened(data: np.ndarray) -> np.ndarray:
    """The data; a background in the midst of the grey levels, as z-scores have, or below 0 and far
    from them, is set just below the lowest.
    """
    level = background_level(data)
    lowest = data.min()
    if level is None or (level == lowest and level >= 0):
        return data
    if level == lowest:
        values = data[data > lowest]
        far = values.size and values.min() - level > DEPTH * np.ptp(np.percentile(values, RANGE))
        return below_all(data, data == lowest) if far else data
    low, high = np.percentile(data, RANGE)
    if level - low <= DEPTH * (high - low):
        return data
    return below_all(data, outside(data, level) & (data == np.float32(level)))
