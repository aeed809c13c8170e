"""The revisions in order. A released revision is never edited."""
