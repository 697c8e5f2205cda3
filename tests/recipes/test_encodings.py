"""Small texts in the old encodings of many scripts and languages, and Western ones that only look like them."""

# ruff: noqa: RUF001 - letters of other scripts on purpose

import json

import httpx
import pytest

from tests.recipes.posting import post

ROWS = {
    "Russian": ["имя,город", "Иван Петров,Казань", "Анна,Москва"],
    "capitals": ["НАЗВАНИЕ,СУММА", "МОЛОКО,100"],
    "Ukrainian": ["назва,місто", "Олена,Київ"],
    "Greek": ["όνομα,πόλη", "Άννα,Πάτρα"],
    "simplified": ["姓名,城市", "张伟,北京"],
    "traditional": ["產品,價格", "蘋果,35"],
    "Japanese": ["番号,備考", "1,テスト"],
    "Japanese names": ["氏名,都市", "田中太郎,東京"],
    "Korean": ["번호,비고", "1,안녕"],
    "German": ["Straße,Öl", "ÄÖÜ,öäü"],
    "Spanish": ["pregunta,año", "¿Él?,niño"],
    "signs": ["what,much", "©,25 °C"],
    "French": ["élève,à Noël", "Hélène,déjà reçu"],
    "Italian": ["risposta,nota", *["Sì,No"] * 20],
    "Polish": ["imię,miejscowość", "Łukasz Żak,Gdańsk", "Małgorzata,Kraków"],
    "Czech": ["jméno,město", "Jiří Dvořák,Plzeň", "Běla,Kroměříž"],
    "Hungarian": ["név,város", "Szűcs Győző,Győr", "Erdős Ödön,Hódmezővásárhely"],
    "Turkish": ["adı,şehir", "Ayşe Yıldız,Eskişehir", "Çağrı,Diyarbakır"],
    "Lithuanian": ["vardas,pavardė", "Žydrūnas,Šiaučiūnas", "Eglė,Kazlauskienė"],
    "Greek capitals": ["όνομα,πόλη", "Άρης Άνθης,Άργος"],
    "Hebrew": ["שם,עיר", "ישראל ישראלי,תל אביב", "מרים כהן,ירושלים"],
    "Arabic": ["الاسم,المدينة", "محمد علي,القاهرة", "فاطمة,الرياض"],
    "Thai": ["ชื่อ,เมือง", "สมชาย,กรุงเทพมหานคร"],
}
CASES = [
    ("Russian", "cp1251"), ("Russian", "koi8_r"), ("Russian", "cp866"), ("Russian", "iso8859_5"), ("capitals", "cp1251"),
    ("capitals", "koi8_r"), ("Ukrainian", "koi8_u"), ("Greek", "cp1253"), ("Greek", "iso8859_7"), ("simplified", "gb18030"),
    ("traditional", "big5"), ("Japanese", "shift_jis"), ("Japanese", "euc_jp"), ("Japanese names", "euc_jp"), ("Korean", "euc_kr"),
    ("German", "cp1252"), ("Spanish", "cp1252"), ("signs", "cp1252"),
    ("Russian", "mac_cyrillic"), ("Russian", "cp855"), ("Greek capitals", "cp1253"), ("Greek capitals", "iso8859_7"),
    ("Japanese", "iso2022_jp"), ("Korean", "iso2022_kr"), ("Hebrew", "cp1255"), ("Arabic", "cp1256"), ("Arabic", "iso8859_6"),
    ("Thai", "cp874"), ("French", "cp1252"), ("Italian", "cp1252"), ("French", "mac_roman"), ("French", "cp850"), ("German", "iso8859_15"),
    ("Polish", "cp1250"), ("Polish", "iso8859_2"), ("Polish", "cp852"), ("Czech", "cp1250"), ("Czech", "iso8859_2"),
    ("Hungarian", "cp1250"), ("Hungarian", "iso8859_2"), ("Turkish", "cp1254"), ("Turkish", "cp857"), ("Lithuanian", "cp1257"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "encoding"), CASES)
def test_a_few_words_are_enough(client: httpx.Client, words: str, encoding: str) -> None:
    """Two or three lines arrive as what they say."""
    rows = [row.split(",") for row in ROWS[words]]
    made = json.loads(post(client, "\n".join(ROWS[words]).encode(encoding), "csv", "json", orient="arrays"))
    assert [[str(cell) for cell in row] for row in made] == rows


def test_a_long_text_is_told_by_its_beginning(client: httpx.Client) -> None:
    """A character that the sample cuts does not hide the encoding."""
    text = "名前,住所\n" + "山田太郎,東京都千代田区です\n" * 2000
    for encoding in ("euc_jp", "shift_jis"):
        assert len(json.loads(post(client, text.encode(encoding), "csv", "json"))) == 2000
        assert "山田太郎".encode() in post(client, b"x" + text.encode(encoding), "csv", "json")
