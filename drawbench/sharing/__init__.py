"""Results that travel: collected, checked, compared with older ones, exported, cited, pushed to a hub."""
