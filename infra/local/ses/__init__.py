"""A small Amazon SES (API v2): accepts, remembers, and reports as SES does.

    emails         what was asked to be sent?     (parsing and SES's own rules)
    notifications  what does SES report?          (the JSON of event publishing)
    mailbox        what happened to each email?   (accepting, acting on it, publishing)
    faults         how does it misbehave when told to?
    api            the SES v2 HTTP API
    site           the mailbox page and its JSON

Everything it does not know is passed on to ministack, which has what the template created: so the topic that
notifications go to is the one the template's configuration set names.
"""
