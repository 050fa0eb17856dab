"""Write a trained generator as the two files of OpenVINO: the graph (.xml), the weights (.bin)."""

from pathlib import Path

from torch import nn

from healthygan_monai.exchange.onnx import onnx_model
from healthygan_monai.integrity.openvino import sealed
from healthygan_monai.models.exported_facts import Facts
from healthygan_monai.models.runtimes import WEIGHTS_OF_XML, needed


def write_openvino(generator: nn.Module, facts: Facts, path: Path) -> None:
    """Write a generator: input ``image``, output ``pred``, facts under ``healthygan`` of rt_info.

    It is converted from the ONNX graph. The weights stay float32.
    """
    what = "export to OpenVINO"
    openvino = needed("openvino", what, "openvino")
    proto = onnx_model(generator, facts, what, "openvino")
    model = openvino.Core().read_model(proto.SerializeToString(), b"")
    for name, text in facts.as_texts().items():
        model.set_rt_info(text, ["healthygan", name])
    openvino.save_model(model, path, compress_to_fp16=False)
    path.write_bytes(sealed(path.read_bytes(), path.with_suffix(WEIGHTS_OF_XML).read_bytes()))
