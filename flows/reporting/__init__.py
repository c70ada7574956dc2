"""What is known of all pixels, to look at: on a terminal and as one self-contained page."""
