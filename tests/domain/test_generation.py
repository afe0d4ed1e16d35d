"""What a prompt may ask for, and what is kept out of a picture of hers."""

import pytest

from twinbook.domain.generation import Generation, Keep, mentioned, negatives
from twinbook.domain.spelling import plain

NEVER = [plain(word) for word in ("fur", "tobacco", "fast fashion", "Lingerie")]


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("she walks along a beach", set()),
        ("in a fur coat", {"fur"}),
        ("in FURS", {"fur"}),
        ("her furniture, a further look", set()),
        ("a fast-fashion haul", {"fast fashion"}),
        ("f\u00adur and a cigar, tobacco", {"fur", "tobacco"}),
        ("no lingerie", {"lingerie"}),
    ],
)
def test_a_prompt_is_held_against_what_she_never_allows(prompt, found):
    assert mentioned(Generation(prompt, "base"), NEVER) == found
    assert mentioned(None, NEVER) == frozenset()


def test_a_word_with_signs_in_it_is_a_word_and_no_pattern():
    assert mentioned(Generation("a+b and 18+", "base"), [plain("18+"), plain(".*")]) == {"18+"}


def test_the_negative_list_is_her_words_and_nobody_elses():
    assert negatives(NEVER) == {"fur", "tobacco", "fast fashion", "lingerie"}
    assert negatives([]) == frozenset()


def test_what_stays_of_the_plate_decides_which_edits_are_asked():
    whole = Generation("a beach", "base").edits
    assert set(Generation("a beach", "base", Keep.PERSON).edits) < set(whole)
