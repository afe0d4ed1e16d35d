"""The command line of rights: what somebody is told before signing, after taking back, and of what was paid."""

import json
import shutil

import pytest
from test_booking_commands import CAMPAIGN
from typed import twinbook

from twinbook import testing
from twinbook.documents.earnings import statement_csv
from twinbook.domain.errors import InputError
from twinbook.domain.form import read_terms
from twinbook.interchange import JsonInterchange
from twinbook.services import papers, run, settle, transparency


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A home with everybody's keys and nothing signed."""
    folder = tmp_path_factory.mktemp("table")
    (folder / "campaign.toml").write_text(CAMPAIGN, encoding="utf-8")
    assert twinbook(folder, "run", "campaign.toml").returncode == 3
    for role, name, party in (
        ("talent", "Mira Holm", "mira"),
        ("brand", "Tvaton", "tvaton"),
        ("agency", "Nordlight", "nordlight"),
    ):
        assert twinbook(folder, "keys", "new", role, name, "--id", party).returncode == 0
    return folder


@pytest.fixture
def folder(table, tmp_path):
    shutil.copytree(table, tmp_path / "copy")
    return tmp_path / "copy"


def waiting(folder, kind):
    """The one paper of this kind that waits under to-sign/."""
    (file,) = (folder / "out" / "to-sign").glob(f"{kind}-*.json")
    return file


def signed(folder, file, who):
    return twinbook(folder, "sign", file, "--key", f"{who}.pem", "--confirm", who)


def drawn(folder, *changes, to="campaign.toml"):
    """The campaign with some text changed, drawn up alone under to-sign/."""
    text = CAMPAIGN
    for one, other in changes:
        assert one in text
        text = text.replace(one, other)
    shutil.rmtree(folder / "out", ignore_errors=True)
    (folder / to).write_text(text, encoding="utf-8")
    done = twinbook(folder, "run", to)
    assert done.returncode == 3, done.stderr
    return done


# --- taking back


def test_a_part_is_withdrawn_where_it_was_given_and_said_where_it_never_was(folder):
    digests = []
    for number, parts in enumerate(['"generate"]', '"generate", "train"]']):
        drawn(folder, ('"generate"]', parts), to=f"campaign-{number}.toml")
        consent = waiting(folder, "consent")
        assert signed(folder, consent, "mira").returncode == 0
        digests.append(json.loads(consent.read_text())["sha256"])
    without, given = digests
    back = ["revoke", "--talent", "mira", "--key", "mira.pem", "--confirm", "mira", "--part"]
    done = twinbook(folder, *back, "train")
    assert done.returncode == 0, done.stderr
    assert "withdrawn: 1 papers" in done.stdout
    assert f"the consent {without[:16]}… never gave train" in done.stdout
    both = json.loads(twinbook(folder, *back, "train", "--part", "generate", "--json").stdout)
    assert both["revoked"] == sorted(digests)
    assert both["not_given"] == {without: ["train"]}
    none = twinbook(folder, *back, "monitor")
    assert none.returncode == 1
    assert "revocation.grounds" in none.stderr
    named = twinbook(folder, *back, "train", "--paper", without)
    assert "revocation.grounds" in named.stderr
    assert given in both["revoked"]


def test_her_agency_is_told_that_it_takes_nothing_of_hers_back(folder):
    assert signed(folder, waiting(folder, "consent"), "mira").returncode == 0
    done = twinbook(folder, "revoke", "--talent", "mira", "--key", "nordlight.pem", "--confirm", "nordlight")
    assert done.returncode == 1
    assert "what she signed only she takes back" in done.stderr
    assert "it takes nordlight" not in done.stderr


# --- names and mandates


def test_a_name_without_letters_makes_nobody(folder):
    for name in ("", "  ", "!?"):
        done = twinbook(folder, "keys", "new", "talent", name)
        assert done.returncode == 2
        assert "party.name" in done.stderr
    (folder / "campaign.toml").write_text(CAMPAIGN.replace('"Tvaton"', '"—"'), encoding="utf-8")
    done = twinbook(folder, "quote", "campaign.toml")
    assert "license.brand" in done.stderr
    assert "party.name" in done.stderr


