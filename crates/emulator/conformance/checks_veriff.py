"""Part 1 of the facts: Veriff."""

import base64
import hashlib
import http.client
import http.server
import threading
import time
import urllib.parse
import uuid

from suite import (
    KEY, PDF, SECRET, URL, WEBHOOK_PORT, check, control, create, data_uri, eq, fresh, heic, jpeg, json,
    legacy, options, png, refused, send, sign, submit, upload, veriff, webp,
)

__all__ = []

# --- 1.1, 1.2: headers and signatures -----------------------------------------------------------------


@check("an unknown route is 404/1101")
def _():
    refused(veriff("GET", "/v1/nothing"), 404, "1101")
    refused(send("GET", URL + "/v1/v1/sessions"), 404, "1101")
    refused(veriff("PUT", f"/v1/sessions/{fresh()}"), 404, "1101")


@check("no API key is 401/1801, or 1101 by switch")
def _():
    refused(veriff("POST", "/v1/sessions", {"verification": {}}, key=None), 401, "1801")
    with options(missing_key_code="1101"):
        refused(veriff("POST", "/v1/sessions", {"verification": {}}, key=None), 401, "1101")


@check("a key that is no UUID is 1802, an unknown one 1803, an inactive one 1804")
def _():
    refused(veriff("POST", "/v1/sessions", {"verification": {}}, key="not-a-key"), 401, "1802")
    refused(veriff("POST", "/v1/sessions", {"verification": {}}, key=fresh()), 401, "1803")
    with options(integration_active=False):
        refused(veriff("POST", "/v1/sessions", {"verification": {}}), 401, "1804")


@check("header names are compared without case")
def _():
    text = '{"verification":{}}'
    answer = send("POST", URL + "/v1/sessions", {"x-AuTh-cLiEnT": KEY, "x-hmac-signature": sign(SECRET, text)}, text)
    eq(answer.status, 201)


@check("POST /sessions needs no signature, but a wrong one is refused")
def _():
    eq(veriff("POST", "/v1/sessions", {"verification": {}}, signed=False).status, 201)
    refused(veriff("POST", "/v1/sessions", {"verification": {}}, message="other"), 401, "1819")


@check("every other route needs one: 401/1815")
def _():
    s = create()["id"]
    for method, path in [
        ("PATCH", f"/v1/sessions/{s}"), ("DELETE", f"/v1/sessions/{s}"), ("POST", f"/v1/sessions/{s}/media"),
        ("GET", f"/v1/sessions/{s}/media"), ("GET", f"/v1/sessions/{s}/attempts"), ("GET", f"/v1/sessions/{s}/decision"),
        ("GET", f"/v1/sessions/{s}/person"), ("GET", f"/v1/sessions/{s}/watchlist-screening"),
        ("POST", f"/v1/sessions/{s}/collected-data"), ("GET", f"/v1/attempts/{s}/media"), ("GET", f"/v1/media/{s}"),
    ]:
        refused(veriff(method, path, "{}" if method in ("POST", "PATCH") else None, signed=False), 401, "1815")


@check("a signature that is not 64 hex digits is 1812")
def _():
    s = create()["id"]
    for wrong in ["abc", "z" * 64, sign(SECRET, s)[:52]]:
        refused(veriff("GET", f"/v1/sessions/{s}/media", headers={"X-HMAC-SIGNATURE": wrong}), 401, "1812")


@check("a wrong signature is 1818 over an id and 1819 over a body")
def _():
    s = create()["id"]
    refused(veriff("GET", f"/v1/sessions/{s}/media", message=""), 401, "1818")
    refused(veriff("GET", f"/v1/sessions/{s}/media", message=s.upper()), 401, "1818")
    refused(veriff("DELETE", f"/v1/sessions/{s}", message="x"), 401, "1818")
    refused(veriff("POST", f"/v1/sessions/{s}/media", "{}", message="{ }"), 401, "1819")
    refused(veriff("PATCH", f"/v1/sessions/{s}", "{}", message="{}\n"), 401, "1819")
    refused(veriff("GET", f"/v1/sessions/{s}/media", secret="another"), 401, "1818")


@check("signatures of either case are accepted")
def _():
    s = create()["id"]
    eq(veriff("GET", f"/v1/sessions/{s}/media", headers={"X-HMAC-SIGNATURE": sign(SECRET, s).upper()}).status, 200)


@check("attempt and media routes sign their own id, not the session's")
def _():
    s = create()["id"]
    media = upload(s).json()["image"]["id"]
    attempt = veriff("GET", f"/v1/sessions/{s}/attempts").json()["verifications"][0]["id"]
    eq(veriff("GET", f"/v1/attempts/{attempt}/media").status, 200)
    refused(veriff("GET", f"/v1/attempts/{attempt}/media", message=s), 401, "1818")
    eq(veriff("GET", f"/v1/media/{media}").status, 200)
    refused(veriff("GET", f"/v1/media/{media}", message=s), 401, "1818")


