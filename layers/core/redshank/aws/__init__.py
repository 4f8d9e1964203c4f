"""The other services: queues on SQS, books on S3, events on EventBridge, email through SES.

queues    messages on SQS
books     the live book, from S3
bus       events for others, on EventBridge
ses       an email, sent once
signed    AWS without an SDK
doorstep  what ingest needs of it
"""
