"""Chat exports: the documented CSV, its variations, and JSON."""

from __future__ import annotations

import json

import pytest

from search.formats import Chat, FormatError, Limits, Message, parse_chat
from tests.search.formats.material import STARTED_AT, as_csv, iso

HEADER = (
    "id,participantId,sessionId,meetingId,displayName,pinned,isEdited,payloadType,payload,createdAt"
)
EXAMPLE = (
    HEADER
    + f"""
m1,p1,s1,mt1,Brooke,false,false,TEXT_MESSAGE,"Hello, welcome ""friend""\",{iso(1000)}
m2,p2,s1,mt1,Client,false,true,TEXT_MESSAGE,"Line one
Line two",{iso(61_000)}
m3,p2,s1,mt1,Client,true,false,FILE_MESSAGE,https://files.example/a/report%20final.pdf?sig=SECRET,{iso(62_000)}
"""
)


def read(data: bytes | str, limits: Limits | None = None) -> Chat:
    raw = data.encode() if isinstance(data, str) else data
    return parse_chat(raw, started_at=STARTED_AT, limits=limits or Limits())


def row(**fields: str) -> list[str]:
    """A documented row with these fields changed."""
    cells = {
        "id": "m1",
        "participantId": "p1",
        "sessionId": "s1",
        "meetingId": "mt1",
        "displayName": "Ana",
        "pinned": "false",
        "isEdited": "false",
        "payloadType": "TEXT_MESSAGE",
        "payload": "hello",
        "createdAt": iso(5),
    }
    return list({**cells, **fields}.values())


def one(**fields: str) -> Message:
    """The only message of a chat with such a row."""
    (message,) = read(as_csv([HEADER.split(","), row(**fields)])).messages
    return message


def test_documented_layout() -> None:
    """The reference's rows: quotes, a line end inside a message, a file whose link is not shown."""
    chat = read(EXAMPLE)

    assert (
        Message(1000, "m1", "Brooke", "p1", 'Hello, welcome "friend"', "text", False, False),
        Message(61_000, "m2", "Client", "p2", "Line one\nLine two", "text", True, False),
        Message(62_000, "m3", "Client", "p2", "report final.pdf", "file", False, True),
    ) == chat.messages
    assert (chat.layout, chat.notes, chat.attachments) == ("csv", (), 1)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_byte_order_mark_and_line_ends(mark: bytes, ending: str) -> None:
    """A byte order mark and CRLF change nothing but line ends inside messages."""
    chat = read(mark + EXAMPLE.replace("\n", ending).encode())

    assert [message.id for message in chat.messages] == ["m1", "m2", "m3"]
    assert chat.messages[1].text == f"Line one{ending}Line two"


def test_columns_by_name() -> None:
    """Columns are found by name: any order, snake case, unknown ones among them."""
    text = (
        "reactions,created_at,payload,display_name,is_edited,payload_type,participant_id,id,pinned\n"
        f"3,{iso(7)},hi,Ana,TRUE,text_message,p9,m9,1\n"
    )

    assert read(text).messages == (Message(7, "m9", "Ana", "p9", "hi", "text", True, True),)


def test_without_a_header() -> None:
    """Ten documented columns without their names are understood."""
    chat = read(as_csv([row(), row(payload="x, y")]))

    assert [message.text for message in chat.messages] == ["hello", "x, y"]
    assert chat.layout == "csv-headerless"


@pytest.mark.parametrize(
    "payload",
    [
        "emoji 👩‍👩‍👧",
        "שלום לכולם",
        "مرحبا",
        '"quoted", with commas',
        "a\r\n\r\nb",
        "x" * 1_000_000,
        "=1+1",
    ],
)
def test_payloads(payload: str) -> None:
    """Whatever people type arrives as typed."""
    assert one(payload=payload).text == payload


def test_commas_outside_quotes() -> None:
    """A message whose commas were not quoted is put together again."""
    text = f"{HEADER}\nm1,p1,s1,mt1,Ana,false,false,TEXT_MESSAGE,one, two, three,{iso(9)}\n"

    assert read(text).messages[0][:5] == (9, "m1", "Ana", "p1", "one, two, three")


