"""The settings of these consoles, beside those every console shares."""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from automation.secret import Secret
from automation.settings import Origin, Settings, secret


class ConsoleSettings(Settings):
    """All settings of the contract; hand this class to `automation.settings.load`."""

    console_url: Origin = "https://ads.tiktok.com"
    """Origin of Events Manager."""
    events_api_url: Origin = "https://business-api.tiktok.com"
    """Origin of the Events API."""
    upstack_url: Origin = "https://app.upstackdata.com"
    """Origin of the Upstack dashboard."""
    test_event_code: str | None = None
    """Lets `verify` send a test event; without it no event is sent."""
    webhook_secret: Annotated[Secret, BeforeValidator(secret)] | None = Field(
        default=None, repr=False
    )
    """Signs what a `webhook:` destination is sent."""

    taken_out: ClassVar[tuple[str, ...]] = (*Settings.taken_out, "webhook_secret")
