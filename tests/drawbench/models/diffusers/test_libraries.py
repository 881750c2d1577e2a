"""What goes wrong on the way to the hub and in the libraries, and what they would print."""

import logging
import sys
import warnings
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import torch
from huggingface_hub import errors

from drawbench.errors import UserError
from drawbench.models.diffusers.libraries import (
    first_line,
    hub_error,
    import_diffusers,
    is_out_of_memory,
    quiet_libraries,
)


def refusal(kind: type[Exception]) -> Exception:
    """An answer of the hub's, of which only the type counts; real ones come over a wire below."""
    return kind.__new__(kind)


def wrapped(error: Exception) -> Exception:
    """As diffusers hands on what the hub said."""
    outer = OSError("Cannot load model somebody/theirs: see above")
    outer.__cause__ = error
    return outer


@pytest.mark.parametrize("as_is", [lambda error: error, wrapped])
@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (refusal(errors.GatedRepoError), r"is gated: accept its terms at https://huggingface.co/somebody/theirs"),
        (refusal(errors.RevisionNotFoundError), "has no revision 'v9'"),
        (refusal(errors.RepositoryNotFoundError), r"there is no model somebody/theirs on the hub, or it is private"),
        (refusal(errors.RemoteEntryNotFoundError), "is no diffusers pipeline"),
        (errors.LocalEntryNotFoundError("not here"), "the hub cannot be reached: connect"),
        (errors.OfflineModeIsEnabled("offline"), "the hub cannot be reached: connect"),
        (TimeoutError(), "the hub cannot be reached: connect"),
    ],
)
def test_what_the_hub_answers_is_one_sentence(
    error: Exception, as_is: Callable[[Exception], Exception], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence), hub_error("somebody/theirs", "v9"):
        raise as_is(error)


def test_an_unforeseen_answer_is_told_as_it_is() -> None:
    with pytest.raises(UserError, match=r"cannot be fetched from the hub \(strange\)"), hub_error("a/b", None):
        raise ValueError("strange.\nmore")


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (403, "GatedRepo", "somebody/theirs is gated"),
        (404, "RepoNotFound", "there is no model somebody/theirs"),
        (404, "RevisionNotFound", "has no revision 'v9'"),
        (404, "EntryNotFound", "is no diffusers pipeline"),
    ],
)
def test_a_real_answer_over_the_wire_is_understood(
    status: int, code: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants, hf_hub_download

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # whatever the tests run under: this hub is on loopback

    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("X-Repo-Commit", "0" * 40)
            self.end_headers()

        do_GET = do_HEAD  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(UserError, match=sentence), hub_error("somebody/theirs", "v9"), quiet_libraries():
            hf_hub_download(
                "somebody/theirs",
                "model_index.json",
                revision="v9",
                endpoint=f"http://127.0.0.1:{server.server_port}",
                token=False,
            )
    finally:
        server.shutdown()
        server.server_close()


def test_libraries_are_quiet_inside_and_as_before_outside(capfd: pytest.CaptureFixture[str]) -> None:
    import diffusers.utils.logging

    logger = logging.getLogger("diffusers.some.module")
    root = logging.getLogger("diffusers")
    before = (root.handlers[:], root.level, root.propagate, diffusers.utils.logging.is_progress_bar_enabled())
    with quiet_libraries() as told:
        logger.warning("this prompt was cut: %s", "secret")
        logger.info("less than a warning")
        warnings.warn("your configuration is old", FutureWarning, stacklevel=1)
        assert not diffusers.utils.logging.is_progress_bar_enabled()
    assert told == ["this prompt was cut: secret"]
    assert capfd.readouterr() == ("", "")
    assert (root.handlers, root.level, root.propagate, diffusers.utils.logging.is_progress_bar_enabled()) == before


def test_without_diffusers_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert import_diffusers().__name__ == "diffusers"
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(UserError, match=r"needs the package diffusers .*: pip install 'drawbench\[diffusers\]'"):
        import_diffusers()


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_memory_errors_are_told_from_others(error: Exception, memory: bool) -> None:
    assert is_out_of_memory(error) is memory


def test_an_errors_first_line_fits_into_a_sentence() -> None:
    assert first_line(ValueError("\n  It broke here.\nDetails.")) == "It broke here"
    assert first_line(KeyError()) == "KeyError"
    assert len(first_line(ValueError("x" * 1000))) == 300