@pytest.mark.parametrize(
    ("spelling", "meant"),
    [
        ("true", True),
        ("True", True),
        ("1", True),
        (" yes", True),
        ("false", False),
        ("", False),
        ("0", False),
    ],
)
def test_booleans(spelling: str, meant: bool) -> None:
    """Booleans may be spelled in any usual way."""
    message = one(pinned=spelling, isEdited=spelling)

    assert (message.pinned, message.edited) == (meant, meant)


@pytest.mark.parametrize(
    ("spelling", "at_ms"),
    [
        ("2024-08-07T10:15:30.250Z", 1250),
        ("2024-08-07 10:15:30.250000Z", 1250),
        ("2024-08-07 12:15:30.250+02:00", 1250),
        ("1723025730250", 1250),
        ("1723025730", 1000),
        ("2024-08-07T09:00:00Z", 0),
        ("yesterday", None),
        ("12", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
def test_times(spelling: str, at_ms: int | None) -> None:
    """Both spellings of the source and times since 1970 are read; others are unknown."""
    assert one(createdAt=spelling).at_ms == at_ms


def test_unread_times_keep_the_order() -> None:
    """A message without a readable time is kept where it stands, and counted."""
    chat = read(as_csv([HEADER.split(","), row(createdAt=iso(9)), row(createdAt="?"), row()]))

    assert [message.at_ms for message in chat.messages] == [9, None, 5]
    assert chat.notes == ("times-unread:1",)


def test_messages_come_by_time() -> None:
    """Where every message has a time, they come by it."""
    chat = read(as_csv([HEADER.split(","), row(createdAt=iso(9)), row()]))

    assert [message.at_ms for message in chat.messages] == [5, 9]
    assert chat.notes == ("reordered",)


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        ("https://h.example/a/cat.png", "cat.png"),
        ("https://h.example/a/cat.png?X-Amz-Signature=SECRET#top", "cat.png"),
        ("https://h.example/a%2Fb/r%C3%A9sum%C3%A9.pdf", "résumé.pdf"),
        ("https://SECRET.example", ""),
        ("https://h.example/", ""),
        ("data:image/png;base64,SECRET", ""),
        ("/uploads/cat.png", "cat.png"),
        ("my cat.png", "my cat.png"),
        ("look at https://h.example/x?SECRET now", "look at  now"),
        ('{"link": "https://h/x?SECRET", "name": "cat.png", "size": 5}', "cat.png"),
        ('{"url": "https://h/y/dog.png?SECRET"}', "dog.png"),
        ('{"fileName": "https://h/y/dog.png?SECRET"}', "dog.png"),
        ('{"name": "\\ud800\\u0000"}', "\ufffd\ufffd"),
        ('{"size": 5}', ""),
        ('{"link": "https://h/SECRET', ""),
        ("{" + " " * 70_000 + "}", ""),
        ("", ""),
    ],
)
@pytest.mark.parametrize("kind", ["image", "file"])
def test_attachments(kind: str, payload: str, name: str) -> None:
    """Of an image or file the name is kept and the link is not; it is counted as not captured."""
    chat = read(
        as_csv([HEADER.split(","), row(payloadType=f"{kind}_MESSAGE".upper(), payload=payload)])
    )

    assert [(kind, name)] == [(message.kind, message.text) for message in chat.messages]
    assert chat.attachments == 1


def test_links_in_text_stay() -> None:
    """A link that somebody typed is text, and nothing is attached."""
    chat = read(as_csv([HEADER.split(","), row(payload="https://example.com/?q=1")]))

    assert chat.messages[0].text == "https://example.com/?q=1"
    assert chat.attachments == 0


def test_unknown_kinds() -> None:
    """A kind nobody documented keeps its name; a link in it is an attachment."""
    assert one(payloadType="POLL_MESSAGE", payload="Lunch?")[4:6] == ("Lunch?", "poll")
    assert one(payloadType="STICKER", payload="https://h/x/a.webp?s")[4:6] == ("a.webp", "sticker")
    assert one(payloadType="").kind == "text"


JSON_ITEMS = [
    {
        "id": "m1",
        "participantId": "p1",
        "displayName": "Ana",
        "pinned": True,
        "isEdited": False,
        "payloadType": "TEXT_MESSAGE",
        "payload": "hi",
        "createdAt": iso(3),
    },
    {
        "id": 2,
        "user_id": "p2",
        "display_name": "Bo",
        "payload_type": "IMAGE_MESSAGE",
        "payload": {"link": "https://h/x.png?SECRET", "name": "x.png"},
        "created_at": iso(4),
    },
]
JSON_MESSAGES = (
    Message(3, "m1", "Ana", "p1", "hi", "text", False, True),
    Message(4, "2", "Bo", "p2", "x.png", "image", False, False),
)


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        (json.dumps(JSON_ITEMS), "json-array"),
        (json.dumps({"messages": JSON_ITEMS}), "json-object"),
        (json.dumps({"data": {"chat": JSON_ITEMS}}), "json-object"),
        ("\n".join(json.dumps(item) for item in JSON_ITEMS), "json-lines"),
    ],
)
def test_json(text: str, layout: str) -> None:
    """JSON is read as well, as an array, inside objects, or one message a line."""
    chat = read(text)

    assert chat.messages == JSON_MESSAGES
    assert (chat.layout, chat.attachments) == (layout, 1)


