"""What ``export zoo`` and ``export huggingface`` write: large files, refusals, the card."""

import hashlib
import json
import re

import pytest
import torch
import yaml
from places import CONFIGS
from zoo_bundle import bundle_of, metadata_of

from healthygan_monai.cli.main import main
from healthygan_monai.exchange.model_facts import model_facts
from healthygan_monai.exchange.vendoring import vendored_config
from healthygan_monai.exchange.zoo import export_zoo
from healthygan_monai.exchange.zoo_bundle import zoo_configs
from healthygan_monai.networks import Generator
from healthygan_monai.pretrained.trials import Trial, write_trials


class TestCard:
    def test_has_the_zoos_sections_and_the_models_facts(self, exported):
        text = (bundle_of(exported) / "docs" / "README.md").read_text()
        for heading in (
            *("### **Authors**", "### **Tags**", "## **Model Description**", "## **Data**"),
            *("#### **Preprocessing**", "## **Performance**", "## **System Configuration**"),
            *("## **Limitations**", "## **Citation Info**", "## **References**"),
        ):
            assert heading in text
        assert "<!--" not in text and "Kermany" not in text
        assert "| generator_channels | 2 |" in text
        assert "bundle/configs/" not in text and "must be installed" not in text
        assert "The test set holds 4 images of 4 subjects" in text

    def test_of_the_shipped_model_is_the_bundles(self, shipped):
        bundle = bundle_of(shipped)
        text = (bundle / "docs" / "README.md").read_text()
        assert "<!--" not in text and "Kermany" in text
        source = metadata_of(shipped)["data_source"]
        assert "Kermany" in source and source in (bundle / "NOTICE").read_text()
        licence = (bundle / "docs" / "data_license.txt").read_text()
        assert "CC BY 4.0" in licence and "10.17632/rscbjbr9sj" in licence

    def test_gives_no_command_that_a_user_of_the_zoo_lacks(self, shipped):
        text = (bundle_of(shipped) / "docs" / "README.md").read_text()
        typed = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
        for line in re.findall(r"^ *(healthygan .*)", typed, re.MULTILINE):
            assert re.fullmatch(r"healthygan prep .*# by the whole project", line), line
        scores = "configs/inference.json --dataset_dir adults/images --output_dir out"
        assert scores in typed and "configs/train.json --dataset_dir kermany\n" in typed

    def test_and_configs_of_the_shipped_model_have_the_facts_of_its_metadata(self, shipped):
        """metadata.json is their home; the card, written by hand, must say the same."""
        metadata = metadata_of(shipped)
        training, config = metadata["training"], bundle_of(shipped) / "configs" / "train.json"
        written = json.loads(config.read_text())
        assert written["max_iterations"] == training["max_iterations"]
        assert written["loss"]["price"] == training["price"]
        card = (CONFIGS.parent / "docs" / "README.md").read_text(encoding="utf-8")
        assert f"| Iterations | {training['max_iterations']:,}; " in card
        assert f"| Price of a change | {training['price']:g}, " in card
        numbers = re.match(
            r"(\d+ healthy) and (\d+ diseased) films of (\d+) subjects, test section of ",
            metadata["eval_metrics"]["evaluated_on"],
        )
        assert "| test | {}, {} | {} |".format(*numbers.groups()) in card
        assert metadata["eval_metrics"]["evaluated_on"].endswith(metadata["data_source"])

    def test_of_the_shipped_model_has_the_figures_of_its_metadata(self):
        """None in both until they are measured."""
        card = (CONFIGS.parent / "docs" / "README.md").read_text(encoding="utf-8")
        (figures,) = re.findall(r"<!-- model: performance -->\n(.*?)<!-- end -->", card, re.DOTALL)
        metrics = json.loads((CONFIGS / "metadata.json").read_text()).get("eval_metrics", {})
        assert bool(metrics) != ("AUC by image: not run" in figures)
        for name in ("image_auc", "image_auc_low", "image_auc_high") if metrics else ():
            assert f"{metrics[name]:.2f}" in figures, name


class TestPrice:
    """``auto`` is no price that the zoo's trainer can take: it does not search."""

    @pytest.fixture
    def searched(self, own_run):
        config = json.loads((own_run / "config.json").read_text())
        (own_run / "config.json").write_text(json.dumps({**config, "price": "auto"}))
        return own_run

    def test_that_the_search_found_is_written(self, searched, tmp_path):
        write_trials(searched, [Trial(p, 0, 9, 1 - abs(p - 3) / 10, 0.1) for p in (1.0, 3.0, 10.0)])
        done = export_zoo(tmp_path / "out", model_facts(searched))
        written = json.loads((done.bundle / "configs" / "train.json").read_text())
        assert written["loss"]["price"] == 3.0 and "price_note" not in written

    def test_that_nothing_records_is_not_guessed_in_silence(self, searched, tmp_path, caplog):
        done = export_zoo(tmp_path / "out", model_facts(searched))
        written = json.loads((done.bundle / "configs" / "train.json").read_text())
        assert "no prices.csv beside the weights" in written["price_note"]
        assert written["price_note"] in caplog.text

    def test_that_was_given_stays(self, own_run, tmp_path):
        config = json.loads((own_run / "config.json").read_text())
        (own_run / "config.json").write_text(json.dumps({**config, "price": 0.3}))
        write_trials(own_run, [Trial(1.0, 0, 9, 0.9, 0.1)])
        assert zoo_configs(model_facts(own_run))["train.json"]["loss"]["price"] == 0.3


