"""Does a decoder's report again with scikit-learn, on the same features and labels.

    python compare_report.py FEATURES.safetensors LABELS.csv REPORT.json --field NAME --column COLUMN
        [--positive VALUE ... | --at-least NUMBER] [--choose FOLDS]

FEATURES as extract_features.py writes them; REPORT as bench/decode-photographs.ts writes it. For every fold a Ridge is
fitted on the other folds at the layer and penalty that the report says the fold's choice fell on, and its scores are compared
image by image; then AUROC. --choose makes the choices of the first folds again as well (leave-one-patient-out with a refit
for every patient). Exit code 1 when a score differs by more than 1e-6.
"""

import argparse
import csv
import json
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file
from sklearn.linear_model import Ridge
from sklearn.metrics import average_precision_score, roc_auc_score

TOLERANCE = 1e-6
SETS = {"image-mean": "image_mean", "last-position": "last_position"}
LAMBDAS = [10.0**k for k in range(-5, 3)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("report", type=Path)
    parser.add_argument("--field", required=True)
    parser.add_argument("--column", required=True)
    parser.add_argument("--positive", nargs="*", default=[])
    parser.add_argument("--at-least", type=float)
    parser.add_argument("--choose", type=int, default=0)
    options = parser.parse_args()

    report = json.loads(options.report.read_text(encoding="utf-8"))
    field = next(entry for entry in report["report"]["fields"] if entry["field"] == options.field)
    answers = field["chosen"]["answers"]
    names = [report["images"][answer["image"]] for answer in answers]
    patients = np.array([report["patients"][answer["image"]] for answer in answers])
    folds = np.array([answer["fold"] for answer in answers])
    with open(options.labels, encoding="utf-8") as file:
        values = {row["file"]: row[options.column] for row in csv.DictReader(file)}
    targets = np.array([label(values[name], options) for name in names], dtype=np.float64)

    with safe_open(options.features, "numpy") as file:
        files = json.loads(file.metadata()["files"])
    rows = [files.index(name) for name in names]
    tensors = load_file(options.features)
    layers = {
        (name, layer): tensors[tensor][layer][rows].astype(np.float64)
        for name, tensor in SETS.items()
        for layer in range(len(tensors[tensor]))
    }

    picks = field["chosen"]["picks"]
    scores = np.empty(len(targets))
    for pick in picks:
        features = layers[pick["set"], pick["layer"]]
        for fold in pick["folds"]:
            test = folds == fold
            model = Ridge(alpha=pick["lambda"] * spread(features), solver="svd").fit(features[~test], targets[~test])
            scores[test] = model.predict(features[test]) - targets[~test].mean()
    ours = np.array([answer["scores"][0] for answer in answers])
    worst = float(np.abs(scores - ours).max())
    print(f"{options.field}: {len(targets)} images, {len(set(patients))} patients; scores differ by at most {worst:.2e}")
    print(f"AUROC {roc_auc_score(targets, scores):.9f}, reported {field['chosen']['score']['value']:.9f}")
    auprc = field["chosen"]["measures"]["auprc"]["value"]
    print(f"AUPRC {average_precision_score(targets, scores):.9f}, reported {auprc:.9f}")
    choose_again(layers, targets, patients, folds, picks, options.choose)
    return 0 if worst <= TOLERANCE else 1


def label(value: str, options: argparse.Namespace) -> float:
    return float(float(value) >= options.at_least) if options.at_least is not None else float(value in options.positive)


def spread(features: np.ndarray) -> float:
    """Mean squared distance from the mean: what a report's λ is a multiple of."""
    return float(np.square(features - features.mean(0)).sum() / len(features))


def choose_again(layers, targets, patients, folds, picks, count: int) -> None:
    reported = {fold: (pick["set"], pick["layer"], pick["lambda"]) for pick in picks for fold in pick["folds"]}
    for fold in sorted(reported)[:count]:
        rest = np.flatnonzero(folds != fold)
        errors = {}
        for (name, layer), features in layers.items():
            sums = np.zeros(len(LAMBDAS))
            penalties = np.array(LAMBDAS) * spread(features)
            if penalties[0] == 0:
                continue
            for patient in np.unique(patients[rest]):
                own, train = rest[patients[rest] == patient], rest[patients[rest] != patient]
                # All penalties at once: the target repeated, each copy with its own alpha.
                model = Ridge(alpha=penalties, solver="svd")
                model.fit(features[train], np.repeat(targets[train, None], len(LAMBDAS), axis=1))
                sums += np.square(model.predict(features[own]) - targets[own, None]).sum(0)
            errors.update({(name, layer, value): float(total) for value, total in zip(LAMBDAS, sums)})
        best = min(errors, key=errors.get)
        same = best[:2] == reported[fold][:2] and np.isclose(best[2], reported[fold][2])
        print(f"fold {fold}: {best}, reported {reported[fold]}: {'same' if same else 'DIFFERENT'}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
