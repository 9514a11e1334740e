"""The benchmarks of search, small: what they measure with must itself be right."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

np = pytest.importorskip("numpy", reason="the generator of benchmarks wants numpy: extra `bench`")

from benchmarks import recall, relevance  # noqa: E402
from benchmarks.corpus import APP, SMALL_APP, Corpus, text_of  # noqa: E402

SIZE = 12_000
ROOT = Path(__file__).parent.parent


def test_a_corpus_is_the_same_again_and_begins_a_larger_one() -> None:
    """A seed makes one corpus; a larger one begins with the same words."""
    small, again, large = Corpus(SIZE), Corpus(SIZE), Corpus(3 * SIZE)

    assert small.document(5) == again.document(5)
    assert text_of(small.document(5)) == text_of(large.document(5))
    assert text_of(small.document(5)) != text_of(Corpus(SIZE, seed=2).document(5))


def test_a_corpus_is_as_large_as_it_says_and_alike_to_speech() -> None:
    """Sessions of about 300 utterances, of about 16 words and 88 bytes, in two apps."""
    corpus = Corpus(SIZE)
    documents = list(corpus)
    said = [
        each.text
        for of in documents
        for each in (of.transcript.utterances if of.transcript else ())
    ]

    assert len(said) == SIZE
    assert 200 < SIZE / len(documents) < 400
    assert 15 < np.mean([len(each.split()) for each in said]) < 18
    assert 80 < np.mean([len(each) for each in said]) < 100
    assert {each.app_id for each in documents} <= {APP, SMALL_APP}
    assert all(1 <= len(each.participants) <= 9 for each in documents)


def test_numbers_of_words_are_the_words_of_the_text() -> None:
    """What queries are drawn from is what is said."""
    corpus = Corpus(SIZE)
    words = corpus.words(3)
    typed = [corpus.vocabulary.word(int(each)) for each in words.ids[: words.counts[0]]]

    assert text_of(corpus.document(3))[0].lower() == " ".join(typed) + "."


def test_the_peer_finds_as_many_sessions(tmp_path: Path) -> None:
    """Both count the same sessions wherever they do the same work."""
    pytest.importorskip("tantivy", reason="the peer of benchmarks: extra `bench`")
    figures = tmp_path / "figures.json"
    classes = ("two words", "phrase", "speaker", "app", "30 days", "chat", "newest")
    argv = ["--utterances", SIZE // 2, "--peer", "tantivy", "--keep", tmp_path, "--json", figures]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.search",
            *map(str, argv),
            "--no-upkeep",
            "--classes",
            ",".join(classes),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )

    found = json.loads(figures.read_text(encoding="utf-8"))
    assert "geometric mean" in done.stdout
    assert {name: each["unlike"] for name, each in found["classes"].items()} == dict.fromkeys(
        classes, 0
    )


def test_the_table_says_what_was_missed() -> None:
    """Each bar is held against what was found."""
    search_table = pytest.importorskip("benchmarks.search_table")
    fast, slow = {"p50_ms": 1.0, "p99_ms": 2.0}, {"p50_ms": 11.0, "p99_ms": 120.0}
    best = {"figures": fast, "variant": ""}
    small, large = (
        {
            "utterances": utterances,
            "classes": {"phrase": {"ours": ours, "faceted": ours, "peer": best, "lean": best}},
            "build": {
                name: {"cpu_s": 1, "wall_s": 1, "peak_mib": 90, "size_bytes": 3, "text_bytes": 2}
                for name in ("ours", "tantivy")
            },
            "upkeep": dict.fromkeys(
                ("insert", "insert_beside_reader", "reader", "reader_beside_writer"), fast
            ),
        }
        for utterances, ours in ((1_000_000, fast), (10_000_000, slow))
    )

    assert all(row.holds is not False for row in search_table.rows_of_size(small))
    assert [row.what for row in search_table.rows_of_size(large) if row.holds is False] == [
        "10M: p50, phrase",
        "10M: p99, phrase",
        "10M: p50 by tantivy's giving the same answer, geometric mean",
        "10M: p50 by tantivy's doing less, geometric mean",
    ]
    assert search_table.row_of_growth(small, large).holds is False
    search_table.print_table(search_table.rows_of_size(large))

    met = search_table.rows_of_http({"adds_ms": 0.4, "one": 100, "two": 190})
    missed = search_table.rows_of_http({"adds_ms": 1.1, "one": 100, "two": 170})

    assert [row.holds for row in met] == [True, True]
    assert [row.holds for row in missed] == [False, False]


def test_nothing_that_is_there_is_missed() -> None:
    """Phrases across utterances and Chinese words of one to three characters are all found."""
    assert set(recall.measure(SIZE, queries=10).values()) == {1.0}


def test_answers_are_judged_by_meeting_and_by_span(tmp_path: Path) -> None:
    """A question finds its meeting, and a moment in the span of its answer."""
    words = ("alpha", "bravo", "charlie", "delta")
    lines = [
        {"id": word, "turns": [["Ana", f"we talk of {word}"], ["Tom", f"{word} costs {at}"]]}
        for at, word in enumerate(words)
    ]
    with gzip.open(tmp_path / "meetings.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(each) + "\n" for each in lines)
    asked = [
        {"meeting": word, "question": f"What are the costs of {word}?", "spans": [[1, 1]]}
        for word in words
    ]
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, asked)), encoding="utf-8")

    found = relevance.measure(tmp_path)

    assert found["all"]["MRR@10"] == found["all"]["hit@5"] == 1.0