def test_client_messages() -> None:
    """Messages in the shape of the client's own are read: text, and a file with name and link."""
    epoch_ms = int(STARTED_AT.timestamp() * 1000)
    items = [
        {
            "type": "text",
            "message": "hi",
            "displayName": "Ana",
            "userId": "u",
            "time": epoch_ms + 5,
        },
        {
            "type": "file",
            "link": "https://h/SECRET",
            "name": "a.pdf",
            "displayName": "Ana",
            "time": epoch_ms,
        },
    ]
    chat = read(json.dumps(items))

    assert [message[4:6] for message in chat.messages] == [("a.pdf", "file"), ("hi", "text")]


def test_items_that_are_none() -> None:
    """What is no message, or says nothing, is left out and counted."""
    items: list[object] = [*JSON_ITEMS, 5, {"payload": ["x"]}, {"payload": " "}, {"id": "x"}]
    chat = read(json.dumps(items))

    assert set(chat.messages) == set(JSON_MESSAGES)
    assert chat.notes == ("rows-skipped:3", "empty-text:1")


def test_words_in_objects_and_numbers() -> None:
    """A JSON message's words may be in an object, or be a number."""
    items = [{"payload": {"message": "hi"}}, {"payload": {"text": "ho"}}, {"payload": 7}]

    assert [message.text for message in read(json.dumps(items)).messages] == ["hi", "ho", "7"]


def test_short_rows() -> None:
    """A row that ends before its message is left out and counted."""
    assert read(f"{HEADER}\nm1,p1,s1\n").notes == ("rows-skipped:1",)


@pytest.mark.parametrize("text", ["", "\ufeff", "\r\n \n"])
def test_empty(text: str) -> None:
    """An empty file is a chat without messages."""
    assert read(text) == Chat(messages=(), layout="empty", notes=(), attachments=0)


@pytest.mark.parametrize(
    "text", [HEADER, HEADER + "\r\n", "[]", '{"messages": []}', '{"data": null}']
)
def test_no_messages(text: str) -> None:
    """A header alone, or an empty list, is a chat without messages."""
    assert read(text).messages == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<html>Access denied</html>", "unrecognised"),
        ("a,b,c,d,e,f,g,h,i,j", "unrecognised"),
        ("id,pinned,createdAt\n1,2,3", "unrecognised"),
        ("[1, 2]", "unrecognised"),
        ('{"success": false}', "unrecognised"),
        ("[" * 100, "too-deep"),
        ('[{"payload": "x"', "malformed"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    """What is no chat is one error with its reason, and no words of it."""
    with pytest.raises(FormatError) as caught:
        read(text)

    assert (caught.value.reason, caught.value.kind) == (reason, "chat")
    assert "denied" not in str(caught.value)


def test_bounds() -> None:
    """Too large, too many, too long: refused, refused, cut."""
    data = as_csv([HEADER.split(",")] + [row()] * 5)
    for limits, reason in ((Limits(size_bytes=9), "too-large"), (Limits(utterances=4), "too-many")):
        with pytest.raises(FormatError) as caught:
            read(data, limits)

        assert caught.value.reason == reason
    chat = read(data, Limits(text_chars=2))

    assert {"he"} == {message.text for message in chat.messages}
    assert chat.notes == ("text-cut:5",)
