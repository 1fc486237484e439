"""Phases as spans of OpenTelemetry, read back from its own exporter in memory."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import transport
from tests.support import ROOT, history, init_repository, make_repository


@pytest.fixture
def traced() -> tuple[Any, Any]:
    """A progress, its tracer, and the exporter that keeps what has ended."""
    reason = "needs packcore[otel] and the SDK"
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason=reason)
    export = pytest.importorskip("opentelemetry.sdk.trace.export", reason=reason)
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter", reason=reason)
    exporter, provider = memory.InMemorySpanExporter(), sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    return provider.get_tracer("test"), exporter


def spanned(tracer: Any) -> Any:
    from transport.spans import SpannedProgress

    return SpannedProgress(tracer)


def test_each_phase_of_a_sync_is_a_span_below_the_callers(traced, tmp_path):
    tracer, exporter = traced
    source = make_repository(tmp_path / "source.git", history(commits=3))
    target = init_repository(tmp_path / "target.git")
    with tracer.start_as_current_span("mirror"):
        transport.sync(str(source), str(target), progress=spanned(tracer))
    *phases, mirror = exporter.get_finished_spans()
    assert mirror.name == "mirror"
    assert phases
    assert {span.context.trace_id for span in phases} == {mirror.context.trace_id}
    assert all(span.attributes["packcore.unit"] for span in phases)
    assert sum(span.attributes["packcore.done"] for span in phases) > 0


def test_counts_and_messages_are_kept(traced):
    tracer, exporter = traced
    progress = spanned(tracer)
    with progress.phase("selecting", unit="objects", total=9) as phase:
        phase.advance(4)
        phase.advance()
        phase.note(deltas=2)
        progress.message("target", "hello")
    (span,) = exporter.get_finished_spans()
    assert dict(span.attributes) == {
        "packcore.unit": "objects",
        "packcore.total": 9,
        "packcore.done": 5,
        "packcore.deltas": 2,
    }
    assert [(event.name, dict(event.attributes)) for event in span.events] == [
        ("hello", {"packcore.origin": "target"})
    ]


def test_a_phase_that_breaks_off_is_an_error(traced):
    tracer, exporter = traced
    with pytest.raises(ValueError, match="cut"):
        with spanned(tracer).phase("sending", unit="bytes"):
            raise ValueError("cut")
    (span,) = exporter.get_finished_spans()
    assert not span.status.is_ok
    assert span.attributes["packcore.done"] == 0


def test_without_the_package_the_error_names_the_extra():
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from packcore.errors import PackcoreError\n"
        "from transport.spans import SpannedProgress\n"
        "try: SpannedProgress()\n"
        "except PackcoreError as error: print(error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "pip install 'packcore[otel]'\n"
