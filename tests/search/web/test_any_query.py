"""Whatever is asked, the real index behind the endpoint answers it, or says what is wrong and where."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from archiver.settings import Settings
from search.query import QueryError, parse
from search.web import Services, create_app
from search.web.openapi import document as interface
from tests.search.corpus import APP, Made, document, person
from tests.search.web.world import BASE_URL, LOCAL, FixedClock

if TYPE_CHECKING:
    from collections.abc import Iterator

SESSIONS = [
    document(
        "a",
        [("Ana", "the renewal price"), ("Ben", "C++ — 会議室 👍🏽"), ("Ana", "ราคา สัญญา")],
        [("Ana", "renewal renewal"), ("Ben", "مُحَمَّد قال")],
        "- renewal\n- réunion",
        title="Weekly sync",
        meeting_id="m1",
        participants=[person("Ana", "u1")],
    ),
    document("b", [("Ben", "price"), ("Ana", "of the renewal")], app_id="app-two", hour=999),
]
APPS = [APP, "app-two", "nowhere", "", "a/../b", "é"]

#: Pieces that a query may be made of, in any order.
_PIECES = st.sampled_from(
    [
        *(
            "renewal",
            "price",
            "the",
            "会",
            "ราคา",
            "محمد",
            "réunion",
            "👍",
            "C++",
            "re*",
            "r*",
            "*",
        ),
        *("AND", "OR", "NOT", "NEAR", "NEAR/2", "NEAR/99999", "(", ")", "-", "--", '"', "“", "«"),
        *(
            "speaker:ana",
            "speaker:",
            "participant:u1",
            "in:chat",
            "in:x",
            "meeting:m1",
            "app:app-two",
        ),
        *("session:a", "after:2026", "before:2026-10-03", "on:2026-02-30", "before:99999999999999"),
        *(
            'speaker:"',
            "-in:chat",
            "-after:2026",
            "\0",
            "\ud800",
            "\u202e",
            "{",
            "^",
            ":",
            "a" * 300,
        ),
    ]
)
_TEXTS = st.one_of(
    st.text(st.characters(codec=None), max_size=60),
    st.lists(_PIECES, max_size=10).map(" ".join),
    st.lists(_PIECES, max_size=6).map("".join),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    found = Made.of(tmp_path_factory.mktemp("index"), SESSIONS)
    yield found
    found.close()


@pytest.fixture(scope="module")
def client(made: Made) -> Iterator[TestClient]:
    services = Services(
        index=made.library, archive=None, ledger=None, settings=Settings(), clock=FixedClock()
    )
    app = create_app(services)
    with TestClient(app, BASE_URL, client=LOCAL, raise_server_exceptions=False) as client:
        client.headers.pop("user-agent")
        yield client


def refusal(text: str) -> QueryError | None:
    """Why this is no query, if it is none."""
    try:
        parse(text)
    except QueryError as error:
        return error
    return None


@settings(max_examples=250, deadline=None)
@given(
    text=_TEXTS,
    sort=st.sampled_from(["relevance", "newest", "oldest"]),
    match=st.sampled_from(["best", "all"]),
    facets=st.sampled_from([(), ("speaker", "kind", "app", "month")]),
)
@example(text='"' * 1000, sort="newest", match="all", facets=())
@example(text="participant:0\ud800", sort="relevance", match="best", facets=())
@example(text="session:0\ud800 meeting:\ud800a", sort="relevance", match="best", facets=())
@example(text="re* " * 60, sort="relevance", match="best", facets=("kind",))
def test_any_text_is_answered_or_explained(
    made: Made, text: str, sort: str, match: str, facets: tuple[str, ...]
) -> None:
    """A result that holds together, or an error whose place is in the text and that says what to do."""
    if (refused := refusal(text)) is not None:
        assert 0 <= refused.position <= len(text)
        assert refused.suggestion
        assert refused.message
        return
    result = made.search(text, sort=sort, match=match, facets=facets)
    assert len(result.hits) == result.total_sessions >= result.total_all_words
    for hit in result.hits:
        assert hit.matches >= len(hit.moments)
        for moment in hit.moments:
            places = [at for each in moment.highlights for at in each]
            assert places == sorted(places)
            assert all(0 <= at <= len(moment.snippet) for at in places)
    if result.suggestion:
        assert str(parse(result.suggestion)) == result.suggestion
        assert result.suggestion != str(parse(text))


#: What `/openapi.json` says may be asked; without keys, as long as there are none.
SEARCH = schemathesis.openapi.from_dict({**json.loads(interface()), "security": []})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_schemathesis_finds_nothing(client: TestClient, method: str) -> None:
    """No parameters and no body give anything but the documented answers, and never a 500."""

    operation = SEARCH["/v1/search"][method]

    @settings(
        max_examples=80,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of([operation.as_strategy(mode) for mode in GenerationMode]))
    def run(case: schemathesis.Case[Any]) -> None:
        asked = case.as_transport_kwargs(base_url=BASE_URL)
        asked.pop("cookies", None)
        if isinstance(asked.get("data"), bytes | str):
            asked["content"] = asked.pop("data")
        answer = client.request(**asked)
        # A query or a date may be refused that is of the right type; the other tests look at how.
        case.validate_response(answer, excluded_checks=[positive_data_acceptance])

    run()


@settings(max_examples=100, deadline=None)
@given(text=_TEXTS, app=st.sampled_from(APPS), limit=st.integers(-1, 101))
def test_any_request_is_answered_or_refused_with_a_reason(
    client: TestClient, text: str, app: str, limit: int
) -> None:
    """In the address or in a body, half characters and control characters too: 200 or an explained 400."""
    asked: dict[str, Any] = {"q": text, "limit": limit, **({"app": app} if app else {})}
    headers = {"content-type": "application/json"}
    answers = [client.post("/v1/search", content=json.dumps(asked), headers=headers)]
    if not any("\ud800" <= each <= "\udfff" for each in text):
        answers.append(client.get("/v1/search", params=asked))
    for answer in answers:
        problem = answer.json()
        assert answer.status_code in {200, 400}
        if answer.status_code == 400:
            assert problem["detail"]
            assert ("position" in problem) != ("parameter" in problem)
            assert 0 <= problem.get("position", 0) <= len(text)
    assert len({each.status_code for each in answers}) == 1


def test_an_unknown_member_is_refused_whatever_its_value(client: TestClient) -> None:
    """Null says nothing of a name that is known, and makes no other name known."""
    assert client.post("/v1/search", json={"q": "price", "app": None}).status_code == 200
    answer = client.post("/v1/search", json={"q": "price", "unknown": None})

    assert answer.status_code == 400
    assert answer.json()["parameter"] == "unknown"
