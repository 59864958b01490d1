"""Holds STIX bundles against the library of the OASIS committee (PyPI `stix2`).

    python3 tests/clients/check_stix.py FILE...

Each object is parsed strictly (nothing custom but extensions with their definition), each pattern by the committee's grammar, ids of
observables are made anew and compared, and every reference must lead to an object of the bundle. Prints each fault; the exit status
is 1 where there was one, or nothing to look at.
"""

import collections
import json
import sys
import uuid

import stix2
import stix2patterns.validator


def references(value, name=""):
    """All ids that an object refers to."""
    if isinstance(value, dict):
        for member, inner in value.items():
            yield from references(inner, member)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner, name)
    elif isinstance(value, str) and (name.endswith("_ref") or name.endswith("_refs")):
        yield value


def faults(bundle):
    """What is wrong with a bundle."""
    if bundle.get("type") != "bundle" or not str(bundle.get("id", "")).startswith("bundle--"):
        return ["no bundle"]
    wrong = []
    ids = collections.Counter(one["id"] for one in bundle.get("objects", []))
    wrong += [f"{name} stands {times} times" for name, times in ids.items() if times > 1]
    for one in bundle.get("objects", []):
        name = one["id"]
        try:
            parsed = stix2.parse(one, version="2.1", allow_custom=False)
        except Exception as fault:
            wrong.append(f"{name}: {type(fault).__name__}: {str(fault)[:300]}")
            continue
        if isinstance(parsed, dict):
            wrong.append(f"{name}: of no known type")
            continue
        wrong += [f"{name}: refers to {other}" for other in references(one) if other not in ids]
        wrong += [f"{name}: {other} is not defined" for other in one.get("extensions", {}) if other not in ids and other != TLP2]
        if isinstance(parsed, stix2.base._Observable):
            made = type(parsed)(**{member: value for member, value in one.items() if member not in ("id", "type", "object_marking_refs")})
            if made.id != name:
                wrong.append(f"{name}: should be {made.id}")
            if uuid.UUID(name.split("--")[1]).version != 5:
                wrong.append(f"{name}: not of version 5")
        if one["type"] == "indicator":
            wrong += [f"{name}: {fault}" for fault in stix2patterns.validator.run_validator(one["pattern"], stix_version="2.1")]
    return wrong


TLP2 = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"


def main():
    seen, wrong = collections.Counter(), False
    for file in sys.argv[1:]:
        with open(file, encoding="utf-8") as opened:
            bundle = json.load(opened)
        for fault in faults(bundle):
            print(f"{file}: {fault}")
            wrong = True
        seen.update(one["type"] for one in bundle.get("objects", []))
    print(", ".join(f"{kind} {times}" for kind, times in sorted(seen.items())))
    sys.exit(1 if wrong or not seen else 0)


main()
