"""One folder an integration; see README.md here."""