class TestLargeFiles:
    LARGEST = 100_000  # bytes; the weights below have more, no file of ours has

    @pytest.fixture
    def facts(self, tmp_path):
        torch.save(Generator(1, 8, 3).state_dict(), tmp_path / "weights.pt")
        return model_facts(tmp_path / "weights.pt", 64)

    def test_are_moved_out_and_named(self, facts, tmp_path):
        done = export_zoo(tmp_path / "out", facts, url="https://host/w/", largest=self.LARGEST)
        (upload,) = done.to_upload
        assert upload == tmp_path / "out" / "to_upload" / "models" / "model.pt"
        assert not (done.bundle / "models" / "model.pt").exists()
        assert yaml.safe_load((done.bundle / "large_files.yml").read_text()) == {
            "large_files": [
                {
                    "path": "models/model.pt",
                    "url": "https://host/w/model.pt",
                    "hash_val": hashlib.sha256(upload.read_bytes()).hexdigest(),
                    "hash_type": "sha256",
                }
            ]
        }

    def test_need_an_address_and_nothing_is_left_without(self, facts, tmp_path):
        with pytest.raises(ValueError, match=r"models/model.pt .*--url"):
            export_zoo(tmp_path / "out", facts, largest=self.LARGEST)
        assert [p.name for p in tmp_path.iterdir()] == ["weights.pt"]


class TestRefusals:
    def test_of_a_folder_that_is_not_empty(self, own_run, tmp_path, capsys):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine.txt").write_text("kept")
        words = ["export", "zoo", str(tmp_path / "out"), "--model", str(own_run)]
        assert main(words) == 2
        assert "not empty" in capsys.readouterr().err
        assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine.txt"]

    def test_of_weights_whose_image_size_is_not_known(self, tmp_path, capsys):
        torch.save(Generator(1, 2, 1).state_dict(), tmp_path / "model.pt")
        words = ["export", "zoo", str(tmp_path / "out"), "--model", str(tmp_path / "model.pt")]
        assert main(words) == 2
        assert "--image-size" in capsys.readouterr().err
        assert main([*words, "--image-size", "64"]) == 0
        configs = bundle_of(tmp_path / "out") / "configs"
        for name in ("train", "inference"):
            assert json.loads((configs / f"{name}.json").read_text())["image_size"] == 64

    def test_of_another_methods_model(self, own_run, tmp_path):
        config = json.loads((own_run / "config.json").read_text())
        (own_run / "config.json").write_text(json.dumps({**config, "method": "padim"}))
        with pytest.raises(ValueError, match="a model of padim"):
            model_facts(own_run)

    def test_of_an_import_that_a_bundle_could_not_find(self):
        with pytest.raises(ValueError, match="as NAME"):
            vendored_config({"imports": ["$from healthygan_monai import __version__"]}, "x.json")


class TestHuggingFace:
    def test_card_stands_at_the_root_with_its_front_matter(self, evaluated, tmp_path):
        out = tmp_path / "out"
        assert main(["export", "huggingface", str(out), "--model", str(evaluated)]) == 0
        _, head, text = (out / "healthygan" / "README.md").read_text().split("---\n", 2)
        facts = yaml.safe_load(head)
        # the data may forbid more
        assert (facts["license"], facts["library_name"]) == ("other", "monai")
        assert {"monai", "medical"} <= set(facts["tags"])
        (result,) = facts["model-index"][0]["results"]
        auc = json.loads((evaluated / "evaluation.json").read_text())["levels"]["image"]["auc"]
        assert result["metrics"][0]["value"] == pytest.approx(auc["value"], abs=1e-4)
        assert text == (out / "healthygan" / "docs" / "README.md").read_text()
        assert (out / "healthygan" / "models" / "model.pt").is_file()

    def test_claims_no_result_where_none_was_measured(self, own_run, tmp_path):
        assert main(["export", "huggingface", str(tmp_path / "out"), "--model", str(own_run)]) == 0
        _, head, text = (
            (tmp_path / "out" / "healthygan" / "README.md").read_text().split("---\n", 2)
        )
        assert "model-index" not in yaml.safe_load(head)
        assert "Evaluation of these weights: not run." in text
