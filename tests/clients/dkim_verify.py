"""Verifies the DKIM signature of a mail with dkimpy, the DNS being a file.

    dkim_verify.py <mail.eml> <name of the key in the DNS> <file with its TXT record>

Ends with 0 and `good` for a good signature, with 1 and `bad` for a bad one.
"""

import pathlib
import sys

try:
    import dkim
    import nacl  # noqa: F401  dkimpy wants it for Ed25519 and says so only when it verifies.
except ImportError:
    print(
        "dkimpy or PyNaCl is missing; install them with\n"
        "  python3 -m venv .venv && .venv/bin/pip install -r tests/clients/requirements.txt\n"
        "and set NOROSHI_TEST_PYTHON to .venv/bin/python",
        file=sys.stderr,
    )
    sys.exit(3)

mail, name, record = sys.argv[1:]


def lookup(asked, timeout=5):
    asked = asked.decode() if isinstance(asked, bytes) else asked
    return pathlib.Path(record).read_bytes().strip() if asked.rstrip(".") == name else None


good = dkim.verify(pathlib.Path(mail).read_bytes(), dnsfunc=lookup)
print("good" if good else "bad")
sys.exit(0 if good else 1)
