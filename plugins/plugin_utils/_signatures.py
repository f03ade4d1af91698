# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From log text to causes. Pure functions; private to this collection.

Text alone cannot tell a kernel with small addresses from an address-space limit: both refuse the same reservation with
the same errno. A cause is the limit only where the text shows the limit, or, in a trace, addresses that a small address
space does not have.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from ansible_collections.aarch64.validator.plugins.module_utils._sizes import UNIT_BYTES, UNLIMITED
from ansible_collections.aarch64.validator.plugins.plugin_utils._log_text import Message, messages_with, split_lines
from ansible_collections.aarch64.validator.plugins.plugin_utils._pool_layout import WASM32_SLOT, decode, layout_text
from ansible_collections.aarch64.validator.plugins.plugin_utils._rules._finding import DEFAULTS
from ansible_collections.aarch64.validator.plugins.plugin_utils._signature_advice import advice_for
from ansible_collections.aarch64.validator.plugins.plugin_utils._signature_table import MMAP, POOL, SIGNATURES, WORDS, Signature
from ansible_collections.aarch64.validator.plugins.plugin_utils._strace_calls import (
    ERRNO,
    judge,
    limit_set_or_read,
    parse_call,
    shows_large_address_space,
)

TOO_SMALL, LIMIT, SANDBOX = "address-space-too-small", "address-space-limit", "emulated-or-sandboxed"
RESERVATIONS = (POOL, MMAP, "instance-memory", "strace-mmap-reservation")  # signatures that a limit can be behind
# Engines alive at once in a node with the default runtime cache of 2 (the new one comes before the old one goes).
ENGINES_AT_ONCE = 3
_BY_WORD = tuple((word, signature) for signature in SIGNATURES for word in signature.words)
LOOK_ALIKES = SIGNATURES[:next(index for index, signature in enumerate(SIGNATURES) if signature.id == POOL)]
# On 47 bits a hole of a quarter of the address space is always left; what is refused below that, a limit refused.
SURE_TO_FIT = 1 << 45
REMEMBERED_LENGTH = 2000  # a node that restarts for ever says the same short things again and again

_ERRNO_WORDS = ("annot allocate memory", "(os error ")
_TRACE_WORDS = tuple(ERRNO) + ("RLIMIT_AS", "mmap(")
_LIMIT_WORDS = ("ulimit -v", ", -v)", "Max address space", "LimitAS=")
_LIMIT = re.compile(
    r"(?:ulimit -v|\(k(?:bytes|B), -v\)) +(?P<kib>\d{1,16}|unlimited)"
    r"|Max address space +(?P<bytes>\d{1,19}|unlimited)|LimitAS=(?P<size>\d{1,16})(?P<unit>[KMGTP]?)\b|LimitAS=infinity")
_SIZE_IN_TEXT = re.compile(r"mmap failed to (?:reserve|allocate) 0x([0-9a-fA-F]{1,16}) bytes")
_ERRNO_IN_TEXT = re.compile(r"\bos error (\d{1,5})\b|\bcode: (\d{1,5}), kind:|\berrno[ :=]{1,3}(\d{1,4})\b")
_ERRNO_BY_TEXT = (  # strerror of glibc and musl
    ("annot allocate memory", 12), ("Operation not permitted", 1), ("Permission denied", 13), ("oo many open files", 24),
    ("No file descriptors available", 24), ("No space left on device", 28), ("ead-only file system", 30),
    ("Function not implemented", 38), ("Resource temporarily unavailable", 11), ("Invalid argument", 22))
_ERRNO_LINE = re.compile(r"\s*(?:Cannot allocate memory|Out of memory)(?: \(os error 12\))?\W*$")


class _Found(NamedTuple):
    signature: Signature
    text: str
    start: int
    groups: dict


class _Context:
    """What other lines of the same text say: the address-space limit, whether addresses are large, the last result."""

    def __init__(self) -> None:
        self.limit: int | None = None
        self.large_addresses = False
        self.last_signature = ""
        self.last_size: int | None = None


