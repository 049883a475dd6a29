"""Calls AWS's API for the tests, as whatever credentials and endpoint the environment names.

Takes a request a line, {"id", "service", "operation", "arguments"}, in boto3's words. Answers a line each, in any order:
{"id", "answer"}, or {"id", "error": its code, "message"}.
"""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

clients = {}
# Clients may be shared between threads, but not made by two at once.
making = threading.Lock()
writing = threading.Lock()


def client(service):
    with making:
        if service not in clients:
            clients[service] = boto3.client(service, config=Config(max_pool_connections=32))
        return clients[service]


def plain(value):
    """What JSON has no form for: a body that is read as it comes, bytes, times."""
    if hasattr(value, "read"):
        return value.read().decode()
    return value.hex() if isinstance(value, bytes) else str(value)


def answer(request):
    try:
        called = getattr(client(request["service"]), request["operation"])
        said = {"answer": called(**request["arguments"])}
    except ClientError as error:
        said = {"error": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]}
    except BotoCoreError as error:
        said = {"error": type(error).__name__, "message": str(error)}
    line = json.dumps({"id": request["id"]} | said, default=plain)
    with writing:
        print(line, flush=True)


with ThreadPoolExecutor(32) as threads:
    for line in sys.stdin:
        threads.submit(answer, json.loads(line))
