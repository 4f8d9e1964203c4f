"""The other services: queues on SQS, books on S3, email through SES.

queues    messages on SQS
books     the live book, from S3
ses       an email, sent once
signed    AWS without an SDK
doorstep  what ingest needs of it
"""
