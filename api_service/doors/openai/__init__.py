"""OpenAI's images API at `/v1`, for programs that know no other: each request is a job like any other."""