@check("the retired X-SIGNATURE is accepted, answered in kind, and refused with 1813/1814")
def _():
    s = create()["id"]
    path = f"/v1/sessions/{s}/media"
    answer = veriff("GET", path, signed=False, headers={"X-SIGNATURE": legacy(SECRET, s)})
    eq(answer.status, 200)
    eq(answer.headers["x-signature"], legacy(SECRET, answer.content))
    refused(veriff("GET", path, signed=False, headers={"X-SIGNATURE": "0" * 64}), 401, "1813")
    refused(veriff("POST", path, "{}", signed=False, headers={"X-SIGNATURE": "0" * 64}), 401, "1814")
    with options(legacy_signatures=False):
        refused(veriff("GET", path, signed=False, headers={"X-SIGNATURE": legacy(SECRET, s)}), 401, "1815")


@check("answers are signed over their exact bytes, 401 ones are not")
def _():
    s = create()["id"]
    media = upload(s).json()["image"]["id"]
    for answer in [
        veriff("POST", "/v1/sessions", {"verification": {}}), upload(s), upload(s, context="selfie"),
        veriff("GET", f"/v1/sessions/{s}/media"), veriff("GET", f"/v1/media/{media}"),
        veriff("GET", f"/v1/sessions/{fresh()}/media"), veriff("GET", "/v1/nothing"),
    ]:
        eq(answer.headers["x-hmac-signature"], sign(SECRET, answer.content), repr(answer))
        eq(answer.headers["x-auth-client"], KEY)
    answer = veriff("GET", f"/v1/sessions/{s}/media", message="x")
    eq(answer.status, 401)
    assert "x-hmac-signature" not in answer.headers
    eq(answer.headers["x-auth-client"], KEY)


@check("the header family of signatures is a switch")
def _():
    s = create()["id"]
    with options(signature_headers="vrf"):
        answer = veriff("GET", f"/v1/sessions/{s}/media")
        eq(answer.headers["vrf-hmac-signature"], sign(SECRET, answer.content))
        assert "x-hmac-signature" not in answer.headers
    with options(signature_headers="both"):
        answer = veriff("GET", f"/v1/sessions/{s}/media")
        eq(answer.headers["vrf-hmac-signature"], answer.headers["x-hmac-signature"])
    with options(signature_headers="none"):
        assert not any("signature" in h for h in veriff("GET", f"/v1/sessions/{s}/media").headers)


# --- 1.3.1: create ------------------------------------------------------------------------------------


@check("create answers 201 with id, url, host, status, sessionToken")
def _():
    v = create(vendorData="cust-4411")
    uuid.UUID(v["id"])
    eq(v["status"], "created")
    eq(v["vendorData"], "cust-4411")
    assert v["url"] and v["host"] and v["sessionToken"] and v["endUserId"] is None
    with options(host_field="baseUrl"):
        v = create()
        assert v["baseUrl"] and "host" not in v and v["vendorData"] is None


@check("create judges callback, vendorData, dates and document numbers")
def _():
    def post(**v):
        return veriff("POST", "/v1/sessions", {"verification": v})

    refused(post(callback="http://example.test"), 400, "1302")
    eq(post(callback="https://example.test").status, 201)
    eq(post(vendorData="x" * 1000).status, 201)
    refused(post(vendorData="x" * 1001), 400, "1500")
    refused(post(vendorData=7), 400, "1501")
    refused(post(person={"dateOfBirth": "1.2.2000"}), 400, "1203")
    eq(post(person={"dateOfBirth": "2000-02-29"}).status, 201)
    refused(post(document={"number": "AB-1"}), 400, "2102")
    refused(post(timestamp="yesterday"), 400, "1202")
    refused(post(timestamp="2020-01-01T00:00:00.000Z"), 400, "1201")
    refused(veriff("POST", "/v1/sessions", "{}"), 400, "1102")
    refused(veriff("POST", "/v1/sessions", "not json"), 400, "1102")


@check("unicode in a body is signed as UTF-8")
def _():
    text = '{"verification":{"vendorData":"Zo\u00eb-7"}}'
    answer = veriff("POST", "/v1/sessions", text.encode(), message=text)
    eq(answer.json()["verification"]["vendorData"], "Zo\u00eb-7")


# --- ids ----------------------------------------------------------------------------------------------


@check("ids in paths: length 1001, form 1002, unknown 404")
def _():
    for path in ["/v1/sessions/{}/media", "/v1/sessions/{}/attempts", "/v1/attempts/{}/media", "/v1/media/{}", "/v1/sessions/{}/decision"]:
        refused(veriff("GET", path.format("short")), 400, "1001")
        refused(veriff("GET", path.format("x" * 41)), 400, "1001")
        refused(veriff("GET", path.format("a1b2c3d4-e5f6-4g7h-8i9j-0k1l2m3n4o5p")), 400, "1002")
        refused(veriff("GET", path.format(fresh())), 404, "1101")
    with options(check_ids=False):
        refused(veriff("GET", "/v1/media/a1b2c3d4-e5f6-4g7h-8i9j-0k1l2m3n4o5p"), 404, "1101")


