"""Conformance of a stand-in with the written facts about both vendors' APIs, over raw HTTP.

Shares no code with the emulator or the client. Reads EMULATOR_URL, EMULATOR_API_KEY, EMULATOR_SECRET,
EMULATOR_CLIENT_ID and EMULATOR_CLIENT_SECRET; needs an emulator of its own, whose options and clock it
moves. Prints a line per check; exit status 1 when one fails.
"""

import base64
import json
import os
import struct
import sys
import traceback
import uuid
import zlib

from wire import legacy, requests, send, sign  # noqa: F401 - the checks take them from here

URL = os.environ["EMULATOR_URL"].rstrip("/")
KEY = os.environ["EMULATOR_API_KEY"]
SECRET = os.environ["EMULATOR_SECRET"]
CLIENT_ID = os.environ["EMULATOR_CLIENT_ID"]
CLIENT_SECRET = os.environ["EMULATOR_CLIENT_SECRET"]
WEBHOOK_PORT = int(os.environ.get("EMULATOR_WEBHOOK_PORT", "0"))

CHECKS = []


def check(title):
    def keep(function):
        CHECKS.append((title, function))
        return function

    return keep


def eq(got, want, what=""):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


# --- fixtures -----------------------------------------------------------------------------------------


def jpeg(width=1280, height=960, note=b""):
    comment = b"\xff\xfe" + struct.pack(">H", len(note) + 2) + note
    sof = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00"
    return b"\xff\xd8" + comment + sof + b"\xff\xd9"


def png(width=8, height=8):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\x00" + b"\x80" * width for _ in range(height))
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def webp(width, height):
    data = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return b"RIFF" + struct.pack("<I", len(data) + 4) + b"WEBP" + data


def heic(width, height):
    def box(kind, data):
        return struct.pack(">I", len(data) + 8) + kind + data

    ispe = box(b"ispe", b"\0\0\0\0" + struct.pack(">II", width, height))
    return box(b"ftyp", b"heic\0\0\0\0mif1heic") + box(b"meta", b"\0\0\0\0" + box(b"iprp", box(b"ipco", ispe)))


PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def data_uri(data, kind="image/jpeg"):
    return f"data:{kind};base64," + base64.b64encode(data).decode()


# --- the two ways of asking ---------------------------------------------------------------------------


def veriff(method, path, body=None, signed=True, message=None, key=KEY, secret=SECRET, headers=None):
    text = "" if body is None else body if isinstance(body, (str, bytes)) else json.dumps(body)
    sent = {"Content-Type": "application/json"}
    if key is not None:
        sent["X-AUTH-CLIENT"] = key
    if signed:
        if message is None:
            message = (path.split("/") + [""])[3] if method in ("GET", "DELETE") else text
        sent["X-HMAC-SIGNATURE"] = sign(secret, message)
    sent.update(headers or {})
    return send(method, URL + path, sent, text)


def control(method, path, body=None):
    answer = send(method, f"{URL}/__emulator/{path}", {"Content-Type": "application/json"}, json.dumps(body) if body is not None else b"")
    eq(answer.status, 200, f"control {path}: {answer}")
    return answer.json()


class options:
    """Options for the length of one check."""

    def __init__(self, **changes):
        self.changes = changes

    def __enter__(self):
        before = control("GET", "options")
        self.before = {name: before[name] for name in self.changes}
        control("PATCH", "options", self.changes)

    def __exit__(self, *_):
        control("PATCH", "options", self.before)


def create(first_name=None, **verification):
    if first_name:
        verification["person"] = {"firstName": first_name, "lastName": "Doe"}
    answer = veriff("POST", "/v1/sessions", {"verification": verification})
    eq(answer.status, 201, f"create: {answer}")
    return answer.json()["verification"]


def upload(session, context="document-front", content=None, **more):
    image = {"context": context, "content": data_uri(jpeg()) if content is None else content, **more}
    return veriff("POST", f"/v1/sessions/{session}/media", {"image": image})


def submit(session):
    return veriff("PATCH", f"/v1/sessions/{session}", {"verification": {"status": "submitted"}})


def refused(answer, status, code):
    eq(answer.status, status, f"status of {answer}")
    body = answer.json()
    eq(body["code"], code, f"code of {answer}")
    eq(body["status"], "fail", "envelope")
    assert isinstance(body["message"], str) and body["message"], body


def fresh():
    return str(uuid.uuid4())


from checks_veriff import *  # noqa: E402,F403
from checks_transmit import *  # noqa: E402,F403


def main():
    failed = 0
    for title, function in CHECKS:
        try:
            # Time passes only when a check says so, however slow the machine is.
            control("POST", "clock", {"reset": True, "freeze": True})
            function()
            print(f"ok    {title}")
        except Exception:
            failed += 1
            print(f"FAIL  {title}")
            traceback.print_exc(limit=3, file=sys.stdout)
    transport = "requests" if requests else "http.client"
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} checks passed ({transport})")
    return 1 if failed else 0
