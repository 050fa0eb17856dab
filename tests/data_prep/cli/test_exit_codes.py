import errno
import logging
import subprocess
import sys
from argparse import Namespace

import pytest

from data_prep.cli.exit_codes import run_command
from data_prep.errors import DataError, LeakError, MissingData, NotFound, NotInstalled, UsageError


def command(error: BaseException | None, **others) -> Namespace:
    def run(arguments: Namespace) -> int:
        print("a result")
        logging.getLogger("data_prep.x").info("progress")
        if error is not None:
            raise error
        return 0

    return Namespace(run=run, **{"quiet": False, "verbose": False, "explain": None, **others})


def test_results_go_to_stdout_and_messages_to_stderr(capsys):
    assert run_command(command(None)) == 0
    assert capsys.readouterr() == ("a result\n", "progress\n")
    assert run_command(command(None, quiet=True)) == 0
    assert capsys.readouterr() == ("a result\n", "")


def test_words_of_pydicom_which_quote_headers_go_nowhere_even_if_it_is_imported_later():
    code = (
        "from argparse import Namespace\nfrom data_prep.cli.exit_codes import run_command\n"
        "def run(arguments):\n"
        "    from pydicom.valuerep import validate_value\n"
        "    return validate_value('UI', '1.2.0815', 1) or 0\n"  # 1: warn
        "run_command(Namespace(run=run, quiet=False, verbose=False, explain=None))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("kind", [UsageError, NotFound, NotInstalled, MissingData])
def test_what_the_command_got_wrong_is_wrong_usage(kind, capsys):
    assert run_command(command(kind("--size 3: too small"), quiet=True)) == 2
    assert capsys.readouterr().err == "error: --size 3: too small\n"


@pytest.mark.parametrize("kind", [DataError, LeakError])
def test_what_is_wrong_with_the_data_is_a_failure(kind, capsys):
    assert run_command(command(kind("subject a is in two sections"), quiet=True)) == 1
    assert capsys.readouterr().err == "error: subject a is in two sections\n"


def test_a_full_disk_is_a_failure_with_the_place_and_what_to_do(capsys):
    full = OSError(errno.ENOSPC, "No space left on device", "/out/a.png")
    assert run_command(command(full, quiet=True, existing="skip")) == 1
    assert capsys.readouterr().err == (
        "error: No space left on device: /out/a.png; make room; run the same command again to go "
        "on from here\n"
    )


def test_a_fault_of_the_program_is_one_line_that_quotes_no_header(capsys):
    assert run_command(command(KeyError("Jane Doe"), quiet=True)) == 1
    line = capsys.readouterr().err
    assert line.startswith("error: unexpected KeyError. This is a fault of the program.")
    assert "-v" in line and line.count("\n") == 1 and "Jane Doe" not in line


def test_a_traceback_is_shown_with_v_only(capsys):
    assert run_command(command(KeyError("x"), verbose=True)) == 1
    assert "Traceback" in capsys.readouterr().err


def test_errors_of_other_libraries_can_be_explained(capsys):
    def explain(error: Exception) -> Exception:
        return UsageError("batch_size is 0") if "lr" in str(error) else error

    assert run_command(command(RuntimeError("lr"), quiet=True, explain=explain)) == 2
    assert capsys.readouterr().err == "error: batch_size is 0\n"
    assert run_command(command(RuntimeError("one\ntwo"), quiet=True, explain=explain)) == 1
    assert capsys.readouterr().err.startswith("error: unexpected RuntimeError: one. This is")


def test_a_stopped_run_says_that_it_can_go_on(capsys):
    assert run_command(command(KeyboardInterrupt(), quiet=True, existing="skip")) == 1
    assert capsys.readouterr().err == "stopped; run the same command again to go on from here\n"
