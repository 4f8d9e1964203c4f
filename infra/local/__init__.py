"""The local stand: the real template with the real handlers, on this machine, without Docker, Java or an account.

    place        where is everything?              (state folder, ports, URLs, .redshank/local.*)
    processes    what did we start, and how does it end?
    stand        AWS on this machine               (ministack, in an environment of its own)
    deployment   how does the template get there?  (sam build, sam deploy)
    routes       what does ministack leave out?    (an HTTP API's routes, from the processed template)
    gateway      the API under a root URL          (a reverse proxy)
    ses          the SES fake and its mailbox page
    server       the process that serves gateway, SES fake and mailbox
    run          `make run` and `make stop`, step by step

Nothing here is shipped, and no wiring is written here: queues, schedules, topics and routes are the template's.
"""
