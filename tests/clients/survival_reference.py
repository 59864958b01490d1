"""Computes what the crate `effect` is held against, with lifelines and statsmodels.

    python3 -m venv .venv && .venv/bin/pip install lifelines==0.30.3 statsmodels==0.15.0 scipy==1.17.1
    .venv/bin/python tests/clients/survival_reference.py > crates/effect/tests/peers/survival.json

The data stand in the output beside the results: the trial of 6-mercaptopurine (Freireich and others, Blood 21, 1963, page
699, remission in weeks), and invented samples from a generator written out below, so that every machine makes the same.
"""

import json
import sys

import lifelines
import numpy
import pandas
import scipy
import scipy.stats
import statsmodels
from lifelines.statistics import multivariate_logrank_test
from lifelines.utils import median_survival_times, restricted_mean_survival_time
from statsmodels.duration.survfunc import survdiff
from statsmodels.stats.proportion import proportion_confint

SIX_MP = [(6, 1), (6, 1), (6, 1), (6, 0), (7, 1), (9, 0), (10, 1), (10, 0), (11, 0), (13, 1), (16, 1), (17, 0), (19, 0), (20, 0),
          (22, 1), (23, 1), (25, 0), (32, 0), (32, 0), (34, 0), (35, 0)]  # fmt: skip
PLACEBO = [(t, 1) for t in (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)]


class Numbers:
    """A small generator (Lehmer, modulus 2^31 - 1), so that the samples depend on no library."""

    def __init__(self, seed):
        self.state = seed

    def upto(self, n):
        self.state = self.state * 48271 % 2147483647
        return self.state % n


def sample(seed, size, days, quick, censor_percent):
    numbers = Numbers(seed)
    pairs = []
    for _ in range(size):
        day = min(numbers.upto(days) for _ in range(quick))
        pairs.append((day, 0 if numbers.upto(100) < censor_percent else 1))
    return pairs


def nothing(value):
    return None if value is None or not numpy.isfinite(value) else float(value)


def group(pairs, until):
    times, events = zip(*pairs)
    fit = lifelines.KaplanMeierFitter().fit(times, events)
    table = fit.event_table
    limits = fit.confidence_interval_survival_function_
    curve = []
    for day in sorted(set(times)):
        row, survival = table.loc[day], float(fit.survival_function_.loc[day].iloc[0])
        low, high = (float(limits.loc[day].iloc[at]) for at in (0, 1))
        # Greenwood's variance; lifelines keeps the sum under its interval.
        squares = float(fit._cumulative_sq_.loc[day])
        inner = 0.0 < survival < 1.0
        curve.append({
            "days": float(day), "at_risk": int(row["at_risk"]), "events": int(row["observed"]), "censored": int(row["censored"]),
            "survival": survival,
            "variance": survival**2 * squares if survival > 0 else None,
            "low": low if inner else None, "high": high if inner else None,
        })  # fmt: skip
    medians = median_survival_times(limits)
    # The variance of the restricted mean by its definition: over events, the squared area to the right times Greenwood's term.
    variance = 0.0
    for at, point in enumerate(curve):
        if point["events"] and point["days"] < until:
            later = [p["days"] for p in curve[at + 1 :] if p["days"] < until] + [until]
            starts = [p["days"] for p in curve[at:] if p["days"] < until]
            area = sum(p["survival"] * (end - start) for p, start, end in zip(curve[at:], starts, later))
            n, d = point["at_risk"], point["events"]
            variance = None if variance is None or n == d else variance + area**2 * d / (n * (n - d))
    return {
        "pairs": [[float(t), int(e)] for t, e in pairs],
        "curve": curve,
        "median": nothing(fit.median_survival_time_),
        "median_low": nothing(float(medians.iloc[0, 0])),
        "median_high": nothing(float(medians.iloc[0, 1])),
        "until": float(until),
        "restricted_mean": float(restricted_mean_survival_time(fit, t=until)),
        "restricted_variance": variance,
    }


def case(name, strata, until):
    """Strata of groups of pairs; the curves are of the groups over all strata."""
    rows = [
        (time, event, at, number)
        for number, groups in enumerate(strata)
        for at, pairs in enumerate(groups)
        for time, event in pairs
    ]
    frame = pandas.DataFrame(rows, columns=["time", "event", "group", "stratum"])
    together = [[p for groups in strata for p in groups[at]] for at in range(len(strata[0]))]
    plain = multivariate_logrank_test(frame.time, frame.group, frame.event)
    second, second_p = survdiff(frame.time.values, frame.event.values, frame.group.values)
    assert abs(second - plain.test_statistic) < 1e-8 * max(1.0, second), (name, second, plain.test_statistic)
    found = {
        "name": name,
        "groups": [group(pairs, until) for pairs in together],
        "log_rank": {"chi_square": float(plain.test_statistic), "degrees": len(together) - 1, "p": float(plain.p_value)},
        "strata": [[[[float(t), int(e)] for t, e in pairs] for pairs in groups] for groups in strata],
    }
    if len(strata) > 1:
        chi_square, p = survdiff(frame.time.values, frame.event.values, frame.group.values, strata=frame.stratum.values)
        found["stratified"] = {"chi_square": float(chi_square), "degrees": len(together) - 1, "p": float(p)}
    return found


def main():
    cases = [
        case("6-MP against placebo", [[SIX_MP, PLACEBO]], 20),
        case("two groups, many ties", [[sample(1, 300, 40, 1, 60), sample(2, 250, 40, 2, 60)]], 30),
        case("four groups", [[sample(s, 40 + 30 * s, 90, 1 + s % 3, 20 + 15 * s) for s in (1, 2, 3, 4)]], 45),
        case("two groups in five strata", [[sample(s, 20 + 9 * s, 60, 1 + s % 2, 30), sample(90 + s, 35, 60, 2, 55)] for s in range(1, 6)], 40),
        case("three groups in three strata", [[sample(10 * s + g, 15 + 5 * g, 25, 1 + g, 40) for g in range(3)] for s in range(1, 4)], 12),
        case("alike", [[sample(5, 120, 30, 1, 50), sample(6, 120, 30, 1, 50)]], 20),
    ]  # fmt: skip
    tails = [[x, df, float(scipy.stats.chi2.sf(x, df))] for df in (1, 2, 3, 4, 7, 30, 101) for x in (0.01, 0.5, 3.0, 16.79, 80.0, 400.0)]
    wilson = [[p, n, *map(float, proportion_confint(p, n, method="wilson"))] for p, n in ((0, 7), (3, 7), (7, 7), (104239, 155521), (1, 1000000))]
    versions = {"python": sys.version.split()[0], "lifelines": lifelines.__version__, "statsmodels": statsmodels.__version__, "scipy": scipy.__version__}
    print(json.dumps({"made_by": "tests/clients/survival_reference.py", "versions": versions, "cases": cases, "tails": tails, "wilson": wilson}, separators=(",", ":")).replace("{\"name\"", "\n{\"name\""))


if __name__ == "__main__":
    main()
