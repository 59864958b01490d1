"""Holds XARF reports, one per line, against the schemas that their publisher gives out.

    python3 tests/clients/check_xarf.py FOLDER FILE...

FOLDER holds the schemas (crates/formats/src/xarf/schema/v4). Prints each fault with its file and line, and how many reports
were sound by category and type; the exit status is 1 where there was a fault, or nothing to look at.
"""

import collections
import json
import pathlib
import sys

import jsonschema
import referencing


def registry(folder):
    """All schemas, by the ids that they call each other by."""
    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.json"))]
    return referencing.Registry().with_resources(
        (schema["$id"], referencing.Resource.from_contents(schema)) for schema in schemas
    )


def faults(report, validators, schemas):
    """What is wrong with a report."""
    kind = f"{report.get('category')}-{report.get('type')}"
    if kind not in validators:
        # Most schemas have hyphens for the type's underscores, some have not.
        names = [f"https://xarf.org/schemas/v4/types/{name}.json" for name in (kind.replace("_", "-"), kind)]
        schema = next((schemas.contents(name) for name in names if name in schemas), None)
        if schema is None:
            return [f"no schema for {kind}"]
        validators[kind] = jsonschema.Draft202012Validator(
            schema, registry=schemas, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
        )
    wrong = [f"{error.json_path}: {error.message[:300]}" for error in validators[kind].iter_errors(report)]
    if "_internal" in report:
        wrong.append("`_internal` is never transmitted")
    return wrong


def main():
    folder, files = pathlib.Path(sys.argv[1]), sys.argv[2:]
    schemas = registry(folder)
    validators = {}
    sound = collections.Counter()
    broken = 0
    for file in files:
        with open(file, encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                report = json.loads(line)
                wrong = faults(report, validators, schemas)
                for fault in wrong:
                    print(f"{file}:{number}: {fault}")
                if wrong:
                    broken += 1
                else:
                    sound[f"{report['category']}/{report['type']}"] += 1
    for kind, count in sorted(sound.items()):
        print(f"{count:6} {kind}")
    return 1 if broken or not sound else 0


if __name__ == "__main__":
    sys.exit(main())
