"""Holds a running service against docs/openapi.json: schemathesis makes requests of the document, and compares the answers.
The operator's calls are left out, as the service's own listener does not serve them: the document names other places.

Two rounds: one as whoever has no more than the document, and one as the server of a session, with the names of real
resources in the document's place of made-up ones. The service, and the terminal that holds the session, are processes of
this script's own, and end with it.

    target/surfaces-venv/bin/python tests/surfaces/stock/conform.py [PROGRAM]
"""

import contextlib
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import requests
from py_vapid import Vapid02

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCHEMATHESIS = pathlib.Path(sys.executable).parent / "schemathesis"
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "missing_required_header",
]
EXAMPLES = 50
# A server that has a session gets as far as this, or the second round has compared nothing.
REACHED = {200, 201, 202, 204, 400, 401, 403, 404, 405, 413, 415}
PATIENCE = 30


@contextlib.contextmanager
def running(*command):
    """A process, with its standard output; ended whatever happens."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def behind(label, lines):
    """What stands behind a label in the next line that has it."""
    for line in lines:
        if line.startswith(label):
            return line.removeprefix(label).strip()
    sys.exit(f"the program ended and has not said {label!r}")


def signed(service):
    """The header of an application server with a key of its own."""
    vapid = Vapid02()
    vapid.generate_keys()
    expires = int(time.time()) + 3600
    return vapid.sign({"aud": service, "sub": "mailto:someone@example.org", "exp": expires})["Authorization"]


def resources(endpoint, authorization):
    """A message and its receipt, as their sender gets to know them."""
    headers = {"Authorization": authorization, "TTL": "3600", "Prefer": "respond-async"}
    answer = requests.post(endpoint, headers=headers, timeout=PATIENCE)
    answer.raise_for_status()
    message = answer.headers["Location"].rsplit("/", 1)[1]
    receipt = re.search("/receipts/([^>]+)>", answer.headers["Link"])[1]
    return message, receipt


def job(service, endpoint, authorization):
    """A job, as its sender gets to know it."""
    headers = {"Authorization": authorization}
    body = {"ttl": 60, "recipients": [{"endpoint": endpoint}]}
    answer = requests.post(f"{service}/v1/notifications", headers=headers, json=body, timeout=PATIENCE)
    answer.raise_for_status()
    return answer.json()["job"]


def served(document):
    """The document, without the calls that are served elsewhere: those that have servers of their own."""
    paths = {path: item for path, item in document["paths"].items() if "servers" not in item}
    return document | {"paths": paths}


def narrowed(document, endpoint, message, receipt, job):
    """The document, for these resources alone."""
    document = json.loads(json.dumps(document))
    schemas, paths = document["components"]["schemas"], document["paths"]
    schemas["Token"] = {"const": endpoint.rsplit("/", 1)[1]}
    schemas["Endpoint"] = {"const": endpoint}
    paths["/messages/{id}"]["parameters"][0]["schema"] = {"const": message}
    paths["/receipts/{id}"]["parameters"][0]["schema"] = {"const": receipt}
    paths["/v1/notifications/{job}"]["parameters"][0]["schema"] = {"const": job}
    # One that PATCH makes and DELETE takes away, so that it is found and is not.
    for path in "/v1/audiences/{name}", "/v1/audiences/{name}/notifications":
        paths[path]["parameters"][0]["schema"] = {"const": "everyone"}
    return document


def compare(document, service, *options):
    """Runs schemathesis, in a directory of its own, as it leaves a cache behind: whether all is as described, and which
    statuses came."""
    with tempfile.TemporaryDirectory() as directory:
        file, report = pathlib.Path(directory) / "openapi.json", pathlib.Path(directory) / "report.har"
        file.write_text(json.dumps(document))
        command = [SCHEMATHESIS, "run", file, "--url", service, "--checks", ",".join(CHECKS)]
        command += ["--max-examples", str(EXAMPLES), "--generation-deterministic", "--continue-on-failure"]
        command += ["--no-color", "--request-timeout", str(PATIENCE), "--report-har-path", report, *options]
        conforms = subprocess.run(command, cwd=directory, check=False).returncode == 0
        entries = json.loads(report.read_text())["log"]["entries"]
        return conforms, {entry["response"]["status"] for entry in entries}


def main(program):
    document = served(json.loads((ROOT / "docs/openapi.json").read_text()))
    with contextlib.ExitStack() as stack:
        serve = [program, "serve", "--memory", "--listen", "127.0.0.1:0", "--log", "warn"]
        said = stack.enter_context(running(*serve))
        websocket = behind("terminals connect to", said)
        service = behind("endpoints begin with", said).removesuffix("/push/")
        home = stack.enter_context(tempfile.TemporaryDirectory())
        terminal = [program, "terminal", "--url", websocket, "--client", home, "--log", "error"]
        endpoint = behind("waiting for notifications to", stack.enter_context(running(*terminal)))
        authorization = signed(service)
        names = *resources(endpoint, authorization), job(service, endpoint, authorization)
        real = narrowed(document, endpoint, *names)

        made_up, statuses = compare(document, service, "--warnings", "off")
        print("statuses with made-up names:", *sorted(statuses))
        found, statuses = compare(real, service, "-H", f"Authorization: {authorization}", "--warnings", "off")
        print("statuses with real names:", *sorted(statuses))
        missed = REACHED - statuses
        if missed:
            print("never answered with:", *sorted(missed))
        return 0 if made_up and found and not missed else 1


if __name__ == "__main__":
    # So that what runs is ended then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/debug/signalbox"))
