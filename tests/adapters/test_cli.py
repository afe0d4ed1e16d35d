"""The command line as a newcomer uses it, on the portrait of an astronaut (public domain, shipped by scikit-image)."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from astronaut import CAMPAIGN, make_folder, sign_everything, twinbook
from PIL import Image
from skimage import data

from twinbook.domain.errors import CODES


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The whole way once; tests look at what it left behind, and copy it before they change anything."""
    folder = make_folder(tmp_path_factory.mktemp("astronaut"))
    asked = twinbook(folder, "run", "campaign.toml")
    sign_everything(folder)
    done = twinbook(folder, "run", "campaign.toml", "--json")
    return folder, asked, done


@pytest.fixture
def copy(played, tmp_path):
    shutil.copytree(played[0], tmp_path / "copy")
    return tmp_path / "copy"


def released(folder):
    return sorted((folder / "out" / "released").glob("blue-suit*.jpg"))


def test_unsigned_terms_stop_the_run_and_say_who_signs_what_with_which_command(played):
    _, asked, _ = played
    assert asked.returncode == 3
    assert "awaiting.signature" in asked.stderr
    assert 'twinbook keys new talent "Stella Nova" --id stella' in asked.stderr
    assert "twinbook sign out/to-sign/consent-stella-" in asked.stderr
    assert "DEVELOPMENT CERTIFICATE" in asked.stderr


def test_the_recolour_is_released_and_the_scene_refused(played):
    folder, _, done = played
    assert done.returncode == 0, done.stderr
    blue, studio = json.loads(done.stdout)["shots"]
    assert blue["outcome"] == "released"
    assert blue["calibrated"] is False  # one photograph
    assert len(blue["files"]) == len(released(folder)) == 2
    assert studio["outcome"] == "refused"
    assert [why["code"] for why in studio["reasons"]] == ["backdrop.busy"]


def test_everything_that_was_promised_is_there(played):
    out = played[0] / "out"
    names = {str(f.relative_to(out)) for f in out.rglob("*") if f.is_file()}
    assert {"contact-sheet.html", "statement.pdf", "statement.csv", "receipts/log-key.json"} <= names
    assert {"papers/consent-stella.pdf", "papers/license-stella.pdf", "papers/deal-memo-stella.pdf"} <= names
    page = (out / "contact-sheet.html").read_text()
    assert "backdrop.busy" in page
    assert "uncalibrated" in page
    assert "DEVELOPMENT" in page or "development CA" in page


def test_running_again_changes_no_image_and_no_total(copy):
    before = [f.read_bytes() for f in released(copy)], (copy / "out" / "statement.csv").read_text()
    assert twinbook(copy, "run", "campaign.toml").returncode == 0
    assert before == ([f.read_bytes() for f in released(copy)], (copy / "out" / "statement.csv").read_text())


def test_another_reader_accepts_the_manifest_with_the_development_anchor(played):
    import c2pa

    folder = played[0]
    anchor = next((folder / ".twinbook" / "keys" / "c2pa").glob("*ca.pem")).read_text()
    trusting = c2pa.Context(
        c2pa.Settings.from_dict({"verify": {"verify_trust": True}, "trust": {"trust_anchors": anchor}})
    )
    with c2pa.Reader(str(released(folder)[0]), context=trusting) as reader:
        found = json.loads(reader.json())
    assert found["validation_state"] == "Trusted"
    actions = json.dumps(found["manifests"][found["active_manifest"]]["assertions"])
    assert "compositeSynthetic" in actions


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed: run make deps as root")
def test_exiftool_reads_how_it_was_made(played):
    file = released(played[0])[0]
    told = json.loads(subprocess.run(["exiftool", "-json", "-XMP:all", file], capture_output=True, check=True).stdout)
    assert told[0]["DigitalSourceType"].endswith("compositeSynthetic")


