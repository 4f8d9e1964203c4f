"""The other services: queues on SQS, books on S3, email through SES."""