def test_a_booking_names_no_mandate_that_is_not_there(folder):
    offer = ("booking", "offer", "campaign.toml", "--talent", "mira", "--key", "tvaton.pem", "--mandate")
    consent = json.loads(waiting(folder, "consent").read_text())["sha256"]
    for mandate, code in (("zzz", "paper.unknown"), ("0" * 64, "paper.unknown"), (consent[:12], "mandate.missing")):
        assert code in twinbook(folder, *offer, mandate).stderr
    assert json.loads(twinbook(folder, "booking", "list", "--json").stdout) == []


# --- languages


def test_nobody_signs_in_a_language_that_nobody_could_show_her(folder):
    text = CAMPAIGN.replace('agency = "Nordlight"', 'agency = "Nordlight"\nlanguage = "ja"')
    (folder / "campaign.toml").write_text(text, encoding="utf-8")
    done = twinbook(folder, "run", "campaign.toml")
    assert done.returncode == 2
    assert "talent[1].language" in done.stderr
    assert '"sv"' in done.stderr
    told = json.loads(waiting(folder, "consent").read_text())
    asked = read_terms(told["paper"] | {"language": "ja"})
    (folder / "policy.json").write_text(json.dumps(JsonInterchange().policy(asked, bound=False)), encoding="utf-8")
    assert twinbook(folder, "import", "policy.json", "--file", "--out", "draft.json").returncode == 0
    done = twinbook(folder, "sign", "draft.json", "--key", "mira.pem", "--confirm", "mira")
    assert done.returncode == 1
    assert "signature.language" in done.stderr


# --- what was paid


@pytest.fixture
def paid(office, people, photos, tmp_path):
    """A statement of two images, its bundle and the log's key, as she takes them home."""
    planned = testing.campaign(photos, [testing.a_shot("one"), testing.a_shot("two", to="#aa2222")])
    people.sign_all(office, planned)
    assert len(run.run(office, planned, tmp_path).works) == 2
    away = tmp_path / "hers"
    away.mkdir()
    (away / "statement.csv").write_text(statement_csv(settle.statement(office, "mira")), encoding="utf-8", newline="")
    (away / "log.json").write_text(json.dumps(transparency.bundle(office, "mira")))
    return away, office.log_signer.public.hex()


def held(away, key, *changes):
    file = away / "statement.csv"
    with file.open(encoding="utf-8", newline="") as whole:
        text = whole.read()
    for one, other in changes:
        assert one in text
        text = text.replace(one, other, 1)
    (away / "changed.csv").write_text(text, encoding="utf-8", newline="")
    return twinbook(away, "log", "verify", "--bundle", "log.json", "--statement", "changed.csv", "--key", key)


def test_a_statement_is_held_against_the_log_line_by_line(paid):
    away, key = paid
    done = held(away, key)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 lines agree in image, license and fee" in done.stdout
    assert "doesn't hold what" in done.stdout


def test_a_smaller_fee_a_line_twice_and_a_greedy_agency_are_found(paid):
    away, key = paid
    text = (away / "statement.csv").read_bytes().decode().splitlines(keepends=True)
    less = held(away, key, ("450.00,EUR,45000", "400.00,EUR,40000"))
    assert "log.inconsistent" in less.stderr
    assert "450.00 EUR" in less.stderr
    twice = held(away, key, (text[1], text[1] * 2))
    assert "log.inconsistent" in twice.stderr
    greedy = held(away, key, ("-90.00,EUR,-9000", "-490.00,EUR,-49000"))
    assert "log.inconsistent" in greedy.stderr
    another = held(away, key, (text[1].split(",")[-1].strip()[:60], "0" * 60))
    assert "log.inconsistent" in another.stderr


