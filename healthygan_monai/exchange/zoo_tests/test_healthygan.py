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
    "image_size": 32,
    "batch_size": 4,
    "max_iterations": 4,
    "epoch_length": 2,
    "decay_iterations": 2,
    "kept_out": 0.25,
}
SIZE = 32


def draw_dataset(folder):
    """Draw eight images a section; every second one that may be diseased has a square."""
    rng = np.random.default_rng(0)
    content = {"name": "drawn", "image_size": SIZE, "bit_depth": 8}
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
            label = {"label": int(diseased)} if section in ("validation", "test") else {}
            items.append({"image": f"images/{subject}/0.png", "subject": subject, **label})
        content[section] = items
    with open(os.path.join(folder, "dataset.json"), "w") as f:
        json.dump(content, f)


class TestHealthyGAN(unittest.TestCase):
    def setUp(self):
        sys.path.insert(0, BUNDLE_ROOT)
        self.folder = tempfile.mkdtemp()
        self.dataset_dir = os.path.join(self.folder, "data")
        os.makedirs(self.dataset_dir)
        draw_dataset(self.dataset_dir)

    def tearDown(self):
        shutil.rmtree(self.folder)

    def check(self, workflow_type, configs, **override):
        workflow = ConfigWorkflow(
            workflow_type=workflow_type,
            config_file=[os.path.join(BUNDLE_ROOT, "configs", config) for config in configs],
            logging_file=os.path.join(BUNDLE_ROOT, "configs/logging.conf"),
            meta_file=os.path.join(BUNDLE_ROOT, "configs/metadata.json"),
            bundle_root=BUNDLE_ROOT,
            **override,
        )
        check_workflow(workflow, check_properties=True)

    def test_train_and_evaluate(self):
        override = {
            **TRAIN_OVERRIDE,
            "dataset_dir": self.dataset_dir,
            "ckpt_dir": os.path.join(self.folder, "models"),
            "output_dir": os.path.join(self.folder, "eval"),
        }
        self.check("train", ["train.json"], **override)
        self.assertTrue(os.path.isfile(os.path.join(self.folder, "models", "model.pt")))
        # evaluate.json overrides train.json, so the workflow is that of training
        self.check("train", ["train.json", "evaluate.json"], **override)
        with open(os.path.join(self.folder, "eval", "scores.csv")) as f:
            self.assertEqual(len(f.readlines()), 8)
        with open(os.path.join(self.folder, "eval", "metrics.csv")) as f:
            self.assertIn("image_auc", f.read())

    def test_infer_with_the_weights_of_the_bundle(self):
        output_dir = os.path.join(self.folder, "inference")
        images = os.path.join(self.dataset_dir, "images")
        self.check("infer", ["inference.json"], dataset_dir=images, output_dir=output_dir)
        with open(os.path.join(output_dir, "scores.csv")) as f:
            self.assertEqual(len(f.readlines()), 32)
        found = [name for _, _, names in os.walk(output_dir) for name in names]
        self.assertEqual(sum(name.endswith("_difference.png") for name in found), 32)


if __name__ == "__main__":
    unittest.main()
