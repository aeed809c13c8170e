"""The revisions, in order; none is ever edited once it was released."""
