"""Part 2 of the facts: Transmit Security."""

import base64
import urllib.parse
import uuid

from suite import CLIENT_ID, CLIENT_SECRET, URL, check, control, eq, fresh, jpeg, json, options, png, send

__all__ = []

RESOURCE = "https://verify.identity.security"
KINDS = ["document_front", "document_back", "selfie"]


def token(**changes):
    form = {
        "grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "resource": RESOURCE,
        **changes,
    }
    body = urllib.parse.urlencode({k: v for k, v in form.items() if v is not None})
    return send("POST", URL + "/oidc/token", {"Content-Type": "application/x-www-form-urlencoded"}, body)


def call(method, path, body=None, bearer=None, root="/verify"):
    bearer = bearer or token().json()["access_token"]
    headers = {"Authorization": "Bearer " + bearer, "Content-Type": "application/json"}
    return send(method, f"{URL}{root}/api/v1/verification{path}", headers, json.dumps(body) if body is not None else b"")


def start(**more):
    answer = call("POST", "", {"start": {"consent": {"granted": True, "document_id": "consent-v3"}}, **more})
    eq(answer.status, 200, repr(answer))
    return answer.json()["session_id"]


def image(sid, kind="document_front", data=None, fmt="jpg", **more):
    content = base64.b64encode(jpeg() if data is None else data).decode()
    return call("POST", f"/{sid}/images", {"image": {"format": fmt, "image_type": kind, "content": content, **more}})


def status(sid):
    return call("GET", f"/{sid}/result").json()["status"]


@check("transmit: tokens need the right client, grant and resource")
def _():
    answer = token()
    eq(answer.status, 200)
    body = answer.json()
    eq((body["token_type"], body["expires_in"]), ("Bearer", 3600))
    eq((token(client_secret="x").status, token(client_secret="x").json()["error"]), (401, "invalid_client"))
    eq(token(client_id=None).status, 401)
    eq(token(grant_type="password").json()["error"], "unsupported_grant_type")
    eq(token(resource=None).json()["error"], "invalid_target")
    with options(require_resource=False):
        eq(token(resource=None).status, 200)


@check("transmit: no, wrong, expired and revoked tokens are 401")
def _():
    eq(send("POST", URL + "/verify/api/v1/verification").status, 401)
    eq(call("POST", "", {}, bearer="nonsense").status, 401)
    bearer = token().json()["access_token"]
    eq(call("POST", "", {}, bearer=bearer).status, 200)
    control("POST", "clock", {"advance": "3601s"})
    eq(call("POST", "", {}, bearer=bearer).status, 401)
    control("POST", "clock", {"reset": True})
    bearer = token().json()["access_token"]
    control("POST", "tokens/revoke")
    eq(call("POST", "", {}, bearer=bearer).status, 401)


@check("transmit: a started session lists missing images and has no start token, another has one")
def _():
    body = call("POST", "", {"start": {"consent": {"granted": True, "document_id": "v"}}}).json()
    eq((body["missing_images"], "start_token" in body), (KINDS, False))
    uuid.UUID(body["session_id"])
    assert body["expiration"].endswith("Z")
    body = call("POST", "", {}).json()
    assert body["start_token"]
    eq(image(body["session_id"]).status, 400, "not started")
    eq(call("POST", "").status, 200, "no body at all")
    eq(call("POST", "", {"start": {"consent": {"granted": True}}}).status, 400)
    with options(transmit_create_status=201):
        eq(call("POST", "", {}).status, 201)


@check("transmit: both roots are served")
def _():
    eq(call("POST", "", {}, root="").status, 200)


@check("transmit: images complete the session, then 409")
def _():
    sid = start()
    eq(status(sid), "pending")
    for n, kind in enumerate(KINDS):
        answer = image(sid, kind)
        eq(answer.status, 200, repr(answer))
        eq(answer.json(), {"feedback": "ok", "complete": n == 2, "missing_images": KINDS[n + 1:]})
        if n < 2:
            eq(status(sid), "capturing")
    answer = image(sid)
    eq((answer.status, answer.json()["message"]), (409, ["All required images were successfully submitted"]))
    eq(status(sid), "processing")
    control("POST", "clock", {"advance": "2s"})
    eq(status(sid), "complete")


