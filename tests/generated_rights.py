"""Consents and licenses of every kind that a form can hold, for properties."""

from datetime import date
from fractions import Fraction

from hypothesis import strategies as st

from twinbook.domain.consent import Approval, Consent, Edit, Part, Person, PostMortem, Representation, Talent
from twinbook.domain.license import Exclusivity, License, Renewal, Split
from twinbook.domain.money import Money
from twinbook.domain.spelling import plain

TEXT = st.one_of(
    st.sampled_from(["", "mira", "web", "Ida Berg (hair)", "å/ä#?%", "twb:noEnd", "{}"]), st.text(max_size=12)
)
WORDS = st.frozensets(TEXT, max_size=4)
PLAIN = TEXT.map(plain)
PLAIN_WORDS = WORDS.map(lambda words: frozenset(map(plain, words)))
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))
COUNT = st.one_of(st.sampled_from([0, 1, 1_000_000]), st.integers(0, 1_000_000))
MONEY = st.builds(Money, st.sampled_from(["EUR", "JPY", "BHD", "SEK", "USD"]), st.integers(0, 10**9))
SHARE = st.builds(Fraction, st.integers(0, 999_999), st.integers(1, 999_999))
PERSON = st.builds(Person, TEXT, TEXT)


@st.composite
def splits(draw):
    """Up to five shares of which each gets at most a sixth, so that something is left for her."""
    names = draw(st.lists(TEXT, max_size=4, unique=True))
    portions = draw(st.lists(st.fractions(0, 16, max_denominator=1000), min_size=5, max_size=5))
    return Split(portions[0], dict(zip(names, portions[1:], strict=False)))


EXCLUSIVE = st.builds(Exclusivity, PLAIN, WORDS, WORDS, WORDS, DAYS, DAYS)
LICENSES = st.builds(
    License,
    talent=PERSON,
    brand=PERSON,
    agency=st.none() | PERSON,
    consent=TEXT,
    category=PLAIN,
    fee=MONEY,
    channels=WORDS,
    territories=WORDS,
    starts=DAYS,
    term_days=st.none() | COUNT,
    split=splits(),
    uses=TEXT,
    exclusive=st.none() | EXCLUSIVE,
    max_images=st.none() | COUNT,
    renewal=st.sampled_from(Renewal),
    wind_down_days=COUNT,
    payment_days=COUNT,
    replaces_in_person=st.booleans(),
    advised_by=TEXT,
    trains_models=st.booleans(),
    sublicensees=WORDS,
    vendors=WORDS,
    language=TEXT,
    mandate=TEXT,
    estate=TEXT,
)
CONSENTS = st.builds(
    Consent,
    talent=st.builds(Talent, TEXT, TEXT, DAYS),
    agency=st.none() | PERSON,
    purpose=TEXT,
    parts=st.frozensets(st.sampled_from(Part)),
    starts=DAYS,
    until=st.none() | DAYS,
    channels=WORDS,
    territories=WORDS,
    never=PLAIN_WORDS,
    min_fee=MONEY,
    max_images_per_month=COUNT,
    uses=TEXT,
    edits=st.frozensets(st.sampled_from(Edit)),
    approval=st.sampled_from(Approval),
    max_brands=st.none() | COUNT,
    day_rate=st.none() | MONEY,
    min_fee_percent=SHARE,
    cooling_off_days=COUNT,
    reconsent_days=COUNT,
    post_mortem=st.sampled_from(PostMortem),
    estate=TEXT,
    based_in=TEXT,
    language=TEXT,
    representation=st.sampled_from(Representation),
    power_of_attorney=TEXT,
    replaces=TEXT,
    tolerances=st.dictionaries(TEXT, SHARE, max_size=3),
)
