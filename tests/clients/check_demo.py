"""Holds the demo's tables against the published ones, and what it left behind against what it says.

Usage: check_demo.py TABLES.json DIRECTORY
"""

import json
import pathlib
import sys

PUBLISHED = {
    # received, sent, returned, rate in permille; the last line is the total.
    "goz-2014": [
        (1_320, 839, 481, 636),
        (19_482, 13_028, 6_454, 669),
        (46_718, 31_725, 14_993, 679),
        (88_001, 58_647, 29_354, 666),
        (155_521, 104_239, 51_282, 670),
    ],
    "vawtrak-2015": [(43_565, 33_196, 10_369, 762)] * 2,
}


def main() -> None:
    tables = json.load(open(sys.argv[1], encoding="utf-8"))
    home = pathlib.Path(sys.argv[2])
    found = {one["operation"]: one for one in tables["operations"]}
    assert set(found) == set(PUBLISHED), sorted(found)
    letters = 0
    for name, expected in PUBLISHED.items():
        rounds = found[name]["rounds"]
        assert len(rounds) == len(expected), (name, len(rounds))
        for row, (received, sent, returned, rate) in zip(rounds, expected):
            here = row["here"]
            handling, intake, ladder = here["handling"], here["intake"], here["ladder"]
            got = (handling["received"], handling["sent"], handling["returned"], here["routing_permille"])
            assert got == (received, sent, returned, rate), (name, row["round"], got)
            assert handling["withheld"] == 0 and row["equal"] is True, row
            assert intake["read"] == intake["rejected"] + intake["duplicate"] + intake["received"], intake
            assert handling["received"] == handling["sent"] + handling["returned"] + handling["withheld"], handling
            assert ladder["sent"] >= ladder["acknowledged"] >= ladder["identified"] >= ladder["told"] >= ladder["cleaned"]
            assert ladder["acknowledged"] == sent and ladder["cleaned"] > 0, ladder
            assert sum(count for _, count in here["outcomes"]) == sent, here["outcomes"]
        assert all(step["ground"] in ("necessity", "not-secret") for step in found[name]["steps"]), found[name]["steps"]
        letters += sum(partner["letters"] for partner in found[name]["partners"])
    mails = list(home.glob("isp-*/mail/*.eml"))
    assert len(mails) == letters > 0, (len(mails), letters)
    assert tables["ledger"]["verified"] is True
    assert (home / "report.html").stat().st_size > 1_000

    # Nothing that the hub ever holds names a subscriber: references look like C07-0001234, their mail like user1234@.
    for path in sorted((home / "clearing-house").rglob("*")):
        if path.is_file():
            held = path.read_bytes()
            for mark in (b"C00-0", b"C01-0", b"C07-0", b"user1@", b"user12@"):
                assert mark not in held, (path, mark)
    print(f"tables equal to the digit; {letters} notices; the hub holds no subscriber")


if __name__ == "__main__":
    main()