@check("transmit: `complete` may be a string")
def _():
    with options(transmit_complete_as_string=True):
        eq(image(start()).json()["complete"], "false")


@check("transmit: image fields and the box of 640..3840 x 480..2160")
def _():
    sid = start()
    for size, want in [
        ((640, 480), 200), ((3840, 2160), 200), ((639, 480), 400), ((640, 479), 400), ((3841, 2160), 400), ((3840, 2161), 400),
        ((2160, 3840), 400),
    ]:
        eq(image(sid, data=jpeg(*size)).status, want, str(size))
    with options(transmit_rotated_box=True):
        eq(image(sid, data=jpeg(2160, 3840)).status, 200)
    eq(image(sid, data=png(700, 700)).status, 400)
    eq(image(sid, fmt="png").status, 400)
    eq(image(sid, kind="document-front").status, 400)
    eq(image(sid, capture_margins={"top": 1}).status, 400)
    eq(image(sid, capture_margins={"top": 1, "bottom": 1, "left": 1, "right": 1}).status, 200)
    eq(call("POST", f"/{sid}/images", {"image": {"format": "jpg", "image_type": "selfie", "content": "data:image/jpeg;base64,AAAA"}}).status, 400)
    eq(image(fresh()).status, 404)
    answer = image(sid, fmt="png")
    assert isinstance(answer.json()["message"], list) and answer.json()["error_code"] == 400


@check("transmit: feedback other than ok is 200 and leaves the image missing")
def _():
    sid = start()
    control("POST", "faults", {"routes": ["image-upload"], "count": 1, "effect": {"kind": "feedback", "value": "blur"}})
    answer = image(sid)
    eq((answer.status, answer.json()), (200, {"feedback": "blur", "complete": False, "missing_images": KINDS}))
    eq(image(sid).json()["missing_images"], KINDS[1:])
    listed = call("GET", f"/{sid}/images").json()["session_images"]
    eq([i["rejected"] for i in listed if i["original"]], [True, False])
    control("POST", "faults", {"session": sid, "count": 1, "effect": {"kind": "feedback", "value": "restricted_criteria", "custom": "no caps"}})
    eq(image(sid, "selfie").json()["custom_feedback"], "no caps")
    control("DELETE", "faults")


@check("transmit: images are listed with refined copies and downloaded raw or as base64")
def _():
    sid = start()
    for kind in KINDS:
        image(sid, kind, jpeg(note=kind.encode()))
    listed = call("GET", f"/{sid}/images").json()["session_images"]
    eq([i["type"] for i in listed if i["original"]], KINDS)
    refined = [i for i in listed if not i["original"]]
    eq([i["original_id"] for i in refined], [i["id"] for i in listed if i["original"]])
    answer = call("GET", f"/{sid}/images/{listed[0]['id']}?format=raw")
    eq((answer.content, answer.headers["content-type"]), (jpeg(note=b"document_front"), "image/jpg"))
    answer = call("GET", f"/{sid}/images/{refined[0]['id']}?format=base64")
    eq(base64.b64decode(answer.content), jpeg(note=b"document_front"))
    eq(call("GET", f"/{sid}/images/{fresh()}").status, 404)


@check("transmit: mock behaviour: processing time, recommendation, recapture, extracted fields")
def _():
    mock = {"recommendation": "DENY", "processing_time": "1m30s", "force_retry": True, "info": {"person_details": {"full_name": "A B"}, "document_details": {"country": "EE"}}}
    sid = start(mock_behavior=mock)
    for _ in range(2):
        for kind in KINDS:
            eq(image(sid, kind).status, 200)
        control("POST", "clock", {"advance": "80s"})
        eq(status(sid), "processing")
        control("POST", "clock", {"advance": "20s"})
        if _ == 0:
            eq(status(sid), "recapture")
    result = call("GET", f"/{sid}/result").json()
    eq((result["status"], result["recommendation"], result["person"]["full_name"], result["document"]["country"]), ("complete", "DENY", "A B", "EE"))
    eq(len(result["checks"]), 7)
    eq([i["type"] for i in result["verification_images"]][-3:], KINDS)
    old = call("GET", f"/{sid}/result?detailed=false").json()
    assert "checks" not in old and old["extracted_info"]["person"] and old["rejection_description"]
    control("POST", "clock", {"reset": True})


