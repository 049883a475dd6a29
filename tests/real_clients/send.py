"""Sends a text with pywebpush, and prints the status of the answer: send.py SUBSCRIPTION VAPID_PRIVATE_KEY CODING TEXT."""

import json
import sys

from pywebpush import WebPushException, webpush

subscription, private_key, coding, text = sys.argv[1:]
try:
    answer = webpush(
        json.loads(subscription),
        text,
        vapid_private_key=private_key,
        vapid_claims={"sub": "mailto:admin@example.org"},
        content_encoding=coding,
        ttl=60,
    )
    print(answer.status_code)
except WebPushException as refused:
    print(refused.response.status_code)
    print(refused.response.text, file=sys.stderr)
