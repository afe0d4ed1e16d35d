"""Answers over HTTP. Handlers ask services and know nothing of pixels; nothing here listens anywhere but where it is told."""
