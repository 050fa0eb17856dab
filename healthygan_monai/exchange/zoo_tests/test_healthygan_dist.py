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

import os
import shutil
import tempfile
import unittest

import torch
from test_healthygan import BUNDLE_ROOT, TRAIN_OVERRIDE, draw_dataset
from utils import export_config_and_run_mgpu_cmd


class TestHealthyGANMGPU(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.dataset_dir = os.path.join(self.folder, "data")
        os.makedirs(self.dataset_dir)
        draw_dataset(self.dataset_dir)
        self.output_path = os.path.join(BUNDLE_ROOT, "configs/train_override.json")

    def tearDown(self):
        shutil.rmtree(self.folder)
        if os.path.isfile(self.output_path):
            os.remove(self.output_path)

    def test_train_mgpu_config(self):
        n_gpu = torch.cuda.device_count() or 2  # without GPUs two processes on the CPU, by gloo
        override = {
            **TRAIN_OVERRIDE,
            "bundle_root": BUNDLE_ROOT,
            "dataset_dir": self.dataset_dir,
            "ckpt_dir": os.path.join(self.folder, "models"),
            "output_dir": os.path.join(self.folder, "eval"),
            "batch_size": 2 * n_gpu,
        }
        export_config_and_run_mgpu_cmd(
            config_file=[
                os.path.join(BUNDLE_ROOT, "configs/train.json"),
                os.path.join(BUNDLE_ROOT, "configs/multi_gpu_train.json"),
            ],
            logging_file=os.path.join(BUNDLE_ROOT, "configs/logging.conf"),
            meta_file=os.path.join(BUNDLE_ROOT, "configs/metadata.json"),
            override_dict=override,
            output_path=self.output_path,
            ngpu=n_gpu,
        )
        self.assertTrue(os.path.isfile(os.path.join(self.folder, "models", "model.pt")))


if __name__ == "__main__":
    unittest.main()
