"""A checkpoint makes pictures look like her and hardly more like anybody else, to an eye that has never seen her. Ten minutes and more."""

import pytest
from diffusion import SUBJECTS, identity


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_pictures_look_more_like_her_and_hardly_more_like_others():
    found = identity(subjects=SUBJECTS[:1])
    assert found["her after"][0] > found["her before"][0] + 0.1
    hers, others = (found[f"{who} after"][0] - found[f"{who} before"][0] for who in ("her", "others"))
    assert others < 0.2 * hers, "people are a little like each other: her own photographs are, too"
