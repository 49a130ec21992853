"""What goes wrong between a request to a server and the last byte of its answer.

RequestFailed          no connection, no time left, or the connection is gone
+-- AnswerBroken       what came is no whole HTTP answer
"""


class RequestFailed(Exception):
    """The message says why. What was behind it, such as a certificate that does not hold, is its cause."""


class AnswerBroken(RequestFailed):
    """The server answers otherwise than HTTP/1.1 has it, or breaks off."""
