"""Page objects: what a person does on a console's screens."""