@check("transmit: switches for what is unknown")
def _():
    sid = start()
    uri = {"image": {"format": "jpg", "image_type": "selfie", "content": "data:image/jpeg;base64," + base64.b64encode(jpeg()).decode()}}
    eq(call("POST", f"/{sid}/images", uri).status, 400)
    with options(transmit_data_uri=True):
        eq(call("POST", f"/{sid}/images", uri).status, 200)
    with options(transmit_max_bytes=10):
        eq(image(sid).status, 400)
    with options(transmit_uploads=False):
        eq(image(sid).status, 404)
    with options(transmit_unstarted_status=409):
        eq(image(call("POST", "", {}).json()["session_id"]).status, 409)
    with options(transmit_errors="framework"):
        body = image(sid, fmt="png").json()
        eq((body["statusCode"], body["error"], type(body["message"])), (400, "Bad Request", str))
    with options(transmit_errors="empty"):
        eq(image(sid, fmt="png").content, b"")


@check("transmit: consent and deletion")
def _():
    sid = start()
    eq(call("GET", f"/{sid}/consent").json()["consent_granted"], True)
    other = call("POST", "", {}).json()["session_id"]
    eq(call("GET", f"/{other}/consent").json(), {"consent_granted": False})
    eq(call("DELETE", f"/{sid}").status, 200)
    for method, path in [("DELETE", ""), ("GET", "/result"), ("GET", "/images"), ("GET", "/consent")]:
        eq(call(method, f"/{sid}{path}").status, 404)


def face_auth(body, bearer=None):
    headers = {"Authorization": "Bearer " + (bearer or token().json()["access_token"]), "Content-Type": "application/json"}
    return send("POST", URL + "/verify/api/v1/face-auth", headers, json.dumps(body))


def face_auth_result(sid):
    return send("GET", f"{URL}/verify/api/v1/face-auth/{sid}/result", {"Authorization": "Bearer " + token().json()["access_token"]})


def reference(data=None, use_case="login", **changes):
    raw = {"type": "raw", "format": "jpg", "content": base64.b64encode(jpeg(1280, 960) if data is None else data).decode()}
    return {"reference": {**raw, **changes}, "use_case": use_case}


@check("transmit: face authentication from a raw reference to its result")
def _():
    eq(face_auth(reference(), bearer="nobody").status, 401)
    for use_case, decision, recommendation in [
        ("login", None, "ALLOW"), ("credentials-recovery", "declined", "DENY"), ("step-up", "review", "CHALLENGE"),
    ]:
        answer = face_auth(reference(use_case=use_case))
        eq(answer.status, 200, repr(answer))
        begun = answer.json()
        sid = begun["session_id"]
        assert begun["device_session_id"] and begun["device_session_id"] != sid
        eq(face_auth_result(sid).json(), {"session_id": sid, "status": "pending"})
        if decision:
            control("POST", "decide", {"session": sid, "decision": decision})
        else:
            control("POST", "clock", {"advance": "1s"})
        result = face_auth_result(sid).json()
        eq((result["status"], result["recommendation"]), ("complete", recommendation))
        record = next(a for a in control("GET", "ledger")["face_auths"] if a["id"] == sid)
        eq((record["use_case"], record["size"]), (use_case, len(jpeg(1280, 960))))
    eq(face_auth_result(fresh()).status, 404)


@check("transmit: a face authentication takes a raw jpg within the box, for a use case that there is")
def _():
    for body in [
        {}, {"use_case": "login"}, reference(use_case="payment"), reference(type="url"), reference(format="png"),
        reference(content=""), reference(content="***"), reference(data=png(1280, 960)), reference(data=jpeg(639, 480)),
        reference(data=jpeg(640, 2161)),
    ]:
        answer = face_auth(body)
        eq(answer.status, 400, repr(body)[:200])
        assert answer.json()["message"], answer
