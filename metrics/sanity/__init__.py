"""The sanity suite: how metrics must move when images get worse in known ways."""