# --- 1.3.4: upload ------------------------------------------------------------------------------------


@check("an upload answers 200 with all fields")
def _():
    s = create()["id"]
    photo = jpeg(note=b"fields")
    answer = upload(s, "document-back", data_uri(photo))
    eq(answer.status, 200)
    image = answer.json()["image"]
    uuid.UUID(image["id"])
    eq({k: image[k] for k in ("name", "context", "timestamp", "size", "mimetype", "sessionId")}, {
        "name": "document-back", "context": "document-back", "timestamp": None, "size": len(photo),
        "mimetype": "image/jpeg", "sessionId": s,
    })
    assert image["url"].endswith("/v1/media/" + image["id"])
    eq(veriff("GET", "/v1/media/" + image["id"]).content, photo)


@check("the mimetype is the content's, whatever the prefix says; raw base64 is accepted")
def _():
    s = create()["id"]
    for data, mime in [(png(), "image/png"), (webp(9, 9), "image/webp"), (heic(9, 9), "image/heic"), (PDF, "application/pdf")]:
        eq(upload(s, content=data_uri(data, "image/jpg")).json()["image"]["mimetype"], mime)
    raw = base64.b64encode(jpeg()).decode()
    eq(upload(s, content=raw).status, 200)
    with options(require_data_uri=True):
        refused(upload(s, content=raw), 400, "1401")


@check("upload refusals: 1403, 1400, 1401, 1402, 1104")
def _():
    s = create()["id"]
    path = f"/v1/sessions/{s}/media"
    for body in ["not json", "{}", '{"image":null}', "[]"]:
        refused(veriff("POST", path, body), 400, "1403")
    refused(veriff("POST", path, {"image": {"context": "face"}}), 400, "1400")
    for content in ["", "data:image/jpeg;base64,"]:
        refused(upload(s, content=content), 400, "1400")
    for content in ["!!!!", "data:image/jpeg,AAAA", "data:image/jpeg;base64", "QUJ", "QU JD", 7]:
        refused(upload(s, content=content), 400, "1401")
    for context in ["selfie", "", "selfid_video", "FACE"]:
        refused(upload(s, context), 400, "1402")
    refused(veriff("POST", path, {"image": {"content": data_uri(jpeg())}}), 400, "1402")
    refused(upload(s, content=data_uri(b"GIF89a......")), 400, "1104")
    eq(veriff("GET", path).json()["images"], [], "nothing of it was kept")
    with options(media="any"):
        eq(upload(s, content=data_uri(b"anything")).status, 200)


@check("every uploadable context of the three lists is accepted")
def _():
    s = create()["id"]
    for context in (
        "document-front document-front-pre document-back document-back-pre document-and-face document-and-face-pre face face-pre "
        "face-nfc face-reference address-front document-front-face-cropped face-cropped registry-face document-front-qrcode "
        "document-front-qrcode-pre document-back-qrcode document-back-qrcode-pre document-back-barcode document-back-barcode-pre "
        "document-front-with-signature document-front-with-signature-pre generic-document-front"
    ).split():
        eq(upload(s, context).json()["image"]["context"], context)


@check("timestamps: 1202 for the form, 1201 for the age")
def _():
    s = create()["id"]
    now = control("GET", "clock")["now"]
    eq(upload(s, timestamp=now).status, 200)
    eq(upload(s, timestamp=now[:19] + "+00:00").status, 200)
    eq(upload(s, timestamp=None).status, 200)
    refused(upload(s, timestamp="2020-01-01T00:00:00.000Z"), 400, "1201")
    for wrong in ["yesterday", "2026-13-01T00:00:00Z", "2026-01-01 00:00:00", "", 7]:
        refused(upload(s, timestamp=wrong), 400, "1202")


@check("the checks come in order: key, signature, id, existence, body, state")
def _():
    s = create()["id"]
    submit(s)
    refused(veriff("POST", "/v1/sessions/short/media", "junk", key=None, message="x"), 401, "1801")
    refused(veriff("POST", "/v1/sessions/short/media", "junk", message="x"), 401, "1819")
    refused(veriff("POST", "/v1/sessions/short/media", "junk"), 400, "1001")
    refused(veriff("POST", f"/v1/sessions/{fresh()}/media", "junk"), 404, "1101")
    refused(veriff("POST", f"/v1/sessions/{s}/media", "junk"), 400, "1403")
    refused(upload(s), 409, "1304")


