#!/usr/bin/env python3
"""Whether verify.py names the file that was altered: python3 test_verify.py (needs nothing but Python and the samples)."""
import contextlib, pathlib, random, shutil, sys, tempfile, unittest

sys.dont_write_bytecode = True
import verify

SAMPLES = pathlib.Path(__file__).resolve().parent.parent / "samples"
VKEY = (SAMPLES / "vkey").read_text().strip()
NEEDED = ["checkpoint", "tile/0/000", "tile/0/001.p/3", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/3"]


def faults(folder, *more, vkey=VKEY):
    verify.FAULTS.clear()
    sys.argv = ["verify.py", str(folder), vkey, "--now", "1400000000000000", *more]
    verify.main()
    return list(verify.FAULTS)


class Verify(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.log = pathlib.Path(place.name) / "log"
        shutil.copytree(SAMPLES / "log", self.log)

    @contextlib.contextmanager
    def altered(self, path, change):
        good = (self.log / path).read_bytes()
        (self.log / path).write_bytes(change(good))
        yield
        (self.log / path).write_bytes(good)

    def test_the_sample_is_sound(self):
        self.assertEqual(faults(self.log, "--earlier", str(SAMPLES / "earlier-checkpoint")), [])

    def test_an_altered_byte_is_named_with_its_file(self):
        pick = random.Random(7)
        for path in NEEDED:
            length = (self.log / path).stat().st_size
            for at in [0, length - 1, *(pick.randrange(length) for _ in range(20))]:
                with self.altered(path, lambda good: good[:at] + bytes([good[at] ^ 1 << pick.randrange(8)]) + good[at + 1:]):
                    found = faults(self.log)
                    self.assertTrue(found and any(line.startswith(path) for line in found), (path, at, found))

    def test_a_cut_longer_or_missing_file_is_named(self):
        for path in NEEDED:
            for change in (lambda good: good[:-1], lambda good: b"", lambda good: good + b"\0"):
                with self.altered(path, change):
                    found = faults(self.log)
                    self.assertTrue(any(line.startswith(path) for line in found), (path, found))
            moved = self.log / path
            good = moved.read_bytes()
            moved.unlink()
            self.assertTrue(any(line.startswith(path) for line in faults(self.log)), path)
            moved.write_bytes(good)

    def test_another_key_does_not_count(self):
        other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        for vkey in (other, VKEY[:-1], VKEY.replace("sample", "simple"), ""):
            self.assertTrue(faults(self.log, vkey=vkey), vkey)

    def test_a_shorter_log_is_held_against_the_kept_checkpoint(self):
        shutil.copy(SAMPLES / "earlier-checkpoint", self.log / "checkpoint")
        found = faults(self.log, "--earlier", str(SAMPLES / "log" / "checkpoint"))
        self.assertEqual(len(found), 1)
        self.assertIn("ledger-history-shrunk", found[0])

    def test_leaves_must_be_canonical(self):
        good = '{"at":-5,"facts":{"count":839,"e":[],"x":"share\\u0001\\n/\u65e5"},"id":"%s","kind":"recorded","v":1}'
        good %= "01900000-0000-7000-8000-000000000001"
        self.assertEqual(verify.parse(good.encode())["facts"]["count"], 839)
        for old, new in [
            (":{", ": {"), ('"v":1', '"v":2'), ('"v":1', '"v":true'), ('"v":1', '"v":1.0'), ('"v":1', '"v":1,"x":1'),
            ("839", "839.0"), ("839", "-0"), ("839", "9223372036854775808"), ("839", "NaN"), ("839", "null"), ("839", "[1]"),
            ('"at"', '"at":1,"at"'), ("share", "sh\\u0061re"), ("share", "\\ud800"), ("/", "\\/"), ("recorded", "record"),
            ("0000-", "0000"), ("-7000", "-700A"), ('"facts"', '"decision":null,"facts"'), ("}", "}}"), ("}", ""), (good, ""),
        ]:
            self.assertIn(old, good)
            with self.assertRaises((ValueError, KeyError), msg=new):
                verify.parse(good.replace(old, new, 1).encode("utf-8", "surrogatepass"))

    def test_the_signature_algorithm_against_rfc_8032(self):
        # Section 7.1, tests 2 and 3.
        for key, message, signature in [
            ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
             "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
             "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
            ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
             "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
             "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
        ]:
            key, message, signature = (bytes.fromhex(it) for it in (key, message, signature))
            self.assertTrue(verify.ed25519(key, message, signature))
            self.assertFalse(verify.ed25519(key, message + b"\0", signature))
            self.assertFalse(verify.ed25519(key, message, signature[:-1] + b"\x10"))


if __name__ == "__main__":
    unittest.main()
