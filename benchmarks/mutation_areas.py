"""What `mutation.py` changes, and which tests judge it."""

EXAMPLES = "tests/house/test_examples.py::test_the_examples_of_a_module_are_true"

AREAS: dict[str, tuple[list[str], list[str]]] = {  # name -> files with mutants, tests that judge
    "losses": (
        ["healthygan_monai/losses.py"],
        [
            "tests/paper/test_losses.py",
            "tests/paper/test_additive.py",
            f"{EXAMPLES}[healthygan_monai.losses]",
        ],
    ),
    "composition": (
        ["healthygan_monai/composition.py"],
        [
            "tests/paper/test_composition.py",
            "tests/paper/test_additive.py",
            f"{EXAMPLES}[healthygan_monai.composition]",
        ],
    ),
    "scoring": (
        ["healthygan_monai/scoring.py"],
        [
            "tests/healthygan_monai/test_scoring.py",
            "tests/healthygan_monai/test_scoring_properties.py",
            f"{EXAMPLES}[healthygan_monai.scoring]",
        ],
    ),
    "selection": (
        ["healthygan_monai/selection"],
        [
            "tests/healthygan_monai/test_selection.py",
            "tests/healthygan_monai/selection",
            f"{EXAMPLES}[healthygan_monai.selection.criteria]",
        ],
    ),
    "price": (
        ["healthygan_monai/pretrained/price.py", "healthygan_monai/pretrained/trials.py"],
        ["tests/healthygan_monai/pretrained/test_price.py"],
    ),
    "critic": (
        ["healthygan_monai/pretrained/critic.py", "healthygan_monai/pretrained/augmentation.py",
         "healthygan_monai/pretrained/make.py", "healthygan_monai/pretrained/trainer.py"],
        [
            "tests/healthygan_monai/pretrained/test_critic.py",
            "tests/healthygan_monai/pretrained/test_augmentation.py",
            "tests/healthygan_monai/pretrained/test_trainer.py",
            "tests/healthygan_monai/pretrained/test_critic_score.py",
        ],
    ),
    "film": (
        ["data_prep/film/open.py", "data_prep/read/dicom"],
        ["tests/data_prep/film/test_open.py", "tests/data_prep/film/test_frames_of_films.py",
         "tests/data_prep/film/test_orientation.py",
         "tests/data_prep/read/dicom"],
    ),
    "volume": (
        ["data_prep/read/volume"],
        ["tests/data_prep/read/volume", "tests/data_prep/inputs/test_bids_side_trees.py",
         "tests/data_prep/inputs/test_damaged_parts.py",
         "tests/data_prep/inputs/test_copies_of_volumes.py"],
    ),
    "sections": (
        ["data_prep/inputs/sections.py"],
        ["tests/data_prep/inputs/test_sections_table.py",
         "tests/data_prep/inputs/test_sections_properties.py"],
    ),
    "datalist": (
        ["data_prep/datalist"],
        ["tests/data_prep/datalist", "tests/data_prep/frame/test_boxes.py"],
    ),
    "privacy": (
        ["data_prep/privacy"],
        [f"tests/data_prep/privacy/test_{name}.py"
         for name in ("facts", "names", "profile", "scripts", "pseudonym_properties", "key",
                      "header_words", "planted_names")],
    ),
    "framing": (["data_prep/frame"], ["tests/data_prep/frame"]),
}  # fmt: skip