@check("a body over the limit is 413, as JSON or as a gateway's page")
def _():
    s = create()["id"]
    with options(body_limit=10_000):
        refused(upload(s, content=data_uri(b"\xff\xd8\xff" + b"x" * 20_000)), 413, "1104")
        with options(too_large_body="html"):
            answer = upload(s, content=data_uri(b"\xff\xd8\xff" + b"x" * 20_000))
            eq((answer.status, answer.headers["content-type"]), (413, "text/html"))
    eq(upload(s).status, 200, "the next request is answered")


@check("24 MB of base64 and a 20 MB PDF pass")
def _():
    s = create()["id"]
    big = jpeg() + b"\0" * (17_000_000 - len(jpeg()))
    eq(upload(s, content=data_uri(big)).json()["image"]["size"], 17_000_000)
    pdf = PDF + b"%" * (20_000_000 - len(PDF))
    with options(media="strict"):
        eq(upload(s, "address-front", data_uri(pdf, "application/pdf")).json()["image"]["size"], 20_000_000)
        refused(upload(s, "address-front", data_uri(pdf + b"%", "application/pdf")), 400, "1104")
        refused(upload(s, content=data_uri(big + b"\0")), 400, "1104")


@check("strict mode: no side over 1920 in any format, formats by switch")
def _():
    s = create()["id"]
    with options(media="lenient"):
        for make in [jpeg, png, webp, heic]:
            eq(upload(s, content=data_uri(make(1921, 100))).status, 200, "lenient")
    eq(control("GET", "options")["media"], "strict", "the default")
    with options(media="strict"):
        for make in [jpeg, png, webp, heic]:
            eq(upload(s, content=data_uri(make(1920, 100))).status, 200, make.__name__)
            refused(upload(s, content=data_uri(make(1921, 100))), 400, "1104")
            refused(upload(s, content=data_uri(make(100, 1921))), 400, "1104")
        eq(upload(s, content=data_uri(PDF)).status, 200)
        with options(pdf_enabled=False, heic_enabled=False):
            refused(upload(s, content=data_uri(PDF)), 400, "1104")
            refused(upload(s, content=data_uri(heic(9, 9))), 400, "1104")


@check("the same context may be uploaded again, each with an id of its own")
def _():
    s = create()["id"]
    ids = {upload(s, "face").json()["image"]["id"] for _ in range(3)}
    eq(len(ids), 3)
    ledger = next(x for x in control("GET", "ledger")["sessions"] if x["id"] == s)
    media = ledger["attempts"][0]["media"]
    eq(len(media), 3)
    eq(media[0]["sha256"], hashlib.sha256(jpeg()).hexdigest())
    eq([bool(m["duplicate_of"]) for m in media], [False, True, True])
    eq(sorted(m["order"] for m in media), [m["order"] for m in media])


# --- 1.3.5 .. 1.3.7: listings -------------------------------------------------------------------------


@check("listings hold what was uploaded, with empty videos")
def _():
    s = create()["id"]
    eq(veriff("GET", f"/v1/sessions/{s}/media").json(), {"status": "success", "images": [], "videos": []})
    ids = {upload(s, c).json()["image"]["id"] for c in ("face", "document-front", "document-back")}
    listed = veriff("GET", f"/v1/sessions/{s}/media").json()
    eq({i["id"] for i in listed["images"]}, ids)
    eq(listed, veriff("GET", f"/v1/sessions/{s}/media").json(), "the order is stable")
    attempt = veriff("GET", f"/v1/sessions/{s}/attempts").json()["verifications"]
    eq([a["status"] for a in attempt], ["started"])
    eq(veriff("GET", f"/v1/attempts/{attempt[0]['id']}/media").json()["images"], listed["images"])


# --- 1.3.2: submit ------------------------------------------------------------------------------------


@check("submit answers 200 with the session; codes 1102, 1303, 1304")
def _():
    s = create(vendorData="v")["id"]
    path = f"/v1/sessions/{s}"
    refused(veriff("PATCH", path, "{}"), 400, "1102")
    refused(veriff("PATCH", path, {"verification": {"status": "done"}}), 400, "1303")
    answer = submit(s)
    eq(answer.status, 200)
    eq((answer.json()["verification"]["status"], answer.json()["verification"]["vendorData"]), ("submitted", "v"))
    refused(submit(s), 409, "1304")
    with options(resubmit_status=400):
        refused(submit(s), 400, "1304")


@check("submission may ask for contexts, by switch")
def _():
    s = create()["id"]
    with options(submit_requires=["document-front", "face"]):
        refused(submit(s), 400, "1102")
        upload(s, "document-front"), upload(s, "face")
        eq(submit(s).status, 200)


@check("the conflict's status and code are switches")
def _():
    s = create()["id"]
    submit(s)
    with options(conflict_status=400, conflict_code="1104"):
        refused(upload(s), 400, "1104")


# --- decisions and time -------------------------------------------------------------------------------


