"""The commands that made the golden data, in the words of their users."""

from typing import Any

PYTHON_RUN = (
    *("generate", "--model", "python:golden_model:make", "--set", "hue=3", "--prompts", "prompts.csv"),
    *("--samples", "2", "--size", "32", "--seed", "5", "--slice", "2", "--json"),
)
FOLDER_RUN = ("generate", "--model", "folder:pictures", "--prompts", "prompts.csv", "--json")
SWEEP = (
    *("sweep", "--model", "python:golden_model:make", "--vary", "hue=0,1", "--prompts", "prompts.csv"),
    *("--samples", "1", "--size", "32", "--slice", "2", "--device", "cpu"),
)
STUDY_RUNS = ("runs/folder", "runs/python")
STUDY_EXCLUSIONS = ("gold=0.5", "too_fast=1500")
STUDY: dict[str, Any] = {
    "type": "drawbench",
    "name": "golden study",
    "seed": 7,
    "raters": 4,
    "samples": 1,
    "gold": 1,
    "mirrored": 1,
    "minimum_gold_correct": 0.5,
    "training": 1,
}
STUDY_SECRET = bytes(range(32))
