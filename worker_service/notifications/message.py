"""An e-mail as it is sent: the same bytes for the same row, whichever worker tries it and however often."""

from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from string import Template
from typing import NamedTuple

from shared.notifications.mails import NEWS, VERIFY, TakenMail
from shared.notifications.secrets import Proof, signature
from shared.notifications.wording import FOLDER, LONGEST_TITLE, filled, filled_html, on_one_line

BY_MAIL = "/api/v1/notifications/email"


class Letterhead(NamedTuple):
    """Whom e-mail is from, and the address of the API that its links begin with."""

    sender: Address
    base: str


class Words(NamedTuple):
    """The templates of one kind of e-mail, and of a line in its list."""

    subject: Template
    text: Template
    html: Template


def words_in(name: str) -> Words:
    return Words(*(template_in(f"{name}.{kind}") for kind in ("subject.txt", "txt", "html")))


def template_in(name: str) -> Template:
    return Template((FOLDER / name).read_text())


WORDS = {name: words_in(name) for name in (NEWS, VERIFY)}
LINE_OF_TEXT, LINE_OF_HTML = template_in("news.line.txt"), template_in("news.line.html")


def message_of(taken: TakenMail, letterhead: Letterhead) -> EmailMessage:
    """The e-mail, with a text and an HTML part. Its id is the same at every try."""
    words, sender = WORDS[taken.template], letterhead.sender
    values = values_of(taken, letterhead.base)
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = Address(addr_spec=taken.address)
    message["Subject"] = on_one_line(filled(words.subject, values), LONGEST_TITLE)
    message["Date"] = format_datetime(taken.created_at)
    message["Message-ID"] = f"<{taken.id.hex}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    if taken.template == NEWS:
        message["List-Unsubscribe"] = f"<{values['unsubscribe']}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    lines = taken.data.get("lines", [])
    message.set_content(filled(words.text, values, lines="".join(filled(LINE_OF_TEXT, {"line": one}) for one in lines)))
    listed = "".join(filled_html(LINE_OF_HTML, {"line": one}) for one in lines)
    message.add_alternative(filled_html(words.html, values, lines=listed), subtype="html")
    return message


def values_of(taken: TakenMail, base: str) -> Mapping[str, str]:
    """What fills the words."""
    code, headline = str(taken.data.get("code", "")), str(taken.data.get("headline", ""))
    verifies = Proof(taken.user_id, code.replace("-", ""))
    ends = Proof(taken.user_id, signature(taken.secret, taken.user_id))
    return {
        "user": taken.user,
        "headline": headline,
        "code": code,
        "verification": f"{base}{BY_MAIL}/verification",
        "link": f"{base}{BY_MAIL}/verify?proof={verifies.text}",
        "unsubscribe": f"{base}{BY_MAIL}/unsubscribe?proof={ends.text}",
    }