def explain_log(value: str | list | tuple) -> list:
    """One ``{signature, cause, explains, errno, bytes, layout, advice}`` for each recognised failure, in order."""
    messages = messages_with(split_lines(value), WORDS + _ERRNO_WORDS + _TRACE_WORDS + _LIMIT_WORDS)
    context = _Context()
    results = []
    position = 0
    while position < len(messages):
        result, position = _explain_at(messages, position, context)
        if result is not None:
            results.append(result)
    return results


def _explain_at(messages: list, position: int, context: _Context) -> tuple:
    """``(result or None, position of the next message)``."""
    message = messages[position]
    call = parse_call(message.text.split("\n", 1)[0])
    if call is not None:
        limit = limit_set_or_read(call)
        context.limit = context.limit if limit is None else limit
        context.large_addresses = context.large_addresses or shows_large_address_space(call)
        refusal = judge(call)
        if refusal is None:
            return None, position + 1
        cause = _limit_behind(refusal.signature, refusal.cause, refusal.size, context)
        context.last_signature, context.last_size = refusal.signature, refusal.size
        return _result(refusal.signature, cause, ERRNO.get(call.errno), refusal.size), position + 1
    context.limit = _limit_in_text(message.text, context.limit)
    found, position = _find(messages, position)
    if found is None:
        return None, position
    return _judge_text(found, context), position


def _find(messages: list, position: int) -> tuple:
    """The signature of a message, with the messages after it that only complete it."""
    text = messages[position].text
    found = _classify(text)
    for _more in range(3):
        following = _next_part(messages, position)
        if following is None or (found is not None and found.signature.id not in (POOL, MMAP)):
            break
        joined = text + "\n" + following.text
        if found is None:
            whole = _classify(joined, (POOL, MMAP))
            if whole is None or _classify(following.text) is not None:
                break
            found = whole
        elif not _completes(found, following.text, joined):
            break
        else:
            found = _classify(joined) or found
        text = joined
        position += 1
    return found, position + 1


def _next_part(messages: list, position: int) -> Message | None:
    """The next message, if it may be a part of this one that lost its mark: same writer, at once, no time of its own."""
    message = messages[position]
    following = messages[position + 1] if position + 1 < len(messages) else None
    if following is None or following.stamped or following.source != message.source or following.first - message.last > 2:
        return None
    return following


def _completes(found: _Found, text: str, joined: str) -> bool:
    """Whether a line gives the size or errno that the message before it lacks, and is nothing by itself."""
    if _size(found) is None:
        alone = _classify(text)
        if alone is not None:
            return alone.signature.id == MMAP and text.lstrip().startswith("mmap failed to")
        whole = _classify(joined, (POOL, MMAP))
        return whole is not None and _size(whole) is not None
    return _errno(found) is None and _ERRNO_LINE.match(text) is not None


def _classify(text: str, only: tuple = ()) -> _Found | None:
    """The first signature that fits: with line ends as spaces, or with the halves of cut words put together."""
    parts = [part.strip() for part in text.split("\n")]
    found = _first_fit(text.rstrip() if len(parts) == 1 else " ".join(parts), only)
    if len(parts) > 1 and (found is None or (found.signature not in LOOK_ALIKES and _size(found) is None)):
        whole = _first_fit("".join(parts), (POOL, MMAP))
        if whole is not None and (found is None or found.signature.id not in (POOL, MMAP) or _size(whole) is not None):
            return whole
    return found


def _first_fit(text: str, only: tuple) -> _Found | None:
    return _remembered_fit(text, only) if len(text) <= REMEMBERED_LENGTH else _search(text, only)


@functools.lru_cache(maxsize=1024)
def _remembered_fit(text: str, only: tuple) -> _Found | None:
    return _search(text, only)


