"""Writes data/fixtures/decoder: small features and labels, with what scikit-learn makes of them.

    python make_fixtures.py

Every ridge here is fitted by sklearn.linear_model.Ridge on the rows that remain; nothing is taken from a closed form.
"""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import (
    average_precision_score,
    cohen_kappa_score,
    f1_score,
    mean_absolute_error,
    roc_auc_score,
)

OUT = Path(__file__).parents[3] / "data" / "fixtures" / "decoder"
LAMBDAS = [1e-3, 1e-1, 10.0]
PATIENTS, FOLDS = 36, 6


def main() -> None:
    rng = np.random.default_rng(5)
    patients = np.array([p for p in range(PATIENTS) for _ in range(1 + p % 2)])
    count = len(patients)
    binary = rng.integers(0, 2, count)
    grade = rng.integers(0, 3, count)
    number = rng.normal(size=count)
    layers = []
    for layer in range(3):
        features = 4 + rng.normal(size=(count, 14 if layer < 2 else 14)) * np.linspace(0.2, 3, 14)
        features[:, 3] += 0.8 * layer * binary
        features[:, 5] += 0.7 * layer * grade
        features[:, 7] += 1.1 * layer * number
        layers.append(features.astype(np.float32))
    wide = (rng.normal(size=(count, 90)) + 2).astype(np.float32)
    wide[:, 0] += 3 * binary

    expected = {"patients": patients.tolist(), "binary": binary.tolist(), "grade": grade.tolist(), "number": number.tolist()}
    expected["ridge"] = [
        ridge_case(layers[1], binary, patients, 0.1),
        ridge_case(layers[2], number, patients, 1e-3),
        ridge_case(wide, binary, patients, 1.0),
    ]
    expected["nested"] = nested_case(layers, binary, patients)
    scores = np.array(expected["ridge"][0]["left_out_scores"])
    predicted = rng.integers(0, 3, count)
    tied = np.round(scores, 1)
    expected["metrics"] = {
        "auroc": roc_auc_score(binary, scores),
        "auroc_tied": roc_auc_score(binary, tied),
        "auprc": average_precision_score(binary, scores),
        "auprc_tied": average_precision_score(binary, tied),
        "tied": tied.tolist(),
        "predicted": predicted.tolist(),
        "macro_f1": f1_score(grade, predicted, average="macro"),
        "quadratic_kappa": cohen_kappa_score(grade, predicted, weights="quadratic"),
        "mae": mean_absolute_error(number, scores),
        "weights": (weights := rng.integers(0, 4, count)).tolist(),
        "auroc_weighted": roc_auc_score(binary, tied, sample_weight=weights),
        "auprc_weighted": average_precision_score(binary, tied, sample_weight=weights),
    }
    expected["platt"] = platt_case(scores, binary)

    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "expected.json").write_text(json.dumps(expected, indent=None) + "\n", encoding="utf-8")
    save_file({**{f"layer.{i}": values for i, values in enumerate(layers)}, "wide": wide}, OUT / "features.safetensors")


def spread(features: np.ndarray) -> float:
    """Mean squared distance from the mean."""
    return float(np.square(features - features.mean(0)).sum() / len(features))


def fit(features: np.ndarray, targets: np.ndarray, penalty: float) -> Ridge:
    return Ridge(alpha=penalty, solver="svd").fit(features.astype(np.float64), targets)


def ridge_case(features: np.ndarray, targets: np.ndarray, patients: np.ndarray, relative: float) -> dict:
    """Weights, predictions, and predictions for each patient from the others."""
    penalty = relative * spread(features.astype(np.float64))
    model = fit(features, targets, penalty)
    left_out, means = np.empty(len(targets)), np.empty(len(targets))
    for patient in np.unique(patients):
        own = patients == patient
        left_out[own] = fit(features[~own], targets[~own], penalty).predict(features[own].astype(np.float64))
        means[own] = targets[~own].mean()
    return {
        "lambda": relative,
        "weights": model.coef_.tolist(),
        "predictions": model.predict(features.astype(np.float64)).tolist(),
        "left_out": left_out.tolist(),
        "left_out_scores": (left_out - means).tolist(),
    }


def nested_case(layers: list[np.ndarray], targets: np.ndarray, patients: np.ndarray) -> dict:
    """For each fold of neighbouring patients: layer and penalty by leave-one-patient-out on the rest, and its scores.

    The penalty's unit is the spread over all rows, which knows no labels.
    """
    names = np.unique(patients)
    folds = [names[round(f * len(names) / FOLDS) : round((f + 1) * len(names) / FOLDS)] for f in range(FOLDS)]
    chosen, scores, errors = [], np.empty(len(targets)), []
    for fold in folds:
        test = np.isin(patients, fold)
        inner = np.zeros((len(layers), len(LAMBDAS)))
        for i, features in enumerate(layers):
            for j, relative in enumerate(LAMBDAS):
                penalty = relative * spread(features.astype(np.float64))
                for patient in np.unique(patients[~test]):
                    own = patients == patient
                    train = ~test & ~own
                    error = targets[own] - fit(features[train], targets[train], penalty).predict(features[own].astype(np.float64))
                    inner[i, j] += np.square(error).sum()
        layer, at = np.unravel_index(inner.argmin(), inner.shape)
        penalty = LAMBDAS[at] * spread(layers[layer].astype(np.float64))
        model = fit(layers[layer][~test], targets[~test], penalty)
        scores[test] = model.predict(layers[layer][test].astype(np.float64)) - targets[~test].mean()
        chosen.append({"layer": int(layer), "lambda": LAMBDAS[at]})
        errors.append(inner.min(axis=1).tolist())
    return {
        "lambdas": LAMBDAS,
        "fold_patients": [fold.tolist() for fold in folds],
        "chosen": chosen,
        "inner_errors": errors,
        "scores": scores.tolist(),
        "auroc": roc_auc_score(targets, scores),
    }


def platt_case(scores: np.ndarray, targets: np.ndarray) -> dict:
    """Logistic regression without penalty on Platt's softened targets, each row in both classes with the target as weight."""
    positives = targets.sum()
    soft = np.where(targets == 1, (positives + 1) / (positives + 2), 1 / (len(targets) - positives + 2))
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-13, max_iter=1000)
    model.fit(
        np.concatenate([scores, scores])[:, None],
        np.concatenate([np.ones_like(targets), np.zeros_like(targets)]),
        sample_weight=np.concatenate([soft, 1 - soft]),
    )
    return {"slope": float(model.coef_[0, 0]), "offset": float(model.intercept_[0])}


if __name__ == "__main__":
    main()
