"""Writes metrics_goldens.tsv: metrics of scikit-learn and SciPy on arrays that the Java test draws again.

    pip install scikit-learn scipy
    python metrics_goldens.py > ../resources/io/holdfast/engine/metrics/metrics_goldens.tsv

A line is: kind, seed, n, classes, mode, then the metrics (for classes: accuracy, F1 of class 1, macro F1,
Matthews; for numbers: Pearson, Spearman). The arrays come from java.util.Random's generator.
"""

import math
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics

warnings.filterwarnings("ignore")


class JavaRandom:
    def __init__(self, seed):
        self.state = (seed ^ 0x5DEECE66D) & ((1 << 48) - 1)

    def bits(self, count):
        self.state = (self.state * 0x5DEECE66D + 0xB) & ((1 << 48) - 1)
        return self.state >> (48 - count)

    def number(self):
        return ((self.bits(26) << 27) + self.bits(27)) * 2.0**-53


def draw_classes(seed, n, classes, mode):
    random = JavaRandom(seed)
    labels, predictions = [], []
    for _ in range(n):
        a = int(random.number() * classes)
        b = int(random.number() * classes)
        right = random.number() < 0.8
        labels.append(0 if mode in (3, 4) else a)
        predictions.append(
            {0: b, 1: a if right else b, 2: classes - 1, 3: b, 4: 0, 5: 1 - min(a, 1)}[mode]
        )
    return labels, predictions


def draw_numbers(seed, n, mode):
    random = JavaRandom(seed)
    xs, ys = [], []
    for i in range(n):
        a, b = random.number(), random.number()
        x, y = {
            0: (a, b),
            1: (a, 0.7 * a + 0.3 * b),
            2: (math.floor(a * 6) / 4, math.floor(b * 4) / 8),
            3: (0.1, b),
            4: (a, -2.5),
            5: (a, -3 * a),
            6: (1000 + a, a + b),
            7: (float("nan") if i == n // 2 else a, b),
            8: (a * 1e-100, b * 1e100),
            9: (0.0 if a < 0.3 else -0.0 if a < 0.6 else a, b),
            10: (float("inf") if i == n // 2 else a, b),
            11: (a * a * a, math.floor(a * 50)),
        }[mode]
        xs.append(x)
        ys.append(y)
    return xs, ys


def text(value):
    return "NaN" if math.isnan(value) else repr(float(value))


def line(*fields):
    print("\t".join(str(f) for f in fields))


def pearson(x, y):
    try:
        return stats.pearsonr(x, y)[0]
    except ValueError:  # infinities
        return float("nan")


def main():
    seed = 0
    for round_ in range(25):
        for mode in range(6):
            for classes in (2, 3, 6, 50):
                seed += 1
                n = [1, 2, 3, 7, 40, 277, 1043][seed % 7]
                y, p = draw_classes(seed, n, classes, mode)
                line("class", seed, n, classes, mode,
                     text(metrics.accuracy_score(y, p)),
                     text(metrics.f1_score(y, p, labels=[1], average="macro", zero_division=0)),
                     text(metrics.f1_score(y, p, average="macro", zero_division=0)),
                     text(metrics.matthews_corrcoef(y, p)))
    for round_ in range(50):
        for mode in range(12):
            seed += 1
            n = [2, 3, 5, 17, 100, 408, 1500][seed % 7]
            x, y = draw_numbers(seed, n, mode)
            line("number", seed, n, 0, mode, text(pearson(x, y)), text(stats.spearmanr(np.array(x), np.array(y))[0]))


if __name__ == "__main__":
    main()
