"""The user's sentences in lines that fit."""

from __future__ import annotations

from unfoldify.emit.prose import fitted

LIST = [
    "what goes on here, in three steps that are listed one by one:",
    "- the first step, which is too long for one line of the file that is written",
    "- the second step",
    "Shapes: (B, T, C)",
]


def test_lines_that_fit_stay() -> None:
    assert fitted(LIST, 80) == LIST


def test_a_list_stays_a_list() -> None:
    assert fitted(LIST, 62) == [
        "what goes on here, in three steps that are listed one by one:",
        "- the first step, which is too long for one line of the file",
        "that is written",
        "- the second step",
        "Shapes: (B, T, C)",
    ]


def test_a_sentence_over_several_lines_is_filled_anew() -> None:
    lines = ["a sentence that goes on and on,", "and comes to its very end", "here. Then nothing."]
    assert fitted(lines, 28) == [
        "a sentence that goes on and",
        "on, and comes to its very",
        "end here. Then nothing.",
    ]


def test_short_lines_are_entries_of_a_list() -> None:
    lines = [
        "size (int): how many of them there are",
        "rate (float): how often one of them is dropped, in training alone",
    ]
    assert fitted(lines, 50) == [
        "size (int): how many of them there are",
        "rate (float): how often one of them is dropped, in",
        "training alone",
    ]


def test_paragraphs_and_their_margin_stay() -> None:
    lines = ["first words of a paragraph that is long", "", "    indented words that are long too"]
    assert fitted(lines, 30) == [
        "first words of a paragraph",
        "that is long",
        "",
        "    indented words that are",
        "    long too",
    ]
