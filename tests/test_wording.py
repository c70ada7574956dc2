# ruff: noqa: E501, RUF001 - lists of words in one line; other languages have their own letters
"""The wording: complete, free of contradictions, and open to a file of the user's own."""

import tomllib
from pathlib import Path

import pytest

from automation.controls_words import EXACT, FILLED, best, fold, match, mentions, with_analogies
from automation.errors import UsageError
from flows import wording as wording_module
from flows.wording import PIXEL_LIKE, load

WORDING = load()
LANGUAGES = {"en", "de", "fr", "es", "pt-BR", "it", "ja", "ko", "zh-Hans", "zh-Hant", "tr", "ru", "vi"}  # fmt: skip
CONTROLS = sorted(name for name in WORDING.meanings if not name.startswith("upstack."))
UPSTACK = sorted(WORDING.meanings.keys() - set(CONTROLS))


@pytest.mark.parametrize("name", CONTROLS)
def test_every_control_has_a_label_in_every_language(name: str) -> None:
    """Guessed where nobody knows it, and said to be."""
    assert {label.language for label in WORDING.meaning(name).labels} == LANGUAGES


@pytest.mark.parametrize("name", CONTROLS)
def test_every_label_says_where_it_comes_from(name: str) -> None:
    """A source in words, and whether it is verified."""
    for label in WORDING.meaning(name).labels:
        assert len(label.source) > 10
        assert WORDING.source_of(label).endswith("verified")


def test_only_what_is_sure_is_verified() -> None:
    """Settings, Events API, Access Token and the button: one wording each, in English."""
    verified = {
        (name, label.text)
        for name in CONTROLS
        for label in WORDING.meaning(name).labels
        if label.verified
    }
    assert verified == {
        ("settings_tab", "Settings"),
        ("events_api_section", "Events API"),
        ("access_token", "Access Token"),
        ("generate", "Generate access token"),
    }


def test_upstack_s_words_are_english_and_none_is_called_verified() -> None:
    """Only a twin of its form is public."""
    labels = [label for name in UPSTACK for label in WORDING.meaning(name).labels]
    assert len(UPSTACK) > 8 and {label.language for label in labels} == {"en"}
    assert not any(label.verified for label in labels)
    assert all(len(label.source) > 10 for label in labels)


@pytest.mark.parametrize("name", [*CONTROLS, *UPSTACK])
def test_no_label_is_ruled_out_by_a_never_word(name: str) -> None:
    """Else the control could not be found in that language."""
    meaning = WORDING.meaning(name)
    every = (*meaning.labels, *meaning.built, *meaning.also)
    assert [x.text for x in every if mentions(meaning.never, x.text)] == []


def test_nothing_that_replaces_a_token_is_taken_for_what_makes_the_first() -> None:
    """In any language: either a never-word rules it out, or the wording is not the same."""
    generate = WORDING.meaning("generate")
    idle = generate.fillers | {"events", "api"}
    every = with_analogies(generate.labels, generate.built)
    for other in WORDING.meaning("replace").labels:
        ruled_out = mentions(generate.never, other.text)
        assert ruled_out or best(every, other.text, idle)[0] < FILLED, other.text


def _says_generate(text: str) -> bool:
    generate = WORDING.meaning("generate")
    labels, idle = with_analogies(generate.labels, generate.built), generate.fillers
    return best(labels, text, idle)[0] >= FILLED and not mentions(generate.never, text)


@pytest.mark.parametrize(
    "text",
    [
        "Generate Access Token", "Generate token", "+ Generate Access Token", "Create Access Token",
        "Create API key", "Generate API Key", "Issue a token", "Obtain your API access token",
        "API-Schlüssel erstellen", "Créer une clé d'API", "Obtener token de acceso",
        "Gerar chave de API", "Crea una chiave API", "アクセストークンを取得する", "APIキーを発行",
        "API 키 발급받기", "액세스 토큰을 생성", "获取 Access Token", "创建 API 密钥", "取得存取權杖",
        "API anahtarı oluştur", "Получить токен", "Выпустить ключ API", "Lấy access token",
    ],
)  # fmt: skip
def test_a_verb_with_a_thing_says_it_in_any_pair(text: str) -> None:
    """Most are labels of other platforms' consoles."""
    assert _says_generate(text)


@pytest.mark.parametrize(
    "text",
    [
        "Generate new token", "New access token", "Request access token", "Add access token",
        "Create Test Event Code", "Generate refresh token", "Generate pixel code", "Generate report",
        "Get started", "Create key event", "Copy API key", "Verify access token", "Access token",
        "How to get an access token", "Create access token group", "Get API access", "Create API",
        "Clé d'API",
        "Zugriffstoken abrufen lassen", "Nouveau jeton d'accès", "リフレッシュトークンを生成", "トークンを表示",
        "获取像素代码", "토큰 보기", "Получить код события", "Tạo mã pixel",
    ],
)  # fmt: skip
def test_other_pairs_do_not_say_it(text: str) -> None:
    """What makes another thing, asks somebody for it, or may stand in place of an older one."""
    assert not _says_generate(text)