@check("first names steer the decision; before it the answer is null")
def _():
    for name, status, code in [
        ("Approve", "approved", 9001), ("approved", "approved", 9001), ("Decline", "declined", 9102), ("Declined", "declined", 9102),
        ("Resubmit", "resubmission_requested", 9103), ("Resubmission", "resubmission_requested", 9103),
    ]:
        s = create(name)["id"]
        upload(s)
        submit(s)
        eq(veriff("GET", f"/v1/sessions/{s}/decision").json(), {"status": "success", "verification": None})
        control("POST", "clock", {"advance": "2s"})
        v = veriff("GET", f"/v1/sessions/{s}/decision").json()["verification"]
        eq((v["id"], v["status"], v["code"], v["person"]["firstName"]), (s, status, code, name))
        assert "attemptId" in v and "additionalVerifiedData" in v


@check("other names wait for a decision by hand")
def _():
    s = create("Ann")["id"]
    submit(s)
    control("POST", "clock", {"advance": "1h"})
    eq(veriff("GET", f"/v1/sessions/{s}/decision").json()["verification"], None)
    control("POST", "decide", {"session": s, "decision": "review"})
    eq(veriff("GET", f"/v1/sessions/{s}/decision").json()["verification"]["code"], 9121)


@check("a resubmission opens a second attempt in the same session")
def _():
    s = create("Resubmit")["id"]
    first = upload(s).json()["image"]["id"]
    submit(s)
    control("POST", "clock", {"advance": "2s"})
    second = upload(s).json()["image"]["id"]
    attempts = veriff("GET", f"/v1/sessions/{s}/attempts").json()["verifications"]
    eq([a["status"] for a in attempts], ["resubmission_requested", "started"])
    eq([i["id"] for i in veriff("GET", f"/v1/sessions/{s}/media").json()["images"]], [second], "the latest attempt only")
    eq([i["id"] for i in veriff("GET", f"/v1/attempts/{attempts[0]['id']}/media").json()["images"]], [first])
    eq(submit(s).status, 200)


@check("the tenth attempt is declined with reason 539")
def _():
    s = create("Resubmit")["id"]
    for _ in range(10):
        eq(upload(s).status, 200)
        eq(submit(s).status, 200)
        control("POST", "clock", {"advance": "2s"})
    v = veriff("GET", f"/v1/sessions/{s}/decision").json()["verification"]
    eq((v["status"], v["reasonCode"]), ("declined", 539))


@check("sessions end after seven days: expired unopened, abandoned when started, both 9104")
def _():
    untouched, started = create()["id"], create()["id"]
    upload(started)
    control("POST", "clock", {"advance": "8d"})
    for s, status in [(untouched, "expired"), (started, "abandoned")]:
        v = veriff("GET", f"/v1/sessions/{s}/decision").json()["verification"]
        eq((v["status"], v["code"]), (status, 9104))
        refused(upload(s), 409, "1304")
    control("POST", "clock", {"reset": True})


@check("person and watchlist answers have their wrappers")
def _():
    s = create("Ann")["id"]
    person = veriff("GET", f"/v1/sessions/{s}/person").json()["person"]
    eq((person["firstName"], person["pepSanctionMatches"]), ("Ann", []))
    data = veriff("GET", f"/v1/sessions/{s}/watchlist-screening").json()["data"]
    eq((data["sessionId"], data["matchStatus"], data["totalHits"], data["hits"]), (s, "no_match", 0, []))


# --- 1.3.3: delete ------------------------------------------------------------------------------------


@check("deletion is off by default (404, or 401/1815 by switch)")
def _():
    s = create()["id"]
    refused(veriff("DELETE", f"/v1/sessions/{s}"), 404, "1101")
    with options(delete_disabled_status=401):
        refused(veriff("DELETE", f"/v1/sessions/{s}"), 401, "1815")


@check("deletion: states, numeric status, 404 afterwards, five an hour and ten a day")
def _():
    control("POST", "clock", {"advance": "2d"})

    def delete(s):
        return veriff("DELETE", f"/v1/sessions/{s}")

    with options(delete_enabled=True):
        s = create("Ann")["id"]
        media = upload(s).json()["image"]["id"]
        submit(s)
        answer = delete(s)
        eq((answer.status, answer.json()["status"], answer.code), (400, 400, "1305"))
        control("POST", "decide", {"session": s, "decision": "approved"})
        answer = delete(s)
        eq((answer.status, answer.json()), (200, {"status": "success", "verification": {"id": s}}))
        for path in [f"/v1/sessions/{s}/media", f"/v1/media/{media}", f"/v1/sessions/{s}/decision"]:
            refused(veriff("GET", path), 404, "1101")
        eq(delete(s).status, 404)
        with options(delete_status=204):
            answer = delete(create()["id"])
            eq((answer.status, answer.content), (204, b""))
        for _ in range(3):
            eq(delete(create()["id"]).status, 200)
        answer = delete(create()["id"])
        eq(answer.status, 429)
        assert 0 < int(answer.headers["retry-after"]) <= 3600
        control("POST", "clock", {"advance": "61m"})
        for _ in range(5):
            eq(delete(create()["id"]).status, 200)
        control("POST", "clock", {"advance": "61m"})
        eq(delete(create()["id"]).status, 429, "ten in a day")
        control("POST", "clock", {"advance": "1d"})
        eq(delete(create()["id"]).status, 200)
    control("POST", "clock", {"reset": True})


