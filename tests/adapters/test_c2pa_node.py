"""Our signed files in another program: Node bindings of c2pa-rs. The same engine underneath, so this proves the file
and the anchors portable, not the validation independent."""

import json
import shutil
import subprocess

import pytest
from pictures import RELEASE

NPM, NODE = shutil.which("npm"), shutil.which("node")
PACKAGE = "@contentauth/c2pa-node@0.8.0"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NPM is None or NODE is None, reason="npm and node are not installed"),
]

PROGRAM = """
import { readFileSync } from "node:fs";
import { Reader } from "@contentauth/c2pa-node";
const [file, anchors] = process.argv.slice(2);
const settings = {
  verify: { verify_trust: true, remote_manifest_fetch: false, ocsp_fetch: false },
  trust: anchors ? { trust_anchors: readFileSync(anchors, "utf-8") } : {},
};
const asset = { buffer: readFileSync(file), mimeType: "image/jpeg" };
const reader = await Reader.fromAsset(asset, JSON.stringify(settings));
console.log(JSON.stringify(reader.json()));
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"name": "check", "private": true, "type": "module"}')
    install = [NPM, "install", "--ignore-scripts", "--no-audit", "--no-fund", PACKAGE]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=280)
    if done.returncode and any(sign in done.stderr for sign in ("ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN")):
        pytest.skip("npm can't reach its registry")
    assert done.returncode == 0, done.stderr
    (folder / "read.js").write_text(PROGRAM)

    def read(*arguments):
        done = subprocess.run(
            [NODE, "read.js", *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=60, check=True
        )
        store = json.loads(done.stdout)
        return json.loads(store) if isinstance(store, str) else store

    return read


def test_it_is_trusted_with_our_anchor_and_only_with_it(node, sealed, certificate, tmp_path):
    (tmp_path / "sealed.jpg").write_bytes(sealed.data)
    (tmp_path / "anchors.pem").write_text(certificate.anchors_pem)
    trusted = node(tmp_path / "sealed.jpg", tmp_path / "anchors.pem")
    assert trusted["validation_state"] == "Trusted"
    manifest = trusted["manifests"][trusted["active_manifest"]]
    data = {assertion["label"]: assertion["data"] for assertion in manifest["assertions"]}
    assert data["org.twinbook.release"]["release"] == RELEASE.hex
    assert node(tmp_path / "sealed.jpg")["validation_state"] == "Valid"


def test_a_changed_file_is_invalid_there_too(node, sealed, certificate, tmp_path):
    changed = bytearray(sealed.data)
    changed[-5000] ^= 1
    (tmp_path / "changed.jpg").write_bytes(changed)
    (tmp_path / "anchors.pem").write_text(certificate.anchors_pem)
    assert node(tmp_path / "changed.jpg", tmp_path / "anchors.pem")["validation_state"] == "Invalid"
