"""Holds MISP events against the library of the MISP project (PyPI `pymisp`): its types and categories, its object templates.

    python3 tests/clients/check_misp.py FILE...

Prints each fault; the exit status is 1 where there was one, or nothing to look at.
"""

import collections
import json
import pathlib
import sys

import pymisp

DATA = pathlib.Path(pymisp.__file__).parent / "data"


def template(name):
    """The official template of an object."""
    file = DATA / "misp-objects" / "objects" / name / "definition.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def faults(text, seen):
    """What is wrong with an event."""
    event = pymisp.MISPEvent(strict_validation=True)
    event.load(text)
    ids = collections.Counter(str(one.uuid) for one in [event, *event.attributes, *event.objects])
    ids.update(str(one.uuid) for parent in event.objects for one in parent.attributes)
    yield from (f"{name} stands {times} times" for name, times in ids.items() if times > 1)
    # As written: the library mends what does not belong together.
    mappings = event.describe_types["category_type_mappings"]
    for one in json.loads(text)["Event"].get("Object", []):
        for attribute in one["Attribute"]:
            if attribute["type"] not in mappings.get(attribute["category"], []):
                yield f"{attribute['uuid']}: {attribute['type']} does not belong to {attribute['category']}"
    for one in event.objects:
        seen[one.name] += 1
        official = template(one.name)
        if official is None or official["uuid"] != one.template_uuid:
            yield f"{one.uuid}: no official template"
            continue
        if official["version"] != int(one.template_version):
            yield f"{one.uuid}: version {one.template_version} of {one.name}, there is {official['version']}"
        relations = {attribute.object_relation for attribute in one.attributes}
        if not relations & set(official.get("requiredOneOf", relations)):
            yield f"{one.uuid}: none of what {one.name} requires"
        for attribute in one.attributes:
            wanted = official["attributes"].get(attribute.object_relation)
            if wanted is None:
                yield f"{attribute.uuid}: {one.name} has no {attribute.object_relation}"
            elif wanted["misp-attribute"] != attribute.type:
                yield f"{attribute.uuid}: {attribute.object_relation} is {wanted['misp-attribute']}, not {attribute.type}"


def main():
    seen, wrong = collections.Counter(), False
    for file in sys.argv[1:]:
        try:
            found = list(faults(pathlib.Path(file).read_text(encoding="utf-8"), seen))
        except Exception as fault:
            found = [f"{type(fault).__name__}: {str(fault)[:500]}"]
        for fault in found:
            print(f"{file}: {fault}")
            wrong = True
    print(", ".join(f"{kind} {times}" for kind, times in sorted(seen.items())))
    sys.exit(1 if wrong or not seen else 0)


main()
