"""The machine: browsers, secrets, durable jobs, files. Knows no site by name."""
