"""Checks every crate that the lock names against deny.toml: its licence is allowed, its source is the registry or this tree.

Stands in for `cargo deny check bans licenses sources` where that is not installed. Usage: cargo metadata … | licences.py
"""

import json
import re
import sys
import tomllib


def allowed(expression: str, allow: set[str]) -> bool:
    """SPDX: OR needs one side, AND both; parentheses as written."""
    tokens = re.findall(r"\(|\)|AND|OR|WITH|[A-Za-z0-9.+-]+", expression.replace("/", " OR "))

    def either(at: int) -> tuple[bool, int]:
        value, at = both(at)
        while at < len(tokens) and tokens[at] == "OR":
            other, at = both(at + 1)
            value = value or other
        return value, at

    def both(at: int) -> tuple[bool, int]:
        value, at = one(at)
        while at < len(tokens) and tokens[at] == "AND":
            other, at = one(at + 1)
            value = value and other
        return value, at

    def one(at: int) -> tuple[bool, int]:
        if tokens[at] == "(":
            value, at = either(at + 1)
            return value, at + 1
        name = tokens[at]
        if at + 2 < len(tokens) and tokens[at + 1] == "WITH":
            return f"{name} WITH {tokens[at + 2]}" in allow or name in allow, at + 3
        return name in allow, at + 1

    return either(0)[0]


def main() -> None:
    deny = tomllib.load(open("deny.toml", "rb"))
    allow = set(deny["licenses"]["allow"])
    banned = {entry["name"] for entry in deny["bans"]["deny"]}
    faults = []
    packages = json.load(sys.stdin)["packages"]
    for package in packages:
        name = f"{package['name']} {package['version']}"
        if package["name"] in banned:
            faults.append(f"{name}: banned")
        if package["source"] is not None and not package["source"].startswith("registry+"):
            faults.append(f"{name}: from {package['source']}")
        licence = package["license"]
        if licence is None and package["license_file"] is None:
            faults.append(f"{name}: no licence")
        elif licence is not None and not allowed(licence, allow):
            faults.append(f"{name}: {licence}")
    if faults:
        sys.exit("\n".join(faults))
    print(f"{len(packages)} crates: licences and sources are those of deny.toml")


if __name__ == "__main__":
    main()