@pytest.mark.parametrize(
    "text",
    [
        "Revoke access token", "Delete", "Reset token", "Remove pixel", "Accept", "I agree", "Test events",
        "Offline events", "Unlink account", "Widerrufen", "Token löschen", "Supprimer", "Eliminar",
        "Excluir", "Rimuovi", "削除", "삭제", "撤销令牌", "刪除", "Sil", "Удалить", "Xóa", "Sign out",
    ],
)  # fmt: skip
def test_what_is_never_clicked_is_never_clicked_in_any_language(text: str) -> None:
    """Whichever control is looked for."""
    for name in [*CONTROLS, *UPSTACK]:
        assert mentions(WORDING.meaning(name).never, text), name


def test_a_pop_up_is_never_closed_by_consenting() -> None:
    """No closing word is a consent."""
    agree = WORDING.words("consent_control")
    for popup in WORDING.popups:
        for label in popup.close.labels:
            assert not any(match(word, label.text) == EXACT for word in agree), label.text


def test_the_row_of_a_pixel_is_known_by_its_code() -> None:
    """Other codes are its rivals."""
    row = WORDING.row("D69ESQRC77U0KGAU8B90")
    assert row.labels[0].text == "D69ESQRC77U0KGAU8B90"
    assert row.rivals == PIXEL_LIKE


def test_nothing_in_the_wording_can_be_changed() -> None:
    """It is shared by all pages of a run."""
    with pytest.raises(TypeError):
        WORDING.meanings["x"] = WORDING.meaning("copy")  # type: ignore[index]  # refused on purpose


def test_an_unknown_name_is_a_mistake_of_the_code() -> None:
    """Not something to go on with."""
    with pytest.raises(KeyError):
        WORDING.meaning("no such control")


USERS = """
[[controls.generate.labels]]
nl = ["Toegangstoken genereren"]
[never]
nl = ["intrekken"]
[words.permission_denied]
nl = ["geen toestemming"]
[popups.tour.close]
nl = ["Overslaan"]
[obstacles.puzzle]
selectors = ["#robot-check"]
[obstacles.puzzle.texts]
nl = ["Sleep de puzzel"]
"""


def write(folder: Path, text: str) -> Path:
    """Write a user's file."""
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_users_file_adds_words(tmp_path: Path) -> None:
    """Everywhere the bundled file has words, without losing those."""
    mine = load(write(tmp_path, USERS))
    labels = mine.meaning("generate").labels
    assert labels[0].text == "Toegangstoken genereren"
    assert mine.source_of(labels[0]) == "your own file, not verified"
    assert set(WORDING.meaning("generate").labels) < set(labels)
    assert mentions(mine.meaning("generate").never, "Token intrekken")
    assert "geen toestemming" in mine.words("permission_denied")
    puzzle = next(each for each in mine.obstacles if each.name == "puzzle")
    assert "#robot-check" in puzzle.selectors
    assert "Sleep de puzzel" in puzzle.texts
    tour = next(each for each in mine.popups if each.name == "tour")
    assert "Overslaan" in [label.text for label in tour.close.labels]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[controls.nothing]\nx = 1", "controls.nothing"),
        ("[nothing]\nx = 1", "nothing"),
        ("[controls.generate]\nstrict = false", "controls.generate.strict"),
        ("[controls.generate]\nkinds = ['row']", "controls.generate.kinds"),
        ("[words.nothing]\nen = ['a']", "words.nothing"),
        ("[obstacles.puzzle]\ncode = 'x'", "obstacles.puzzle.code"),
        ("[popups.tour]\ncolour = 'x'", "popups.tour.colour"),
        ("[sources]\nx = 'y'", "sources"),
        ("[never]\nen = 'delete'", "never.en"),
        ("[never]\nen = ['***']", "never.en"),
        ("[[controls.generate.labels]]\nen = [1]", "controls.generate.labels.en"),
        ("controls = 1", "controls"),
        ("[controls]\ngenerate = 1", "controls.generate"),
        ("[controls.generate]\nlabels = 1", "controls.generate.labels"),
    ],
)
def test_what_a_users_file_may_not_say_is_refused_by_name(
    tmp_path: Path, text: str, key: str
) -> None:
    """A typing error is not passed over, and a guard cannot be taken away."""
    with pytest.raises(UsageError, match=rf"mine\.toml.*{key}"):
        load(write(tmp_path, text))


@pytest.mark.parametrize("text", ["x = ", "\x00"])
def test_a_users_file_that_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    """With its name."""
    with pytest.raises(UsageError, match=r"mine\.toml cannot be read"):
        load(write(tmp_path, text))


def test_a_users_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Not passed over."""
    with pytest.raises(UsageError, match=r"gone\.toml cannot be read"):
        load(tmp_path / "gone.toml")


def test_no_word_of_the_bundled_file_folds_to_nothing() -> None:
    """Such a word would match nothing, silently."""
    own = tomllib.loads(
        Path(wording_module.__file__).with_name("wording.toml").read_text(encoding="utf-8")
    )

    def words(value: object) -> list[str]:
        if isinstance(value, str):
            return [value]
        if isinstance(value, list):
            return [word for each in value for word in words(each)]
        if isinstance(value, dict):
            return [word for each in value.values() for word in words(each)]
        return []

    empty = [word for word in words(own) if not fold(word)]
    assert empty == []