def _search(text: str, only: tuple) -> _Found | None:
    tried = None
    for word, signature in _BY_WORD:
        if word not in text or signature is tried or (only and signature.id not in only):
            continue
        tried = signature
        match = signature.pattern.search(text)
        if match and (signature.also is None or signature.also.search(text)):
            return _Found(signature, text, match.start(), match.groupdict())
    return None


def _judge_text(found: _Found, context: _Context) -> dict | None:
    signature = found.signature
    errno, size = _errno(found), _size(found)
    if _same_failure(signature, size, context):
        context.last_signature = signature.id
        return None
    cause = signature.by_errno.get(errno, signature.cause)
    if cause is None:
        return None
    if signature.id in (POOL, MMAP):
        cause = _cause_of_mapping(found, errno, size)
    cause = _limit_behind(signature.id, cause, size, context)
    context.last_signature, context.last_size = signature.id, size
    return _result(signature.id, cause, errno, size)


def _same_failure(signature: Signature, size: int | None, context: _Context) -> bool:
    if context.last_signature in signature.follows:
        return True
    traced = context.last_signature.startswith("strace-mmap") and signature.id in (POOL, MMAP, "instance-memory")
    return traced and size in (None, context.last_size)


def _cause_of_mapping(found: _Found, errno: int | None, size: int | None) -> str:
    """Memory pools are reserved (PROT_NONE): only address space counts. Other pools are read-write: they are committed.

    Wasmtime 9 and later says "reserve" for the first kind only; up to 8 "allocate" stood for both.
    """
    if errno == ERRNO["EAGAIN"]:
        return "memlock-limit"
    pool = (found.groups.get("pool") or "").lower()
    reserved = "mmap failed to reserve" in found.text or "memory" in pool or "heap" in pool
    reserved = reserved or (not pool and (size or 0) >= WASM32_SLOT)
    if errno not in (None, ERRNO["ENOMEM"]):  # no Linux kernel answers so by itself
        return SANDBOX if reserved else "syscall-filtered"
    return TOO_SMALL if reserved else "overcommit-refused"


def _limit_behind(signature: str, cause: str, size: int | None, context: _Context) -> str:
    """The limit as the cause, where the text shows that one refused the reservation."""
    if cause != TOO_SMALL or signature not in RESERVATIONS:
        return cause
    if context.limit is not None and context.limit != UNLIMITED and (size is None or context.limit < ENGINES_AT_ONCE * size):
        return LIMIT
    traced = signature.startswith("strace-") and context.large_addresses
    return LIMIT if traced and size is not None and size <= SURE_TO_FIT else cause


def _limit_in_text(text: str, before: int | None) -> int | None:
    found = _LIMIT.search(text) if "ddress space" in text or "-v" in text or "LimitAS" in text else None
    if found is None:
        return before
    number = found.group("kib") or found.group("bytes") or found.group("size")
    if number in (None, "unlimited"):
        return UNLIMITED
    return int(number) * (1024 if found.group("kib") else UNIT_BYTES[found.group("unit") or ""])


def _size(found: _Found) -> int | None:
    if found.groups.get("decimal"):
        return int(found.groups["decimal"])
    match = _SIZE_IN_TEXT.search(found.text)
    return int(match.group(1), 16) if match else None


def _errno(found: _Found) -> int | None:
    """The errno that follows the message, else the one before it, else the one that its words stand for."""
    match = _ERRNO_IN_TEXT.search(found.text, found.start) or _ERRNO_IN_TEXT.search(found.text)
    if match:
        return int(next(group for group in match.groups() if group))
    for text, number in _ERRNO_BY_TEXT:
        if text in found.text:
            return number
    return found.signature.errno


def _result(signature: str, cause: str, errno: int | None, size: int | None) -> dict:
    explains = DEFAULTS[cause][1] if cause in DEFAULTS else False
    layout = decode(size) if size is not None and explains else None
    return {
        "signature": signature,
        "cause": cause,
        "explains": explains,
        "errno": errno,
        "bytes": size,
        "layout": layout_text(layout) if layout else None,
        "advice": advice_for(cause, layout),
    }
