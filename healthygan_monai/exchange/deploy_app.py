"""A MONAI Deploy application: DICOM studies in, a score and a map of each chosen series out.

``python -m healthygan_monai.exchange.deploy_app -i DICOM_FOLDER -m BUNDLE -o OUTPUT``, in an
environment with monai-deploy-app-sdk; see docs/monai_deploy.md. The SDK finds the studies and
chooses the series; preparation, scoring and the way back are those of the MONAI Label server.
"""

import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

from monai.deploy.conditions import CountCondition
from monai.deploy.core import Application, Fragment, Operator, OperatorSpec
from monai.deploy.operators import DICOMDataLoaderOperator, DICOMSeriesSelectorOperator

from data_prep.files import write_json
from healthygan_monai.serving.errors import RequestError
from healthygan_monai.serving.served import Answer, Served

log = logging.getLogger(__name__)

# films and MR, whatever the model is of: it refuses what is not its own, with a reason
RULES = {
    "selections": [
        {"name": code, "conditions": {"Modality": f"(?i)^{code}$"}}
        for code in ("CR", "DX", "RG", "MR")
    ]
}
STUDIES, SERIES = "dicom_study_list", "study_selected_series_list"
REFUSED_FILE = "refused.json"


class HealthyGANOperator(Operator):
    """Write the answer for each film or head: OUTPUT/NUMBER/answer.json and its map beside it.

    Numbers count in the SDK's order, so that no identifier is in a name. What cannot be scored is
    OUTPUT/NUMBER/refused.json with the reason, and the next one is taken.

    Args:
        fragment: the application.
        served: the model.
        output: an existing folder.
        options: of a request, as in docs/monai_label.md, such as {"output": "difference"}.
    """

    def __init__(
        self,
        fragment: Fragment,
        *args: Any,
        served: Served,
        output: Path,
        options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.served, self.output, self.options = served, output, options or {}
        super().__init__(fragment, *args, **kwargs)

    def setup(self, spec: OperatorSpec) -> None:
        """See ``holoscan.core.Operator``."""
        spec.input(SERIES)

    def compute(self, op_input: Any, op_output: Any, context: Any) -> None:
        """See ``holoscan.core.Operator``."""
        chosen = [
            _files(selected.series)
            for study in op_input.receive(SERIES)
            for selected in study.selected_series
        ]
        if self.served.of_films:  # a series of films holds the views of one visit
            chosen = [[file] for files in chosen for file in files]
        for number, files in enumerate(chosen):
            folder = self.output / str(number)
            try:
                self._answer(files).write(folder)
            except RequestError as error:
                write_json(folder / REFUSED_FILE, {"detail": str(error)})
                log.warning("input %d is not scored: %s", number, error)

    def _answer(self, files: list[str]) -> Answer:
        with tempfile.TemporaryDirectory() as folder:
            for number, file in enumerate(files):
                os.symlink(os.path.abspath(file), Path(folder) / f"{number}.dcm")
            return self.served(Path(folder), self.options)


def _files(series: Any) -> list[str]:
    return [sop.get_native_sop_instance().filename for sop in series.get_sop_instances()]


class HealthyGANApplication(Application):
    """Studies of a folder -> series by ``RULES`` -> :class:`HealthyGANOperator`."""

    def compose(self) -> None:
        """See ``monai.deploy.core.Application``."""
        context = Application.init_app_context(self.argv)
        output = Path(context.output_path)
        output.mkdir(parents=True, exist_ok=True)
        load = DICOMDataLoaderOperator(
            self,
            CountCondition(self, 1),  # else it reads the folder again and again
            name="load",
            input_folder=Path(context.input_path),
        )
        choose = DICOMSeriesSelectorOperator(
            self, name="choose", rules=json.dumps(RULES), all_matched=True
        )
        served = Served(Path(context.model_path))
        score = HealthyGANOperator(self, name="score", served=served, output=output)
        self.add_flow(load, choose, {(STUDIES, STUDIES)})
        self.add_flow(choose, score, {(SERIES, SERIES)})


if __name__ == "__main__":
    HealthyGANApplication().run()
