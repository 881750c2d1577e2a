"""Made-up ratings and scores, for tests of what is made of them."""

import numpy as np
import pandas as pd

MODELS = ("one", "two", "three")


def made_up(prompts: int = 30, raters: int = 3, seed: int = 0) -> pd.DataFrame:
    """A table as users have: a row for each rating. `good` knows what is true, `bad` the opposite, `noise` nothing."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(prompts):
        for place, model in enumerate(MODELS):
            truth = random.normal() + 0.2 * place
            image = {
                "prompt_id": f"p-{number:03d}",
                "model": model,
                "category": ("Colors", "Text")[number % 2],
                "good": round(truth, 3),
                "bad": round(-truth, 3),
                "noise": round(random.normal(), 3),
            }
            for rater in range(raters):
                rating = int(np.clip(np.round(3 + truth + random.normal()), 1, 5))
                rows.append({**image, "rater": f"r{rater}", "rating": rating})
    return pd.DataFrame(rows)


def tifa_records(table: pd.DataFrame) -> dict[str, dict[str, object]]:
    """The same as TIFA's file has it."""
    records = {}
    for (prompt, model), image in table.groupby(["prompt_id", "model"], sort=False):
        text_id = f"coco_{prompt}"
        scores = {name: float(image[name].iloc[0]) for name in ("good", "bad", "noise")}
        records[f"{text_id}_{model}"] = {
            "text_id": text_id,
            "image_path": f"{text_id}_{model}.jpg",
            "text": "a caption",
            "human_scores": image["rating"].tolist(),
            "human_avg": float(image["rating"].mean()),
            **scores,
        }
    return records
