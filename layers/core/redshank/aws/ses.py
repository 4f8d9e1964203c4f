"""Email through SES v2: one call, one attempt, and an honest word about how it ended.

SendEmail has no idempotency token, and boto3 repeats it by itself on a timeout, a 500 or a dropped connection; so
its retries are off, and only throttling and a failed connect count as certainly not sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    SSLError,
)

from redshank.errors import NotSent, OutcomeUnknown, Rejected, Throttled
from redshank.ports import OutgoingEmail

if TYPE_CHECKING:
    from mypy_boto3_sesv2.client import SESV2Client

_THROTTLED = {"TooManyRequestsException", "ThrottlingException", "Throttling", "LimitExceededException"}
#: The account or the identity is not allowed to send at the moment; the email itself may be fine.
_PAUSED = {
    "SendingPausedException",
    "AccountSuspendedException",
    "MailFromDomainNotVerifiedException",
    "AccessDeniedException",
    "UnrecognizedClientException",
    "ExpiredTokenException",
    # A mistake of deployment (no such configuration set) or of the clock: mended, the email can still go out.
    "NotFoundException",
    "ConfigurationSetDoesNotExistException",
    "IncompleteSignature",
    "RequestExpired",
}


class SesMailer:
    """See ports.Mailer."""

    def __init__(self, client: SESV2Client, configuration_set: str) -> None:
        self._client = client
        self._configuration_set = configuration_set

    def send(self, email: OutgoingEmail) -> str:
        try:
            answer = self._client.send_email(
                FromEmailAddress=email.sender,
                Destination={"ToAddresses": [email.to]},
                ReplyToAddresses=[email.reply_to] if email.reply_to else [],
                Content={
                    "Simple": {
                        "Subject": {"Data": email.subject, "Charset": "UTF-8"},
                        "Body": {
                            "Html": {"Data": email.html, "Charset": "UTF-8"},
                            "Text": {"Data": email.text, "Charset": "UTF-8"},
                        },
                        "Headers": [{"Name": name, "Value": value} for name, value in email.headers.items()],
                    }
                },
                EmailTags=[{"Name": name, "Value": value} for name, value in email.tags.items()],
                ConfigurationSetName=self._configuration_set,
            )
        except (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError) as error:
            raise NotSent(str(error)) from error
        except (HTTPClientError, SSLError) as error:  # a read timeout, a dropped or broken connection
            raise OutcomeUnknown(str(error)) from error
        except ClientError as error:
            raise _meaning(error) from error
        if "MessageId" not in answer:
            raise OutcomeUnknown("SES took it, but its answer was cut short")
        return answer["MessageId"]


def _meaning(error: ClientError) -> Exception:
    code = error.response["Error"]["Code"]
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    said = f"{code}: {error.response['Error'].get('Message', '')}"
    if code in _THROTTLED or status == 429:
        return Throttled(said)
    # 403 is about whoever asks (credentials, a clock that is wrong), whatever its code.
    if code in _PAUSED or status == 403:
        return NotSent(said)
    if status >= 500:
        return OutcomeUnknown(said)
    return Rejected(said)
