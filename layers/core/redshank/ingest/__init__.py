"""What did the app tell us? The Segment HTTP API.

door     what becomes of a request?            (authenticate, decode, read, enqueue, answer)
keys     may this caller post?                 (write keys, remembered for a minute)
bodies   which bytes did the caller send?      (base64, gzip, limits)
segment  what did the app say?                 (a body -> events and errors; pure)
declared is it what the app declared that it would send?
values   can what it said be kept?             (limits of JSON, msgpack, SQS and DynamoDB)
"""