# --- 1.3.11, 1.3.12 -----------------------------------------------------------------------------------


@check("collected data: mandatory fields, address of either family, states")
def _():
    s = create()["id"]
    path = f"/v1/sessions/{s}/collected-data"
    good = {"providerName": "FpVendor", "network": {"ip": {"addressV4": "192.0.2.44"}}, "device": {"fingerprint": "c0ffee01"}}
    answer = veriff("POST", path, good)
    eq((answer.status, answer.json()["sessionId"]), (200, s))
    uuid.UUID(answer.json()["attemptId"])
    eq(veriff("POST", path, {**good, "network": {"ip": {"addressV6": "2001:db8::1"}}}).status, 200)
    for missing in good:
        refused(veriff("POST", path, {k: v for k, v in good.items() if k != missing}), 400, "1102")
    refused(veriff("POST", path, {**good, "providerName": "x" * 256}), 400, "1104")
    with options(collected_status=201):
        eq(veriff("POST", path, good).status, 201)
    submit(s)
    refused(veriff("POST", path, good), 409, "1304")


@check("validate-registry at both paths: 1308, 1309, 1310, and a submitted session")
def _():
    good = {"person": {"idNumber": "1", "firstName": "A", "lastName": "B", "dateOfBirth": "2000-01-01"}}
    for path in ["/v1/validate-registry", "/v1/sessions/validate-registry"]:
        answer = veriff("POST", path, {"verification": good})
        eq((answer.status, answer.json()["verification"]["status"]), (200, "submitted"))

        def without(*names):
            return veriff("POST", path, {"verification": {"person": {k: v for k, v in good["person"].items() if k not in names}}})

        refused(without("idNumber"), 400, "1308")
        refused(without("firstName"), 400, "1309")
        refused(without("dateOfBirth"), 400, "1310")
        full = {"person": {"idNumber": "1", "fullName": "A B"}, "address": {"fullAddress": "x"}}
        eq(veriff("POST", path, {"verification": full}).status, 200)


# --- 1.7: webhooks ------------------------------------------------------------------------------------


@check("webhooks: started, submitted, decision; signed over the raw body; retried until 200")
def _():
    if not WEBHOOK_PORT:
        raise AssertionError("EMULATOR_WEBHOOK_PORT is not set")
    got, refuse = [], [2]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            if refuse[0]:
                refuse[0] -= 1
                self.send_response(500)
            else:
                got.append((dict((k.lower(), v) for k, v in self.headers.items()), body))
                self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", WEBHOOK_PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    s = create("Approve", vendorData="hook")["id"]
    upload(s)
    submit(s)
    control("POST", "clock", {"advance": "2s"})
    watchlist = {"attemptId": fresh(), "sessionId": s, "vendorData": "Zo\u00eb", "checkType": "updated_result", "matchStatus": "no_match"}
    control("POST", "webhook", watchlist)
    end = time.time() + 20
    mine = []
    while time.time() < end and len(mine) < 4:
        time.sleep(0.05)
        mine = [(h, b) for h, b in got if s in b.decode()]
    server.shutdown()
    kinds = []
    for headers, body in mine:
        eq(headers["x-auth-client"], KEY)
        eq(headers["x-hmac-signature"], sign(SECRET, body))
        eq(headers["x-signature"], legacy(SECRET, body))
        value = json.loads(body)
        kinds.append(value.get("action") or value.get("checkType") or value["verification"]["status"])
        if "action" in value:
            eq((value["id"], value["code"]), (s, {"started": 7001, "submitted": 7002}[value["action"]]))
    eq(sorted(kinds), ["approved", "started", "submitted", "updated_result"])


# --- switches for what is unknown ---------------------------------------------------------------------


