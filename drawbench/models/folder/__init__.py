"""`folder:DIR`: images that somebody already made, and how they meet their prompts."""
