"""Redshank: behavioural email automation in a team's own AWS account.

One contact, one state, one pure function. The rooms of the house, and the question each answers:

    instants      how is a moment written down?            (UTC milliseconds as an int)
    identity      how are contacts, events and messages named, so that a retry names them alike?
    errors        what can go wrong that a caller may want to handle?
    clock         what time is it?                          (the only place that asks the machine)
    environment   how was this function deployed?           (the only place that reads os.environ)
    sessions      which AWS session do all clients share?
    definitions   what did the team write?                  (YAML and templates, compiled to a Book)
    engine        what follows from that for one contact?   (pure: no AWS, no clock, no chance)
    ports         what do the use cases ask of the outside world?
    wire          how do messages look on the queues?
    records       how does a Lambda event from SQS look?
    ingest        what did the app tell us?                 (the Segment HTTP API)
    evaluation    how is a contact advanced so that nothing is lost or doubled?
    sending       how does a decided email reach the inbox exactly once?
    feedback      what did SES say afterwards?
    preferences   what does the contact allow us to send?
    simulation    what would a book do?                     (the engine on a virtual clock, over a history)
    store         where is it kept?                         (DynamoDB, through PynamoDB)
    aws           the other services: SQS, S3, SES
    threads       how is waiting for AWS shared?
    observing     what do operators see?
    memory        the same ports without AWS: for tests

Imports run one way: functions -> use cases (ingest ... simulation) -> ports and engine.
``store`` and ``aws`` implement the ports; only ``wiring`` puts the two together.
"""
