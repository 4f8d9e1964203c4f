"""How fast is it, and what does it use up? ``python -m tests.bench`` (``make bench``); see docs/benchmarks.md.

place      what does a run stand on?           (DynamoDB Local, the stand-ins, tables, book, key)
standins   SQS, S3 and SES v2, each in a process of its own
deployed   what does the template say?         (environments, event sources, tables)
runtime    a function's own process: the real handler, fed over a socket
functions  the other end of that socket, and the queues' deliveries as Lambda makes them
counting   what would AWS bill for these calls?
workload   what happens, in contacts, events and notifications?
advancing  how fast is the pure engine?
simulating how fast is a history simulated, and in how much memory?
cold       how long does a first event wait?
load       how busy was everything, and so: what held it?
stages     the run, stage by stage
report     figures beside their aims
"""