@pytest.mark.parametrize("change", [("450.00,EUR,45000", "450.00,EUR,1"), ("450.00,EUR", "450,EUR"), ("release", "r")])
def test_what_is_no_statement_is_told_as_that(paid, change):
    away, key = paid
    done = held(away, key, change)
    assert done.returncode == 2
    assert "log.statement" in done.stderr


def test_a_statement_that_is_held_against_nothing_proves_nothing(paid):
    away, key = paid
    done = twinbook(away, "log", "verify", "--statement", "statement.csv", "--key", key)
    assert done.returncode == 2
    assert "log.statement" in done.stderr
    (away / "latin.csv").write_bytes("däte,kind".encode("latin-1"))
    for name in ("nothing.csv", "latin.csv"):
        done = twinbook(away, "log", "verify", "--bundle", "log.json", "--statement", name, "--key", key)
        assert done.returncode == 2
        assert "log.statement" in done.stderr


# --- told before signing


def test_a_license_that_can_never_be_used_is_signed_only_by_who_insists(folder):
    drawn(folder, ('"450 EUR"', '"100 EUR"'))
    license = waiting(folder, "license")
    early = signed(folder, license, "tvaton")  # a brand that signs first learns nothing of her floor
    assert early.returncode == 0, early.stderr
    assert "321" not in early.stdout + early.stderr
    done = signed(folder, license, "mira")
    assert done.returncode == 1
    assert "100.00 EUR is under her minimum of 321.00 EUR" in done.stderr
    assert "--anyway" in done.stderr
    told = json.loads(
        twinbook(folder, "sign", license, "--key", "mira.pem", "--confirm", "mira", "--anyway", "--json").stdout
    )
    assert told["signed_by"] == "mira"
    assert {"consent.fee_floor", "signature.missing"} <= {why["code"] for why in told["against"]}


def test_a_brand_is_told_that_she_is_not_free_and_nothing_more(folder):
    sold = ("split = { agency = 20 }", "split = { agency = 20 }\nexclusive = { category = 'fast fashion' }")
    drawn(folder, sold)
    for kind, who in (("consent", "mira"), ("license", "mira"), ("license", "tvaton")):
        assert signed(folder, waiting(folder, kind), who).returncode == 0
    assert twinbook(folder, "keys", "new", "brand", "Zandra").returncode == 0
    drawn(folder, ('"Tvaton"', '"Zandra"'), to="zandra.toml")
    license = waiting(folder, "license")
    done = signed(folder, license, "zandra")
    assert done.returncode == 1
    assert "the talent isn't free for this scope [offer.conflict]" in done.stderr
    assert "license.exclusivity" not in done.stdout + done.stderr
    hers = signed(folder, license, "mira")
    assert "license.exclusivity" in hers.stderr


def test_a_missing_signature_is_told_and_may_yet_come(folder):
    done = signed(folder, waiting(folder, "license"), "mira")
    assert done.returncode == 0, done.stderr
    assert "mira (talent) has not signed the consent [signature.missing]" in done.stdout


# --- other terms


def test_a_counter_changes_whatever_a_license_says(folder):
    def told(*arguments, status=0):
        done = twinbook(folder, "booking", *arguments, "--json")
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout)

    made = told("offer", "campaign.toml", "--talent", "mira", "--key", "tvaton.pem")
    name = made["booking"]
    answer = ("counter", name, "--key", "mira.pem", "--channel", "web", "--territory", "DE", "--territory", "SE")
    answer += ("--exclusive-category", "Fast Fashion", "--exclusive-competitor", "zandra", "--term-days", "30")
    terms = told(*answer)["terms"]
    assert (terms["channels"], terms["territories"], terms["term_days"]) == (["web"], ["DE", "SE"], 30)
    sold = terms["exclusive"]
    assert (sold["category"], sold["competitors"], sold["channels"]) == ("fast fashion", ["zandra"], [])
    assert sold["starts"] == terms["starts"] < sold["ends"]
    text = CAMPAIGN.replace("agency = 20", 'agency = 10, crew = { "Ida Berg" = 3 }').replace("450 EUR", "470 EUR")
    (folder / "theirs.toml").write_text(text, encoding="utf-8")
    back = ("counter", name, "--key", "tvaton.pem", "--campaign", "theirs.toml", "--max-images", "7")
    terms = told(*back)["terms"]
    assert terms["split"] == {"agency": "10", "crew": {"Ida Berg": "3"}}
    assert (terms["fee"], terms["max_images"], terms["exclusive"]) == ("470.00 EUR", 7, None)
    assert (terms["consent"], terms["starts"]) == (made["terms"]["consent"], made["terms"]["starts"])
    (folder / "zandras.toml").write_text(text.replace('"Tvaton"', '"Zandra"'), encoding="utf-8")
    (refused,) = told("counter", name, "--key", "mira.pem", "--campaign", "zandras.toml", status=1)["error"]
    assert refused["code"] == "offer.parties"


