"""A checkpoint makes pictures look like her and like nobody else, to an eye that has never seen her. Ten minutes and more."""

import pytest
from diffusion import SUBJECTS, identity


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_pictures_look_more_like_her_and_no_more_like_others():
    found = identity(subjects=SUBJECTS[:1])
    assert found["her after"][0] > found["her before"][0] + 0.1
    assert found["others after"][0] < found["others before"][0] + 0.02
