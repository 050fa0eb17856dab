# Copyright (c) MONAI Consortium
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

import glob
import json
import os
import shutil
import sys
import tempfile
import unittest

import numpy as np
from monai.bundle import ConfigWorkflow
from PIL import Image
from utils import check_workflow

BUNDLE_ROOT = "models/healthygan"
TRAIN_OVERRIDE = {
    "generator_channels": 2,
    "generator_blocks": 1,
    "critic_channels": 2,
    "critic_layers": 3,
    "batch_size": 4,
    "max_iterations": 4,
    "epoch_length": 2,
    "fid_features": "random",
}
SIZE = 32


def draw_dataset(folder):
    """Draw eight images a section; every second one that may be diseased has a square."""
    sys.path.insert(0, BUNDLE_ROOT)
    from data_prep.datalist import Dataset, Item, write

    rng = np.random.default_rng(0)
    sections = {}
    for section in ("training_mixed", "training_healthy", "validation", "test"):
        items = []
        for i in range(8):
            diseased = i % 2 == 1 and section != "training_healthy"
            image = rng.uniform(25, 100, (SIZE, SIZE))
            if diseased:
                image[8:16, 8:16] = 230
            subject = f"{section}{i}"
            path = os.path.join(folder, "images", subject)
            os.makedirs(path)
            Image.fromarray(image.astype(np.uint8)).save(os.path.join(path, "0.png"))
            label = int(diseased) if section in ("validation", "test") else None
            items.append(Item(f"images/{subject}/0.png", subject, slice=0, label=label))
        sections[section] = items
    write(Dataset("drawn", SIZE, sections=sections), folder)


class TestHealthyGAN(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.dataset_dir = os.path.join(self.folder, "data")
        self.runs_dir = os.path.join(self.folder, "runs")
        os.makedirs(self.dataset_dir)
        draw_dataset(self.dataset_dir)

    def tearDown(self):
        shutil.rmtree(self.folder)

    def check(self, workflow_type, config, **override):
        workflow = ConfigWorkflow(
            workflow_type=workflow_type,
            config_file=os.path.join(BUNDLE_ROOT, "configs", config),
            logging_file=os.path.join(BUNDLE_ROOT, "configs/logging.conf"),
            meta_file=os.path.join(BUNDLE_ROOT, "configs/metadata.json"),
            bundle_root=BUNDLE_ROOT,
            dataset_dir=self.dataset_dir,
            **override,
        )
        check_workflow(workflow, check_properties=True)

    def test_train_evaluate_infer(self):
        self.check("train", "train.json", runs_dir=self.runs_dir, **TRAIN_OVERRIDE)
        (run,) = glob.glob(os.path.join(self.runs_dir, "*"))
        model, out = os.path.join(run, "model.pt"), os.path.join(run, "eval")
        override = {"checkpoint": model, "output_dir": out}
        self.check("infer", "evaluate.json", bootstrap=20, **override)
        with open(os.path.join(run, "eval", "evaluation.json")) as f:
            self.assertIn("image", json.load(f)["levels"])
        override["output_dir"] = os.path.join(run, "inference")
        self.check("infer", "inference.json", **override)
        self.assertTrue(os.path.isfile(os.path.join(run, "inference", "scores.csv")))

    def test_infer_with_the_weights_of_the_bundle(self):
        output_dir = os.path.join(self.folder, "inference")
        self.check("infer", "inference.json", output_dir=output_dir)
        self.assertTrue(os.path.isfile(os.path.join(output_dir, "scores.csv")))


if __name__ == "__main__":
    unittest.main()