def test_verify_tells_intact_re_encoded_altered_and_unknown(copy):
    file = released(copy)[0]
    with Image.open(file) as image:
        image.save(copy / "q75.jpg", quality=75)
        forged = image.copy()
        forged.paste((220, 180, 150), (150, 60, 250, 160))
        forged.save(copy / "forged.jpg", quality=90)
    data_ = bytearray(file.read_bytes())
    data_[len(data_) // 2] ^= 0xFF
    (copy / "flipped.jpg").write_bytes(data_)
    done = twinbook(copy, "verify", file, "q75.jpg", "forged.jpg", "photos/portrait.png", "--json")
    told = json.loads(done.stdout)
    assert [entry["state"] for entry in told] == ["intact", "re-encoded", "altered", "unknown"]
    assert told[1]["watermark"] == told[0]["release"]
    flipped = json.loads(twinbook(copy, "verify", "flipped.jpg", "--json").stdout)
    # a flipped byte may break the decoding itself, which is a clear error as well
    assert "error" in flipped or flipped[0]["state"] != "intact"


def test_anybody_can_verify_without_the_books(copy, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (told,) = json.loads(twinbook(elsewhere, "verify", released(copy)[0], "--json").stdout)
    assert told["manifest"] == "untrusted"
    assert told["watermark"]


def test_after_she_revoked_the_next_is_refused_and_what_was_issued_says_so(copy):
    done = twinbook(copy, "revoke", "--talent", "stella", "--key", "stella.pem", "--confirm", "stella")
    assert done.returncode == 0, done.stderr
    (told,) = json.loads(twinbook(copy, "verify", released(copy)[0], "--json").stdout)
    assert told["state"] == "revoked"
    another = CAMPAIGN.replace("#1f3a93", "#0a6640")
    (copy / "campaign.toml").write_text(another)
    shots = json.loads(twinbook(copy, "run", "campaign.toml", "--json").stdout)["shots"]
    assert {shot["outcome"] for shot in shots} == {"refused"}
    assert {"consent.revoked"} <= {why["code"] for why in shots[0]["reasons"]}


def test_the_brand_cannot_revoke_and_a_wrong_word_signs_nothing(copy):
    done = twinbook(copy, "revoke", "--talent", "stella", "--key", "tvaton.pem", "--confirm", "tvaton")
    assert done.returncode == 1
    assert "revocation.grounds" in done.stderr
    done = twinbook(copy, "revoke", "--talent", "stella", "--key", "stella.pem", "--confirm", "yes")
    assert "signature.declined" in done.stderr


def test_her_statement_is_checked_offline_against_the_log(copy, tmp_path):
    assert twinbook(copy, "statement", "--talent", "stella").returncode == 0
    key = json.loads((copy / "out" / "receipts" / "log-key.json").read_text())["ed25519"]
    away = tmp_path / "hers"
    shutil.copytree(copy / "out", away)
    receipt = next(f for f in (away / "receipts").iterdir() if f.name.startswith("blue"))
    offline = ["log", "verify", receipt, "--bundle", away / "log-stella.json", "--statement", away / "statement.csv"]
    done = twinbook(away, *offline, "--key", key)
    assert done.returncode == 0, done.stderr
    assert "lists every one" in done.stdout
    lines = (away / "statement.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (away / "statement.csv").write_text("".join(lines[:1]), encoding="utf-8")
    done = twinbook(away, *offline, "--key", key)
    assert "log.inconsistent" in done.stderr
    assert twinbook(copy, "log", "verify").returncode == 0


def test_erasing_leaves_nothing_to_open(copy):
    done = twinbook(copy, "erase", "--talent", "stella", "--key", "stella.pem", "--confirm", "stella")
    assert done.returncode == 0, done.stderr
    assert [left.name for left in (copy / ".twinbook" / "vault").iterdir()] == ["retention"]
    assert twinbook(copy, "log", "verify").returncode == 0


def test_init_makes_a_home_and_a_campaign_and_overwrites_nothing(tmp_path):
    done = twinbook(tmp_path, "init")
    assert done.returncode == 0, done.stderr
    assert "DEVELOPMENT" in done.stderr
    assert (tmp_path / ".twinbook" / "keys" / "master.key").stat().st_mode & 0o077 == 0
    (tmp_path / "campaign.toml").write_text("mine")
    master = (tmp_path / ".twinbook" / "keys" / "master.key").read_bytes()
    assert twinbook(tmp_path, "init").returncode == 0
    assert (tmp_path / "campaign.toml").read_text() == "mine"
    assert (tmp_path / ".twinbook" / "keys" / "master.key").read_bytes() == master


def test_keys_are_never_overwritten_nor_kept_in_the_home(tmp_path):
    twinbook(tmp_path, "init")
    assert twinbook(tmp_path, "keys", "new", "talent", "Mira Holm", "--id", "mira").returncode == 0
    again = twinbook(tmp_path, "keys", "new", "talent", "Mira Holm", "--id", "mira")
    assert again.returncode == 2
    assert "key.exists" in again.stderr
    inside = twinbook(tmp_path, "keys", "new", "brand", "Tvaton", "--out", ".twinbook/tvaton.pem")
    assert inside.returncode == 2
    (tmp_path / "mira.pem").chmod(0o644)
    (tmp_path / "paper.json").write_text(json.dumps({"paper": {"type": "twinbook.consent/1"}}))
    assert "key.permissions" in twinbook(tmp_path, "sign", "paper.json", "--key", "mira.pem").stderr
    listed = json.loads(twinbook(tmp_path, "keys", "list", "--json").stdout)
    assert [(key["party"], key["role"]) for key in listed] == [("mira", "talent")]


def test_errors_name_file_line_key_and_remedy(tmp_path):
    make_folder(tmp_path)
    (tmp_path / "campaign.toml").write_text(CAMPAIGN.replace("term_days = 90", "term_days = 0"))
    done = twinbook(tmp_path, "run", "campaign.toml")
    assert done.returncode == 2
    line = CAMPAIGN.splitlines().index("term_days = 90") + 1
    assert f"campaign.toml:{line}: license.term_days" in done.stderr
    assert not (tmp_path / "out").exists()
    told = json.loads(twinbook(tmp_path, "run", "campaign.toml", "--json").stdout)
    assert told["error"][0]["code"] in CODES


@pytest.mark.parametrize("arguments", [["keys", "list"], ["statement", "--talent", "x"], ["log", "verify"]])
def test_without_a_home_every_command_says_how_to_make_one(tmp_path, arguments):
    done = twinbook(tmp_path, *arguments)
    assert done.returncode == 2
    assert "twinbook init" in done.stderr


def test_the_mission_patch_is_no_face():
    from twinbook.vision import DlibMeter

    assert len(DlibMeter().faces(data.astronaut())) == 1


def test_the_command_starts_quickly_enough_not_to_load_what_it_does_not_need():
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import twinbook.cli, sys; print([m for m in ('numba','cv2','dlib','typst') if m in sys.modules])",
        ],
        capture_output=True,
        text=True,
        cwd=Path.cwd(),
    )
    assert loaded.stdout.strip() == "[]", loaded
