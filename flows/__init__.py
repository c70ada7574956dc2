"""The consoles: everything that is known about TikTok's Events Manager and Upstack Data."""
