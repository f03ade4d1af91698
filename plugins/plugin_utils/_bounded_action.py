# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a host without being at its mercy: what it may cost, and what of it is printed. Private to this collection."""

from __future__ import annotations

import contextlib
import signal
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.aarch64.validator.plugins.plugin_utils._answer_text import readable_answer
from ansible_collections.aarch64.validator.plugins.plugin_utils._bounded_read import (
    TooMuch,
    bounded_growth,
    check_output,
    end_children,
    refusal,
)
from ansible_collections.aarch64.validator.plugins.plugin_utils._printable import printable

# ansible-core's own, which has been in two places; it is no Exception, since connections try again after those.
_TIMED_OUT = "TaskTimeoutError"
_CLEANUP_SECONDS = 20  # to remove a temporary directory, where there is one
_OUTPUTS = ("stdout", "stderr")

display = Display()


class _CleanupTookTooLong(BaseException):
    """Taken for no other error on its way."""


class BoundedAction(ActionBase):
    """The base of all actions of this collection that ask hosts."""

    def answered(self, ask: t.Callable[[], dict]) -> dict:
        """What ask() brings; a failure in place of an answer that does not end, or does not come within the task's timeout."""
        try:
            return ask()
        except TooMuch:
            said = refusal()
        except BaseException as error:
            if type(error).__name__ != _TIMED_OUT or not self._task.timeout:
                raise
            said = f"no answer within {self._task.timeout} s"
        end_children()
        return {"failed": True, "changed": False, "msg": said}

    def cleanup(self, force: bool = False) -> None:
        """Remove what was left on the host. The limit of the task is over by then, and the host may still be silent."""

        def give_up(_signal: int, _frame: object) -> None:
            raise _CleanupTookTooLong

        before = signal.signal(signal.SIGALRM, give_up)
        signal.alarm(_CLEANUP_SECONDS)
        try:
            super().cleanup(force)
        except (_CleanupTookTooLong, TooMuch):
            end_children()
            display.warning("a host did not have its temporary directory removed; it did not answer")
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)

    def _low_level_execute_command(self, *arguments: t.Any, **options: t.Any) -> dict[str, t.Any]:
        with _bounded(self._connection):
            result = super()._low_level_execute_command(*arguments, **options)
        for name in _OUTPUTS:  # some of it ansible-core shows as it is, where it is not what it expects
            result[name] = printable(result[name])
            result[f"{name}_lines"] = result[name].splitlines()
        return result

    def _parse_returned_data(self, result: dict[str, t.Any], *arguments: t.Any, **options: t.Any) -> t.Any:
        return super()._parse_returned_data(dict(result, stdout=readable_answer(result["stdout"])), *arguments, **options)


@contextlib.contextmanager
def _bounded(connection: t.Any) -> t.Iterator[None]:
    """Have a connection give up on an answer that does not end. The object is of this process alone, as the worker is."""
    whole = connection.exec_command

    def exec_command(*arguments: t.Any, **options: t.Any) -> t.Any:
        try:
            with bounded_growth():
                status, output, errors = whole(*arguments, **options)
        except AnsibleConnectionFailure as error:
            if printable(str(error)) == str(error):
                raise
            raise AnsibleConnectionFailure(printable(str(error))) from None
        check_output(output, errors)
        return status, output, errors

    connection.exec_command = exec_command
    try:
        yield
    finally:
        del connection.exec_command
