# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a node by JSON-RPC, whatever answers there. Private to this collection."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.aarch64.validator.plugins.module_utils._health_http import (
    MAX_TEXT,
    Endpoint,
    Http,
    Unanswered,
    clean,
)

if t.TYPE_CHECKING:
    from http.client import HTTPResponse

MAX_ANSWER = 1 << 20  # of what is parsed
MAX_LARGE_ANSWER = 64 << 20  # of what is only counted
METHOD_NOT_FOUND = -32601  # also what a node says of a method that it does not give to this address

_CHUNK = 1 << 16
_HEAD, _TAIL = 4096, 64
_HEX_RESULT = re.compile(rb'"result"\s*:\s*"0x[0-9a-fA-F]')


class Refused(Unanswered):
    """What came back is an HTTP status other than 200."""


class Answer(t.NamedTuple):
    """The answer to one call: a result, or an error and whether it means that this method is not to be had here."""

    result: t.Any = None
    error: str | None = None
    denied: bool = False


class Client:
    """Asks one node. All ``until`` are times of the monotonic clock."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.batches = True  # until the node refuses one
        self._http = Http(endpoint)

    def ask(self, methods: list, until: float) -> dict:
        """Call methods without parameters, if possible at once: ``{method: Answer}``. Raises Unanswered."""
        calls = [_call(number, method) for number, method in enumerate(methods)]
        if self.batches and len(calls) > 1:
            try:
                received = self._post(calls, until)
            except Refused:
                received = None
            by_number = {item["id"]: item for item in received if _is_reply(item)} if isinstance(received, list) else {}
            if by_number:
                return {method: _answer(by_number.get(number)) for number, method in enumerate(methods)}
            self.batches = False
        return {method: _answer(self._post(call, until)) for call, method in zip(calls, methods)}

    def measure(self, method: str, until: float) -> Answer:
        """Call a method whose result is long text in hex; the result of the Answer is how many bytes came. Raises Unanswered."""
        with self._http.exchange("POST", "", json.dumps(_call(0, method)), until) as response:
            _check_status(response)
            head = _read(response, _HEAD)
            if len(head) < _HEAD:
                answer = _answer(_parsed(head))
                text = answer.result
                if answer.error is None and not (isinstance(text, str) and text.startswith("0x") and len(text) > 2):
                    return Answer(error="an answer without a result in hex")
                return answer if answer.error is not None else Answer(len(head))
            if not _HEX_RESULT.search(head):
                return Answer(error="a long answer without a result in hex: " + clean(head[:80].decode("utf-8", "replace")))
            size, tail = len(head), head[-_TAIL:]
            while size <= MAX_LARGE_ANSWER:
                chunk = response.read(_CHUNK)
                if not chunk:
                    break
                size, tail = size + len(chunk), (tail + chunk[-_TAIL:])[-_TAIL:]
        if size > MAX_LARGE_ANSWER:
            raise self._endless(MAX_LARGE_ANSWER)
        if not tail.rstrip().endswith(b"}"):
            raise Unanswered(f"the answer of {self.endpoint} was cut off after {size} bytes")
        return Answer(size)

    def status(self, path: str, until: float) -> int:
        """The HTTP status of a GET. Raises Unanswered."""
        with self._http.exchange("GET", path, None, until) as response:
            return response.status

    def _post(self, content: object, until: float) -> t.Any:
        with self._http.exchange("POST", "", json.dumps(content), until) as response:
            _check_status(response)
            body = _read(response, MAX_ANSWER + 1)
        if len(body) > MAX_ANSWER:
            raise self._endless(MAX_ANSWER)
        return _parsed(body)

    def _endless(self, size: int) -> Unanswered:
        return Unanswered(f"the answer of {self.endpoint} does not end within {size >> 20} MiB")


def _call(number: int, method: str) -> dict:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": []}


def _is_reply(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), int)


def _answer(item: object) -> Answer:
    if not isinstance(item, dict):
        return Answer(error="no answer to this call")
    error = item.get("error")
    if error is None and "result" in item:
        return Answer(item["result"])
    if not isinstance(error, dict):
        return Answer(error="an answer with neither a result nor an error")
    code = error.get("code")
    detail = error.get("data")
    text = clean(error.get("message")) + (f": {clean(detail)}" if isinstance(detail, str) and detail else "")
    return Answer(error=f"{text} ({clean(code)})", denied=code == METHOD_NOT_FOUND)


def _check_status(response: HTTPResponse) -> None:
    if 300 <= response.status < 400:
        raise Refused(f"HTTP status {response.status}, a redirect, which is not followed")
    if response.status != 200:
        raise Refused(f"HTTP status {response.status}: {clean(_read(response, MAX_TEXT).decode('utf-8', 'replace'))}")


def _read(response: HTTPResponse, size: int) -> bytes:
    content = bytearray()
    while len(content) < size:
        chunk = response.read(min(_CHUNK, size - len(content)))
        if not chunk:
            break
        content += chunk
    return bytes(content)


def _parsed(body: bytes) -> t.Any:
    try:
        return json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise Unanswered("the answer is not JSON: " + clean(body[:80].decode("utf-8", "replace"))) from None