# --- papers


def test_papers_are_listed_shown_written_and_verified_by_the_beginning_of_their_digest(folder, tmp_path):
    for kind, who in (("consent", "mira"), ("license", "mira"), ("license", "tvaton")):
        assert signed(folder, waiting(folder, kind), who).returncode == 0
    consent, license = json.loads(twinbook(folder, "papers", "list", "--json").stdout)
    assert (consent["kind"], consent["signed_by"], consent["until"]) == ("consent", ["mira (talent)"], "2999-11-22")
    assert license["signed_by"] == ["mira (talent)", "tvaton (brand)"]
    lines = twinbook(folder, "papers", "list", "--talent", "mira", "--kind", "license").stdout
    assert f"{license['sha256'][:16]}  license    signed by mira (talent), tvaton (brand), until" in lines
    assert "consent" not in lines
    short = license["sha256"][:8]
    assert "Tvaton" in twinbook(folder, "papers", "show", short).stdout
    assert twinbook(folder, "export", short).returncode == 0
    done = twinbook(folder, "papers", "write", short, "--out", tmp_path / "away")
    assert done.returncode == 0, done.stderr
    pdf = tmp_path / "away" / f"license-{short}.pdf"
    here = json.loads(twinbook(folder, "papers", "verify", pdf, "--json").stdout)
    assert (here["sha256"], here["vouched_for"], here["keys_known_here"]) == (license["sha256"], True, True)
    away = twinbook(tmp_path, "papers", "verify", pdf)
    assert away.returncode == 0, away.stderr
    assert "by mira (talent), tvaton (brand)" in away.stdout
    assert "nobody vouches here" in away.stdout
    other = pdf.read_bytes().replace(b"/Type", b"/Typo", 1)
    (tmp_path / "other.pdf").write_bytes(other)
    assert "paper." in twinbook(tmp_path, "papers", "verify", "other.pdf").stderr
    beside = pdf.with_suffix(".json")
    forged = json.loads(beside.read_text())
    forged["signatures"][0]["value"] = "00" * 64
    beside.write_text(json.dumps(forged))
    assert "signature.invalid" in twinbook(tmp_path, "papers", "verify", pdf).stderr


def test_a_digest_that_is_too_short_or_nobodys_names_no_paper(folder):
    for digest in ("3f9a", "0" * 16, "mira"):
        done = twinbook(folder, "papers", "show", digest)
        assert done.returncode == 2
        assert "paper.unknown" in done.stderr
    back = twinbook(folder, "revoke", "--talent", "mira", "--key", "mira.pem", "--confirm", "mira", "--paper", "0" * 8)
    assert "paper.unknown" in back.stderr


def test_two_papers_that_begin_alike_are_told_apart():
    class Two:
        """A file with two digests that nobody will ever find together."""

        @property
        def papers(self):
            return self

        def starting(self, prefix):
            return [prefix + "0", prefix + "1"]

    with pytest.raises(InputError, match=r"paper\.ambiguous"):
        papers.starting(Two(), "0123abcd")
