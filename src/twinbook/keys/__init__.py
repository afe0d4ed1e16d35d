"""Signatures: Ed25519 keys in files, and the certificates that sign manifests."""
