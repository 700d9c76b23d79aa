import json

from gateway import schema


def test_schema_text_is_canonical_json():
    text = schema.describe("air", 10000, [["pm2_5", "ug/m3", 10], ["a", "\u00b0C", 1]])
    assert json.loads(text)["channels"][0] == ["pm2_5", "ug/m3", 10]
    assert text.startswith(b'{"channels":[["pm2_5","ug/m3",10],') and b" " not in text
    assert text.endswith(b'],"period_ms":10000,"stream":"air"}')


def test_schema_ident_follows_the_text():
    one = schema.ident(schema.describe("air", 10000, [["a", "", 1]]))
    other = schema.ident(schema.describe("air", 10000, [["a", "", 10]]))
    assert len(one) == schema.IDENT_BYTES == 2 and one != other
