import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from twinbook.domain.canonical import canonical, digest

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_agrees_with_an_independent_implementation(document):
    assert canonical(document) == rfc8785.dumps(document)


@pytest.mark.parametrize("document", [1.5, {"a": 2**53}, {1: "a"}, "\ud800", b"bytes", {"a": {1, 2}}])
def test_what_has_no_canonical_form_is_refused(document):
    with pytest.raises(ValueError):  # noqa: PT011  (Unicode has its own kind)
        canonical(document)


def test_the_order_of_members_is_no_part_of_a_document():
    assert digest({"b": 1, "a": [2]}) == digest({"a": [2], "b": 1})