@check("switches: capitals in signatures, tolerant base64, code forms, conflict body, transcoding")
def _():
    s = create()["id"]
    path = f"/v1/sessions/{s}/media"
    with options(upper_case_signatures=False):
        refused(veriff("GET", path, headers={"X-HMAC-SIGNATURE": sign(SECRET, s).upper()}), 401, "1812")
    raw = base64.b64encode(jpeg(note=b"\xfb\xff\xfe>>>???")).decode()
    odd = raw.replace("+", "-").replace("/", "_").rstrip("=")
    odd = odd[:40] + "\r\n" + odd[40:]
    refused(upload(s, content=odd), 400, "1401")
    with options(lenient_base64=True):
        eq(upload(s, content=odd).json()["image"]["size"], len(base64.b64decode(raw)))
        refused(upload(s, content="data:image/jpeg;base64,*"), 400, "1401")
    with options(numeric_codes=True):
        eq(upload(s, context="selfie").code, 1402)
    with options(only_code_1101=True):
        refused(upload(s, context="selfie"), 400, "1101")
    with options(transcodes=True):
        image = upload(s, "face", data_uri(heic(9, 9))).json()["image"]
        eq((image["mimetype"], image["size"]), ("image/jpeg", len(heic(9, 9)) * 3 // 2))
    good = {"providerName": "a", "network": {"ip": {"addressV4": "192.0.2.4"}}, "device": {"fingerprint": "b"}}
    with options(collected_under="data"):
        eq(veriff("POST", f"/v1/sessions/{s}/collected-data", good).json()["data"]["sessionId"], s)
    submit(s)
    with options(conflict_body="empty"):
        answer = upload(s)
        eq((answer.status, answer.content), (409, b""))
        eq(answer.headers["x-hmac-signature"], sign(SECRET, b""))


# --- fuzz and the HTTP layer --------------------------------------------------------------------------


@check("fuzz keeps the meaning and varies the form")
def _():
    sizes, statuses = set(), set()
    with options(fuzz=True):
        for n in range(40):
            answer = veriff("POST", "/v1/sessions", {"verification": {}})
            assert answer.status in (200, 201)
            statuses.add(answer.status)
            s = answer.json()["verification"]["id"]
            answer = upload(s)
            eq(answer.headers["x-hmac-signature"], sign(SECRET, answer.content))
            image = answer.json()["image"]
            assert image["mimetype"] in ("image/jpeg", "image/jpg", ".jpg", ".jpeg"), image
            eq(float(image["size"]), float(len(jpeg())))
            sizes.add(type(image["size"]).__name__)
    eq(sizes, {"int", "float", "str"})
    eq(statuses, {200, 201})


@check("chunked bodies and kept connections")
def _():
    s = create()["id"]
    body = json.dumps({"image": {"context": "face", "content": data_uri(jpeg())}}).encode()
    u = urllib.parse.urlsplit(URL)
    c = http.client.HTTPConnection(u.hostname, u.port, timeout=20)
    for _ in range(3):
        headers = {"X-AUTH-CLIENT": KEY, "X-HMAC-SIGNATURE": sign(SECRET, body), "Transfer-Encoding": "chunked"}
        c.request("POST", f"/v1/sessions/{s}/media", iter([body[:100], body[100:]]), headers, encode_chunked=True)
        answer = c.getresponse()
        eq((answer.status, json.loads(answer.read())["status"]), (200, "success"))
    c.close()


# --- document types, bulk import of faces -------------------------------------------------------------


@check("document types: the five of the documents, visas among them, and no other")
def _():
    for kind in ["PASSPORT", "ID_CARD", "DRIVERS_LICENSE", "RESIDENCE_PERMIT", "VISA"]:
        create(document={"type": kind})
    for kind in ["OTHER", "LIBRARY_CARD", "visa"]:
        refused(veriff("POST", "/v1/sessions", {"verification": {"document": {"type": kind}}}), 400, "2103")


def faces(*entries, **more):
    return veriff("POST", "/v1/faces/import", {"faces": list(entries)}, **more)


def a_face(name, note=b""):
    return {"name": name, "image": data_uri(jpeg(note=note))}


def known(name):
    return [f for f in control("GET", "faces") if f["name"] == name]


@check("faces: 202 with the rest of the quota, signed over the body, seen in the ledger")
def _():
    name = fresh()
    answer = faces(a_face(name))
    eq(answer.status, 202, repr(answer))
    eq(answer.headers["x-hmac-signature"], sign(SECRET, answer.content))
    before = answer.json()["availableQuota"]
    eq(faces(a_face(fresh()), a_face(fresh())).json()["availableQuota"], before - 2)
    eq([f["dropped"] for f in known(name)], [False])
    refused(faces(a_face(name), message="{}"), 401, "1819")
    refused(faces(a_face(name), signed=False), 401, "1815")


@check("faces: at most ten, each with a name and one of picture and session")
def _():
    eq(faces(*[a_face(fresh()) for _ in range(10)]).status, 202)
    refused(faces(*[a_face(fresh()) for _ in range(11)]), 400, "1104")
    refused(faces(), 400, "1102")
    refused(veriff("POST", "/v1/faces/import", {}), 400, "1102")
    refused(faces({"image": data_uri(jpeg())}), 400, "1102")
    refused(faces({"name": fresh()}), 400, "1102")
    refused(faces({"name": fresh(), "image": "data:image/jpeg;base64,***"}), 400, "1401")
    refused(faces({"name": fresh(), "image": data_uri(PDF)}), 400, "1104")
    refused(faces({"name": fresh(), "sessionId": fresh()}), 400, "1104")
    session = create()["id"]
    name = fresh()
    eq(faces({"name": name, "sessionId": session}).status, 202)
    eq([f["session"] for f in known(name)], [session])
    refused(faces({"name": fresh(), "sessionId": session, "image": data_uri(jpeg())}), 400, "1104")


@check("faces: one that is refused takes the whole request with it")
def _():
    name = fresh()
    refused(faces(a_face(name), {"name": fresh()}), 400, "1102")
    eq(known(name), [])


@check("faces: a name is processed once in five minutes; repeats are dropped and do not count")
def _():
    name = fresh()
    left = faces(a_face(name)).json()["availableQuota"]
    eq(faces(a_face(name, b"again")).json()["availableQuota"], left)
    control("POST", "clock", {"advance": "299s"})
    eq(faces(a_face(name)).json()["availableQuota"], left)
    control("POST", "clock", {"advance": "1s"})
    eq(faces(a_face(name)).json()["availableQuota"], left - 1)
    eq([f["dropped"] for f in known(name)], [False, True, True, False])


@check("faces: beyond the quota nothing is taken, and the answer says what is left")
def _():
    used = 100_000 - faces(a_face(fresh())).json()["availableQuota"]
    with options(faces_quota=used + 1):
        names = [fresh(), fresh()]
        answer = faces(*map(a_face, names))
        refused(answer, 400, "1104")
        eq(answer.json()["availableQuota"], 1)
        eq([known(name) for name in names], [[], []])
        eq(faces(a_face(names[0])).json()["availableQuota"], 0)
        refused(faces(a_face(names[1])), 400, "1104")
        # A repeat needs no quota.
        eq(faces(a_face(names[0])).status, 202)
    with options(faces_quota=0, faces_quota_status=403, faces_quota_code="1102"):
        refused(faces(a_face(fresh())), 403, "1102")


@check("faces: the names of the fields are switches")
def _():
    with options(faces_list="images", faces_name="label", faces_image="content", faces_session="session"):
        body = {"images": [{"label": fresh(), "content": data_uri(jpeg())}]}
        eq(veriff("POST", "/v1/faces/import", body).status, 202)
        refused(faces(a_face(fresh())), 400, "1102")


# --- what the emulator does for whoever debugs ---------------------------------------------------------


@check("a refused signature is explained: digests, bytes hashed, the mistake that makes it")
def _():
    s = create()["id"]
    body = json.dumps({"image": {"context": "face", "content": "data:image/png;base64,AAAA", "note": "Zo\u00eb/7"}})
    path = f"/v1/sessions/{s}/media"
    for message, word in [
        (body + "\n", "newline"),
        (json.dumps(json.loads(body), separators=(",", ":")), "JSON.stringify"),
        (json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False), None),
        (json.dumps(json.loads(body), indent=2), "indented by 2"),
        (body.replace("/", "\\/"), "PHP"),
        ("", "empty"),
        (s, "sign the body"),
    ]:
        answer = veriff("POST", path, body, message=message)
        refused(answer, 401, "1819")
        hint = answer.headers["x-emulator-hint"]
        for part in [sign(SECRET, body), sign(SECRET, message), f"{len(body)} bytes hashed"]:
            assert part in hint, (part, hint)
        assert word is None or word in hint, (word, hint)
    answer = veriff("POST", path, body, secret="another")
    assert "another secret" in answer.headers["x-emulator-hint"], answer.headers
    answer = veriff("POST", path, body, secret=SECRET + "\n")
    assert "not trimmed" in answer.headers["x-emulator-hint"], answer.headers
    media = upload(s).json()["image"]["id"]
    answer = veriff("GET", f"/v1/media/{media}", message=s)
    assert "session's id was signed" in answer.headers["x-emulator-hint"], answer.headers
    newest = control("GET", "state")["requests"][0]
    eq(newest["explanation"]["received"], sign(SECRET, s))
    with options(hints=False):
        assert "x-emulator-hint" not in veriff("POST", path, body, message="").headers
    assert "x-emulator-hint" not in upload(s).headers


@check("health, and a reset that keeps the credentials")
def _():
    answer = send("GET", URL + "/health")
    eq((answer.status, answer.json()["status"]), (200, "ok"))
    create()
    faces(a_face(fresh()))
    with options(host_field="baseUrl"):
        control("POST", "reset")
    ledger = control("GET", "ledger")
    eq((ledger["sessions"], ledger["faces"], ledger["requests"]), ([], [], {}))
    eq(control("GET", "totals")["media"], 0)
    create()
    connect = control("GET", "connect")
    eq((connect["base_url"], connect["api_key"], connect["secret"]), (URL, KEY, SECRET))
    page = send("GET", URL + "/__emulator/connect", {"Origin": "https://elsewhere.example"})
    eq(page.status, 403)
