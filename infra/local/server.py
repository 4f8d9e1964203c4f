"""The process beside ministack: the API's root URL, the SES fake and the mailbox page."""

from __future__ import annotations

import signal
import threading
from functools import cache
from pathlib import Path

from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local import place as places
from infra.local.gateway import Gateway, forward
from infra.local.place import REGION, STACK, Place
from infra.local.ses import notifications
from infra.local.ses.api import Api
from infra.local.ses.faults import Faults
from infra.local.ses.mailbox import Mailbox, dump
from infra.local.ses.notifications import Notification
from infra.local.ses.site import Site
from infra.local.web import App, Request, Response, serve
from redshank.clock import Clock


class Feedback:
    """Publishes where the template's configuration set says: asked of the stand, known nowhere else."""

    def __init__(self, place: Place) -> None:
        config = Config(retries={"total_max_attempts": 3}, max_pool_connections=16)
        session = place.session()
        self._ses = session.client("sesv2", endpoint_url=place.aws, config=config)
        self._sns = session.client("sns", endpoint_url=place.aws, config=config)
        self._topics = cache(self._ask)

    def _ask(self, configuration_set: str) -> tuple[tuple[str, frozenset[str]], ...]:
        found = self._ses.get_configuration_set_event_destinations(ConfigurationSetName=configuration_set)
        return tuple(
            (destination["SnsDestination"]["TopicArn"], frozenset(destination["MatchingEventTypes"]))
            for destination in found["EventDestinations"]
            if destination["Enabled"] and "SnsDestination" in destination
        )

    def knows(self, configuration_set: str) -> bool:
        try:
            self._topics(configuration_set)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NotFoundException", "NotFound"):
                return False
            raise
        return True

    def publish(self, configuration_set: str, notification: Notification) -> None:
        """Publish to each topic that listens to this type of event."""
        kind = notifications.MATCHING_TYPES[notification["eventType"]]
        for topic, kinds in self._topics(configuration_set):
            if kind in kinds:
                self._sns.publish(
                    TopicArn=topic,
                    Subject="Amazon SES Email Event Notification",
                    Message=dump(notification),
                )


def mailbox_app(place: Place) -> App:
    """The SES API below /v2/email, the mailbox everywhere else."""
    feedback, faults = Feedback(place), Faults()
    mailbox = Mailbox(feedback.publish, region=REGION)
    api = Api(mailbox, faults, elsewhere=lambda request: forward(place.aws, request), knows=feedback.knows)
    clock = Clock(speed=place.speed, since=place.since * 1000)
    site = Site(mailbox, faults, clock=clock, api=place.api)

    def app(request: Request) -> Response:
        return (api if request.path.startswith("/v2/") else site)(request)

    return app


def _find_api(place: Place) -> str | None:
    formation = place.session().client("cloudformation", endpoint_url=place.aws)
    try:
        stack = formation.describe_stacks(StackName=STACK)["Stacks"][0]
    except ClientError:
        return None
    if not stack["StackStatus"].endswith("_COMPLETE"):
        return None
    return next(
        (output["OutputValue"] for output in stack["Outputs"] if output["OutputKey"] == "ApiId"), None
    )


def main(state: Path) -> None:
    """Serve until told to stop."""
    place = places.load(state)
    if place is None:
        raise SystemExit(f"no stand was set up in {state}")
    stops = [
        serve(Gateway(place.aws, lambda: _find_api(place)), place.api_port),
        serve(mailbox_app(place), place.mailbox_port),
    ]
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    told.wait()
    for stop in stops:
        stop()
