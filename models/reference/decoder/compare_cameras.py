"""Does bench/decoder-cameras.ts again with scikit-learn, on the same features and labels.

    python compare_cameras.py OUT [FIT ...]

FIT: shipped, idrid or cameras, all of them when none is named. OUT holds features.safetensors and report.json. For every fit and field: layer and penalty are chosen again for each fold on
the other folds (patients left out), a Ridge is fitted on them, and its scores are compared image by image; so are the pixels
alone. For every camera left out, layer and penalty are chosen on the other cameras, and the AUROC is compared. Shuffled labels and
the intervals are drawn anew, and so agree only roughly. Exit code 1 when a score or an AUROC differs by more than 1e-6.
"""

import json
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

TOLERANCE = 1e-6
LAMBDAS = [10.0**k for k in range(-5, 3)]
DECODED = ("image-mean", "last-position")


def main() -> int:
    out = Path(sys.argv[1])
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    with safe_open(out / "features.safetensors", "numpy") as file:
        files = json.loads(file.metadata()["files"])
        layers_of = json.loads(file.metadata()["layers"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    print("checkpoint", report["checkpoint"])
    worst = 0.0
    for fit in report["fits"]:
        if sys.argv[2:] and fit["name"] not in sys.argv[2:]:
            continue
        at = np.array([files.index(name) for name in fit["images"]])
        for field in fit["fields"]:
            worst = max(worst, compare(fit, field, at, tensors, layers_of))
    print(f"largest difference: {worst:.1e}, {'within' if worst <= TOLERANCE else 'BEYOND'} {TOLERANCE:.0e}")
    return 0 if worst <= TOLERANCE else 1


def compare(fit: dict, field: dict, at: np.ndarray, tensors: dict, layers_of: dict) -> float:
    answers = field["chosen"]["answers"]
    places = np.array([answer["image"] for answer in answers])
    folds = np.array([answer["fold"] for answer in answers])
    patients = np.array(fit["patients"])[places]
    sources = np.array(fit["sources"])[places]
    targets = np.array([fit["labels"][field["field"]][place] for place in places], dtype=np.float64)
    features = {
        (name, layer): tensors[name][row][at[places]].astype(np.float64)
        for name, layers in layers_of.items()
        for row, layer in enumerate(layers)
    }
    decoded = [key for key in features if key[0] in DECODED]

    scores = nested({key: features[key] for key in decoded}, targets, patients, folds)
    reported = np.array([answer["scores"][0] for answer in answers])
    worst = float(np.abs(scores - reported).max())
    value = roc_auc_score(targets, scores)
    low, high = bootstrap(targets, scores, patients)
    key = (field["chosen"]["set"], field["chosen"]["layer"])
    chance = shuffled(features[key], targets, patients, folds, field["chosen"]["lambda"])
    pixels = roc_auc_score(targets, nested({"pixels": features["pixels", 0]}, targets, patients, folds))
    told = next(curve for curve in field["curves"] if curve["set"] == "pixels")["points"][0]["score"]["value"]
    worst = max(worst, abs(pixels - told), abs(value - field["chosen"]["score"]["value"]))
    print(
        f"{fit['name']}, {field['field']}: {len(targets)} images, {len(set(patients))} patients; AUROC {value:.6f} ({low:.2f}-{high:.2f}), "
        f"shuffled {np.mean(chance):.2f} ({np.quantile(chance, 0.025):.2f}-{np.quantile(chance, 0.975):.2f}), pixels {pixels:.6f}; "
        f"scores differ by at most {np.abs(scores - reported).max():.1e}",
        flush=True,
    )
    for left in field["sourcesLeftOut"]:
        if left["refused"]:
            print(f"  without {left['source']}: {left['refused']}")
            continue
        test = sources == left["source"]
        for role, candidates in (("decoder", decoded), ("baseline", [("pixels", 0)])):
            best, penalty = choose({each: features[each][~test] for each in candidates}, targets[~test], patients[~test])
            model = Ridge(alpha=penalty, solver="svd").fit(features[best][~test], targets[~test])
            predicted = model.predict(features[best][test])
            auroc = roc_auc_score(targets[test], predicted)
            low, high = bootstrap(targets[test], predicted, patients[test])
            told = next(s for s in left["scores"] if s["role"] == role and (role == "decoder" or s["set"] == "pixels"))
            worst = max(worst, abs(auroc - told["score"]["value"]))
            print(
                f"  without {left['source']} ({test.sum()}): {best[0]} {best[1]} AUROC {auroc:.6f} ({low:.2f}-{high:.2f}), "
                f"reported {told['set']} {told['layer']} {told['score']['value']:.6f}",
                flush=True,
            )
    return worst


def spread(features: np.ndarray) -> float:
    """Mean squared distance from the mean: what a report's λ is a multiple of."""
    return float(np.square(features - features.mean(0)).sum() / len(features))


def left_out_errors(features: np.ndarray, targets: np.ndarray, patients: np.ndarray, unit: float) -> np.ndarray:
    """For each penalty, squared residuals of every patient under a ridge that was fitted without the patient, summed."""
    left, sizes, _ = np.linalg.svd(features - features.mean(0), full_matrices=False)
    by_size: dict[int, list] = {}
    for patient in np.unique(patients):
        group = np.flatnonzero(patients == patient)
        by_size.setdefault(len(group), []).append(group)
    errors = np.zeros(len(LAMBDAS))
    for at, value in enumerate(LAMBDAS):
        shrink = np.square(sizes) / (np.square(sizes) + value * unit)
        residuals = targets - targets.mean() - left @ (shrink * (left.T @ targets))
        for size, groups in by_size.items():
            rows = np.array(groups)
            # Each patient's block of the hat matrix, the mean's share included.
            hat = np.einsum("gik,gjk->gij", left[rows] * shrink, left[rows]) + 1 / len(targets)
            own = np.linalg.solve(np.eye(size) - hat, residuals[rows][..., None])
            errors[at] += np.square(own).sum()
    return errors


def choose(candidates: dict, targets: np.ndarray, patients: np.ndarray, units: dict | None = None) -> tuple:
    """Layer and penalty of the smallest error on patients left out."""
    best = (np.inf, None, 0.0)
    for key, features in candidates.items():
        unit = spread(features) if units is None else units[key]
        if unit == 0:
            continue
        errors = left_out_errors(features, targets, patients, unit)
        if errors.min() < best[0]:
            best = (errors.min(), key, LAMBDAS[int(errors.argmin())] * unit)
    return best[1], best[2]


def nested(candidates: dict, targets: np.ndarray, patients: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Scores of every fold by a ridge whose layer, penalty and weights come from the other folds."""
    units = {key: spread(features) for key, features in candidates.items()}
    scores = np.empty(len(targets))
    for fold in np.unique(folds):
        test = folds == fold
        rest = {key: features[~test] for key, features in candidates.items()}
        key, penalty = choose(rest, targets[~test], patients[~test], units)
        model = Ridge(alpha=penalty, solver="svd").fit(candidates[key][~test], targets[~test])
        scores[test] = model.predict(candidates[key][test]) - targets[~test].mean()
    return scores


def shuffled(features, targets, patients, folds, relative: float, times: int = 20) -> list[float]:
    """AUROC with the patients' labels dealt to other patients."""
    rng = np.random.default_rng(1)
    groups = [np.flatnonzero(patients == patient) for patient in dict.fromkeys(patients)]
    found = []
    for _ in range(times):
        dealt = targets[np.concatenate([groups[at] for at in rng.permutation(len(groups))])]
        scores = np.empty(len(dealt))
        for fold in np.unique(folds):
            test = folds == fold
            model = Ridge(alpha=relative * spread(features), solver="svd").fit(features[~test], dealt[~test])
            scores[test] = model.predict(features[test]) - dealt[~test].mean()
        found.append(roc_auc_score(dealt, scores))
    return found


def bootstrap(targets: np.ndarray, scores: np.ndarray, patients: np.ndarray, times: int = 1000) -> tuple[float, float]:
    """95 % interval over patients drawn with replacement."""
    rng = np.random.default_rng(1)
    groups = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    values = []
    for _ in range(times):
        rows = np.concatenate([groups[at] for at in rng.integers(0, len(groups), len(groups))])
        if 0 < targets[rows].sum() < len(rows):
            values.append(roc_auc_score(targets[rows], scores[rows]))
    return tuple(np.quantile(values, [0.025, 0.975]))


if __name__ == "__main__":
    sys.exit(main())
